"""Look at an installation: what works, what is missing, what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphc.compile import compile_graph, target_of
from graphc.errors import DeviceUnavailable, GraphcError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.gpu import CUDA, EMULATED
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import make
from graphc.ir.type import Type
from graphc.options import VERSION, Options
from graphc.runtime.cache import default_cache
from graphc.runtime.gpus import FoundGpu, code_for, driver_version, expect_gpu, found_gpus, host_compiler, named_device, why_none, why_not_emulated
from graphc.runtime.pool import default_threads

NEEDED = ("numpy", "llvmlite", "ml-dtypes")
OPTIONAL = {
    "keras": "Keras 3 with graphc underneath: pip install 'graphc[keras]'",
    "networkx": "graphs as networkx graphs: pip install 'graphc[graph]'",
    "pycuda": "CUDA devices: pip install 'graphc[cuda]'",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``level`` is ``ok``, ``note`` or ``bad``."""

    level: str
    what: str


def examine() -> Iterator[Finding]:
    """Check versions, the target, the cache, and a small program from end to end."""
    yield Finding(
        "ok", f"graphc {VERSION}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    for name in NEEDED:
        try:
            yield Finding("ok", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding("bad", f"{name} is not installed: pip install {name}")
    for name, use in OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield Finding("note", f"{name} is not installed ({use})")
    try:
        target = target_of(Options())
        yield Finding(
            "ok", f"target {target.name}: {target.vector_bits or 'no'} bit vectors, {default_threads()} threads"
        )
    except GraphcError as error:
        yield Finding("bad", str(error))
        return
    yield from _cache()
    yield _program(Options(cache=False), "a small program")
    yield from _cuda()
    yield from _chosen()


def _cache() -> Iterator[Finding]:
    cache = default_cache()
    if cache.path is None:
        yield Finding("note", "the disk cache is off: every process compiles anew")
        return
    stats = cache.stats()
    where = cache.path if cache.path.exists() else cache.path.parent
    while not where.exists() and where != where.parent:
        where = where.parent
    if os.access(where, os.W_OK):
        size = f"{stats.bytes / 1e6:.1f} of {stats.limit / 1e6:.0f} MB"
        yield Finding("ok", f"disk cache {cache.path}: {stats.entries} programs, {size}")
    else:
        yield Finding("bad", f"disk cache {cache.path} cannot be written; set GRAPHC_CACHE_DIR to a folder of your own")


def _cuda() -> Iterator[Finding]:
    """The CUDA devices, a program on the first of them, and whether kernels can be run without one."""
    found = found_gpus()
    if found:
        told = [_device(gpu, f"{CUDA}:{k}") for k, gpu in enumerate(found)]
        yield from told
        if told[0].level == "ok":
            yield _program(Options(cache=False, target=CUDA), f"a small program for {CUDA}:0")
    else:
        yield Finding("note", f"{CUDA}: {why_none()}")
    command = host_compiler()
    if command is None:
        yield Finding("note", f"{EMULATED}: {why_not_emulated()}")
    else:
        yield _program(Options(cache=False, target=EMULATED), f"{EMULATED}: kernels are run by the CPU, for which {command} compiles them; a small program")


def _chosen() -> Iterator[Finding]:
    """Whether the device is there that the environment chooses."""
    said = os.environ.get("GRAPHC_DEVICE")
    if not said:
        return
    what = f"environment variable GRAPHC_DEVICE={said}"
    try:
        kind, _, number = named_device(said, what).partition(":")
        if kind == CUDA:
            expect_gpu(int(number), what)
        yield Finding("ok", f"{what}: runs there what names no device")
    except (DeviceUnavailable, UsageError) as error:
        yield Finding("bad", str(error))


def _device(gpu: FoundGpu, device: str) -> Finding:
    version = driver_version()
    what = f"{device} {gpu.name}: {gpu.memory / 1e9:.1f} GB, {gpu.multiprocessors} multiprocessors"
    try:
        return Finding("ok", f"{what}, {code_for(gpu, device).arch}, driver of CUDA {version // 1000}.{version % 1000 // 10}")
    except DeviceUnavailable as error:
        return Finding("note", str(error))


def _program(options: Options, what: str) -> Finding:
    """Compile and run ``x + x``."""
    x = input_node("x", Type(dt.f32, (3,)))
    graph = Graph("doctor", (x,), (make("add", (x, x), (), x.type),))
    try:
        (result,) = compile_graph(graph, options)(np.array([1, 2, 3], np.float32))
    except GraphcError as error:
        return Finding("bad", f"{what} does not compile: {error}")
    if result.tolist() == [2, 4, 6]:
        return Finding("ok", f"{what} compiles and runs")
    return Finding("bad", f"{what} gives {result.tolist()} instead of [2, 4, 6]")
