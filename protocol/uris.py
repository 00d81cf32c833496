"""URI templates (RFC 6570) in both directions, and a check of URIs (RFC 3986).

Resources, Resource Templates. `UriTemplate.expand` is complete: levels 1 to 4. Matching is left
open by the RFC (section 1.4); here it is the inverse of expanding, for levels 1 to 3, in linear
time and without backtracking. A template whose variables cannot be told apart in that way is
refused when it is registered, with the place where it happens, and not matched by guesswork.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Final, TypeAlias

from barewire.protocol.record import record

__all__ = ["Scalar", "TemplateError", "UriTemplate", "Value", "is_uri"]

Scalar: TypeAlias = str | int | float | bool
"""A single value. Numbers are written in decimal, booleans as `true` and `false`."""

Value: TypeAlias = Scalar | Sequence[Scalar | None] | Mapping[str, Scalar | None] | None
"""What a variable may be: a single value, a list, names with values. `None` is undefined."""

_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*+:"
    r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]++|%[0-9A-Fa-f]{2})*+"
    r"(?:#(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]++|%[0-9A-Fa-f]{2})*+)?"
)


def is_uri(text: str) -> bool:
    """Whether `text` is a URI by RFC 3986: a scheme, a colon, and what may stand behind them.

    Relative references are none, nor is text beyond ASCII. What single schemes ask for besides is
    not checked.
    """
    return _URI.fullmatch(text) is not None


class TemplateError(ValueError):
    """A template that is none, that cannot be matched, or that cannot take a value."""

    def __init__(self, detail: str, template: str, position: int) -> None:
        """Say what is wrong (`detail`) with `template` at the character `position`, from 0."""
        super().__init__(f"{detail}, at character {position} of {template!r}")
        self.detail = detail
        self.template = template
        self.position = position


@record
class _Operator:
    """How an expression is written (RFC 6570, appendix A)."""

    first: str = ""
    """What stands before the first value."""
    separator: str = ","
    named: bool = False
    """Values come as `name=value`."""
    if_empty: str = ""
    """What stands behind the name of an empty value."""
    reserved: bool = False
    """Reserved characters and percent-encoded triplets stand as they are."""


_OPERATORS: Final = {
    "": _Operator(),
    "+": _Operator(reserved=True),
    "#": _Operator("#", reserved=True),
    ".": _Operator(".", "."),
    "/": _Operator("/", "/"),
    ";": _Operator(";", ";", named=True),
    "?": _Operator("?", "&", named=True, if_empty="="),
    "&": _Operator("&", "&", named=True, if_empty="="),
}
_FUTURE_OPERATORS: Final = "=,!@|"


@record
class _Variable:
    name: str
    position: int
    explode: bool
    prefix: int | None


@record
class _Expression:
    operator: _Operator
    variables: list[_Variable]


class UriTemplate:
    """A URI template of RFC 6570. Two are equal when their texts are.

    Raises `TemplateError` for a text that is no template.
    """

    __slots__ = ("_parts", "_plan", "text", "variables")

    text: str
    variables: tuple[str, ...]
    """The names of the variables, in the order of their first appearance."""

    def __init__(self, text: str) -> None:
        """Read the template `text`."""
        self.text = text
        self._parts = list(_parse(text))
        self.variables = tuple(
            dict.fromkeys(variable.name for part in self._parts for variable in _variables(part))
        )
        self._plan: _Plan | None = None

    @classmethod
    def for_matching(cls, text: str) -> "UriTemplate":
        """Read a template that `match` will be asked for.

        Raises `TemplateError` also for a template that cannot be matched: see `check_matchable`.
        """
        template = cls(text)
        template.check_matchable()
        return template

    def expand(self, /, **values: Value) -> str:
        """Return the URI, or reference, that the template stands for with these `values`.

        A variable without a value, and an empty list or mapping, is left out, as the RFC says.
        Raises `TemplateError` for a prefix (`{x:3}`) of a list or mapping, and for a string with a
        lone surrogate, which no URI can carry.
        """
        return "".join(
            part if isinstance(part, str) else self._expand(part, values) for part in self._parts
        )

    def check_matchable(self) -> None:
        """Raise `TemplateError` unless its variables can be told apart in every URI.

        Once expanded, `{x}` holds unreserved characters and triplets only, so `{a}/{b}`, `{a}.txt`
        and `{a}{?b}` are clear, and so is one variable that may hold anything, as in `{+x}` or
        `{#x}`. Refused are:

        * two variables with nothing between them that a value could not hold: `{a}{b}`, `{a}-{b}`,
          `{.a,b}`;
        * a second variable that may hold anything, `{+a}/x/{+b}` or `{+a,b}`, and `;`, `?` or `&`
          behind the first: `{+path}{?q}`;
        * `;`, `?` or `&` in front of something that could belong to it: `{?q}x`, `{?a}{&b}`;
        * a variable that occurs twice, and the modifiers of level 4: `{x*}`, `{x:3}`.
        """
        self._matching_plan()

    def match(self, uri: str) -> dict[str, str] | None:
        """Return the values that expand to `uri`, percent-decoded, `None` when there are none.

        Total and linear: no `uri` raises. The variables of `;`, `?` and `&` may come in any order,
        be empty or be missing, and no others may stand among them; all other variables have to be
        there and not be empty. For such values `match(expand(**values)) == values`, except that
        triplets within a value of `{+x}`, such as `%41`, come back decoded. Characters that should
        have been encoded are taken as they are where that leaves no doubt.

        Values are not judged: `{x}` may yield a `/` or `..` that was percent-encoded.
        Raises `TemplateError` where `check_matchable` does.
        """
        found = _match(self._matching_plan(), uri)
        if found is None:
            return None
        values: dict[str, str] = {}
        for name in self.variables:
            if name in found:
                value = _decoded(found[name])
                if value is None:
                    return None
                values[name] = value
        return values

    def _matching_plan(self) -> "_Plan":
        if self._plan is None:
            self._plan = _plan(self.text, self._parts)
        return self._plan

    def _expand(self, expression: _Expression, values: Mapping[str, Value]) -> str:
        operator = expression.operator
        written: list[str] = []
        for variable in expression.variables:
            try:
                written += _write(operator, variable, values.get(variable.name))
            except ValueError as error:
                detail = f"'{variable.name}' cannot be expanded: {error}"
                raise TemplateError(detail, self.text, variable.position) from None
        return operator.first + operator.separator.join(written) if written else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UriTemplate) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"UriTemplate({self.text!r})"

    def __str__(self) -> str:
        return self.text


def _variables(part: str | _Expression) -> list[_Variable]:
    return [] if isinstance(part, str) else part.variables


# Reading a template (RFC 6570, section 2).

# A literal is visible ASCII without " % < > \ ^ ` { | }, and what lies beyond ASCII, except control
# characters and surrogates. The RFC leaves the apostrophe out too, though a URI may hold it.
_LITERAL = re.compile(
    r"(?:[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~\xa0-\ud7ff\ue000-\U0010ffff]++|%[0-9A-Fa-f]{2})*+"
)
_VARIABLE = re.compile(
    r"(?P<name>(?:\w|%[0-9A-Fa-f]{2})++(?:\.(?:\w|%[0-9A-Fa-f]{2})++)*+)"
    r"(?:(?P<explode>\*)|:(?P<prefix>[1-9][0-9]{0,3}+))?",
    re.ASCII,
)


def _parse(text: str) -> Iterator[str | _Expression]:
    """Take a template apart; literals come as they stand in every expansion."""
    position = 0
    while position < len(text):
        if text[position] == "{":
            end = text.find("}", position)
            if end < 0:
                raise TemplateError("an expression is not closed", text, position)
            yield _parse_expression(text, position + 1, end)
            position = end + 1
        else:
            end = text.find("{", position)
            end = len(text) if end < 0 else end
            legal = _LITERAL.match(text, position, end)
            stop = position if legal is None else legal.end()
            if stop < end:
                raise TemplateError(f"{text[stop]!r} is not allowed here", text, stop)
            yield _encoded(text[position:end], _KEEP_RESERVED)
            position = end


def _parse_expression(text: str, position: int, end: int) -> _Expression:
    first = text[position]
    if first in _FUTURE_OPERATORS:
        raise TemplateError(f"the operator {first!r} is not defined yet", text, position)
    if first in _OPERATORS:
        position += 1
    variables: list[_Variable] = []
    while True:
        found = _VARIABLE.match(text, position, end)
        if found is None:
            raise TemplateError("a variable name is missing", text, position)
        prefix = int(found["prefix"]) if found["prefix"] else None
        variables.append(_Variable(found["name"], position, bool(found["explode"]), prefix))
        position = found.end()
        if position == end:
            return _Expression(_OPERATORS.get(first, _OPERATORS[""]), variables)
        if text[position] != ",":
            raise TemplateError(f"{text[position]!r} is not allowed here", text, position)
        position += 1


# Expanding (RFC 6570, section 3 and appendix A).

_UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_RESERVED: Final = ":/?#[]@!$&'()*+,;="
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# One character of a value in which percent-encoded triplets count: those of one code point are one.
_CHARACTER = re.compile(
    r"%[C-Dc-d][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]"
    r"|%[Ee][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){2}"
    r"|%[Ff][0-7](?:%[89ABab][0-9A-Fa-f]){3}"
    r"|%[0-9A-Fa-f]{2}|.",
    re.DOTALL,
)


def _table(kept: str) -> list[str]:
    """Say how each byte of UTF-8 is written when the characters `kept` stand for themselves."""
    return [chr(byte) if chr(byte) in kept else f"%{byte:02X}" for byte in range(256)]


_KEEP_UNRESERVED: Final = _table(_UNRESERVED)
_KEEP_RESERVED: Final = _table(_UNRESERVED + _RESERVED + "%")
_KEEP_ASCII: Final = _table("".join(map(chr, range(128))))


def _encoded(text: str, table: list[str]) -> str:
    """Percent-encode `text`. Raises `UnicodeEncodeError` for a lone surrogate."""
    written = "".join([table[byte] for byte in text.encode()])
    # A percent sign that begins no triplet is a character like any other.
    return _LONE_PERCENT.sub("%25", written) if table is _KEEP_RESERVED else written


def _write(operator: _Operator, variable: _Variable, value: Value) -> list[str]:
    """Return the texts that the separator joins; an undefined variable has none."""
    table = _KEEP_RESERVED if operator.reserved else _KEEP_UNRESERVED
    if value is None:
        return []
    if isinstance(value, (str, int, float)):
        text = _first(variable.prefix, _text(value), operator)
        return [_pair(operator, variable.name, _encoded(text, table))]
    if variable.prefix is not None:
        raise ValueError("only a single value has a prefix")
    if isinstance(value, Mapping):
        pairs = [(str(k), _text(v)) for k, v in value.items() if v is not None]
        encoded = [(_encoded(k, table), _encoded(v, table)) for k, v in pairs]
        if variable.explode:
            return [_pair(operator, k, v) if operator.named else f"{k}={v}" for k, v in encoded]
        items = [text for pair in encoded for text in pair]
    else:
        items = [_encoded(_text(item), table) for item in value if item is not None]
        if variable.explode:
            return [_pair(operator, variable.name, item) for item in items]
    return [_pair(operator, variable.name, ",".join(items))] if items else []


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _first(length: int | None, text: str, operator: _Operator) -> str:
    """Return the first `length` characters of `text`, and never half of an encoded one."""
    if length is None or not operator.reserved:
        return text[:length]
    return "".join(found[0] for found in islice(_CHARACTER.finditer(text), length))


def _pair(operator: _Operator, name: str, text: str) -> str:
    if not operator.named:
        return text
    return f"{name}={text}" if text else name + operator.if_empty


# Matching. The template becomes a row of texts, captures and pairs. What stands before a capture
# that may hold anything is read from the front, what stands behind it from the back, and the rest
# is its value. Every step knows from the template alone where it ends: nothing is tried twice.


@record
class _Text:
    text: str


@record
class _Capture:
    variable: _Variable
    anything: bool
    """Its value may hold any character, and not unreserved ones only."""


@record
class _Pairs:
    operator: _Operator
    variables: list[_Variable]


_Token: TypeAlias = _Text | _Capture | _Pairs

_PLAIN: Final = frozenset(_UNRESERVED + "%")
"""What an expanded value consists of, unless it may hold anything."""


def _tokens(template: str, parts: list[str | _Expression]) -> Iterator[_Token]:
    """Spell the expressions out: `{/a,b}` is a slash, a capture, a slash and a capture."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        operator = part.operator
        rest: list[_Token] = [_Capture(variable, operator.reserved) for variable in part.variables]
        if operator.named:
            rest = [_Pairs(operator, part.variables)]
        else:
            text += operator.first
        for token in rest:
            if text:
                yield _Text(text)
            yield token
            text = operator.separator
        text = ""
    if text:
        yield _Text(text)


