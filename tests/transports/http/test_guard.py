"""Which hosts are answered for, which pages may ask."""

import pytest

from barewire.transports.http.guard import Guard


def status(guard: Guard, **fields: str) -> int | None:
    forbidden = guard.forbids(fields)
    return None if forbidden is None else forbidden.status


@pytest.mark.rule("T13", "M1105-SSE-01", "M0326-HTTP-03")
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", None),
        ("localhost:8000", None),
        ("LOCALHOST:1", None),
        ("127.0.0.1:8000", None),
        ("[::1]:8000", None),
        ("[::1]", None),
        ("localhost.evil.example", 421),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.2", 421),
        ("0.0.0.0:8000", 421),
        ("::1", 421),
        ("", 421),
    ],
)
def test_by_default_a_server_answers_for_this_machine(host: str, expected: int | None) -> None:
    assert status(Guard(), host=host) == expected


@pytest.mark.rule("T13", "M1125-HTTP-04")
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", None),
        ("https://127.0.0.1", None),
        ("http://[::1]:5173", None),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost@evil.example", 403),
        ("http://evil.example/localhost", 403),
        ("null", 403),
        ("", 403),
        ("localhost", 403),
        ("file://", 403),
        ("chrome-extension://localhost", 403),
        ("http://localhost/", 403),
        ("http://localhost, http://evil.example", 403),
    ],
)
def test_by_default_pages_of_this_machine_may_ask(origin: str, expected: int | None) -> None:
    assert status(Guard(), host="localhost", origin=origin) == expected


def test_other_hosts_and_origins_are_listed() -> None:
    guard = Guard(hosts=("mcp.example", "mcp.example:8443"), origins=("https://app.example",))
    assert status(guard, host="mcp.example:1") is None
    assert status(guard, host="localhost") == 421
    assert status(guard, host="mcp.example", origin="https://app.example") is None
    assert status(guard, host="mcp.example", origin="https://APP.example:443") is None
    assert status(guard, host="mcp.example", origin="http://app.example") == 403
    assert status(guard, host="mcp.example", origin="https://app.example:8443") == 403


def test_a_host_with_a_port_means_that_port() -> None:
    guard = Guard(hosts=("mcp.example:8443",))
    assert status(guard, host="mcp.example:8443") is None
    assert status(guard, host="mcp.example") == 421


def test_a_refusal_names_what_was_refused_and_the_setting() -> None:
    forbidden = Guard().forbids({"host": "mcp.example"})
    assert forbidden is not None
    assert "mcp.example" in forbidden.detail
    assert "(hosts)" in forbidden.detail
    forbidden = Guard().forbids({"host": "localhost", "origin": "http://a"})
    assert forbidden is not None
    assert "(origins)" in forbidden.detail


@pytest.mark.parametrize("origin", ["*", "app.example", "https://app.example/", "ftp://a", ""])
def test_what_is_no_origin_cannot_be_listed(origin: str) -> None:
    with pytest.raises(ValueError, match="an origin is"):
        Guard(origins=(origin,))


@pytest.mark.rule("B19", "T30")
def test_browsers_are_told_what_they_need_when_that_is_wanted() -> None:
    asked = {
        "origin": "https://app.example",
        "access-control-request-headers": "mcp-method, Mcp-Param-Region, x-other",
    }
    assert Guard(origins=("https://app.example",)).cors_fields(asked) == []
    guard = Guard(origins=("https://app.example",), cors=True)
    answer = dict(guard.cors_fields(asked))
    assert answer["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Mcp-Session-Id" in answer["Access-Control-Expose-Headers"]
    assert answer["Vary"] == "Origin"
    before = dict(guard.preflight_fields(asked))
    allowed = before["Access-Control-Allow-Headers"]
    for name in ("Authorization", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region"):
        assert name in allowed
    assert "x-other" not in allowed
    assert "DELETE" in before["Access-Control-Allow-Methods"]
    assert guard.preflight_fields({"origin": "https://evil.example"}) == []
    assert guard.preflight_fields({}) == []


@pytest.mark.parametrize(
    "host", ["*", "*.example", "http://a.example", "a.example/", "", "a b", "::1", "a:b", "[]"]
)
def test_a_host_that_no_client_can_say_is_an_error(host: str) -> None:
    with pytest.raises(ValueError, match="a host is"):
        Guard(hosts=(host,))


@pytest.mark.parametrize(
    "host", ["a", "A.example", "a_b:1", "127.0.0.1:8000", "[::1]", "[fe80::1]:9"]
)
def test_a_host_that_clients_say_is_none(host: str) -> None:
    assert status(Guard(hosts=(host,)), host=host) is None


def test_a_server_answers_for_somebody() -> None:
    with pytest.raises(ValueError, match="hosts is empty"):
        Guard(hosts=())
