"""A server that misbehaves: `python bad_server.py BEHAVIOUR`.

It speaks a legacy revision by hand and needs the standard library alone, so that it starts quickly
without a virtual environment. Each behaviour is a function of this file. Whatever is not said there
is as it should be: the probe of a modern client is an unknown method, the tool `hello` says hello,
and the end of standard input is the end of the server.
"""

import base64
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

Object = dict[str, Any]
Reaction = Callable[[Object], object]

HELLO = {"content": [{"type": "text", "text": "hello"}]}
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "bad", "version": "1"},
}


def say(data: bytes, fd: int = 1) -> None:
    while data:
        data = data[os.write(fd, data) :]


def send(message: Object) -> None:
    say(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def complain(text: str) -> None:
    say(f"{text}\n".encode(), 2)


def answer(request: Object, result: Object) -> None:
    send({"id": request["id"], "result": result})


def refuse(request: Object, code: int = -32601) -> None:
    send({"id": request["id"], "error": {"code": code, "message": "no"}})


def serve(**reactions: Reaction) -> None:
    """Serve until the end of the input. A reaction is named for the last word of its method."""
    known: dict[str, Reaction] = {
        "initialize": lambda request: answer(request, HANDSHAKE),
        "ping": lambda request: answer(request, {}),
        "call": lambda request: answer(request, HELLO),
        **reactions,
    }
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for message in map(json.loads, lines):
            react = known.get(message.get("method", "").rpartition("/")[2])
            if react is not None:
                react(message)
            elif "method" in message and "id" in message:
                refuse(message)


def sleep() -> NoReturn:
    while True:
        time.sleep(60)


def flood(fd: int) -> NoReturn:
    noise = (b"x" * 99 + b"\n") * 500
    while True:
        say(noise, fd)


# How a client gets rid of it


def exits_on_eof() -> None:
    serve()


def ignores_eof() -> None:
    serve()
    sleep()


def ignores_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve()


def ignores_eof_and_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve()
    sleep()


def forked_child_holds_the_pipes() -> None:
    if not os.fork():
        sleep()
    serve()


def floods_stdout() -> None:
    serve(initialized=lambda _: flood(1))


def floods_stderr() -> None:
    serve(initialized=lambda _: flood(2))


def stops() -> None:
    serve(initialized=lambda _: os.kill(os.getpid(), signal.SIGSTOP))


def dies_mid_message() -> None:
    def die(request: Object) -> NoReturn:
        say(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"ty' % request["id"])
        os._exit(1)

    serve(call=die)


def exits_before_initialize() -> None:
    complain("no configuration")
    sys.exit(3)


def never_answers() -> None:
    complain("waiting for the database")
    while os.read(0, 65536):
        pass


def closes_stdout_only() -> None:
    serve(initialized=lambda _: os.close(1), call=lambda _: None)


# How it takes the probe of a modern client


def exits_on_the_probe() -> None:
    serve(discover=lambda _: os._exit(1))


def starts_slowly_and_exits_on_the_probe(seconds: str) -> None:
    time.sleep(float(seconds))
    exits_on_the_probe()


def silent_on_the_probe() -> None:
    serve(discover=lambda _: None)


def refuses_the_probe(code: str) -> None:
    serve(discover=lambda request: refuse(request, int(code)))


def refuses_the_probe_without_an_id() -> None:
    def refuse_it(_: Object) -> None:
        send({"id": None, "error": {"code": -32700, "message": "Parse error"}})

    serve(discover=refuse_it)


def floods_stderr_on_the_probe(size: str) -> None:
    def complain_and_refuse(request: Object) -> None:
        say(b"x" * int(size), 2)
        refuse(request)

    serve(discover=complain_and_refuse)


def answers_the_probe_late(seconds: str) -> None:
    def be_slow(request: Object) -> None:
        time.sleep(float(seconds))
        answer(request, {"supportedVersions": ["2026-07-28"], "capabilities": {}})

    serve(discover=be_slow)


# How it fails those who connect


def refuses_the_handshake() -> None:
    serve(initialize=refuse)


def speaks_another_language() -> None:
    say(b"HTTP/1.1 400 Bad Request\r\n\r\n")


# How it takes a call


def floods_stderr_on_a_call(size: str) -> None:
    def complain_and_answer(request: Object) -> None:
        block = b"x" * 1_000_000
        for _ in range(int(size) // len(block)):
            say(block, 2)
        answer(request, HELLO)

    serve(call=complain_and_answer)


def stops_reading() -> None:
    serve(initialized=lambda _: sleep())


# How it speaks


def does_as_told(era: str = "legacy") -> None:
    """Do what the arguments of each call of a tool say.

    `raw` is written as it is (in Base64, `%ID%` and `%TOKEN%` for those of the call), then `size`
    bytes of text are the answer. Both are written `chunk` bytes at a time, with `packets` so that
    each is read by itself. What is told to `hold` is answered at the next call that is not;
    `silent` is never answered; `deaf` means to read nothing until SIGUSR1.
    """
    held: list[Object] = []
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

    def call(request: Object) -> None:
        told = request["params"]["arguments"]
        meta = request["params"].get("_meta", {})
        raw = base64.b64decode(told.get("raw", ""))
        for mark, value in (("%ID%", request["id"]), ("%TOKEN%", meta.get("progressToken"))):
            raw = raw.replace(mark.encode(), json.dumps(value).encode())
        if "deaf" in told:
            complain("deaf")
            signal.sigwait({signal.SIGUSR1})
        if "packets" in told:
            fcntl.fcntl(1, fcntl.F_SETFL, os.O_DIRECT)
        if "hold" in told:
            held.append(request)
        elif "silent" not in told:
            content = [{"type": "text", "text": "x" * told.get("size", 0)}]
            for one in (*held, request):
                result = {"resultType": "complete", "content": content}
                message = {"jsonrpc": "2.0", "id": one["id"], "result": result}
                raw += json.dumps(message).encode() + b"\n"
            held.clear()
        chunk = told.get("chunk", 65536)
        for start in range(0, len(raw), chunk):
            say(raw[start : start + chunk])

    def discover(request: Object) -> None:
        if era == "legacy":
            refuse(request)
        else:
            answer(
                request,
                {
                    "resultType": "complete",
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": {"tools": {}},
                    "ttlMs": 0,
                    "cacheScope": "private",
                },
            )

    def list_tools(request: Object) -> None:
        good = {"name": "good", "inputSchema": {"type": "object"}}
        odd = {"name": "odd", "inputSchema": 7}
        answer(
            request,
            {
                "resultType": "complete",
                "tools": [good, "none", odd, {**good, "name": "last"}],
                "ttlMs": 0,
                "cacheScope": "private",
            },
        )

    serve(call=call, discover=discover, list=list_tools)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
