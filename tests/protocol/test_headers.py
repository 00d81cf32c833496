"""Header mirroring: every row of the specification's tables, and both sides against each other."""

import string
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.headers import (
    MAX_ANNOTATIONS,
    MAX_INTEGER,
    Annotation,
    BadAnnotations,
    Mismatch,
    Undecodable,
    check_method,
    check_mirrors,
    check_name,
    check_params,
    check_version,
    decode_value,
    encode_value,
    header_annotations,
    mirror,
    standard_headers,
)
from barewire.protocol.revisions import V2025_11_25, V2026_07_28

VERSION = V2026_07_28.name
ENVELOPE = {"_meta": {"io.modelcontextprotocol/protocolVersion": VERSION}}


def received(headers: Mapping[str, str]) -> dict[str, str]:
    """What a server's HTTP parser makes of the headers that a client sent."""
    return {name.lower(): value for name, value in headers.items()}


def annotated(schema: object) -> list[Annotation]:
    found = header_annotations(schema)
    assert isinstance(found, list)
    return found


def faults(schema: object) -> list[str]:
    found = header_annotations(schema)
    assert isinstance(found, BadAnnotations)
    return [str(fault) for fault in found.faults]


def properties(**schemas: object) -> dict[str, object]:
    return {"type": "object", "properties": schemas}


def marked(name: object, type_: object = "string") -> dict[str, object]:
    return {"type": type_, "x-mcp-header": name}


