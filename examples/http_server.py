"""A server over HTTP that knows who asks: `python -m examples.http_server [PORT]`.

Every request has to come with a token that was given out. Sessions and streams belong to whoever
opened them; what the tools keep is the tools' own business, and here it is kept apart as well.
"""

import hmac
import sys
from collections import defaultdict

from barewire import Context, Principal, RequestFacts, Server, ToolError

# Tokens are secrets: a program that is not an example reads them from somewhere else.
TOKENS = {
    "correct-horse": Principal("example.com", "ada", scopes=frozenset({"write"})),
    "battery-staple": Principal("example.com", "brian"),
}


async def authenticate(request: RequestFacts) -> Principal | None:
    """Return whose token a request comes with, `None` for somebody who may not come in."""
    scheme, _, token = request.fields.get("authorization", "").partition(" ")
    found = [TOKENS[known] for known in TOKENS if _same(known, token)]
    return found[0] if scheme.lower() == "bearer" and found else None


def _same(known: str, token: str) -> bool:
    # In a time that does not tell how much of a guess was right.
    return hmac.compare_digest(known.encode(), token.encode())


server = Server("notes", version="1.0", authenticate=authenticate)
kept: defaultdict[str, list[str]] = defaultdict(list)


@server.tool
async def note(text: str, ctx: Context) -> str:
    """Keep a note."""
    who = asker(ctx)
    if "write" not in who.scopes:
        raise ToolError(f"{who.subject} may read, but not write.")
    kept[who.subject].append(text)
    return f"noted for {who.subject}"


@server.tool
async def notes(ctx: Context) -> list[str]:
    """Return the notes of whoever asks."""
    return kept[asker(ctx).subject]


def asker(ctx: Context) -> Principal:
    """Return who asks. On stdio nobody was asked to prove that."""
    if ctx.principal is None:
        raise ToolError("Notes are kept over HTTP only.")
    return ctx.principal


if __name__ == "__main__":
    server.run_http(port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
