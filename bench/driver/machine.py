"""What Linux tells about processes and the machine: CPU seconds, memory, idleness, pinning."""

import os
import platform
import time
from pathlib import Path
from typing import Final

CPUS: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

# What is measured has one CPU for itself and the load another one, where there are two.
MEASURED_CPU: Final = CPUS[0] if len(CPUS) > 1 else None
LOAD_CPU: Final = CPUS[1] if len(CPUS) > 1 else None


def why_not() -> str | None:
    """Why nothing can be measured here, or None."""
    if platform.system() != "Linux":
        return (
            f"this measures CPU seconds and memory by /proc, which only Linux has; "
            f"here is {platform.system()}"
        )
    return None


def pin_load() -> None:
    """Keep this process, the load, on its CPU."""
    if LOAD_CPU is not None:
        os.sched_setaffinity(0, {LOAD_CPU})


def pin_measured() -> None:
    """Keep the calling process on the CPU of what is measured; runs in the child."""
    if MEASURED_CPU is not None:
        os.sched_setaffinity(0, {MEASURED_CPU})


def cpu_seconds(pid: int) -> float:
    """User and system CPU seconds of a process, all its threads, on a clock of nanoseconds."""
    clock = (~pid << 3) | 2  # clock_getcpuclockid(3), which Python does not offer
    return time.clock_gettime(clock)


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process, in MiB: now, and at its peak."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def wait_for_quiet(at_most: float, idle: float = 0.75) -> None:
    """Wait, `at_most` so many seconds, until the machine is idle to this share."""
    end = time.perf_counter() + at_most
    while time.perf_counter() < end:
        idle_before, all_before = _jiffies()
        time.sleep(0.1)
        idle_after, all_after = _jiffies()
        if idle_after - idle_before >= idle * (all_after - all_before):
            return


def processor() -> str:
    """The model of the CPU."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _jiffies() -> tuple[int, int]:
    with open("/proc/stat") as file:
        values = [int(value) for value in file.readline().split()[1:9]]
    return values[3] + values[4], sum(values)