class TestValues:
    @pytest.mark.rule("M0728-HDR-18", "M0728-HDR-19", "M0728-HDR-23", "H-02", "C-23")
    @pytest.mark.parametrize(
        ("value", "header"),
        [
            # Streamable HTTP, Value Encoding: the conversion of types, and its examples.
            ("us-west1", "us-west1"),
            (42, "42"),
            (-7, "-7"),
            (True, "true"),
            (False, "false"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            # What else may stand as it is.
            ("us west 1", "us west 1"),
            ("", ""),
            ("=?BASE64?SGVsbG8=?=", "=?BASE64?SGVsbG8=?="),
            ("=?base64?SGVsbG8=", "=?base64?SGVsbG8="),
            ("SGVsbG8=?=", "SGVsbG8=?="),
            ("file:///projects/myapp/config.json", "file:///projects/myapp/config.json"),
            (string.punctuation, string.punctuation),
            (0, "0"),
            (MAX_INTEGER, "9007199254740991"),
            (-MAX_INTEGER, "-9007199254740991"),
            # What else may not.
            ("日本語", "=?base64?5pel5pys6Kqe?="),
            ("\U0001f600", "=?base64?8J+YgA==?="),
            ("\ttab", "=?base64?CXRhYg==?="),
            ("a\tb", "=?base64?YQli?="),
            ("tab\t", "=?base64?dGFiCQ==?="),
            ("a\r\nX-Injected: 1", "=?base64?YQ0KWC1JbmplY3RlZDogMQ==?="),
            ("\0", "=?base64?AA==?="),
            ("\x7f", "=?base64?fw==?="),
            (" ", "=?base64?IA==?="),
            ("\n", "=?base64?Cg==?="),
            ("=?base64??=", "=?base64?PT9iYXNlNjQ/Pz0=?="),
            ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
        ],
    )
    def test_a_value_is_written_as_the_table_says_and_read_back(
        self, value: str | int | bool, header: str
    ) -> None:
        assert encode_value(value) == header
        if isinstance(value, str):
            assert decode_value(header) == value

    @pytest.mark.rule("M0728-HDR-20", "M0728-HDR-21", "H-02")
    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("=?base64?SGVsbG8=?=", "Hello"),
            ("=?base64??=", ""),
            ("=?BASE64?SGVsbG8=?=", "=?BASE64?SGVsbG8=?="),
            ("=?Base64?SGVsbG8=?=", "=?Base64?SGVsbG8=?="),
            ("SGVsbG8=", "SGVsbG8="),
            ("=?base64?SGVsbG8=", "=?base64?SGVsbG8="),
            ("SGVsbG8=?=", "SGVsbG8=?="),
            ("x=?base64?SGVsbG8=?=", "x=?base64?SGVsbG8=?="),
            ("a\tb", "a\tb"),
            ("", ""),
        ],
    )
    def test_a_header_is_read_as_the_table_says(self, header: str, value: str) -> None:
        assert decode_value(header) == value

    @pytest.mark.rule("M0728-HDR-27", "M0728-HDR-38", "H-02")
    @pytest.mark.parametrize(
        "header",
        [
            "=?base64?SGVsbG8?=",  # no padding
            "=?base64?SGVsbG8==?=",  # too much of it
            "=?base64?SGVs!!!bG8=?=",  # another alphabet
            "=?base64?PT9iYXNlNjQ_bGl0ZXJhbD89?=",  # that of URLs
            "=?base64?SGVs bG8=?=",
            "=?base64? SGVsbG8=?=",
            "=?base64?SGVsbG9=?=",  # bits that no encoder leaves
            "=?base64?SGVsbG8=SGVsbG8=?=",
            "=?base64?/w==?=",  # no UTF-8
            "=?base64?7aCA?=",  # a surrogate
            "=?base64?=",
            "=?base64?A?=",
            "=?base64?=?=",
            "caf\xe9",
            "a\nb",
            "a\rb",
            "a\0b",
            "\x7f",
            "日本",
        ],
    )
    def test_a_header_that_no_encoder_writes_is_undecodable(self, header: str) -> None:
        assert isinstance(decode_value(header), Undecodable)

    @pytest.mark.rule("M0728-HDR-11")
    @pytest.mark.parametrize("value", [2**53, -(2**53), 10**400])
    def test_an_integer_that_javascript_would_round_is_refused(self, value: int) -> None:
        with pytest.raises(ValueError, match="2\\^53"):
            encode_value(value)

    def test_a_lone_surrogate_is_refused(self) -> None:
        with pytest.raises(ValueError, match="surrogates"):
            encode_value("\ud800")

    @given(
        st.text()
        | st.text(string.printable)
        | st.sampled_from(["=?base64?", "?=", "="]).flatmap(
            lambda s: st.text("?=ab6").map(s.__add__)
        )
    )
    @pytest.mark.rule("H-02", "C-23", "M0728-HDR-19", "M0728-HDR-23")
    def test_any_text_travels_as_ascii_on_one_line_and_comes_back(self, text: str) -> None:
        header = encode_value(text)
        assert header.isascii()
        assert header.isprintable()
        assert header == header.strip()
        assert decode_value(header) == text

    @given(st.integers(-MAX_INTEGER, MAX_INTEGER))
    def test_any_safe_integer_is_its_decimal_form(self, value: int) -> None:
        assert int(encode_value(value)) == value

    @given(st.text() | st.text("=?base64SGVsbG8+/ ").map(lambda t: f"=?base64?{t}?="))
    def test_decoding_is_total_and_has_one_form_for_each_encoded_value(self, header: str) -> None:
        value = decode_value(header)
        if isinstance(value, str) and value != header:
            assert header == "=?base64??=" or encode_value(value) in (header, value)


