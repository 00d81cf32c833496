"""What a client can take: the `Accept` field (RFC 9110 › Accept), read as its writer meant it.

The specification wants clients to list both JSON and event streams. Some send only the one that
they read, some `*/*`, some nothing at all: each gets what it can take, and only one that can take
neither is refused.
"""

import re
from functools import lru_cache
from typing import Final

from barewire.protocol.record import record

__all__ = ["EVENT_STREAM", "JSON", "Acceptable", "acceptable", "is_json"]

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

_UTF_8: Final = ("utf-8", "utf8", "us-ascii")

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_RANGE: Final = re.compile(rf"[ \t]*({_TOKEN})/({_TOKEN})[ \t]*")
_PARAMETER: Final = re.compile(rf";[ \t]*(?:({_TOKEN})=({_TOKEN}|{_QUOTED}))?[ \t]*")
# A quotation that nobody ends takes the rest of the field with it.
_REST: Final = re.compile(rf'(?:[^,"]|{_QUOTED})*(?:".*)?', re.DOTALL)
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@record
class Acceptable:
    """How much each of the two forms is wanted, from 0 (not at all) to 1."""

    json: float
    stream: float

    def __bool__(self) -> bool:
        """Whether either can be taken."""
        return bool(self.json or self.stream)


def acceptable(field: str | None) -> Acceptable:
    """Return what a client can take; without the field, anything.

    The most specific range that matches a form decides, whatever the order. Parameters of a range
    other than its weight are not looked at: `application/json; charset=utf-8` is JSON. A range that
    cannot be read says nothing; when none can, neither does the field.
    """
    if field is not None and len(field) <= _COMMON:
        return _known(field)
    return _read(field or "")


# Clients send the same field with every request; only short ones are remembered.
_COMMON: Final = 256


@lru_cache(maxsize=64)
def _known(field: str) -> Acceptable:
    return _read(field)


def _read(field: str) -> Acceptable:
    ranges = _ranges(field)
    if not ranges:
        return Acceptable(1.0, 1.0)
    return Acceptable(_weight(ranges, JSON), _weight(ranges, EVENT_STREAM))


def is_json(field: str | None) -> bool:
    """Whether a `Content-Type` says that a body is JSON in UTF-8: there is no other JSON."""
    found = _RANGE.match(field or "")
    if field is None or found is None or f"{found[1]}/{found[2]}".lower() != JSON:
        return False
    at = found.end()
    while at < len(field):
        parameter = _PARAMETER.match(field, at)
        if parameter is None:
            return False
        name, value = parameter[1], parameter[2]
        if name and name.lower() == "charset" and value.strip('"').lower() not in _UTF_8:
            return False
        at = parameter.end()
    return True


def _ranges(field: str) -> dict[str, float]:
    """Return the weights by lower-cased range; of two that are the same the last one counts."""
    weights: dict[str, float] = {}
    at = 0
    while at < len(field):
        found = _RANGE.match(field, at)
        end = _end_of_element(field, at)
        if found is not None:
            weight = _weight_in(field[found.end() : end])
            if weight is not None:
                weights[f"{found[1]}/{found[2]}".lower()] = weight
        at = end + 1
    return weights


def _end_of_element(field: str, at: int) -> int:
    rest = _REST.match(field, at)
    return len(field) if rest is None else rest.end()


def _weight_in(parameters: str) -> float | None:
    """Return the `q` among parameters, 1 without one, `None` when they cannot be read."""
    weight = 1.0
    at = 0
    while at < len(parameters):
        parameter = _PARAMETER.match(parameters, at)
        if parameter is None:
            return None
        if parameter[1] in ("q", "Q"):
            if not _WEIGHT.fullmatch(parameter[2]):
                return None
            weight = float(parameter[2])
        at = parameter.end()
    return weight


def _weight(ranges: dict[str, float], form: str) -> float:
    for candidate in (form, form.split("/", 1)[0] + "/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0
