"""What this machine can do at most, measured with our own kernels: FLOPs a second in registers, bytes a second copied."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from graphc.compile import assemble, build_digest, load
from graphc.errors import FormatError
from graphc.inspect.roof_kernels import arithmetic, copying
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.program import Program
from graphc.ir.target import Target
from graphc.options import Options
from graphc.runtime.cache import default_cache, digest_of

NEAR = 1 << 19  # bytes that one launch touches, for each thread, up to which it is measured by the cache
_COPIED = 1 << 17  # bytes of an array that is copied within the second-level cache; and its copy
_TIMES = 64
_FAR = 64 << 20  # bytes of an array that is copied in memory, of all threads, where no cache is half as large
_FARTHEST = 512 << 20
_SECONDS = 0.05  # of each measurement
_WORK = {"f32": dt.f32, "f64": dt.f64, "i8": dt.i32}


@dataclass(frozen=True)
class Roofs:
    """The most that this machine does in a second on so many threads.

    Attributes:
        cpu, target, threads: what was measured.
        date: when, as YYYY-MM-DD.
        f32, f64, i8: arithmetic operations in vector registers, with two for a fused multiply-add; products of bytes.
        cache: bytes read and written by copies within the second-level cache; memory: by copies far larger than caches.
    """

    cpu: str
    target: str
    threads: int
    date: str
    f32: float
    f64: float
    i8: float
    cache: float
    memory: float


def kind_of(nodes: Iterable[Node]) -> str:
    """Under which roof for arithmetic operations are: ``i8``, ``f64`` or, whatever else they are of, ``f32``."""
    nodes = tuple(nodes)
    if any(n.op in ("dot4", "conv4") for n in nodes):
        return "i8"
    return "f64" if any(getattr(n.type, "dtype", None) in (dt.f64, dt.c128) for n in nodes) else "f32"


def roofs(target: Target, threads: int, fresh: bool = False) -> Roofs:
    """The roofs of this machine: measured now, or as the cache holds them from an earlier time.

    Args:
        threads: that the pool has been told to use.
        fresh: measure in any case.
    """
    parts = {"what": "roofs", "cpu": cpu_name(), "target": target.name, "threads": str(threads), "compiler": build_digest()}
    digest, cache = digest_of(parts), default_cache()
    if not fresh and (entry := cache.get(digest)) is not None:
        try:
            return Roofs(**entry.json("roofs"))
        except (FormatError, KeyError, TypeError):
            pass  # whole, but not what is written today
    found = _measured(target, threads)
    cache.put(digest, {"roofs": asdict(found)}, parts)
    return found


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = [line.partition(":")[2].strip() for line in file if line.lower().startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _measured(target: Target, threads: int) -> Roofs:
    rates = {}
    for name, dtype in _WORK.items():
        program, flops = arithmetic(dtype, target, threads)
        rates[name] = flops / _least(_loaded(program, target))
    for name, size, times, streamed in (("cache", _COPIED, _TIMES, False), ("memory", _far() // threads, 1, True)):
        program, moved = copying(size, times, threads, streamed)
        call, x = _loaded(program, target), np.ones(program.signature.inputs[0].type.shape, np.float32)
        rates[name] = moved / _least(lambda: call(x))
    rates = {name: float(f"{rate:.4g}") for name, rate in rates.items()}
    return Roofs(cpu_name(), target.name, threads, time.strftime("%Y-%m-%d"), **rates)


def _loaded(program: Program, target: Target) -> Callable:
    options = Options(target=target.name)
    return load(assemble(program, options), options)


def _least(call: Callable) -> float:
    """Seconds of a call, when nothing comes between."""
    call()
    found, end = [], time.perf_counter() + _SECONDS
    while len(found) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def _far() -> int:
    """Bytes that do not stay in any cache: twice the largest one."""
    try:
        with open("/sys/devices/system/cpu/cpu0/cache/index3/size", encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        text = ""
    size = int(text[:-1]) << {"K": 10, "M": 20}[text[-1]] if text[:-1].isdecimal() and text[-1] in "KM" else 0
    return min(max(_FAR, 2 * size), _FARTHEST)