class TestStandardHeaders:
    @pytest.mark.rule("M0728-HDR-01", "M0728-HDR-02", "M0728-HDR-24", "M0728-HTTP-62", "C-22")
    def test_a_tool_call(self) -> None:
        assert standard_headers("tools/call", {"name": "get_weather"}, VERSION) == {
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": "get_weather",
        }

    @pytest.mark.rule("M0728-HDR-02", "M0728-XTSK-31")
    @pytest.mark.parametrize(
        ("method", "field"),
        [
            ("tools/call", "name"),
            ("prompts/get", "name"),
            ("resources/read", "uri"),
            ("tasks/get", "taskId"),
            ("tasks/update", "taskId"),
            ("tasks/cancel", "taskId"),
        ],
    )
    def test_the_name_comes_from_the_field_of_the_method(self, method: str, field: str) -> None:
        params = {"name": 0, "uri": 0, "taskId": 0} | {field: "it"}
        assert standard_headers(method, params, VERSION)["Mcp-Name"] == "it"

    @pytest.mark.rule("M0728-HDR-03", "C-23")
    def test_a_name_that_is_unsafe_is_encoded(self) -> None:
        headers = standard_headers("resources/read", {"uri": "file:///日本\r\n"}, VERSION)
        assert headers["Mcp-Name"] == "=?base64?ZmlsZTovLy/ml6XmnKwNCg==?="

    @pytest.mark.parametrize("params", [None, {}, {"name": 5}, {"uri": "x"}])
    def test_no_name_no_header(self, params: dict[str, Any] | None) -> None:
        assert "Mcp-Name" not in standard_headers("prompts/get", params, VERSION)

    @pytest.mark.parametrize("method", ["tools/list", "completion/complete", "server/discover"])
    def test_other_methods_have_no_name(self, method: str) -> None:
        assert "Mcp-Name" not in standard_headers(method, {"name": "x", "uri": "x"}, VERSION)

    @pytest.mark.rule("C-23")
    @pytest.mark.parametrize("method", ["", "a\r\nX: y", " a", "é", "a\tb"])
    def test_a_method_that_a_header_cannot_carry_is_refused(self, method: str) -> None:
        with pytest.raises(ValueError, match=r"^method "):
            standard_headers(method, None, VERSION)

    def test_a_revision_that_a_header_cannot_carry_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^revision "):
            standard_headers("tools/list", None, "2026\n")


def bare(schema: object) -> object:
    return schema


def listed(schema: object) -> object:
    return [True, None, schema]


def named(schema: object) -> object:
    return {"x": schema, "y": ["x"], "z": False}


