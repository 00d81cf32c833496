"""Tasks of 2025-11-25, as far as the engine has to know them: when the one of a request ends.

Tasks › Progress: the progress token of a request that runs as a task "remains valid throughout the
task lifetime", which is longer than it takes to answer that the task exists.
"""

from typing import Any

from barewire.protocol.jsonrpc import Notification
from barewire.protocol.values import as_object, as_string
from barewire.session.exchange import Exchange
from barewire.session.exchanges import Exchanges

__all__ = ["receive_status", "task_answered"]

_TERMINAL = frozenset({"completed", "failed", "cancelled"})


def task_answered(exchanges: Exchanges, exchange: Exchange, result: dict[str, Any]) -> None:
    """Note what the answer to a request of ours says of a task: that one began or has ended."""
    name = exchange.request.method
    if exchange.state == "working":
        id = as_string((as_object(result.get("task")) or {}).get("taskId"))
        if id is None:
            exchange.finish()  # a task without an id cannot be followed
            exchanges.end_ours(exchange)
        else:
            exchanges.begin_task(id, exchange)
    elif name == "tasks/result":
        # It is answered when the task has ended, by what the task came to.
        exchanges.end_task(str(exchange.params.get("taskId")))
    elif name in ("tasks/get", "tasks/cancel"):
        _look_at(exchanges, result)


def receive_status(exchanges: Exchanges, notification: Notification) -> None:
    """Take a `notifications/tasks/status`."""
    _look_at(exchanges, notification.params or {})


def _look_at(exchanges: Exchanges, task: dict[str, Any]) -> None:
    id = as_string(task.get("taskId"))
    if id is not None and task.get("status") in _TERMINAL:
        exchanges.end_task(id)
