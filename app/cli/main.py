"""The `barewire` command: `run`, `ls`, `call`."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from barewire import __version__
from barewire.cli.arguments import ArgumentTextError, read_arguments, types_of
from barewire.cli.loading import TargetError, command_for, load_server
from barewire.client.client import Client
from barewire.client.results import CallResult, ToolInfo
from barewire.protocol.values import as_array, as_object
from barewire.session.exceptions import BarewireError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 1: the server or the tool says that it failed. 2: the command line makes no sense, or
    names a target that is not there. 130: interrupted.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    command: list[str] = []
    if "--" in given:
        at = given.index("--")
        given, command = given[:at], given[at + 1 :]
    options = _parser().parse_args(given)
    try:
        return _run(options) if options.command == "run" else _ask(options, command)
    except (TargetError, ArgumentTextError) as error:
        return _complain(error, 2)
    except (BarewireError, OSError) as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="barewire", description="Serve and call MCP servers.")
    parser.add_argument("--version", action="version", version=f"barewire {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="serve a file or a module, on standard input and output or, by --http, over HTTP",
    )
    run.add_argument("target", metavar="TARGET", help="file.py:server or package.module:server")
    run.add_argument(
        "--backend",
        choices=("asyncio", "trio"),
        default="asyncio",
        help="the event loop (default: asyncio)",
    )
    _http_options(run)

    ls = commands.add_parser("ls", help="list what a server offers")
    ls.add_argument("target", metavar="TARGET", nargs="?", help="or: -- COMMAND...")
    _client_options(ls)

    call = commands.add_parser("call", help="call a tool")
    call.add_argument("names", metavar="[TARGET] NAME", nargs="+", help="the tool, and where it is")
    call.add_argument("--arg", metavar="KEY=VALUE", action="append", default=[], dest="pairs")
    call.add_argument("--json", metavar="OBJECT", dest="whole", help="all arguments at once")
    call.add_argument("--raw", action="store_true", help="print the result as it came")
    _client_options(call)
    return parser


def _http_options(parser: argparse.ArgumentParser) -> None:
    run = parser.add_argument_group("over HTTP")
    run.add_argument("--http", metavar="HOST:PORT", help="serve there; port 0 takes a free one")
    run.add_argument("--path", default="/mcp", help="where the endpoint is (default: /mcp)")
    run.add_argument("--stateless", action="store_true", help="keep no sessions")
    form = run.add_mutually_exclusive_group()
    form.add_argument(
        "--json-response", action="store_true", default=None, help="answer with JSON only"
    )
    form.add_argument(
        "--sse-response",
        action="store_false",
        dest="json_response",
        help="answer legacy clients with event streams only",
    )
    run.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        help="a name that clients call it by, instead of those of this machine",
    )
    run.add_argument(
        "--allow-origin",
        metavar="ORIGIN",
        action="append",
        help="an origin of web pages that may ask from elsewhere",
    )
    run.add_argument(
        "--parser",
        choices=("h11", "httptools"),
        default="h11",
        help="what reads requests; httptools comes with the extra speed",
    )
    run.add_argument("--tls-cert", metavar="FILE", help="the certificate (PEM), for HTTPS")
    run.add_argument("--tls-key", metavar="FILE", help="its key, unless it is in that file")


def _client_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", choices=("auto", "legacy", "modern"), default="auto")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")


def _run(options: argparse.Namespace) -> int:
    _require_backend(options.backend)
    if options.http is not None:
        return _run_http(options)
    if given := _http_flags(options):
        raise TargetError(f"{', '.join(given)}: for serving over HTTP, by --http HOST:PORT")
    from barewire.run import run_stdio
    from barewire.transports.stdio import claim_stdio

    # Before the import: what a module prints must not get into the stream.
    with claim_stdio() as claim:
        run_stdio(load_server(options.target), backend=options.backend, claim=claim)
    return 0


def _require_backend(name: str) -> None:
    if name == "trio" and find_spec("trio") is None:
        raise TargetError("trio is not installed: pip install trio")


def _http_flags(options: argparse.Namespace) -> list[str]:
    """Return the options over HTTP that were given."""
    parser = argparse.ArgumentParser()
    _http_options(parser)
    defaults = vars(parser.parse_args([]))
    given = [name for name, default in defaults.items() if getattr(options, name) != default]
    flags = {"json_response": "--json-response" if options.json_response else "--sse-response"}
    return [flags.get(name, f"--{name.replace('_', '-')}") for name in given]


def _run_http(options: argparse.Namespace) -> int:
    from barewire.run_http import run_http

    host, port = _address(options.http)
    tls = _tls(options.tls_cert, options.tls_key)
    server = load_server(options.target)
    try:
        run_http(
            server,
            host,
            port,
            path=options.path,
            stateless_http=options.stateless,
            json_response=options.json_response,
            hosts=options.allow_host,
            origins=options.allow_origin or (),
            tls=tls,
            parser=options.parser,
            backend=options.backend,
        )
    except (ValueError, ModuleNotFoundError) as error:
        raise TargetError(str(error)) from None
    return 0


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise TargetError(f"--http takes HOST:PORT, not {text!r}")
    return host.strip("[]"), int(port)


def _tls(certificate: str | None, key: str | None) -> Any:
    if certificate is None:
        if key is not None:
            raise TargetError("--tls-key is the key of a --tls-cert")
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # which an SSLError is too, and neither names a file
        names = f"{certificate} and {key}" if key else f"{certificate} (is there a --tls-key?)"
        raise TargetError(f"no certificate and key in {names}: {error.strerror}") from None
    return context


def _ask(options: argparse.Namespace, command: list[str]) -> int:
    from barewire.transports.backend import run

    target, name = _target_and_tool(options)
    if bool(command) is (target is not None):
        raise TargetError("name a TARGET, or a command behind --")
    if target is not None and "://" in target:
        raise TargetError("servers at a URL cannot be reached yet")
    client = Client(
        command or command_for(target or ""),
        mode=options.mode,
        timeout=options.timeout,
        connect_timeout=options.timeout,
    )

    async def ask() -> int:
        async with client:
            tools = await client.list_tools()
            if name is None:
                return _print_server(client, tools)
            known = [tool.input_schema for tool in tools if tool.name == name]
            arguments = read_arguments(options.pairs, options.whole, known[0] if known else {})
            return _print_result(await client.call_tool(name, arguments), options.raw)

    return run(ask)


def _target_and_tool(options: argparse.Namespace) -> tuple[str | None, str | None]:
    """Return what to ask and which tool to call, `None` for what is not given."""
    if options.command == "ls":
        return options.target, None
    given: list[str] = options.names
    if len(given) > 2:
        raise TargetError(f"one target and one tool, not {' '.join(given)}")
    return (given[0] if len(given) == 2 else None), given[-1]


def _print_server(client: Client, tools: list[ToolInfo]) -> int:
    info = client.server_info or {}
    print(f"{info.get('name', 'a server')} {info.get('version', '')} ({client.protocol_version})")
    for tool in tools:
        print(f"  {tool.name}({_parameters(tool.input_schema)})")
        if tool.description:
            print(f"      {tool.description.splitlines()[0]}")
    return 0


def _parameters(schema: dict[str, Any]) -> str:
    required = as_array(schema.get("required")) or []
    shown: list[str] = []
    for key, value in (as_object(schema.get("properties")) or {}).items():
        kinds = " | ".join(sorted(types_of(value, schema))) or "any"
        shown.append(f"{key}{'' if key in required else '?'}: {kinds}")
    return ", ".join(shown)


def _print_result(result: CallResult, raw: bool) -> int:
    if raw:
        print(json.dumps(result.raw, indent=2, ensure_ascii=False))
    else:
        for block in result.content:
            print(block["text"] if block.get("type") == "text" else json.dumps(block))
    return 1 if result.is_error else 0


def _complain(error: Exception, code: int) -> int:
    # Without the number of the error and the name of the file, which the text says already.
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    print(f"barewire: {text}", file=sys.stderr)
    return code
