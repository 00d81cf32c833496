"""Messages made from the official JSON Schemas, sound ones and damaged ones.

This is a witness: it reads the schemas alone and nothing of ours. It is also quick and repeatable:
a definition keeps a small stock of sound values, which other definitions are put together from, and
damage copies no more than the way to it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.protocol.known_differences import Definitions, Schema

STOCK = 24

TEXTS = ("", "a", "weather", "é\u2028\U0001f40d", "2.0", "file:///tmp/x", "x" * 60)
NUMBERS = (0, 1, -1, 7, 0.5, 1.0, -2.5, 99, 2**53, 1e300)
INTEGERS = (0, 1, -1, 7, 3.0, 100, 2**53, 2**63 - 1, -(2**63))
VALUES: tuple[Any, ...] = (None, True, 0, 1.5, "x", [], {}, [1, {"a": None}], {"a": {"b": [0.5]}})
WRONG: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 1.0, 1.5, -1e-9, 101, 2**70, -(2**70), 1e25),
    *("", "zzz", "user", "text", "object", "string", "array", "complete", "form", "2.0"),
    *([], [None], ["x"], [{}], {}, {"zzz": 1}, {"type": "text", "text": "x"}),
)


def definitions_of(folder: Path, revision: str) -> tuple[Schema, Definitions]:
    """Read one official schema: all of it, and the definitions in it."""
    schema = json.loads((folder / revision / "schema.json").read_text("utf-8"))
    return schema, schema["$defs"] if "$defs" in schema else schema["definitions"]


class Messages:
    """Makes messages for the definitions of one revision."""

    def __init__(self, definitions: Definitions, seed: int = 0) -> None:
        self._definitions = definitions
        self._random = Random(seed)
        self._stocks: dict[str, list[Any]] = {}
        self._inside: list[str] | None = None

    def full(self, schema: Schema) -> Any:
        """Make a value that the schema accepts, with every member that it knows."""
        self._inside = []
        try:
            return self.sound(schema)
        finally:
            self._inside = None

    def sound(self, schema: Schema) -> Any:
        """Make a value that the schema accepts."""
        if "$ref" in schema:
            return self._referred(schema["$ref"].rpartition("/")[2])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        if "anyOf" in schema:
            return self.sound(self._random.choice(schema["anyOf"]))
        if "allOf" in schema:
            return self._united(schema["allOf"])
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self._random.choice(kind)
        return self._of_kind(kind, schema)

    def damaged(self, value: Any) -> Any:
        """Make a copy of a value that is changed somewhere. Not every change does harm."""
        if not value or not isinstance(value, (dict, list)) or self._random.random() < 0.15:
            return self._replaced(value)
        if isinstance(value, dict):
            key = self._random.choice(list(value))
            if self._random.random() < 0.2:
                return {name: value[name] for name in value if name != key}
            return {**value, key: self.damaged(value[key])}
        place = self._random.randrange(len(value))
        return [*value[:place], self.damaged(value[place]), *value[place + 1 :]]

    def damaged_everywhere(self, value: Any, depth: int = 0) -> Iterator[Any]:
        """Make copies of a value with every part of it gone, and wrong in all ways or in some."""
        yield from WRONG if depth < 2 else (None, {}, 1.5, *self._random.sample(WRONG, 4))
        if isinstance(value, dict):
            for key in value:
                yield {name: value[name] for name in value if name != key}
                for part in self.damaged_everywhere(value[key], depth + 1):
                    yield {**value, key: part}
        elif isinstance(value, list):
            if value and isinstance(value[0], str):
                yield value * 101
            for place, item in enumerate(value):
                for part in self.damaged_everywhere(item, depth + 1):
                    yield [*value[:place], part, *value[place + 1 :]]

    def _referred(self, name: str) -> Any:
        if self._inside is None or name in self._inside:
            return self._random.choice(self._stock(name))
        self._inside.append(name)
        value = self.sound(self._definitions[name])
        self._inside.pop()
        return value

    def _stock(self, name: str) -> list[Any]:
        if name not in self._stocks:
            # A definition that contains itself finds an empty value here while it is being made.
            schema = self._definitions[name]
            self._stocks[name] = [{"object": {}, "array": []}.get(str(schema.get("type")), "x")]
            inside, self._inside = self._inside, None
            self._stocks[name] = [self.sound(schema) for _ in range(STOCK)]
            self._inside = inside
        return self._stocks[name]

    def _of_kind(self, kind: str | None, schema: Schema) -> Any:
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                items = schema.get("items", {})
                size = 1 if self._inside is not None else self._random.choice((0, 1, 1, 2, 3))
                return [self.sound(items) for _ in range(size)]
            case "string":
                return self._random.choice(TEXTS)
            case "integer" | "number":
                return self._number(INTEGERS if kind == "integer" else NUMBERS, schema)
            case "boolean":
                return self._random.random() < 0.5
            case "null":
                return None
            case _:
                return self._random.choice(VALUES)

    def _number(self, numbers: tuple[float, ...], schema: Schema) -> float:
        least, most = schema.get("minimum", -1e301), schema.get("maximum", 1e301)
        return self._random.choice([number for number in numbers if least <= number <= most])

    def _object(self, schema: Schema) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            if name in required or self._inside is not None or self._random.random() < 0.5:
                made[name] = self.sound(member)
        others = schema.get("additionalProperties", True)
        if others is not False and self._random.random() < 0.4:
            others = {} if others is True else others
            made["other"] = self.sound(others)
            made["another/one"] = self.sound(others)
        return made

    def _united(self, schemas: list[Schema]) -> Any:
        united: Any = self.sound(schemas[0])
        for schema in schemas[1:]:
            united = _merged(united, self.sound(schema))
        return united

    def _replaced(self, value: Any) -> Any:
        wrong = self._random.choice(WRONG)
        if isinstance(value, list) and self._random.random() < 0.5:
            return [*value, wrong]
        if isinstance(value, dict) and self._random.random() < 0.5:
            return {**value, self._random.choice(("other", "_meta", "type")): wrong}
        return wrong


def _merged(first: Any, second: Any) -> Any:
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return second
    both = {**first, **second}
    for key in first.keys() & second.keys():
        both[key] = _merged(first[key], second[key])
    return both
