"""The tools of a server: how they are listed, and how calls of them are refused."""

import json
from typing import Any

import jsonschema_rs
import pytest

from barewire import Client, Server
from barewire.protocol.revisions import ALL, V2025_11_25, V2026_07_28, Revision
from barewire.protocol.shapes import checker_named
from tests.app.peers import Object, Peer, text_of, until

each_revision = pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)


def full_server() -> Server:
    server = Server("s")

    @server.tool(
        title="Add",
        annotations={"readOnlyHint": True},
        icons=[{"src": "https://example.com/a.png"}],
        meta={"example.com/cost": 1},
    )
    async def add(a: int, b: int = 2) -> int:
        """Add two numbers.

        Both are integers.
        """
        return a + b

    @server.tool(name="bare")
    async def no_docstring() -> None: ...

    return server


async def listed(server: Server, revision: Revision) -> list[Object]:
    async with Peer(server, revision) as peer:
        answer = await peer.ask("tools/list")
    result = answer["result"]
    fault = checker_named("ListToolsResult", revision)(result, "result")
    assert fault is None, fault
    tools: list[Object] = result["tools"]
    return tools


class TestDefinitions:
    # What each revision adds to a tool, oldest first.
    MEMBERS = (
        {"name", "description", "inputSchema"},
        {"annotations"},
        {"title", "outputSchema", "_meta"},
        {"icons"},
        set[str](),
    )

    @each_revision
    @pytest.mark.rule("M0728-TOOL-04", "SR-132", "SR-081")
    async def test_a_revision_sees_the_members_that_it_has(self, revision: Revision) -> None:
        add, _ = await listed(full_server(), revision)
        assert set(add) == set().union(*self.MEMBERS[: revision.order + 1])
        assert add["description"] == "Add two numbers.\n\nBoth are integers."
        assert add["inputSchema"]["required"] == ["a"]

    @each_revision
    async def test_members_without_a_value_are_left_out(self, revision: Revision) -> None:
        _, bare = await listed(full_server(), revision)
        assert set(bare) == {"name", "inputSchema"}

    @pytest.mark.rule("S-49", "M0728-TOOL-06")
    async def test_the_order_is_that_of_registration(self) -> None:
        server = Server("s", page_size=3)
        for name in ("z", "a", "m", "b"):
            server.tool(name=name)(lambda: None)
        async with Client(server) as client:
            for _ in range(2):
                assert [tool.name for tool in await client.list_tools()] == ["z", "a", "m", "b"]

    def test_an_explicit_description_wins_over_the_docstring(self) -> None:
        server = Server("s")

        @server.tool(description="That.")
        def tool() -> None:
            """This."""

        assert server.tools.get("tool").definition(V2026_07_28)["description"] == "That."

    def test_the_decorator_leaves_the_function_as_it_is(self) -> None:
        server = Server("s")

        def tool(a: int) -> int:
            return a

        assert server.tool(tool) is tool
        assert server.tool(name="again")(tool) is tool


class TestNames:
    @pytest.mark.rule("M1125-TOOL-14")
    def test_a_name_is_taken_once(self) -> None:
        server = Server("s")
        server.tool(name="one")(lambda: None)
        with pytest.raises(ValueError, match="there is a tool 'one' already"):
            server.tool(name="one")(lambda: None)

    @pytest.mark.rule("M1125-TOOL-10", "M1125-TOOL-12", "M1125-TOOL-13")
    @pytest.mark.parametrize("name", ["", "a b", "a,b", "größe", "a/b", "x" * 129, "a\n"])
    def test_a_name_that_others_may_not_take_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="a tool's name has 1 to 128 of the characters"):
            Server("s").tool(name=name)(lambda: None)

    @pytest.mark.rule("M1125-TOOL-11")
    @pytest.mark.parametrize("name", ["x", "x" * 128, "getUser", "DATA_v2", "admin.tools-list"])
    def test_other_names_are_fine_and_case_counts(self, name: str) -> None:
        server = Server("s")
        server.tool(name=name)(lambda: None)
        server.tool(name=name.swapcase())(lambda: None)
        assert len(server.tools) == 2

    def test_a_lambda_needs_a_name(self) -> None:
        with pytest.raises(ValueError, match="'<lambda>'"):
            Server("s").tool(lambda: None)

    def test_what_has_no_name_of_its_own_needs_one(self) -> None:
        class Callable:
            def __call__(self) -> None: ...

        with pytest.raises(TypeError, match="give the tool a `name`"):
            Server("s").tool(Callable())

    def test_a_definition_that_is_no_json_fails_when_it_is_made(self) -> None:
        with pytest.raises(TypeError, match="tool: its definition is no JSON"):
            Server("s").tool(name="tool", meta={"a": object()})(lambda: None)

    async def test_a_removed_tool_is_neither_listed_nor_called(self) -> None:
        server = full_server()
        async with Peer(server) as peer:
            server.tools.remove("bare")
            (definition,) = (await peer.ask("tools/list"))["result"]["tools"]
            assert definition["name"] == "add"
            assert (await peer.refused("bare"))["code"] == -32602
        with pytest.raises(KeyError):
            server.tools.remove("bare")