class TestAnnotations:
    @pytest.mark.rule("M0728-HDR-04", "M0728-HDR-12", "C-24")
    def test_they_are_found_at_any_depth_in_the_order_of_the_schema(self) -> None:
        schema = properties(
            region=marked("Region"),
            query={"type": "string"},
            options=properties(limit=marked("Limit", "integer"), deep=properties(x=marked("X"))),
            dry=marked("Dry-Run", "boolean"),
        )
        assert annotated(schema) == [
            Annotation("Region", ("region",)),
            Annotation("Limit", ("options", "limit")),
            Annotation("X", ("options", "deep", "x")),
            Annotation("Dry-Run", ("dry",)),
        ]

    @pytest.mark.parametrize("schema", [None, True, 5, "x", [], {}, {"properties": 5}])
    def test_a_schema_without_schemas_has_none(self, schema: object) -> None:
        assert annotated(schema) == []

    @pytest.mark.rule("M0728-HDR-06", "M0728-HDR-07", "M0728-HDR-08", "M0728-HDR-14", "C-24")
    @pytest.mark.parametrize(
        "name",
        [
            *(
                "",
                "My Region",
                "Region:Primary",
                "Région",
                "a\x01",
                "a\r\nX: y",
                "a\n",
                "a/b",
                "(a)",
            ),
            *(None, 5, True, ["Region"], {"name": "Region"}),
        ],
    )
    def test_a_name_that_is_no_token_is_refused(self, name: object) -> None:
        assert faults(properties(a=marked(name))) == [
            "x-mcp-header at #/properties/a is not a header name (RFC 9110 token)"
        ]

    def test_every_character_of_a_token_is_allowed(self) -> None:
        name = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
        (annotation,) = annotated(properties(a=marked(name)))
        assert annotation.header == "Mcp-Param-" + name

    @pytest.mark.rule("M0728-HDR-10", "C-24")
    @pytest.mark.parametrize(
        "type_", ["number", "object", "array", "null", None, ["string", "null"], ["integer"], 5, {}]
    )
    def test_a_type_that_is_not_string_integer_or_boolean_is_refused(self, type_: object) -> None:
        assert faults(properties(a=marked("A", type_))) == [
            "x-mcp-header at #/properties/a is allowed only where 'type' is string, integer or "
            "boolean"
        ]

    def test_a_schema_without_a_type_is_refused(self) -> None:
        assert len(faults(properties(a={"enum": ["x"], "x-mcp-header": "A"}))) == 1

    @pytest.mark.rule("M0728-HDR-09", "C-24")
    @pytest.mark.parametrize("other", ["Region", "REGION", "region"])
    def test_two_names_that_differ_in_case_alone_are_refused(self, other: str) -> None:
        schema = properties(a=marked("Region"), b=properties(c=marked(other)))
        assert faults(schema) == [
            f"x-mcp-header at #/properties/b/properties/c is '{other}' again, ignoring case"
        ]

    @pytest.mark.rule("M0728-HDR-12", "M0728-HDR-13", "C-24")
    @pytest.mark.parametrize(
        ("keyword", "wrap"),
        [
            *((keyword, bare) for keyword in ("items", "contains", "additionalItems", "not", "if")),
            *((keyword, bare) for keyword in ("then", "else", "contentSchema", "propertyNames")),
            *((keyword, bare) for keyword in ("additionalProperties", "unevaluatedProperties")),
            ("unevaluatedItems", bare),
            *((keyword, listed) for keyword in ("items", "prefixItems", "oneOf", "anyOf", "allOf")),
            *((keyword, named) for keyword in ("patternProperties", "dependentSchemas", "$defs")),
            *((keyword, named) for keyword in ("definitions", "dependencies")),
        ],
    )
    def test_one_that_more_than_properties_lead_to_is_refused(
        self, keyword: str, wrap: Callable[[object], object]
    ) -> None:
        for schema in (
            {keyword: wrap(marked("A"))},
            properties(a={keyword: wrap(properties(b=marked("A")))}),
        ):
            (fault,) = faults(schema)
            assert "nothing but 'properties' leads to" in fault

    @pytest.mark.rule("M0728-HDR-12")
    def test_one_at_the_root_is_refused(self) -> None:
        (fault,) = faults(marked("A"))
        assert fault.startswith("x-mcp-header at # is allowed only on a property")

    @pytest.mark.rule("M0728-HDR-12")
    def test_what_only_looks_like_an_annotation_is_none(self) -> None:
        annotation = {"x-mcp-header": ""}
        schema = properties(**{"x-mcp-header": {"type": "string"}}) | {
            "default": annotation,
            "const": annotation,
            "enum": [annotation],
            "examples": [annotation],
            "x-other": annotation,
            "items": False,
        }
        assert annotated(schema) == []

    def test_a_property_may_be_called_as_the_annotation_and_have_one(self) -> None:
        schema = properties(**{"x-mcp-header": marked("A")})
        assert annotated(schema) == [Annotation("A", ("x-mcp-header",))]

    def test_all_faults_are_reported_with_their_place(self) -> None:
        schema = properties(**{"a/b~c": marked("")}) | {"anyOf": [{}, marked("A")]}
        assert [fault.split(" is ")[0] for fault in faults(schema)] == [
            "x-mcp-header at #/properties/a~1b~0c",
            "x-mcp-header at #/anyOf/1",
        ]

    @pytest.mark.rule("T33")
    def test_depth_and_number_are_no_danger(self) -> None:
        deep = marked("A")
        for _ in range(5_000):
            deep = properties(a=deep, b=marked("", "null") if len(deep) == 1 else {})
        (annotation,) = annotated(deep)
        assert len(annotation.path) == 5_000
        for _ in range(5_000):
            deep = {"not": deep}
        assert len(faults(deep)) == 1

    @pytest.mark.rule("T33")
    def test_more_annotations_than_a_server_takes_headers_are_refused(self) -> None:
        schemas = {f"p{n}": marked(f"H{n}") for n in range(MAX_ANNOTATIONS)}
        assert len(annotated(properties(**schemas))) == MAX_ANNOTATIONS
        schemas["one_more"] = marked("One-More")
        schemas["two_more"] = marked("Two-More")
        assert faults(properties(**schemas)) == [
            f"x-mcp-header at #/properties/one_more is one of more than {MAX_ANNOTATIONS}"
        ]
        bad = properties(**{name: marked("A", "null") for name in schemas})
        assert len(faults(bad)) == MAX_ANNOTATIONS + 1


