"""A handler's signature as JSON Schema, and a client's arguments as its values.

msgspec reads the annotations. What it cannot express fails when the handler is registered, naming
the parameter; with pydantic installed its models and types work as well.
"""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from barewire.context import Context, SyncContext
from barewire.protocol.codec import dumps
from barewire.protocol.values import as_array, as_object

__all__ = ["ArgumentError", "Signature", "schema_of"]

Schema = dict[str, Any]

_PLAIN = (type(None), bool, int, float, str)


class ArgumentError(ValueError):
    """A client's arguments do not fit; the text says which, and what was expected."""


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
        "_positional",
        "returns",
        "schema",
    )

    def __init__(self, function: Callable[..., Any]) -> None:
        name = getattr(function, "__name__", repr(function))
        hints = _hints(function, name)
        parameters = inspect.signature(function).parameters
        self.returns = hints.get("return", inspect.Signature.empty)
        self._context_at: int | None = None
        self._context_name: str | None = None
        positional: list[str] = []
        keywords: list[str] = []
        fields: list[tuple[str, Any, inspect.Parameter]] = []
        for parameter in parameters.values():
            kind = parameter.kind
            if kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(
                    f"{name}: parameter {parameter} cannot be described by a schema: "
                    "name each argument"
                )
            annotation = hints.get(parameter.name, Any)
            if annotation in (Context, SyncContext):
                self._wants_context(annotation, parameter, len(positional), function, name)
                continue
            (keywords if kind is parameter.KEYWORD_ONLY else positional).append(parameter.name)
            fields.append((parameter.name, annotation, parameter))
        fields.sort(key=lambda field: field[2].kind is inspect.Parameter.KEYWORD_ONLY)
        self._positional = len(positional)
        self._keywords = keywords
        self._model = _model(name, fields)
        self.schema = schema_of(self._model)
        self.schema.pop("title", None)
        self.schema.setdefault("properties", {})

    @property
    def wants_context(self) -> bool:
        """Whether it takes a context."""
        return self._context_at is not None or self._context_name is not None

    def read(self, arguments: dict[str, Any]) -> Any:
        """Return the values that `arguments` stand for, to be given to `call`.

        Raises `ArgumentError` when they do not fit.
        """
        try:
            return msgspec.convert(arguments, self._model)
        except msgspec.ValidationError as error:
            if "`float`" in str(error):
                return self._read_integral(arguments)
            raise ArgumentError(_plain(error)) from None

    def call(self, function: Callable[..., Any], values: Any, context: object) -> Any:
        """Call `function` with what `read` returned, and with `context` if it takes one."""
        given = msgspec.structs.astuple(values)
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

    def _read_integral(self, arguments: dict[str, Any]) -> Any:
        # JSON Schema: 1.0 is an integer. msgspec agrees when it reads JSON, not when it converts.
        try:
            return msgspec.json.decode(dumps(arguments), type=self._model)
        except msgspec.ValidationError as error:
            raise ArgumentError(_plain(error)) from None

    def _wants_context(
        self,
        kind: type,
        parameter: inspect.Parameter,
        at: int,
        function: Callable[..., Any],
        name: str,
    ) -> None:
        if self.wants_context:
            raise TypeError(f"{name}: parameter {parameter.name} is a second context")
        if (kind is Context) is not inspect.iscoroutinefunction(function):
            right = "Context" if kind is SyncContext else "SyncContext"
            raise TypeError(
                f"{name}: parameter {parameter.name} must be annotated with {right}: "
                "Context is for async def handlers, SyncContext for plain ones"
            )
        if parameter.kind is parameter.KEYWORD_ONLY:
            self._context_name = parameter.name
        else:
            self._context_at = at


def schema_of(annotation: Any) -> Schema:
    """Return the JSON Schema of a type, with what it refers to below `$defs`.

    The schema at the root is written out, not referred to, unless it refers to itself. Raises
    `TypeError` for a type that has none.
    """
    (root,), definitions = msgspec.json.schema_components(
        [annotation], ref_template="#/$defs/{name}"
    )
    schema: Schema = dict(root)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix("#/$defs/")
        schema = dict(definitions[name])
        if not _refers(schema, reference) and not any(
            _refers(other, reference) for key, other in definitions.items() if key != name
        ):
            definitions = {key: other for key, other in definitions.items() if key != name}
    if definitions:
        schema["$defs"] = definitions
    return schema


def _refers(schema: object, reference: str) -> bool:
    members = as_object(schema) or {}
    if members.get("$ref") == reference:
        return True
    inner = (*members.values(), *(as_array(schema) or ()))
    return any(_refers(value, reference) for value in inner)


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"{name}: an annotation cannot be resolved: {error}") from error


def _model(name: str, fields: list[tuple[str, Any, inspect.Parameter]]) -> type[msgspec.Struct]:
    made: list[Any] = []
    for field, annotation, parameter in fields:
        try:
            schema_of(annotation)
        except (TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise TypeError(
                f"{name}: parameter {field} cannot be described by a schema: {reason}"
            ) from error
        if parameter.default is parameter.empty:
            made.append((field, annotation))
        elif isinstance(parameter.default, _PLAIN):
            made.append((field, annotation, parameter.default))
        else:
            made.append((field, annotation, _constant(parameter.default)))
    return msgspec.defstruct(name, made, kw_only=True)


def _constant(value: Any) -> Any:
    return msgspec.field(default_factory=lambda: value)


def _plain(error: msgspec.ValidationError) -> str:
    return str(error).replace("`$.", "`arguments.").replace("at `$", "at `arguments")
