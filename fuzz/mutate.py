"""Damage, by name: mutators of messages and of lines, seeded, composable, and honest.

    mutated = mutate(message, random)
    mutated.line, mutated.names, mutated.request

A mutator says what it does to a request: it `keeps` the line request-shaped, `breaks` it, or makes
it hard to `tell` without looking. What several of them made of a message is known as long as none
said the latter; then `barewire.fuzz.judge` has to look.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal, TypeAlias, cast

from barewire.fuzz.samples import EDGE_IDS, VALUES
from barewire.protocol.record import record
from barewire.protocol.values import as_array, as_object

__all__ = [
    "LINE_MUTATORS",
    "MESSAGE_MUTATORS",
    "Effect",
    "LineMutator",
    "MessageMutator",
    "Mutated",
    "dump",
    "mutate",
]

Effect: TypeAlias = Literal["keeps", "breaks", "tell"]

Json: TypeAlias = dict[str, Any]


@record
class MessageMutator:
    """Changes a message: gets a JSON object of its own to change, and returns any JSON value."""

    name: str
    effect: Effect
    """On a request. What is no request may become one by any mutator that does not break it."""
    apply: Callable[[Json, Random], Any]


@record
class LineMutator:
    """Changes a line. The result may hold line feeds, and is several lines then."""

    name: str
    effect: Effect
    apply: Callable[[bytes, Random], bytes]
    rare: bool = False
    """Whether it costs so much that it is to be chosen less often."""


@record
class Mutated:
    """What became of a message."""

    line: bytes
    names: tuple[str, ...]
    """The mutators that were applied, in order."""
    request: bool | None
    """Whether the line is request-shaped, `None` when they could not tell."""


_ASCII = json.JSONEncoder(separators=(",", ":")).encode
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_SPACED = json.JSONEncoder(ensure_ascii=False).encode


def dump(value: Any, random: Random | None = None) -> bytes:
    """Write a JSON value on one line, compactly; with `random`, in a style that it chooses."""
    style = 1.0 if random is None else random.random()
    if style < 0.2:
        return _SPACED(value).encode()
    return (_PLAIN if style < 0.6 else _ASCII)(value).encode()


def mutate(
    message: Json,
    random: Random,
    *,
    messages: Sequence[MessageMutator] | None = None,
    lines: Sequence[LineMutator] | None = None,
) -> Mutated:
    """Damage a copy of `message` in up to four ways, or in none.

    `messages` and `lines` are the mutators to choose from; all of them by default.
    """
    names: list[str] = []
    request: bool | None = _is_request(message)
    value: Any = message
    for mutator in _some(MESSAGE_MUTATORS if messages is None else messages, random):
        if isinstance(value, dict):
            value = mutator.apply(dict(cast(Json, value)), random)
            names.append(mutator.name)
            request = _after(mutator.effect, request)
    line = dump(value, random)
    for mutator in _some(LINE_MUTATORS if lines is None else lines, random):
        if mutator.rare and random.random() > 0.1:
            continue
        line = mutator.apply(line, random)
        names.append(mutator.name)
        request = _after(mutator.effect, request)
    return Mutated(line, tuple(names), request)


def _some(mutators: Sequence[Any], random: Random) -> list[Any]:
    dice = random.random()
    count = 0 if dice < 0.4 else 1 if dice < 0.85 else 2
    return [random.choice(mutators) for _ in range(count if mutators else 0)]


def _is_request(message: Json) -> bool:
    return isinstance(message.get("method"), str) and type(message.get("id")) in (int, str)


def _after(effect: Effect, request: bool | None) -> bool | None:
    if effect == "breaks":
        # It would break a request. What was already beyond recognition may be anything.
        return False if request else None
    return request if request and effect == "keeps" else None


# Mutators of messages. `message` is a copy; what lies deeper is copied on the way.


def _keys(message: Json) -> list[str]:
    return list(message)


def _drop_member(message: Json, random: Random) -> Json:
    if message:
        del message[random.choice(_keys(message))]
    return message


def _rename_member(message: Json, random: Random) -> Json:
    if message:
        key = random.choice(_keys(message))
        message[random.choice(("", "x", key + " ", key + "\x00", "result", "error"))] = message.pop(
            key
        )
    return message


def _change_case(message: Json, random: Random) -> Json:
    if message:
        key = random.choice(_keys(message))
        message[random.choice((key.upper(), key.title()))] = message.pop(key)
    return message


def _retype(message: Json, random: Random) -> Any:
    return _retyped(message, random)


def _retyped(value: Any, random: Random) -> Any:
    if value and random.random() < 0.8:
        members, array = as_object(value), as_array(value)
        if members is not None:
            inside = dict(members)
            key = random.choice(_keys(inside))
            inside[key] = _retyped(inside[key], random)
            return inside
        if array is not None:
            items = list(array)
            place = random.randrange(len(items))
            items[place] = _retyped(items[place], random)
            return items
    return random.choice(VALUES)


def _setter(key: str, values: Sequence[Any]) -> Callable[[Json, Random], Json]:
    def put(message: Json, random: Random) -> Json:
        message[key] = random.choice(values)
        return message

    return put


def _replacer(key: str, values: Sequence[Any]) -> Callable[[Json, Random], Json]:
    """Like `_setter`, for a message that has the member."""

    def put(message: Json, random: Random) -> Json:
        if key in message:
            message[key] = random.choice(values)
        return message

    return put


def _without(key: str) -> Callable[[Json, Random], Json]:
    def drop(message: Json, _: Random) -> Json:
        message.pop(key, None)
        return message

    return drop


def _bad_meta(message: Json, random: Random) -> Json:
    params = as_object(message.get("params")) or {}
    known = as_object(params.get("_meta"))
    meta: Any
    if known:
        meta = dict(known)
        key = random.choice(_keys(meta))
        if random.random() < 0.5:
            del meta[key]
        else:
            meta[key] = random.choice(VALUES)
    else:
        meta = random.choice(VALUES)
    message["params"] = {**params, "_meta": meta}
    return message


def _reverse(message: Json, _: Random) -> Json:
    return dict(reversed(message.items()))


def _nothing(message: Json, _: Random) -> Json:
    return {}


def _any_value(_: Json, random: Random) -> Any:
    return random.choice(VALUES)


_BAD_IDS: tuple[Any, ...] = (None, True, False, 0.0, 1.0, 1.5, 1e300, [], [1], {}, {"id": 1})
_HUGE_IDS = (2**64, -(2**63) - 1, 10**19 * 2, 10**30, -(10**40))
_BAD_METHODS: tuple[Any, ...] = (None, True, 0, 1.5, [], ["ping"], {}, {"name": "ping"})
_ODD_METHODS = (
    *("", " ping", "ping ", "PING", "Ping", "ping\x00", "rpc.x", "tools", "tools/", "tools//call"),
    *("__init__", "constructor", "notifications/", "notifications/initialized", "é" * 100),
    *("server/discover\u2028", "initialize ", "completion/complete", "notifications/cancelled"),
)
_BAD_PARAMS: tuple[Any, ...] = ([], [1], [{}], "x", "", 0, 1.5, True, False)
_VERSIONS: tuple[Any, ...] = ("1.0", "2", "2.00", " 2.0", "", 2.0, 2, None, True, [], {})

MESSAGE_MUTATORS: tuple[MessageMutator, ...] = (
    MessageMutator("drop a member", "tell", _drop_member),
    MessageMutator("rename a member", "tell", _rename_member),
    MessageMutator("change the case of a key", "tell", _change_case),
    MessageMutator("retype a value", "tell", _retype),
    MessageMutator("wrong jsonrpc", "keeps", _setter("jsonrpc", _VERSIONS)),
    MessageMutator("no jsonrpc", "keeps", _without("jsonrpc")),
    MessageMutator("bad id", "breaks", _setter("id", _BAD_IDS)),
    MessageMutator("id beyond 64 bits", "breaks", _setter("id", _HUGE_IDS)),
    MessageMutator("odd id", "keeps", _replacer("id", EDGE_IDS)),
    MessageMutator("no id", "breaks", _without("id")),
    MessageMutator("bad method", "breaks", _setter("method", _BAD_METHODS)),
    MessageMutator("odd method", "keeps", _replacer("method", _ODD_METHODS)),
    MessageMutator("no method", "breaks", _without("method")),
    MessageMutator("bad params", "keeps", _setter("params", _BAD_PARAMS)),
    MessageMutator("null params", "keeps", _setter("params", (None,))),
    MessageMutator("no params", "keeps", _without("params")),
    MessageMutator("bad _meta", "keeps", _bad_meta),
    MessageMutator("a result beside it", "keeps", _setter("result", VALUES)),
    MessageMutator("an error beside it", "keeps", _setter("error", VALUES)),
    MessageMutator("an unknown member", "keeps", _setter("x-unknown", VALUES)),
    MessageMutator("members in reverse", "keeps", _reverse),
    MessageMutator("nothing left", "breaks", _nothing),
    MessageMutator("any value instead", "tell", _any_value),
)
"""Every mutator of messages, in the order of what they change."""


# Mutators of lines.


def _place(line: bytes, random: Random) -> int:
    return random.randrange(len(line) + 1)


def _inserter(*pieces: bytes) -> Callable[[bytes, Random], bytes]:
    def insert(line: bytes, random: Random) -> bytes:
        at = _place(line, random)
        return line[:at] + random.choice(pieces) + line[at:]

    return insert


def _prefixer(*pieces: bytes) -> Callable[[bytes, Random], bytes]:
    return lambda line, random: random.choice(pieces) + line


def _suffixer(*pieces: bytes) -> Callable[[bytes, Random], bytes]:
    return lambda line, random: line + random.choice(pieces)


def _member(make: Callable[[Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """Put a member in front of all others, which win over it if it repeats one of them."""

    def put(line: bytes, random: Random) -> bytes:
        at = line.find(b"{") + 1
        if at == 0 or line[at : at + 1] == b"}":
            return line
        return line[:at] + make(random) + b"," + line[at:]

    return put


def _truncate(line: bytes, random: Random) -> bytes:
    meat = line.rstrip()
    return meat[: random.randrange(len(meat))] if meat else line


def _behead(line: bytes, random: Random) -> bytes:
    return line[random.randrange(1, len(line) + 1) :] if line else line


def _flip_bit(line: bytes, random: Random) -> bytes:
    if not line:
        return line
    changed = bytearray(line)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _drop_byte(line: bytes, random: Random) -> bytes:
    at = _place(line, random)
    return line[:at] + line[at + 1 :]


def _drop_span(line: bytes, random: Random) -> bytes:
    start, end = sorted((_place(line, random), _place(line, random)))
    return line[:start] + line[end:]


def _repeat_span(line: bytes, random: Random) -> bytes:
    start, end = sorted((_place(line, random), _place(line, random)))
    return line[:end] + line[start:]


def _random_bytes(_: bytes, random: Random) -> bytes:
    return random.randbytes(random.randrange(1, 60))


def _deep(random: Random) -> bytes:
    depth = random.choice((10, 200, 253, 254, 255, 1000, 1023, 1024, 1025, 3000))
    if random.random() < 0.5:
        return b'"x":' + b"[" * depth + b"]" * depth
    return b'"x":' + b'{"a":' * depth + b"1" + b"}" * depth


def _long_number(random: Random) -> bytes:
    digits = random.choice((20, 40, 309, 400, 4301, 5000))
    return b'"x":' + random.choice((b"", b"-", b"0.")) + b"7" * digits


def _surrogate(random: Random) -> bytes:
    return b'"x":' + random.choice((b'"\\ud800"', b'"\\uDFFF"', b'"a\\udc00\\ud800"'))


def _second_key(random: Random) -> bytes:
    return random.choice(
        (
            *(b'"id":null', b'"id":3', b'"id":"3"', b'"id":1.5', b'"\\u0069d":4', b'"i\\u0064":[]'),
            *(b'"method":"ping"', b'"method":5', b'"m\\u0065thod":"x"', b'"jsonrpc":"1.0"'),
            *(b'"jsonrpc":"2.0"', b'"params":[]', b'"params":{}', b'"params":{"name":1}'),
        )
    )


def _answer_key(random: Random) -> bytes:
    return random.choice((b'"result":{}', b'"error":null', b'"result":null', b'"error":{"code":1}'))


def _escape_key(line: bytes, random: Random) -> bytes:
    key, spelled = random.choice(
        (
            (b'"id":', b'"\\u0069\\u0064":'),
            (b'"method":', b'"metho\\u0064":'),
            (b'"jsonrpc":', b'"\\u006asonrpc":'),
            (b'"params":', b'"\\u0070arams":'),
            (b'"name":', b'"n\\u0061me":'),
        )
    )
    return line.replace(key, spelled)


def _batch(line: bytes, random: Random) -> bytes:
    others = (b"1", b"{}", b"[]", b'{"jsonrpc":"2.0","method":"x"}', b"null", line)
    return b"[" + b",".join([line, *random.choices(others, k=random.randrange(4))]) + b"]"


def _large_batch(line: bytes, random: Random) -> bytes:
    return b"[" + b",".join([b"1"] * random.choice((99, 100, 101, 10_001))) + b"," + line + b"]"


def _pretty(line: bytes, _: Random) -> bytes:
    # Not all: a peer gives up after a thousand unreadable lines in a row.
    return line.replace(b",", b",\n  ", 50)


def _mark(line: bytes, _: Random) -> bytes:
    return b"\xef\xbb\xbf" + line if line.startswith(b"{") else line


def _space_out(line: bytes, random: Random) -> bytes:
    if not line.startswith(b"{"):
        return line
    padding = random.choice((b" ", b"\t", b"  \t ", b"\r"))
    return padding + line.replace(b"{", b"{" + padding, 1) + padding


def _concatenate(line: bytes, random: Random) -> bytes:
    return line + random.choice((b"", b" ", b",", b"\r", b"\x00", b"\xe2\x80\xa8")) + line


def _as_utf16(line: bytes, random: Random) -> bytes:
    text = line.decode(errors="replace")
    return text.encode(random.choice(("utf-16", "utf-16-le", "utf-32"))).replace(b"\n", b"")


def _overlong(line: bytes, random: Random) -> bytes:
    """Make it longer than the peers of a soak read: 64 KiB."""
    size = random.choice((65_535, 65_536, 65_537, 100_000)) - len(line)
    if random.random() < 0.5:
        return line + b" " * size
    return _member(lambda _: b'"x":"' + b"y" * size + b'"')(line, random)


def _single_quotes(line: bytes, _: Random) -> bytes:
    return line.replace(b'"', b"'")


def _raw_control(line: bytes, random: Random) -> bytes:
    at = line.find(b'"') + 1
    return line[:at] + bytes([random.choice((0, 1, 8, 9, 31, 127))]) + line[at:]


_LOG_LINES = (
    *(b"INFO: server started", b"Traceback (most recent call last):", b"npm WARN deprecated"),
    *(b"Content-Length: 42\r", b"POST /mcp HTTP/1.1\r", b"event: message", b"\x1b[31mred\x1b[0m"),
    *(b"\r", b"", b" ", b"\x00", b"\xff\xfe", b"null", b"true", b'"ping"', b"{}", b"[]", b"[[]]"),
    *(b"[" * 50_000, b'{"a":' * 5_000, b'"' * 3_000, b"\\" * 3_000, b'{"id":1,' * 2_000),
)


def _log_line(_: bytes, random: Random) -> bytes:
    return random.choice(_LOG_LINES)


LINE_MUTATORS: tuple[LineMutator, ...] = (
    LineMutator("truncate", "breaks", _truncate),
    LineMutator("behead", "tell", _behead),
    LineMutator("flip a bit", "tell", _flip_bit),
    LineMutator("drop a byte", "tell", _drop_byte),
    LineMutator("drop a span", "tell", _drop_span),
    LineMutator("repeat a span", "tell", _repeat_span),
    LineMutator("random bytes", "tell", _random_bytes),
    LineMutator(
        "a stray token", "tell", _inserter(b'"', b"}", b"{", b"]", b"[", b":", b",", b"\\")
    ),
    LineMutator("a stray word", "tell", _inserter(b"NaN", b"null", b"-", b"1e999", b"//", b"/**/")),
    LineMutator("broken UTF-8", "breaks", _inserter(b"\xff", b"\xfe", b"\xc0\xaf", b"\xf8\x88")),
    LineMutator("half a code point", "tell", _inserter(b"\xe2\x82", b"\xf0\x9f", b"\xed\xa0\x80")),
    LineMutator("a NUL", "breaks", _inserter(b"\x00")),
    LineMutator("a raw control character", "tell", _raw_control),
    LineMutator("a line feed", "tell", _inserter(b"\n", b"\r\n", b"\n\n")),
    LineMutator("pretty-printed", "tell", _pretty),
    LineMutator("CR before the line end", "keeps", _suffixer(b"\r")),
    LineMutator("a byte order mark", "keeps", _mark),
    LineMutator("two byte order marks", "breaks", _prefixer(b"\xef\xbb\xbf" * 2)),
    LineMutator("UTF-16 or UTF-32", "breaks", _as_utf16),
    LineMutator("white space", "keeps", _space_out),
    LineMutator("something behind it", "breaks", _suffixer(b"x", b"}", b",", b"]", b"{}", b"\x00")),
    LineMutator(
        "something before it", "breaks", _prefixer(b"data: ", b"x", b",", b"\x1b[0m", b"}")
    ),
    LineMutator("two in one line", "breaks", _concatenate),
    LineMutator(
        "NaN", "breaks", _member(lambda random: random.choice((b'"x":NaN', b'"x":-Infinity')))
    ),
    LineMutator("a double beyond range", "keeps", _member(lambda _: b'"x":1e999')),
    LineMutator("deep nesting", "keeps", _member(_deep)),
    LineMutator("a long number", "keeps", _member(_long_number)),
    LineMutator("half a surrogate pair", "keeps", _member(_surrogate)),
    LineMutator("a repeated key", "keeps", _member(_second_key)),
    LineMutator("an answer's member", "keeps", _member(_answer_key)),
    LineMutator("an escaped key", "keeps", _escape_key),
    LineMutator("single quotes", "breaks", _single_quotes),
    LineMutator("a batch", "breaks", _batch),
    LineMutator("a large batch", "breaks", _large_batch, rare=True),
    LineMutator("overlong", "tell", _overlong, rare=True),
    LineMutator("no message at all", "breaks", _log_line, rare=True),
)
"""Every mutator of lines, from slight to gross."""
