"""Header mirroring: what modern HTTP requests repeat from their body, and how a value is written.

Streamable HTTP, Request Metadata; Tools, x-mcp-header. Intermediaries route by these headers and
the server acts on the body, so the two have to agree. A client writes them with `standard_headers`
and `mirror`; a server checks them with `check_mirrors`, or part by part in the order that its
errors need. No HTTP is parsed here: headers come as a mapping from lower-cased name to value, in
which a transport has already refused a field that stands twice.
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from barewire.protocol.envelope import PROTOCOL_VERSION, meta_of
from barewire.protocol.jsonrpc import Params
from barewire.protocol.record import record

__all__ = [
    "MAX_ANNOTATIONS",
    "MAX_INTEGER",
    "METHOD_HEADER",
    "NAMED_BY",
    "NAME_HEADER",
    "PARAM_PREFIX",
    "VERSION_HEADER",
    "Annotation",
    "AnnotationFault",
    "BadAnnotations",
    "Mismatch",
    "Undecodable",
    "check_method",
    "check_mirrors",
    "check_name",
    "check_params",
    "check_version",
    "decode_value",
    "encode_value",
    "header_annotations",
    "mirror",
    "standard_headers",
]

VERSION_HEADER: Final = "MCP-Protocol-Version"
METHOD_HEADER: Final = "Mcp-Method"
NAME_HEADER: Final = "Mcp-Name"
PARAM_PREFIX: Final = "Mcp-Param-"

MAX_INTEGER: Final = 2**53 - 1
"""The greatest integer that may be mirrored; the least is its negative."""

MAX_ANNOTATIONS: Final = 100
"""The most annotations that one schema may have: HTTP servers take about as many fields."""

NAMED_BY: Final[Mapping[str, str]] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""The member of its params that `Mcp-Name` repeats, by method. Tasks are those of the extension."""

_ANNOTATION: Final = "x-mcp-header"
_MIRRORED_TYPES: Final = ("string", "integer", "boolean")

_OPEN: Final = "=?base64?"
_CLOSE: Final = "?="

# Visible ASCII and inner spaces. A tab may stand inside a field value, but it is a control
# character and intermediaries fold it: it is read as it is, and written in Base64.
_PLAIN = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NUMBER = re.compile(r"(-?)0*([0-9]{1,16})(?:\.0+)?")


@record
class Undecodable:
    """Why a header value cannot be read."""

    detail: str


def encode_value(value: str | int | bool) -> str:
    """Return `value` as `Mcp-Name` and `Mcp-Param-*` carry it: ASCII, no outer white space.

    Streamable HTTP, Value Encoding. A string stands as it is unless a header could not carry it or
    it would be taken for the Base64 form; then it is the Base64 of its UTF-8 between `=?base64?`
    and `?=`. Integers are decimal, booleans `true` and `false`.

    Raises `ValueError` for an integer beyond +/-(2^53 - 1) and for a string with a lone surrogate,
    which has no UTF-8 form.
    """
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("an integer in a header stays within +/-(2^53 - 1)")
        return str(value)
    if _PLAIN.fullmatch(value) and not _is_marked(value):
        return value
    return _OPEN + _base64(value.encode()) + _CLOSE


def decode_value(text: str) -> str | Undecodable:
    """Return what the header value `text` stands for. Total: no text makes it raise.

    The Base64 form is read strictly: lower-case markers, the standard alphabet, padding, no stray
    bits, UTF-8. Text without both markers is literal.
    """
    if not _FIELD_VALUE.fullmatch(text):
        return Undecodable("holds characters that no header may hold")
    if not _is_marked(text):
        return text
    payload = text[len(_OPEN) : -len(_CLOSE)]
    try:
        octets = binascii.a2b_base64(payload)
        # Decoders differ in what they forgive. What an encoder writes means the same to all.
        if text == _OPEN + _base64(octets) + _CLOSE:
            return octets.decode()
    except ValueError:
        pass
    return Undecodable("is no Base64 of UTF-8 text")


def _is_marked(text: str) -> bool:
    """Whether `text` looks like the Base64 form, be it one or not."""
    return text.startswith(_OPEN) and text.endswith(_CLOSE)


