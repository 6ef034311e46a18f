"""What this machine is: which target description fits it, without asking LLVM."""

from __future__ import annotations

import functools
import os
import platform

from graphc.errors import DeviceUnavailable
from graphc.ir.target import TARGETS, Target
from graphc.runtime.cpu_levels import LEVELS

_LEVELS = tuple(LEVELS)  # the best first
_OTHERS = {"aarch64": "aarch64", "arm64": "aarch64", "riscv64": "riscv64"}  # what the system says, and the target


@functools.cache
def host_target() -> Target:
    """The best target this machine can run; ``GRAPHC_TARGET`` names a lesser one to use instead.

    Raises:
        DeviceUnavailable: no description fits this kind of processor.
    """
    fitting = fitting_targets()
    if not fitting:
        raise DeviceUnavailable(f"graphc has no code generator for a {platform.machine().lower()} processor")
    wanted = os.environ.get("GRAPHC_TARGET")
    if not wanted:
        return fitting[0]
    for target in fitting:
        if target.name == wanted:
            return target
    names = ", ".join(t.name for t in fitting)
    raise DeviceUnavailable(f"GRAPHC_TARGET={wanted} cannot run here; this machine runs {names}")


def fitting_targets() -> list[Target]:
    """The targets whose code this machine can run, the best first; empty where no description fits."""
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64"):
        return [TARGETS[_OTHERS[machine]]] if machine in _OTHERS else []
    flags = _cpu_flags()
    return [TARGETS[name] for name, need in LEVELS.items() if need <= flags]


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
    return _LEVELS[_LEVELS.index(host) :] if host in _LEVELS else (host,)


def runs_here(target: Target) -> bool:
    """Whether this machine can run code for a target."""
    return target.name in run_by(host_target().name)
