"""A handler's signature as JSON Schema, and a client's arguments as its values.

msgspec reads the annotations. What it cannot express fails when the handler is registered, naming
the parameter.
"""

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec

from barewire.context import Context, SyncContext
from barewire.errors import ArgumentError
from barewire.invoke import behind
from barewire.protocol.codec import dumps, loads
from barewire.protocol.values import as_array, as_object
from barewire.server.mirrored import Header

__all__ = ["Schema", "Signature", "convert", "members_of_union", "schema_of"]

Schema: TypeAlias = dict[str, Any]

_PLAIN = (type(None), bool, int, float, str)

_EXACT = 2**53
"""Up to here every integer is a float, and a float that looks like an integer is that integer."""


class Signature:
    """What a handler takes: its parameters but for the context.

    `schema` is the JSON Schema of its arguments, an object at the root. `returns` is the annotation
    of what it returns, `inspect.Signature.empty` when there is none. Raises `TypeError`, naming the
    parameter, when arguments cannot be described by a schema.
    """

    __slots__ = (
        "_context_at",
        "_context_name",
        "_keywords",
        "_model",
        "_plain",
        "_positional",
        "returns",
        "schema",
        "wants_context",
    )

    def __init__(self, function: Callable[..., Any], name: str, *, is_async: bool) -> None:
        hints = _hints(function, name)
        self.returns: Any = hints.get("return", inspect.Signature.empty)
        self._context_at: int | None = None
        self._context_name: str | None = None
        self.wants_context: bool = False
        """Whether it takes a context."""
        self._keywords: list[str] = []
        self._positional = 0
        fields: list[_Field] = []
        for parameter in inspect.signature(function).parameters.values():
            annotation = hints.get(parameter.name, Any)
            kind = _context_kind(annotation)
            if kind is not None:
                self._take_context(kind, parameter, name, is_async)
                continue
            fields.append(_Field(parameter, annotation, name))
            if parameter.kind is parameter.KEYWORD_ONLY:
                self._keywords.append(parameter.name)
            else:
                self._positional += 1
        self._model = msgspec.defstruct(
            "arguments", [field.definition for field in fields], kw_only=True
        )
        self.schema: Schema = _schema_of_arguments(self._model, fields)
        self._plain = not self.wants_context and not self._keywords

    def read(self, arguments: dict[str, Any]) -> Any:
        """Return the values that `arguments` stand for, to be given to `call`.

        As in the schema, members that no parameter has are ignored. Raises `ArgumentError`, naming
        the argument, when they do not fit.
        """
        try:
            return convert(arguments, self._model)
        except msgspec.ValidationError as error:
            text = str(error).replace("`$.", "`arguments.").replace("`$`", "`arguments`")
            raise ArgumentError(text) from None
        except RecursionError:
            raise ArgumentError("arguments are nested too deeply") from None

    def call(self, function: Callable[..., Any], values: Any, context: object) -> Any:
        """Call `function` with what `read` returned, and with `context` if it takes one."""
        given = msgspec.structs.astuple(values)
        if self._plain:
            return function(*given)
        if self._context_at is not None:
            at = self._context_at
            given = (*given[:at], context, *given[at:])
        if not self._keywords and self._context_name is None:
            return function(*given)
        split = self._positional + (self._context_at is not None)
        named = dict(zip(self._keywords, given[split:], strict=True))
        if self._context_name is not None:
            named[self._context_name] = context
        return function(*given[:split], **named)

    def _take_context(
        self, kind: type, parameter: inspect.Parameter, name: str, is_async: bool
    ) -> None:
        if self.wants_context:
            raise TypeError(f"{name}: parameter {parameter.name} is a second context")
        right = Context if is_async else SyncContext
        if kind is not right:
            raise TypeError(
                f"{name}: parameter {parameter.name} must be annotated with {right.__name__}: "
                "Context is for async def handlers, SyncContext for plain ones"
            )
        self.wants_context = True
        if parameter.kind is parameter.KEYWORD_ONLY:
            self._context_name = parameter.name
        else:
            self._context_at = self._positional


