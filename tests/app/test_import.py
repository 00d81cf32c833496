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


MEMORY = """
import sys
sys.path += {path!r}
import barewire
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.rule("T21", "B26")
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_importing_barewire_takes_less_than_25_mb() -> None:
    program = MEMORY.format(path=[path for path in sys.path if path])
    command = [sys.executable, "-S", "-E", "-c", program]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert int(done.stdout) * 1024 < 25_000_000