def _base64(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).decode("ascii")


def standard_headers(method: str, params: Params | None, revision_name: str) -> dict[str, str]:
    """Return `MCP-Protocol-Version`, `Mcp-Method` and, where the method has one, `Mcp-Name`.

    Streamable HTTP, Standard Request Headers. `Mcp-Name` is left out when `params` has no string to
    mirror; the server then refuses the request, as it would refuse its params.

    Raises `ValueError` for a method or revision name that a header cannot carry as it is, since
    these two are never encoded, and for a name with a lone surrogate.
    """
    for what, text in (("method", method), ("revision", revision_name)):
        if not text or not _PLAIN.fullmatch(text):
            raise ValueError(f"{what} {text!r} cannot stand in a header")
    headers = {VERSION_HEADER: revision_name, METHOD_HEADER: method}
    name = _name_in_body(method, params)
    if name is not None:
        headers[NAME_HEADER] = encode_value(name)
    return headers


def _name_in_body(method: str, params: Params | None) -> str | None:
    field = NAMED_BY.get(method)
    if field is None or params is None:
        return None
    name = params.get(field)
    return name if isinstance(name, str) else None


@record
class Annotation:
    """An argument that is mirrored into a header."""

    name: str
    """What stands behind `x-mcp-header`, in its own case."""
    path: tuple[str, ...]
    """The names of the properties that lead to the argument from the root of the arguments."""

    @property
    def header(self) -> str:
        """The header's name, as it is written."""
        return PARAM_PREFIX + self.name


@record
class AnnotationFault:
    """One `x-mcp-header` that makes its tool unusable over HTTP."""

    place: tuple[str, ...]
    """The keywords, names and indices that lead to the schema it stands in; empty for the root."""
    detail: str

    def __str__(self) -> str:
        """Say it in one line."""
        steps = (step.replace("~", "~0").replace("/", "~1") for step in self.place)
        return f"{_ANNOTATION} at {'/'.join(('#', *steps))} {self.detail}"


@record
class BadAnnotations:
    """What is wrong with the annotations of one schema."""

    faults: list[AnnotationFault]


def header_annotations(input_schema: object) -> list[Annotation] | BadAnnotations:
    """Return the annotations of a tool's `inputSchema`, or what is wrong with them.

    A client leaves a tool out whose annotations are bad; a server refuses to register it.
    Streamable HTTP, Schema Extension: an annotation is a non-empty RFC 9110 token, no two of them
    the same in any case, on a property whose `type` is `string`, `integer` or `boolean`, and
    nothing but `properties` leads to it from the root. One that stands in any other schema is bad.

    `x-mcp-header` as the name of a property, or inside `default`, `enum`, `const` or `examples`, is
    data and no annotation. No `$ref` is followed. The walk ends after `MAX_ANNOTATIONS`.
    """
    found: list[Annotation] = []
    faults: list[AnnotationFault] = []
    seen: set[str] = set()
    for place in _places(input_schema):
        if _ANNOTATION not in place.schema:
            continue
        if len(found) + len(faults) == MAX_ANNOTATIONS:
            faults.append(AnnotationFault(place.steps(), f"is one of more than {MAX_ANNOTATIONS}"))
            break
        name = place.schema[_ANNOTATION]
        path = place.path()
        if not path:
            detail = "is allowed only on a property that nothing but 'properties' leads to"
        elif not isinstance(name, str) or not _TOKEN.fullmatch(name):
            detail = "is not a header name (RFC 9110 token)"
        elif place.schema.get("type") not in _MIRRORED_TYPES:
            detail = "is allowed only where 'type' is string, integer or boolean"
        elif name.lower() in seen:
            detail = f"is {_short(name)} again, ignoring case"
        else:
            seen.add(name.lower())
            found.append(Annotation(name, path))
            continue
        faults.append(AnnotationFault(place.steps(), detail))
    return BadAnnotations(faults) if faults else found


# Where a JSON Schema holds further schemas (2020-12, and what older drafts called otherwise).
_SCHEMA: Final = frozenset(
    (
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    )
)
_LIST_OF_SCHEMAS: Final = frozenset(("allOf", "anyOf", "items", "oneOf", "prefixItems"))
_SCHEMAS_BY_NAME: Final = frozenset(
    ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")
)


