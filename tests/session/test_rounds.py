"""Input rounds: asking, reading what is asked, and trying again; with every refusal."""

from typing import Any

import pytest

from barewire.protocol.capabilities import Capabilities
from barewire.protocol.envelope import CLIENT_CAPABILITIES
from barewire.protocol.revisions import V2025_06_18, V2025_11_25
from barewire.session.connection import Connection
from barewire.session.events import Answered
from barewire.session.exceptions import LocalProtocolError, RemoteProtocolError
from barewire.session.exchange import Exchange
from barewire.session.rounds import (
    Question,
    Round,
    answers_of,
    ask,
    missing_capabilities,
    read_round,
    retry,
)
from tests.session.wire import (
    Json,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    asked,
    call,
    feed,
    modern,
    modern_call,
    only,
    request,
    result,
    sent,
)

FORM: Json = {
    "mode": "form",
    "message": "Your name?",
    "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}},
}
URL: Json = {"mode": "url", "message": "Sign in.", "url": "https://example.com/"}
PROMPT: Json = {
    "messages": [{"role": "user", "content": {"type": "text", "text": "Hi"}}],
    "maxTokens": 10,
}
ALL_CAPABILITIES: Capabilities = {
    "roots": {},
    "sampling": {"tools": {}},
    "elicitation": {"form": {}, "url": {}},
}
FORM_QUESTION = Question("elicitation/create", FORM)
ROOTS = Question("roots/list")


def an_exchange(
    capabilities: Capabilities = ALL_CAPABILITIES, method: str = "tools/call"
) -> Exchange:
    """Return a client's modern request, as the server has it."""
    params: Json = {"uri": "a:1"} if method == "resources/read" else {"name": "x"}
    return asked(feed(a_server(), modern(1, method, params, capabilities=capabilities)))


def a_call(client: Connection, params: Json | None = None) -> Exchange:
    """Return a client's own modern request, as the client has it."""
    return client.request("tools/call", {"name": "x"} if params is None else params, now=0.0)


# Asking.


@pytest.mark.rule("S-28", "M0728-MRTR-01", "M0728-MRTR-06", "M0728-MRTR-14", "S-29", "S-27")
@pytest.mark.parametrize("method", ["tools/call", "prompts/get", "resources/read"])
def test_a_round_is_the_answer_to_a_request_that_may_ask(method: str) -> None:
    server = a_server()
    params: Json = {"uri": "a:1"} if method == "resources/read" else {"name": "x"}
    exchange = asked(feed(server, modern(1, method, params, capabilities=ALL_CAPABILITIES)))
    questions = {"name": FORM_QUESTION, "where": ROOTS}
    server.respond(exchange, ask(exchange, questions, "state"))
    answer = only(sent(server))["result"]
    assert answer["resultType"] == "input_required"
    assert answer["inputRequests"] == {
        "name": {"method": "elicitation/create", "params": FORM},
        "where": {"method": "roots/list"},
    }
    assert answer["requestState"] == "state"
    assert "ttlMs" not in answer


def test_questions_and_state_are_both_optional_but_not_together() -> None:
    assert ask(an_exchange(), {"a": ROOTS}) == {
        "resultType": "input_required",
        "inputRequests": {"a": {"method": "roots/list"}},
    }
    assert ask(an_exchange(), {}, "") == {"resultType": "input_required", "requestState": ""}
    with pytest.raises(LocalProtocolError, match="questions or a state"):
        ask(an_exchange(), {})


@pytest.mark.rule("S-28", "M0728-MRTR-04")
@pytest.mark.parametrize(
    "method", ["tools/list", "prompts/list", "resources/list", "completion/complete"]
)
def test_other_requests_may_not_ask(method: str) -> None:
    params: Json = {}
    if method == "completion/complete":
        params = {
            "ref": {"type": "ref/prompt", "name": "x"},
            "argument": {"name": "a", "value": "b"},
        }
    message = modern(1, method, params, capabilities=ALL_CAPABILITIES)
    with pytest.raises(LocalProtocolError, match="cannot ask for input"):
        ask(asked(feed(a_server(), message)), {"a": ROOTS})


@pytest.mark.rule("M0728-MRTR-01")
def test_a_legacy_request_is_not_answered_by_a_round() -> None:
    with pytest.raises(LocalProtocolError, match="cannot ask for input"):
        ask(asked(feed(a_session(), call(1))), {"a": ROOTS})


@pytest.mark.rule("M0728-MRTR-06", "S-29")
@pytest.mark.parametrize("method", ["tools/call", "ping", "nonsense", "notifications/message"])
def test_only_what_clients_answer_is_asked(method: str) -> None:
    with pytest.raises(LocalProtocolError, match="a: clients are not asked"):
        ask(an_exchange(), {"a": Question(method)})
    with pytest.raises(LocalProtocolError, match="are not asked"):
        _ = Question(method).capability