def _refuse_what_cannot_be_matched(template: str, variables: list[_Variable]) -> None:
    seen: set[str] = set()
    for variable in variables:
        name = variable.name
        if variable.explode or variable.prefix is not None:
            modifier = "*" if variable.explode else f":{variable.prefix}"
            detail = f"'{name}{modifier}' can be expanded but not matched"
            raise TemplateError(detail, template, variable.position)
        if name in seen:
            raise TemplateError(f"'{name}' occurs twice", template, variable.position)
        seen.add(name)


def _refuse_doubt(template: str, tokens: list[_Token]) -> None:
    """Raise `TemplateError` at the first variable that cannot be told from what is beside it."""
    anything: str | None = None
    for place, token in enumerate(tokens):
        if isinstance(token, _Text):
            continue
        variable = token.variable if isinstance(token, _Capture) else token.variables[0]
        greedy = isinstance(token, _Capture) and token.anything
        if anything is not None and (greedy or isinstance(token, _Pairs)):
            doubt: str | None = f"'{anything}', which may hold any character"
        elif isinstance(token, _Pairs):
            doubt = _doubt_behind(tokens, place, token.operator)
        else:
            doubt = _doubt_before(tokens, place)
        if doubt is not None:
            detail = f"'{variable.name}' cannot be told from {doubt}"
            raise TemplateError(detail, template, variable.position)
        if greedy:
            anything = variable.name


