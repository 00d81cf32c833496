"""Our high-level server: `barewire_server.py async | inline`.

`async` has an `async def echo`, `inline` a plain one that runs on the loop (`blocking=False`).
Over HTTP, `--parser` says who parses.
"""

from barewire import Context, Server
from bench.servers.options import parser
from bench.servers.pauses import record_pauses

arguments = parser()
arguments.add_argument("kind", choices=["async", "inline"])
arguments.add_argument("--parser", choices=["h11", "httptools"], default="h11")
options = arguments.parse_args()

server = Server("bench", version="1")

if options.kind == "inline":

    @server.tool(blocking=False)
    def echo(text: str) -> str:
        """Echo."""
        return text

else:

    @server.tool(name="echo")
    async def echo_later(text: str) -> str:
        """Echo."""
        return text


@server.tool
async def progress(n: int, ctx: Context) -> str:
    """Report progress n times."""
    for i in range(n):
        await ctx.report_progress(i + 1, n)
    return "done"


record_pauses()
if options.http is None:
    server.run()
else:
    server.run_http(
        port=options.http,
        stateless_http=options.stateless,
        json_response=options.json_response,
        parser=options.parser,
    )