TAKES = [
    (ROOTS, "roots"),
    (FORM_QUESTION, "elicitation.form"),
    (Question("elicitation/create", {**FORM, "mode": "form"}), "elicitation.form"),
    (Question("elicitation/create"), "elicitation.form"),
    (Question("elicitation/create", URL), "elicitation.url"),
    (Question("sampling/createMessage", PROMPT), "sampling"),
    (Question("sampling/createMessage", {**PROMPT, "tools": []}), "sampling.tools"),
    (Question("sampling/createMessage", {**PROMPT, "toolChoice": {}}), "sampling.tools"),
]


@pytest.mark.rule("S-25", "M0728-MRTR-15", "M0728-META-10", "M0728-META-11")
@pytest.mark.parametrize(("question", "capability"), TAKES)
def test_what_the_client_did_not_declare_is_not_asked(question: Question, capability: str) -> None:
    assert question.capability == capability
    bare = an_exchange({})
    with pytest.raises(LocalProtocolError, match="did not declare"):
        ask(bare, {"a": question})
    tree: Any = {}
    for step in reversed(capability.split(".")):
        tree = {step: tree}
    assert missing_capabilities(bare, {"a": question}) == tree
    declaring = an_exchange(tree)
    assert missing_capabilities(declaring, {"a": question}) == {}
    assert ask(declaring, {"a": question})["resultType"] == "input_required"


@pytest.mark.rule("C-33", "SR-007")
def test_elicitation_without_modes_means_forms() -> None:
    exchange = an_exchange({"elicitation": {}})
    assert missing_capabilities(exchange, {"a": FORM_QUESTION}) == {}
    missing = missing_capabilities(
        exchange, {"a": Question("elicitation/create", URL), "b": ROOTS, "c": FORM_QUESTION}
    )
    assert missing == {"elicitation": {"url": {}}, "roots": {}}


# What a retry brings.


@pytest.mark.rule("M0728-MRTR-22", "M0728-MRTR-24")
def test_the_answers_and_the_state_of_a_retry_are_read() -> None:
    assert answers_of(an_exchange()) == ({}, None)
    params: Json = {
        "name": "x",
        "inputResponses": {"a": {"action": "accept", "content": {}}, "extra": {"roots": []}},
        "requestState": "s",
    }
    exchange = asked(feed(a_server(), modern(1, "tools/call", params)))
    assert answers_of(exchange) == (params["inputResponses"], "s")


@pytest.mark.rule("M0728-MRTR-22", "M0728-MRTR-23")
@pytest.mark.parametrize(
    "more", [{"inputResponses": []}, {"inputResponses": {"a": 3}}, {"requestState": 3}]
)
def test_answers_that_do_not_parse_are_refused(more: Json) -> None:
    server = a_server()
    feed(server, modern(1, "tools/call", {"name": "x", **more}))
    assert only(sent(server))["error"]["code"] == -32602


# Reading a round.


def a_round(**more: Any) -> Json:
    return {"resultType": "input_required", **more}


@pytest.mark.rule("C-08", "M0728-RPC-23")
def test_a_result_without_type_or_of_a_legacy_server_is_final() -> None:
    exchange = a_call(a_modern_client())
    assert read_round(exchange, {"content": []}) is None
    assert read_round(exchange, {"content": [], "resultType": "complete"}) is None
    legacy = a_call(a_session_of_a_client())
    assert read_round(legacy, {"content": [], "resultType": "banana"}) is None


@pytest.mark.rule("C-07", "M0728-RPC-21", "M0728-RPC-22")
@pytest.mark.parametrize("kind", ["banana", "", "Complete", "input-required", 7, None, {}, "task"])
def test_a_result_of_an_unknown_type_is_no_success(kind: object) -> None:
    with pytest.raises(RemoteProtocolError, match="unknown resultType"):
        read_round(a_call(a_modern_client()), {"content": [], "resultType": kind})


def test_a_round_tells_questions_and_state() -> None:
    exchange = a_call(a_modern_client())
    asked_for = {"a": ROOTS.as_dict(), "b": FORM_QUESTION.as_dict()}
    found = read_round(exchange, a_round(inputRequests=asked_for, requestState="s"))
    assert found == Round({"a": ROOTS, "b": FORM_QUESTION}, "s")
    assert read_round(exchange, a_round(requestState="")) == Round({}, "")
    assert read_round(exchange, a_round(inputRequests={"a": ROOTS.as_dict()})) == Round(
        {"a": ROOTS}, None
    )