class TestPages:
    def server(self, tools: int, page_size: int) -> Server:
        server = Server("s", page_size=page_size)
        for number in range(tools):
            server.tool(name=f"tool{number}")(lambda: None)
        return server

    @pytest.mark.parametrize("tools", [1, 2, 3, 4, 7])
    @pytest.mark.rule("S-47", "M1105-PAGE-05")
    async def test_the_pages_together_are_the_list(self, tools: int) -> None:
        for mode in ("legacy", "modern"):
            async with Client(self.server(tools, 2), mode=mode) as client:
                names = [tool.name for tool in await client.list_tools()]
                assert names == [f"tool{number}" for number in range(tools)]

    @each_revision
    @pytest.mark.rule("B24", "S-48", "M1105-PAGE-03", "M1105-PAGE-09")
    async def test_a_cursor_that_was_never_given_out_is_refused(self, revision: Revision) -> None:
        async with Peer(self.server(5, 2), revision) as peer:
            first = (await peer.ask("tools/list"))["result"]
            cursor = first["nextCursor"]
            assert len(first["tools"]) == 2
            for wrong in ("zz", "", cursor[:-1], cursor + "=", cursor.lower(), "dG9vbHMvbGlzdDo5"):
                error = (await peer.ask("tools/list", {"cursor": wrong}))["error"]
                assert error["code"] == -32602, wrong
                assert "cursor" in error["message"]
            second = (await peer.ask("tools/list", {"cursor": cursor}))["result"]
            assert [tool["name"] for tool in second["tools"]] == ["tool2", "tool3"]

    async def test_a_list_that_fits_one_page_has_no_cursor(self) -> None:
        async with Peer(self.server(2, 2)) as peer:
            assert "nextCursor" not in (await peer.ask("tools/list"))["result"]


class TestRefusals:
    @each_revision
    @pytest.mark.rule("SR-133", "S-51", "DEV-31")
    async def test_an_unknown_tool_is_an_error_of_the_protocol(self, revision: Revision) -> None:
        async with Peer(full_server(), revision) as peer:
            error = await peer.refused("nope" * 1000)
            assert error["code"] == -32602
            assert error["message"].startswith("Unknown tool: 'nopenope")
            assert len(json.dumps(error)) < 400

    @each_revision
    @pytest.mark.rule("S-52", "DEV-31")
    async def test_arguments_that_do_not_fit_are_what_the_revision_says(
        self, revision: Revision
    ) -> None:
        async with Peer(full_server(), revision) as peer:
            answer = await peer.answer(peer.start_call("add", {"a": "x"}))
            if revision in (V2025_11_25, V2026_07_28):
                assert answer["result"]["isError"] is True
                text = text_of(answer["result"])
                assert text.startswith("Invalid arguments for add: ")
            else:
                assert answer["error"]["code"] == -32602
                text = answer["error"]["message"]
            assert text.endswith("Expected `int`, got `str` - at `arguments.a`")

    @each_revision
    async def test_arguments_that_are_no_object_are_an_error_of_the_protocol(
        self, revision: Revision
    ) -> None:
        async with Peer(full_server(), revision) as peer:
            answer = await peer.ask("tools/call", {"name": "add", "arguments": [1]})
            assert answer["error"]["code"] == -32602

    @each_revision
    async def test_absent_arguments_are_no_arguments(self, revision: Revision) -> None:
        async with Peer(full_server(), revision) as peer:
            answer = await peer.ask("tools/call", {"name": "bare"})
            assert answer["result"]["content"] == []

    async def test_a_server_without_tools_does_not_declare_them(self) -> None:
        async with Peer(Server("s")) as peer:
            result = (await peer.ask("server/discover"))["result"]
            assert result["capabilities"] == {"logging": {}}
            assert (await peer.ask("tools/list"))["error"]["code"] == -32601


class TestChanges:
    @pytest.mark.rule("SR-050", "M1105-TOOL-07", "T37")
    async def test_a_client_hears_that_the_list_has_changed(self) -> None:
        server = full_server()
        async with Peer(server, V2025_11_25) as peer:
            server.tool(name="new")(lambda: None)
            server.tools.remove("bare")
            await until(lambda: peer.notifications("notifications/tools/list_changed"))

    async def test_also_when_another_thread_changes_it(self) -> None:
        import anyio.to_thread

        server = full_server()
        async with Peer(server, V2025_11_25) as peer:
            await anyio.to_thread.run_sync(lambda: server.tools.remove("bare"))
            await until(lambda: peer.notifications("notifications/tools/list_changed"))


def test_every_input_schema_is_a_schema() -> None:
    for definition in (
        full_server().tools.get(name).definition(revision)
        for name in ("add", "bare")
        for revision in ALL
    ):
        schema: Any = definition["inputSchema"]
        jsonschema_rs.meta.validate(schema)
        assert schema["type"] == "object"
