"""What `import barewire` leaves for later."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import barewire
late = {"msgspec", "secrets", "asyncio", "anyio", "trio", "socket", "ssl", "subprocess"}
assert not late & set(sys.modules), late & set(sys.modules)
server = barewire.Server("s")
barewire.Client(server)
assert not late & set(sys.modules), late & set(sys.modules)
server.tool(name="tool")(lambda: None)
assert late & set(sys.modules) == {"msgspec"}, late & set(sys.modules)
"""


@pytest.mark.rule("T21", "B26")
def test_what_tools_need_is_imported_with_the_first_tool() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=30)