@record
class _Place:
    """A schema and the way to it; spelled out on demand, since most schemas have no annotation."""

    schema: dict[str, Any]
    parent: "_Place | None" = None
    keyword: str = ""
    """The keyword of the parent that holds it."""
    name: str | None = None
    """Its name or index there, `None` where the keyword holds one schema."""

    def _ways(self) -> list["_Place"]:
        """Return the steps from the root to here, without the root."""
        ways: list[_Place] = []
        place = self
        while place.parent is not None:
            ways.append(place)
            place = place.parent
        return ways[::-1]

    def steps(self) -> tuple[str, ...]:
        """Return all keywords, names and indices from the root to here."""
        return tuple(
            step
            for way in self._ways()
            for step in ((way.keyword,) if way.name is None else (way.keyword, way.name))
        )

    def path(self) -> tuple[str, ...] | None:
        """Return the names of the properties that lead here, `None` if anything else does."""
        ways = self._ways()
        if any(way.keyword != "properties" for way in ways):
            return None
        return tuple(cast(str, way.name) for way in ways)


def _places(root: object) -> Iterator[_Place]:
    """Walk all schemas from `root` on, in order, with a stack of our own: they may be deep."""
    schema = _object(root)
    waiting = [] if schema is None else [_Place(schema)]
    while waiting:
        place = waiting.pop()
        yield place
        waiting.extend(reversed(list(_children(place))))


def _children(place: _Place) -> Iterator[_Place]:
    for keyword, value in place.schema.items():
        inner = _object(value)
        if inner is not None and keyword in _SCHEMAS_BY_NAME:
            named = list(inner.items())
        elif isinstance(value, list) and keyword in _LIST_OF_SCHEMAS:
            named = [(str(index), child) for index, child in enumerate(cast(list[object], value))]
        elif inner is not None and keyword in _SCHEMA:
            yield _Place(inner, place, keyword)
            continue
        else:
            continue
        for name, child in named:
            schema = _object(child)
            if schema is not None:
                yield _Place(schema, place, keyword, name)


def _object(value: object) -> dict[str, Any] | None:
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def mirror(annotations: Sequence[Annotation], arguments: Params | None) -> dict[str, str]:
    """Return the `Mcp-Param-*` headers of one call. An argument that is missing or null has none.

    A value is written by its own type: to judge it by the schema is the server's part. A float
    without a fraction is an integer.

    Raises `ValueError`, naming header and argument, for a value that no header can carry: a list,
    an object, a fraction, an integer beyond +/-(2^53 - 1), a string with a lone surrogate.
    """
    headers: dict[str, str] = {}
    for annotation in annotations:
        value = _value_at(arguments, annotation.path)
        if value is None:
            continue
        try:
            headers[annotation.header] = encode_value(_scalar(value))
        except ValueError as error:
            raise ValueError(f"{annotation.header}: {_argument(annotation)}: {error}") from None
    return headers


def _value_at(arguments: Params | None, path: tuple[str, ...]) -> Any:
    value: Any = arguments
    for name in path:
        value = cast(dict[str, Any], value).get(name) if isinstance(value, dict) else None
    return value


def _scalar(value: Any) -> str | int | bool:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (str, int)):
        return value
    raise ValueError(f"{_short(value)} is no string, integer or boolean")


def _argument(annotation: Annotation) -> str:
    return "argument " + ".".join(annotation.path)


@record
class Mismatch:
    """A header that is missing, malformed or differs from the body: -32020 and HTTP 400."""

    header: str
    detail: str
    """One line of ASCII for the error's message; long values are cut."""


def check_mirrors(
    headers: Mapping[str, str],
    method: str,
    params: Params | None,
    annotations: Sequence[Annotation] = (),
    *,
    required: bool = True,
) -> Mismatch | None:
    """Return the first header that does not agree with a message's body, `None` when all do.

    Streamable HTTP, Server Validation. It is the four checks below in their order; a server that
    has errors of its own to report between them calls them one by one. What notifications need is
    left open there: for them `required=False` checks the headers that are there and asks for none.
    """
    return (
        check_version(headers, params, required=required)
        or check_method(headers, method, required=required)
        or check_name(headers, method, params, required=required)
        or check_params(headers, annotations, _arguments(method, params))
    )