@pytest.mark.rule("M0728-MRTR-04")
def test_a_round_where_none_is_allowed_is_a_violation() -> None:
    exchange = a_modern_client().request("tools/list", now=0.0)
    with pytest.raises(RemoteProtocolError, match="cannot ask for input"):
        read_round(exchange, a_round(requestState="s"))


@pytest.mark.rule("M0728-MRTR-14")
@pytest.mark.parametrize("more", [{}, {"inputRequests": {}}])
def test_a_round_that_asks_nothing_and_has_no_state_is_a_violation(more: Json) -> None:
    with pytest.raises(RemoteProtocolError, match="neither"):
        read_round(a_call(a_modern_client()), a_round(**more))


@pytest.mark.rule("M0728-MRTR-06", "S-29")
@pytest.mark.parametrize(
    "more",
    [
        {"requestState": 3},
        {"inputRequests": []},
        {"inputRequests": {"a": 3}},
        {"inputRequests": {"a": {"method": "tools/call", "params": {"name": "x"}}}},
        {"inputRequests": {"a": {"method": "elicitation/create", "params": {}}}},
        {"inputRequests": {"a": {"params": {}}}},
    ],
)
def test_a_round_of_the_wrong_shape_is_a_violation(more: Json) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^result\."):
        read_round(a_call(a_modern_client()), a_round(**more))


@pytest.mark.rule("C-17", "C-33", "M0728-MRTR-15")
@pytest.mark.parametrize(("question", "capability"), [TAKES[0], TAKES[1], TAKES[4], TAKES[5]])
def test_a_question_that_we_did_not_offer_to_answer_is_a_violation(
    question: Question, capability: str
) -> None:
    client = a_modern_client({})
    with pytest.raises(RemoteProtocolError, match=capability):
        read_round(a_call(client), a_round(inputRequests={"a": question.as_dict()}))


def test_what_counts_is_what_this_request_declared() -> None:
    client = a_modern_client({"roots": {}})
    narrowed = a_call(client, {"name": "x", "_meta": {CLIENT_CAPABILITIES: {}}})
    with pytest.raises(RemoteProtocolError, match="roots"):
        read_round(narrowed, a_round(inputRequests={"a": ROOTS.as_dict()}))
    widened = a_call(client, {"name": "x", "_meta": {CLIENT_CAPABILITIES: {"sampling": {}}}})
    prompt = Question("sampling/createMessage", PROMPT)
    assert read_round(widened, a_round(inputRequests={"a": prompt.as_dict()})) is not None


# Trying again.


@pytest.mark.rule("C-14", "C-15", "C-16", "M0728-MRTR-18", "M0728-MRTR-19", "M0728-MRTR-21")
def test_a_retry_has_the_original_params_the_answers_and_the_state_of_this_round_alone() -> None:
    params: Json = {"name": "x", "arguments": {"a": 1}}
    state = "\u2028 \U0001f98a \\u0000 " + "x" * 1000
    first = retry(params, {"a": {"roots": []}}, Round({"a": ROOTS}, state))
    assert first == {
        "name": "x",
        "arguments": {"a": 1},
        "inputResponses": {"a": {"roots": []}},
        "requestState": state,
    }
    assert params == {"name": "x", "arguments": {"a": 1}}
    assert retry(first, {"b": {"roots": []}}, Round({"b": ROOTS}, None)) == {
        "name": "x",
        "arguments": {"a": 1},
        "inputResponses": {"b": {"roots": []}},
    }
    assert retry(first, {}, Round({}, "t")) == {
        "name": "x",
        "arguments": {"a": 1},
        "requestState": "t",
    }


@pytest.mark.rule("C-17", "M0728-MRTR-17")
@pytest.mark.parametrize("answers", [{}, {"a": {}}, {"a": {}, "b": {}, "c": {}}, {"c": {}}])
def test_a_retry_answers_every_question_and_no_other(answers: dict[str, Json]) -> None:
    with pytest.raises(LocalProtocolError, match="differ"):
        retry({"name": "x"}, answers, Round({"a": ROOTS, "b": ROOTS}, None))


@pytest.mark.rule("M0728-MRTR-02", "M0728-MRTR-20", "C-01", "C-16", "M0728-MRTR-16")
def test_a_round_trip_over_the_wire() -> None:
    client, server = a_modern_client(ALL_CAPABILITIES), a_server()
    first = a_call(client)
    exchange = asked(feed(server, *client.data_to_send()))
    server.respond(exchange, ask(exchange, {"a": ROOTS}, "s"))
    event = only(feed(client, *server.data_to_send()))
    assert isinstance(event, Answered)
    found = read_round(event.exchange, event.result)
    assert found is not None
    again = a_call(client, retry(first.params, {"a": {"roots": []}}, found))
    assert again.id != first.id
    exchange = asked(feed(server, *client.data_to_send()))
    assert answers_of(exchange) == ({"a": {"roots": []}}, "s")
    server.respond(exchange, {"content": []})
    event = only(feed(client, *server.data_to_send()))
    assert isinstance(event, Answered)
    assert read_round(event.exchange, event.result) is None


