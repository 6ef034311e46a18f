"""What this machine is: which target description fits it, without asking LLVM."""

from __future__ import annotations

import functools
import os
import platform

from graphc.errors import DeviceUnavailable
from graphc.ir.target import AARCH64, RISCV64, X86_64, X86_64_V3, X86_64_V4, X86_64_VNNI, Target

_V3 = {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", "popcnt", "cx16", "sse4_2"}
_V4 = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_VNNI = _V4 | {"avx512_vnni"}
_ALSO_RUNS = {
    "x86-64-v4-vnni": ("x86-64-v4", "x86-64-v3", "x86-64"),
    "x86-64-v4": ("x86-64-v3", "x86-64"),
    "x86-64-v3": ("x86-64",),
}


@functools.cache
def host_target() -> Target:
    """The best target this machine can run; ``GRAPHC_TARGET`` names a lesser one to use instead.

    Raises:
        DeviceUnavailable: no description fits this kind of processor.
    """
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        flags = _cpu_flags()
        levels = ((X86_64_VNNI, _VNNI), (X86_64_V4, _V4), (X86_64_V3, _V3), (X86_64, set()))
        fitting = [t for t, need in levels if need <= flags]
    else:
        fitting = [t for t in (AARCH64, RISCV64) if t.name == {"arm64": "aarch64"}.get(machine, machine)]
    if not fitting:
        raise DeviceUnavailable(f"graphc has no code generator for a {machine} processor")
    wanted = os.environ.get("GRAPHC_TARGET")
    if not wanted:
        return fitting[0]
    for target in fitting:
        if target.name == wanted:
            return target
    names = ", ".join(t.name for t in fitting)
    raise DeviceUnavailable(f"GRAPHC_TARGET={wanted} cannot run here; this machine runs {names}")


def _cpu_flags() -> set:
    """Feature names of the first processor; empty where the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("flags"):
                    return set(line.partition(":")[2].split())
    except OSError:
        pass
    return set()


def run_by(host: str) -> tuple[str, ...]:
    """Names of the targets whose code a machine runs, the best first."""
    return (host, *_ALSO_RUNS.get(host, ()))


def runs_here(target: Target) -> bool:
    """Whether this machine can run code for a target."""
    return target.name in run_by(host_target().name)