REGION = [Annotation("Region", ("region",))]


class TestMirror:
    @pytest.mark.rule("M0728-HDR-05", "M0728-HDR-24", "M0728-HDR-30", "C-24")
    def test_each_kind_of_value_at_its_path(self) -> None:
        annotations = [
            Annotation("Region", ("region",)),
            Annotation("Limit", ("options", "limit")),
            Annotation("Dry", ("dry",)),
            Annotation("Greeting", ("greeting",)),
        ]
        arguments = {"region": "us-west1", "options": {"limit": 7}, "dry": False, "greeting": "ü"}
        assert mirror(annotations, arguments) == {
            "Mcp-Param-Region": "us-west1",
            "Mcp-Param-Limit": "7",
            "Mcp-Param-Dry": "false",
            "Mcp-Param-Greeting": "=?base64?w7w=?=",
        }

    @pytest.mark.rule("M0728-HDR-31", "C-24")
    @pytest.mark.parametrize(
        "arguments",
        [None, {}, {"a": None}, {"a": {}}, {"a": {"b": None}}, {"a": []}, {"a": "b"}, {"b": 1}],
    )
    def test_what_is_missing_or_null_has_no_header(self, arguments: dict[str, Any] | None) -> None:
        assert mirror([Annotation("B", ("a", "b"))], arguments) == {}

    @pytest.mark.parametrize(("value", "header"), [(42.0, "42"), (-0.0, "0"), ("", "")])
    def test_a_float_without_a_fraction_is_an_integer(self, value: object, header: str) -> None:
        assert mirror(REGION, {"region": value}) == {"Mcp-Param-Region": header}

    @pytest.mark.rule("M0728-HDR-11")
    @pytest.mark.parametrize(
        "value", [2**53, -(2**53), 1e300, 1.5, float("nan"), float("inf"), [], {"a": 1}, "\udc00"]
    )
    def test_what_no_header_can_carry_is_refused_by_name(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"^Mcp-Param-Region: argument region: "):
            mirror(REGION, {"region": value})

    def test_an_argument_inside_another_is_named_by_its_way(self) -> None:
        inner = [Annotation("Region", ("place", "region"))]
        with pytest.raises(ValueError, match=r"^Mcp-Param-Region: argument place\.region: "):
            mirror(inner, {"place": {"region": 1.5}})