# The legacy way: requests of the server's own.


@pytest.mark.rule("M0618-LIFE-17", "L-03", "S-25")
@pytest.mark.parametrize(
    ("capabilities", "method", "params", "allowed"),
    [
        ({}, "roots/list", None, False),
        ({"roots": {}}, "roots/list", None, True),
        ({"sampling": {}}, "sampling/createMessage", PROMPT, True),
        ({"sampling": {}}, "sampling/createMessage", {**PROMPT, "tools": []}, False),
        ({"sampling": {"tools": {}}}, "sampling/createMessage", {**PROMPT, "tools": []}, True),
        ({"elicitation": {}}, "elicitation/create", FORM, True),
        ({"elicitation": {}}, "elicitation/create", URL, False),
        ({"elicitation": {"url": {}}}, "elicitation/create", FORM, False),
        ({"elicitation": {"url": {}}}, "elicitation/create", URL, True),
    ],
)
def test_a_legacy_server_asks_only_what_the_client_declared(
    capabilities: Capabilities, method: str, params: Json | None, allowed: bool
) -> None:
    server = a_session(V2025_11_25, client_capabilities=capabilities)
    if allowed:
        server.request(method, params, now=0.0)
        assert only(sent(server))["method"] == method
    else:
        with pytest.raises(LocalProtocolError, match="which the peer lacks"):
            server.request(method, params, now=0.0)
        assert sent(server) == []


def test_before_there_were_modes_elicitation_was_declared_as_a_whole() -> None:
    server = a_session(V2025_06_18, client_capabilities={"elicitation": {"own": 1}})
    server.request("elicitation/create", {"message": "?", "requestedSchema": {}}, now=0.0)
    assert only(sent(server))["method"] == "elicitation/create"


@pytest.mark.rule("C-32", "C-33", "M1105-ROOT-05")
@pytest.mark.parametrize(
    ("capabilities", "method", "params", "code"),
    [
        ({}, "roots/list", None, -32601),
        ({}, "sampling/createMessage", PROMPT, -32601),
        ({}, "elicitation/create", FORM, -32601),
        ({"elicitation": {"form": {}}}, "elicitation/create", FORM, None),
        (
            {"elicitation": {"form": {}}},
            "elicitation/create",
            {**URL, "elicitationId": "e"},
            -32602,
        ),
        ({"elicitation": {"url": {}}}, "elicitation/create", FORM, -32602),
        ({"sampling": {}}, "sampling/createMessage", {**PROMPT, "tools": []}, -32602),
        ({"sampling": {"tools": {}}}, "sampling/createMessage", {**PROMPT, "tools": []}, None),
    ],
)
def test_a_legacy_client_refuses_what_it_did_not_declare(
    capabilities: Capabilities, method: str, params: Json | None, code: int | None
) -> None:
    client = a_session_of_a_client(V2025_11_25, capabilities)
    events = feed(client, request(1, method, params))
    if code is None:
        assert asked(events).request.method == method
    else:
        assert events == []
        assert only(sent(client))["error"]["code"] == code


@pytest.mark.rule("S-31", "M0728-PAT-01", "M0728-STD-10")  # DEV-32
def test_nothing_is_asked_in_the_course_of_a_modern_request() -> None:
    server = a_session()
    exchange = asked(feed(server, modern_call(1, capabilities=ALL_CAPABILITIES)))
    with pytest.raises(LocalProtocolError, match="in the course of"):
        server.request("roots/list", now=0.0, parent=exchange)
    assert sent(server) == []


@pytest.mark.rule("S-31", "M0728-STD-10")
def test_a_server_without_a_session_asks_nothing() -> None:
    server = a_server()
    feed(server, modern_call(1, capabilities=ALL_CAPABILITIES))
    with pytest.raises(LocalProtocolError, match="no revision"):
        server.request("roots/list", now=0.0)


@pytest.mark.rule("C-03", "M0728-STD-08", "M0728-PAT-01")
@pytest.mark.parametrize("method", ["roots/list", "ping", "initialize", "nonsense"])
def test_a_client_of_a_modern_server_answers_no_requests(method: str) -> None:
    client = a_modern_client()
    event = only(feed(client, request(1, method)))
    assert type(event).__name__ == "Violated"
    feed(client, result(7, {}), {"id": 3, "method": "x"}, b"garbage", [request(2, method)])
    assert sent(client) == []