def _doubt_behind(tokens: list[_Token], place: int, operator: _Operator) -> str | None:
    own = _PLAIN | {"=", operator.first, operator.separator}
    return "what follows, which could belong to it" if own & _firsts(tokens, place + 1) else None


def _doubt_before(tokens: list[_Token], place: int) -> str | None:
    between = _text_at(tokens, place - 1) if place else ""
    place -= 2 if between else 1
    before = tokens[place] if place >= 0 else None
    if not isinstance(before, _Capture) or not _PLAIN.issuperset(between):
        return None
    why = f"a value may hold {between!r} too" if between else "nothing stands between them"
    return f"'{before.variable.name}': {why}"


def _text_at(tokens: list[_Token], place: int) -> str:
    token = tokens[place] if place < len(tokens) else None
    return token.text if isinstance(token, _Text) else ""


def _firsts(tokens: list[_Token], place: int) -> frozenset[str]:
    """Return the characters with which the expansion of the tokens from `place` on may begin."""
    found: frozenset[str] = frozenset()
    for index in range(place, len(tokens)):
        token = tokens[index]
        if isinstance(token, _Pairs):
            found |= {token.operator.first}
        elif isinstance(token, _Text):
            return found | {token.text[0]}
        else:
            return found | _PLAIN
    return found