class TestServer:
    """Streamable HTTP, Server Validation."""

    CALL: Mapping[str, Any] = {"name": "sql", "arguments": {"region": "eu"}, **ENVELOPE}
    HEADERS: Mapping[str, str] = {
        "mcp-protocol-version": VERSION,
        "mcp-method": "tools/call",
        "mcp-name": "sql",
        "mcp-param-region": "eu",
        "mcp-param-unknown": "forwarded and ignored",
    }

    def check(self, **changes: str | None) -> Mismatch | None:
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        headers = {k: v for k, v in {**self.HEADERS, **named}.items() if v is not None}
        return check_mirrors(headers, "tools/call", dict(self.CALL), REGION)

    @pytest.mark.rule("M0728-HDR-26")
    def test_headers_that_agree_are_accepted(self) -> None:
        assert self.check() is None

    @pytest.mark.rule("M0728-HDR-33", "M0728-HDR-38", "M0728-HTTP-67", "H-01")
    @pytest.mark.parametrize(
        "header", ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region"]
    )
    def test_a_missing_header_is_refused(self, header: str) -> None:
        found = self.check(**{header.lower(): None})
        assert found is not None
        assert found.header == header
        assert found.detail.startswith(f"{header} header is missing")

    @pytest.mark.rule(
        "M0728-HDR-28", "M0728-HDR-34", "M0728-HDR-35", "M0728-HTTP-63", "H-01", "H-03"
    )
    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("MCP-Protocol-Version", V2025_11_25.name),
            ("MCP-Protocol-Version", "v999.0.0"),
            ("MCP-Protocol-Version", ""),
            ("MCP-Protocol-Version", f"{VERSION}, {VERSION}"),
            ("Mcp-Method", "TOOLS/CALL"),
            ("Mcp-Method", "tools/list"),
            ("Mcp-Method", "=?base64?dG9vbHMvY2FsbA==?="),
            ("Mcp-Method", "tools/call, tools/call"),
            ("Mcp-Name", "SQL"),
            ("Mcp-Name", ""),
            ("Mcp-Name", "sql, sql"),
            ("Mcp-Name", "=?base64?U1FM?="),
            ("Mcp-Param-Region", "EU"),
            ("Mcp-Param-Region", "=?BASE64?ZXU=?="),
            ("Mcp-Param-Region", "us"),
        ],
    )
    def test_a_header_that_says_something_else_is_refused(self, header: str, value: str) -> None:
        found = self.check(**{header.lower(): value})
        assert found is not None
        assert found.header == header
        assert found.detail.startswith(f"{header} header value '{value}' does not match body value")

    @pytest.mark.rule("M0728-HDR-21", "M0728-HDR-22", "H-02")
    def test_values_are_decoded_before_they_are_compared(self) -> None:
        assert self.check(mcp_name="=?base64?c3Fs?=") is None
        assert self.check(mcp_param_region="=?base64?ZXU=?=") is None

    @pytest.mark.rule("M0728-HDR-27", "M0728-HDR-38", "H-02")
    @pytest.mark.parametrize("header", ["Mcp-Name", "Mcp-Param-Region"])
    @pytest.mark.parametrize("value", ["=?base64?c3Fs=?=", "=?base64?!?=", "\xe9", "a\x01"])
    def test_a_malformed_header_is_refused(self, header: str, value: str) -> None:
        found = self.check(**{header.lower(): value})
        assert found is not None
        assert found.header == header
        assert value not in found.detail

    @pytest.mark.rule("H-01")
    def test_white_space_around_a_value_is_no_part_of_it(self) -> None:
        assert (
            self.check(mcp_name=" \tsql\t ", mcp_method=" tools/call", mcp_param_region="eu ")
            is None
        )

    def test_the_first_disagreement_in_the_order_of_the_checks_is_reported(self) -> None:
        changes: dict[str, str | None] = dict.fromkeys(["mcp-param-region"], "us")
        for header in ("Mcp-Param-Region", "Mcp-Name", "Mcp-Method", "MCP-Protocol-Version"):
            changes[header.lower()] = "us"
            found = self.check(**changes)
            assert found is not None
            assert found.header == header

    def test_the_message_is_the_one_of_the_specification(self) -> None:
        found = check_name({"mcp-name": "foo"}, "tools/call", {"name": "bar"})
        assert found == Mismatch(
            "Mcp-Name", "Mcp-Name header value 'foo' does not match body value 'bar'"
        )

    def test_a_message_is_short_ascii_whatever_the_peer_sent(self) -> None:
        for value in ("\U0001f600" * 10_000, "y" * 10_000, "\r\n"):
            found = check_name({"mcp-name": "x" * 10_000}, "tools/call", {"name": value})
            assert found is not None
            assert found.detail.isascii()
            assert found.detail.isprintable()
            assert len(found.detail) < 250

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("y" * 78, "'" + "y" * 78 + "'"),
            ("y" * 79, "'" + "y" * 76 + "..."),
            ("ü", r"'\xfc'"),
            (["a"], "a list"),
            ({"a": 1}, "an object"),
            (1.5, "1.5"),
            (True, "true"),
        ],
    )
    def test_a_message_shows_what_stands_in_the_body(self, value: object, shown: str) -> None:
        found = check_params({"mcp-param-region": "x"}, REGION, {"region": value})
        assert found is not None
        assert found.detail.endswith(f" does not match body value {shown}")

    @pytest.mark.rule("M0728-HTTP-67", "M0728-HDR-38", "H-01")
    def test_each_check_by_itself_requires_its_header(self) -> None:
        for found in (
            check_version({}, ENVELOPE),
            check_method({}, "tools/call"),
            check_name({}, "tools/call", {"name": "x"}),
        ):
            assert found is not None
            assert found.detail == f"{found.header} header is missing"

    def test_a_version_missing_from_the_body_is_left_to_the_envelope(self) -> None:
        bodies: list[dict[str, Any] | None] = [None, {}, {"_meta": {}}, {"_meta": 5}]
        for params in bodies:
            assert check_version({"mcp-protocol-version": VERSION}, params) is None

    def test_a_version_of_another_type_is_refused(self) -> None:
        params = {"_meta": {"io.modelcontextprotocol/protocolVersion": 7}}
        assert check_version({"mcp-protocol-version": "7"}, params) is not None

    def test_the_name_of_a_method_without_one_is_ignored(self) -> None:
        assert check_name({"mcp-name": "x"}, "tools/list", {"name": "y"}) is None

    @pytest.mark.rule("M0728-XTSK-31", "H-01")
    def test_the_name_of_a_task_is_its_id(self) -> None:
        assert check_name({"mcp-name": "t1"}, "tasks/get", {"taskId": "t1"}) is None
        assert check_name({"mcp-name": "t2"}, "tasks/get", {"taskId": "t1"}) is not None

    @pytest.mark.parametrize("params", [None, {}, {"name": 5}, {"name": None}])
    def test_a_name_that_the_body_does_not_have_is_refused(
        self, params: dict[str, Any] | None
    ) -> None:
        assert check_name({"mcp-name": "5"}, "tools/call", params) is not None

    @pytest.mark.parametrize("name", ["", "=?base64??="])
    def test_an_empty_name_is_a_name(self, name: str) -> None:
        assert check_name({"mcp-name": name}, "tools/call", {"name": ""}) is None

    def test_a_notification_needs_no_headers_but_those_there_have_to_agree(self) -> None:
        method = "notifications/cancelled"
        assert check_mirrors({}, method, ENVELOPE, required=False) is None
        assert check_mirrors({}, "tools/call", {"name": "x"}, required=False) is None
        assert check_mirrors({}, "tools/call", None, REGION, required=False) is None
        assert check_mirrors({"mcp-method": "x"}, method, ENVELOPE, required=False) is not None
        assert check_method({"mcp-method": method}, method, required=False) is None

    @pytest.mark.rule("M0728-HDR-36")
    @pytest.mark.parametrize("body", [42, 42.0])
    @pytest.mark.parametrize("header", ["42", "42.0", "42.000", "042", "=?base64?NDI=?="])
    def test_integers_compare_as_numbers(self, header: str, body: object) -> None:
        assert check_params({"mcp-param-region": header}, REGION, {"region": body}) is None

    @pytest.mark.parametrize("header", ["-0", "0", "0.0", "000"])
    def test_zero_is_zero(self, header: str) -> None:
        assert check_params({"mcp-param-region": header}, REGION, {"region": 0}) is None

    @pytest.mark.rule("M0728-HDR-35", "M0728-HDR-11", "H-01")
    @pytest.mark.parametrize(
        ("header", "body"),
        [
            ("43", 42),
            ("42.5", 42),
            ("42.", 42),
            ("+42", 42),
            ("0x2a", 42),
            ("4_2", 42),
            ("4 2", 42),
            ("\u0664\u0662", 42),
            ("", 42),
            ("forty-two", 42),
            ("-42", 42),
            ("9007199254740991.4", MAX_INTEGER),
            ("9" * 10_000, 42),
            (str(2**53), 2**53),
            (str(-(2**53)), -(2**53)),
            ("1.5", 1.5),
            ("nan", float("nan")),
            ("42.0", "42"),
            ("1", True),
            ("True", True),
            ("false", True),
            ("true", "True"),
            ("0", False),
            ("x", ["x"]),
            ("", []),
            ("{}", {}),
        ],
    )
    def test_what_differs_is_refused(self, header: str, body: object) -> None:
        found = check_params({"mcp-param-region": header}, REGION, {"region": body})
        assert found is not None
        assert found.header == "Mcp-Param-Region"

    @pytest.mark.parametrize(
        ("header", "body"),
        [
            *(("true", True), ("false", False), ("", "")),
            *((str(integer), integer) for integer in (MAX_INTEGER, -MAX_INTEGER)),
        ],
    )
    def test_what_agrees_is_accepted(self, header: str, body: object) -> None:
        assert check_params({"mcp-param-region": header}, REGION, {"region": body}) is None

    @pytest.mark.rule("M0728-HDR-32")
    @pytest.mark.parametrize("arguments", [None, {}, {"region": None}])
    def test_no_header_is_expected_for_a_missing_or_null_argument(
        self, arguments: dict[str, Any] | None
    ) -> None:
        assert check_params({}, REGION, arguments) is None

    @pytest.mark.rule("M0728-HDR-35", "H-01")
    @pytest.mark.parametrize("arguments", [None, {}, {"region": None}])
    def test_a_header_without_an_argument_is_refused(
        self, arguments: dict[str, Any] | None
    ) -> None:
        assert check_params({"mcp-param-region": "eu"}, REGION, arguments) == Mismatch(
            "Mcp-Param-Region",
            "Mcp-Param-Region header value 'eu' does not match an absent body value",
        )

    @pytest.mark.rule("M0728-HDR-33", "H-01")
    def test_an_argument_that_no_header_could_carry_is_refused_without_one(self) -> None:
        assert check_params({}, REGION, {"region": ["eu"]}) is not None

    def test_only_tool_calls_have_arguments_to_mirror(self) -> None:
        headers = {"mcp-protocol-version": VERSION, "mcp-method": "prompts/get", "mcp-name": "p"}
        params = {"name": "p", "arguments": {"region": "eu"}, **ENVELOPE}
        assert check_mirrors(headers, "prompts/get", params, REGION) is None

    def test_arguments_that_are_no_object_are_none(self) -> None:
        assert self.check(mcp_param_region=None) is not None
        headers = {k: v for k, v in self.HEADERS.items() if k != "mcp-param-region"}
        for arguments in (None, "region", ["region"]):
            params = dict(self.CALL) | {"arguments": arguments}
            assert check_mirrors(headers, "tools/call", params, REGION) is None


