"""The thread pool as LLVM IR text for one target, and how many threads it should have here."""

from __future__ import annotations

import math
import os
from pathlib import Path
from string import Template

from graphc.errors import CompileError
from graphc.ir.target import Target

_FILES = ("pool", "pool_threads")
_SPIN = 4000  # looks before sleeping: some fifty microseconds, far below a time slice
_AWAKE = 64  # so much less work is worth a thread that looks for it: to hand it over takes 0.2 microseconds
_PAUSE_BETWEEN = 25_000  # nanoseconds between loops, half of what a worker looks for work: it is awake for the next
_ROW = 2  # loops that come so soon, before a worker is woken for the next
_PARTS = 15  # per thread: enough to even out unequal threads; a range counts to 4095, which is 256 times so many
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
_PAUSE = {
    "x86_64": ("call void @llvm.x86.sse2.pause()", "declare void @llvm.x86.sse2.pause()"),
    "aarch64": ("call void @llvm.aarch64.hint(i32 1)", "declare void @llvm.aarch64.hint(i32)"),
    "riscv64": ("fence acquire", ""),  # its pause hint is an extension that not every machine has
}
_SERIAL = """\
; No threads: the loop runs as one part.
define void @gc_pool_configure(i32 %threads) nounwind {
  ret void
}

define i32 @gc_pool_started() nounwind {
  ret i32 0
}

define void @gc_pool_reset_after_fork() nounwind {
  ret void
}

define void @gc_parallel(ptr %fn, ptr %ctx, i64 %extent, i64 %grain) nounwind {
  call void %fn(ptr %ctx, i64 0, i64 %extent)
  ret void
}
"""


def pool_text(target: Target, threads: bool = True) -> str:
    """A module that defines ``gc_parallel`` and the functions ``gc_pool_...``; it needs nothing but libc.

    Without ``threads``, or where the target has none, it needs nothing at all, and every loop runs in its caller.

    The same text goes into the process-wide pool and into objects that are linked into other programs.
    """
    machine, *rest = target.triple.split("-")
    if not threads or not target.threads:
        return _SERIAL
    if machine not in _FUTEX or "linux" not in rest:
        raise CompileError(f"target {target.name}: there is no thread pool for {target.triple}; known: Linux on {', '.join(_FUTEX)}")
    pause, declaration = _PAUSE[machine]
    text = "\n".join((Path(__file__).parent / f"{name}.ll").read_text(encoding="utf-8") for name in _FILES)
    signals = ", ".join(["i64 -1"] * 16)
    return Template(text).substitute(
        futex=_FUTEX[machine], pause=pause, declarations=declaration, spin=_SPIN, parts=_PARTS, awake=_AWAKE,
        pause_between=_PAUSE_BETWEEN, row=_ROW, signals=signals,
    ).replace("\n\n\n", "\n\n")


def usable_cpus() -> int:
    """How many CPUs this process may use at a time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_cpus(Path("/"))
    return count if quota is None else min(count, max(1, math.ceil(quota)))


def default_threads() -> int:
    """How many threads a run may use: those of the CPUs, or what the environment asks for."""
    count = usable_cpus()
    for variable in ("GRAPHC_NUM_THREADS", "OMP_NUM_THREADS"):
        wanted = os.environ.get(variable, "").split(",")[0].strip()
        if wanted.isdecimal() and int(wanted) > 0:
            return min(count, int(wanted))
    return count


def cgroup_cpus(root: Path) -> float | None:
    """The CPUs that the control group of this process may use at a time; None without a limit.

    Args:
        root: the folder under which ``proc`` and ``sys`` lie; another one than ``/`` only in tests.
    """
    limits = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        folders = [Path(path.lstrip("/")), *Path(path.lstrip("/")).parents]
        if controllers == "":
            limits += [_quota_v2(root / "sys/fs/cgroup" / folder) for folder in folders]
        elif "cpu" in controllers.split(","):
            limits += [_quota_v1(root / "sys/fs/cgroup/cpu" / folder) for folder in folders]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period) > 0:
        return int(quota) / int(period)
    return None


def _quota_v1(folder: Path) -> float | None:
    quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
    if quota.isdecimal() and period.isdecimal() and int(period) > 0:
        return int(quota) / int(period)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