@record
class _Take:
    """Take all before the next character of `ends`, or the end, but for `left` characters."""

    name: str
    ends: re.Pattern[str]
    left: int


@record
class _TakePairs:
    """Take pairs up to the next character of `ends`, or the end, if `leader` comes next."""

    leader: str
    separator: str
    names: frozenset[str]
    ends: re.Pattern[str]


_Step: TypeAlias = str | _Take | _TakePairs


@record
class _Plan:
    head: list[_Step]
    rest: str | None
    """The name of the variable that may hold anything, if there is one."""
    tail: list[_Step]
    """How to read backwards what stands behind it."""
    triplets: bool
    """Some text is percent-encoded, so that a URI has to be as well."""


def _plan(template: str, parts: list[str | _Expression]) -> _Plan:
    """Say how to match a template, or raise `TemplateError`."""
    _refuse_what_cannot_be_matched(
        template, [variable for part in parts for variable in _variables(part)]
    )
    tokens = list(_tokens(template, parts))
    _refuse_doubt(template, tokens)
    triplets = any(isinstance(token, _Text) and "%" in token.text for token in tokens)
    separators = _separators(tokens)
    for place, token in enumerate(tokens):
        if isinstance(token, _Capture) and token.anything:
            head = _steps(tokens[:place], separators)
            tail = [_Text(t.text[::-1]) if isinstance(t, _Text) else t for t in tokens[place + 1 :]]
            rest = token.variable.name
            return _Plan(head, rest, _steps(tail[::-1], separators), triplets)
    return _Plan(_steps(tokens, separators), None, [], triplets)