names = st.text(string.ascii_letters, min_size=1, max_size=3)
values = st.none() | st.text() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER)


@given(
    st.dictionaries(names, values | st.dictionaries(names, values, max_size=3), max_size=5),
    st.sampled_from(["tools/call", "tools/list", "resources/read", "prompts/get", "tasks/get"]),
    st.text(),
)
@pytest.mark.rule("C-22", "C-24", "H-01", "M0728-HDR-28")
def test_a_server_accepts_what_a_client_mirrors_and_nothing_less(
    arguments: dict[str, Any], method: str, name: str
) -> None:
    """The schema is made from the arguments: every value that may be mirrored is."""
    kinds = {str: "string", bool: "boolean", int: "integer", type(None): "string"}
    count = 0

    def schema_of(value: Any) -> dict[str, object]:
        nonlocal count
        if isinstance(value, dict):
            members = cast(dict[str, Any], value)
            return properties(**{key: schema_of(inner) for key, inner in members.items()})
        count += 1
        return marked(f"H{count}", kinds[type(value)])

    annotations = annotated(schema_of(arguments))
    params = {"name": name, "uri": name, "taskId": name, "arguments": arguments, **ENVELOPE}
    sent = standard_headers(method, params, VERSION)
    if method == "tools/call":
        sent |= mirror(annotations, arguments)
    headers = received(sent)
    assert check_mirrors(headers, method, params, annotations) is None
    for header in headers:
        rest = {name: value for name, value in headers.items() if name != header}
        found = check_mirrors(rest, method, params, annotations)
        assert found is not None
        assert found.header.lower() == header