class _Field:
    """One parameter as a member of the arguments; raises `TypeError` if it cannot be one."""

    __slots__ = ("default", "definition", "header", "name")

    def __init__(self, parameter: inspect.Parameter, annotation: Any, function: str) -> None:
        self.name = parameter.name
        self.default = parameter.default
        self.header = _header_in(annotation)
        where = f"{function}: parameter {self.name}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{where} stands for any number of arguments: name each of them")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"{where} is positional-only, but arguments are given by name")
        if self.default is None and annotation is not Any:
            annotation = annotation | None  # as everybody means it
        _must_have_schema(annotation, where)
        if not self.has_default:
            self.definition: Any = (self.name, annotation)
        elif isinstance(self.default, _PLAIN):
            self.definition = (self.name, annotation, self.default)
        else:
            constant = msgspec.field(default_factory=lambda: self.default)
            self.definition = (self.name, annotation, constant)

    @property
    def has_default(self) -> bool:
        return self.default is not inspect.Parameter.empty


def schema_of(annotation: Any) -> Schema:
    """Return the JSON Schema of a type, with what it refers to below `$defs`.

    The schema at the root is written out, not referred to. Raises `TypeError` for a type that has
    none.
    """
    (root,), definitions = msgspec.json.schema_components(
        [annotation], ref_template="#/$defs/{name}"
    )
    schema: Schema = dict(root)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix("#/$defs/")
        schema = dict(definitions[name])
        if not any(_refers(definition, reference) for definition in definitions.values()):
            definitions = {key: other for key, other in definitions.items() if key != name}
    if definitions:
        schema["$defs"] = definitions
    return schema


def convert(value: Any, annotation: Any) -> Any:
    """Return what parsed JSON stands for in a type; raises `msgspec.ValidationError`.

    JSON Schema: a number without a fraction is an integer, however it is written.
    """
    try:
        return msgspec.convert(value, annotation, str_keys=True)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
        return msgspec.convert(_with_integers(value), annotation, str_keys=True)


def members_of_union(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the one type that it is."""
    if get_origin(annotation) in (Union, UnionType):
        return get_args(annotation)
    return (annotation,)


def _with_integers(value: object) -> object:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    members, items = as_object(value), as_array(value)
    if members is not None:
        return {key: _with_integers(item) for key, item in members.items()}
    return value if items is None else [_with_integers(item) for item in items]


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(behind(function), include_extras=True)
    except NameError as error:
        raise TypeError(f"{name}: an annotation cannot be resolved: {error}") from error


def _context_kind(annotation: Any) -> type | None:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    for kind in (Context, SyncContext):
        if kind in members_of_union(annotation):
            return kind
    return None


def _header_in(annotation: Any) -> Header | None:
    """Return the `Header` that an annotation has, also one that it may not have there."""
    for member in members_of_union(annotation):
        if get_origin(member) is Annotated:
            inner, *extras = get_args(member)
            found = [extra for extra in extras if isinstance(extra, Header)]
            return found[0] if found else _header_in(inner)
    return None


def _schema_of_arguments(model: type[msgspec.Struct], fields: list[_Field]) -> Schema:
    schema = schema_of(model)
    schema.pop("title", None)
    properties: dict[str, Schema] = schema.setdefault("properties", {})
    for field in fields:
        properties[field.name].pop("default", None)
        if field.has_default:
            properties[field.name] |= _default_of(field)
        if field.header is not None:
            properties[field.name]["x-mcp-header"] = field.header.name
    return schema


def _default_of(field: _Field) -> Schema:
    """Return the member that shows a default, none if JSON has no such value."""
    try:
        data = msgspec.to_builtins(field.default, str_keys=True)
        written = dumps(data)
    except (TypeError, ValueError):
        return {}
    return {"default": data} if loads(written) == data else {}


def _must_have_schema(annotation: Any, where: str) -> None:
    """Raise `TypeError` unless the type can be described by a schema."""
    try:
        schema_of(annotation)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1]
        raise TypeError(f"{where} cannot be described by a schema: {reason}") from error


def _refers(schema: object, reference: str) -> bool:
    members = as_object(schema) or {}
    if members.get("$ref") == reference:
        return True
    inner = (*members.values(), *(as_array(schema) or ()))
    return any(_refers(value, reference) for value in inner)