def check_version(
    headers: Mapping[str, str], params: Params | None, *, required: bool = True
) -> Mismatch | None:
    """Check that `MCP-Protocol-Version` is there and equals the envelope's `protocolVersion`.

    A body without that member is left to whoever reads the envelope, whose error it is.
    """
    text = _field(headers, VERSION_HEADER)
    if text is None:
        return _missing(VERSION_HEADER, required)
    version = (meta_of(params) or {}).get(PROTOCOL_VERSION)
    return None if version is None or version == text else _differs(VERSION_HEADER, text, version)


def check_method(
    headers: Mapping[str, str], method: str, *, required: bool = True
) -> Mismatch | None:
    """Check that `Mcp-Method` is there and equals the method, letter by letter and unencoded."""
    text = _field(headers, METHOD_HEADER)
    if text is None:
        return _missing(METHOD_HEADER, required)
    return None if text == method else _differs(METHOD_HEADER, text, method)


def check_name(
    headers: Mapping[str, str], method: str, params: Params | None, *, required: bool = True
) -> Mismatch | None:
    """Check that `Mcp-Name`, decoded, equals the name, URI or task id in the body.

    For a method that has none the header means nothing and is ignored.
    """
    if method not in NAMED_BY:
        return None
    text = _field(headers, NAME_HEADER)
    if text is None:
        return _missing(NAME_HEADER, required)
    value = decode_value(text)
    if isinstance(value, Undecodable):
        return Mismatch(NAME_HEADER, f"{NAME_HEADER} header value {value.detail}")
    name = _name_in_body(method, params)
    return None if value == name else _differs(NAME_HEADER, text, name)


def check_params(
    headers: Mapping[str, str], annotations: Sequence[Annotation], arguments: Params | None
) -> Mismatch | None:
    """Check that each annotated argument and its `Mcp-Param-*` header say the same.

    An argument that is missing or null has no header: one that is there names a value on which
    somebody on the way may have acted and which the server never sees. Integers compare as numbers,
    so that `42.0` equals 42; everything else as text, after decoding. Headers that no annotation
    names are ignored.
    """
    for annotation in annotations:
        header = annotation.header
        text = _field(headers, header)
        body = _value_at(arguments, annotation.path)
        if text is None:
            if body is None:
                continue
            return Mismatch(header, f"{header} header is missing for {_argument(annotation)}")
        value = decode_value(text)
        if isinstance(value, Undecodable):
            return Mismatch(header, f"{header} header value {value.detail}")
        if not _equal(value, body):
            return _differs(header, text, body)
    return None


def _arguments(method: str, params: Params | None) -> Params | None:
    return _object(params.get("arguments")) if method == "tools/call" and params else None


def _equal(value: str, body: Any) -> bool:
    """Whether a decoded header value says the same as the value in the body."""
    if isinstance(body, str):
        return value == body
    if isinstance(body, bool):
        return value == encode_value(body)
    if not isinstance(body, (int, float)) or not -MAX_INTEGER <= body <= MAX_INTEGER:
        return False
    number = _NUMBER.fullmatch(value)
    return number is not None and int(number[1] + number[2]) == body


def _field(headers: Mapping[str, str], name: str) -> str | None:
    """Return a field's value without the white space around it, which is no part of it."""
    text = headers.get(name.lower())
    return None if text is None else text.strip(" \t")


def _missing(header: str, required: bool) -> Mismatch | None:
    return Mismatch(header, f"{header} header is missing") if required else None


def _differs(header: str, text: str, body: Any) -> Mismatch:
    against = "an absent body value" if body is None else f"body value {_short(body)}"
    return Mismatch(header, f"{header} header value {_short(text)} does not match {against}")


def _short(value: Any) -> str:
    """Show a peer's value in an error: one line of ASCII, at most 80 characters."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ascii(value[:80] if isinstance(value, str) else value)
    return text if len(text) <= 80 else text[:77] + "..."
