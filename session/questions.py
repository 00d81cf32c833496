"""What a server's question takes of its client, in either era.

A question is a request that a client answers: `roots/list`, `sampling/createMessage` and
`elicitation/create`. Legacy servers send it, modern ones put it into an `input_required` result;
the capability that it takes is the same.
"""

from barewire.protocol.jsonrpc import Params
from barewire.protocol.revisions import Revision

__all__ = ["capability_asked"]


def capability_asked(method: str, params: Params | None, revision: Revision) -> str | None:
    """Return the dotted capability that a client declares to be asked this.

    Elicitation › Capabilities: a mode that is not declared is not asked for, and one without a name
    is `form`. Sampling › Capabilities: tools take `sampling.tools`. Both came with the revision
    that has icons; before it the capability is declared as a whole. `None` for what is no question.
    """
    params = params or {}
    if method == "elicitation/create":
        return f"elicitation.{params.get('mode', 'form')}" if revision.icons else "elicitation"
    if method == "sampling/createMessage":
        with_tools = revision.icons and ("tools" in params or "toolChoice" in params)
        return "sampling.tools" if with_tools else "sampling"
    return "roots" if method == "roots/list" else None
