"""Arguments that are repeated in HTTP headers, so that a call can be routed unread."""

from dataclasses import dataclass

__all__ = ["Header"]


@dataclass(frozen=True, slots=True)
class Header:
    """Says of a parameter that clients repeat its value in the header `Mcp-Param-NAME`.

        async def query(region: Annotated[str, Header("Region")]) -> str: ...

    It becomes `x-mcp-header` in the tool's input schema (Tools › x-mcp-header). A call over HTTP in
    a revision that has such headers is refused when header and argument differ; nothing else
    changes. Everybody on the way can read the value: it is no place for secrets.

    The parameter is a `str`, an `int` or a `bool`, without `None`: one that may be left out has a
    default of its own type. The name is an RFC 9110 token, and no two of a tool are the same in any
    case. A tool that does not keep to this cannot be registered.
    """

    name: str
    """What stands behind `Mcp-Param-`."""