def _separators(tokens: list[_Token]) -> frozenset[str]:
    """Return what stands between captures: no value holds it that is not encoded."""
    captures = [place for place, token in enumerate(tokens) if isinstance(token, _Capture)]
    between = tokens[captures[0] : captures[-1]] if captures else []
    texts = [token.text for token in between if isinstance(token, _Text)]
    return frozenset("/?#").union(*texts) - _PLAIN


def _steps(tokens: list[_Token], separators: frozenset[str]) -> list[_Step]:
    steps: list[_Step] = []
    for place, token in enumerate(tokens, 1):
        if isinstance(token, _Text):
            steps.append(token.text)
        elif isinstance(token, _Pairs):
            operator = token.operator
            names = frozenset(variable.name for variable in token.variables)
            ends = _firsts(tokens, place).union("/?#" if operator.first == ";" else "#")
            steps.append(_TakePairs(operator.first, operator.separator, names, _any_of(ends)))
        else:
            # Of the text behind, what a value could hold lies before the character that ends it.
            text = _text_at(tokens, place)
            plain = "".join(takewhile(_PLAIN.__contains__, text))
            end = text[len(plain) : len(plain) + 1]
            ends = frozenset(end) or _firsts(tokens, place + 1 if text else place)
            steps.append(_Take(token.variable.name, _any_of(ends | separators), len(plain)))
    return steps


def _any_of(characters: frozenset[str]) -> re.Pattern[str]:
    return re.compile("[" + re.escape("".join(sorted(characters))) + "]")


_SURROGATE = re.compile("[\ud800-\udfff]")


def _match(plan: _Plan, uri: str) -> dict[str, str] | None:
    """Return the values as they stand in `uri`."""
    if not uri.isascii():
        if _SURROGATE.search(uri):
            return None
        if plan.triplets:
            uri = _encoded(uri, _KEEP_ASCII)
    found: dict[str, str] = {}
    start = _walk(plan.head, uri, found)
    if start is None:
        return None
    if plan.rest is None:
        return found if start == len(uri) else None
    reversed_: dict[str, str] = {}
    behind = _walk(plan.tail, uri[::-1], reversed_)
    if behind is None or start >= len(uri) - behind:
        return None
    found[plan.rest] = uri[start : len(uri) - behind]
    found.update((name, text[::-1]) for name, text in reversed_.items())
    return found


def _walk(steps: list[_Step], uri: str, found: dict[str, str]) -> int | None:
    """Carry out `steps` from the front of `uri`; return how far they came, `None` if one failed."""
    position = 0
    for step in steps:
        if isinstance(step, str):
            if not uri.startswith(step, position):
                return None
            position += len(step)
        elif isinstance(step, _Take):
            end = _end(step.ends, uri, position) - step.left
            if end <= position:
                return None
            found[step.name] = uri[position:end]
            position = end
        elif uri.startswith(step.leader, position):
            end = _end(step.ends, uri, position + 1)
            if not _take_pairs(step, uri[position + 1 : end], found):
                return None
            position = end
    return position


def _end(ends: re.Pattern[str], uri: str, position: int) -> int:
    found = ends.search(uri, position)
    return len(uri) if found is None else found.start()


def _take_pairs(step: _TakePairs, text: str, found: dict[str, str]) -> bool:
    """Read `name=value` pairs; say no to a name that is unknown or comes twice."""
    for pair in text.split(step.separator, len(step.names)):
        name, _, value = pair.partition("=")
        if name not in step.names or name in found:
            return False
        found[name] = value
    return True


def _decoded(text: str) -> str | None:
    """Percent-decode `text`; `None` when a triplet is broken or the octets are no UTF-8."""
    if "%" not in text:
        return text
    # The codec of string escapes makes octets of triplets at the speed of C. It works in Latin-1.
    escaped = text.replace("\\", "\\\\").replace("%", "\\x")
    try:
        return escaped.encode().decode("unicode_escape").encode("latin-1").decode()
    except UnicodeError:
        return None
