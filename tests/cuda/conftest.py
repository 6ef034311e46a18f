"""A GPU for tests of who brings what where: it has memory, and the CPU computes for it."""

import weakref
from dataclasses import replace

import pytest
from memory_device import MemoryDevice, MemoryExecutable

import graphc.compile as compiling
from graphc.api import places
from graphc.runtime.cache import digest_of
from graphc.runtime.gpus import FoundGpu


_DEVICE = MemoryDevice("cuda:0", limit=1 << 24)  # one for all tests of a process, as eager evaluation keeps programs for it


@pytest.fixture
def memory_gpu(monkeypatch):
    """The only GPU, ``cuda:0``."""
    device = _DEVICE
    device.copies.update(up=0, down=0, across=0)
    artifact, load = compiling._artifact, compiling.load

    def made(graph, options, on_pass, parts, digest):
        if options.device == device.name:
            options = replace(options, target=None)
            parts = compiling.key_parts(graph, options)
        return artifact(graph, options, on_pass, parts, digest_of(parts))

    def loaded(artifact, options=compiling.Options(), mark=None, lines=()):
        program = load(artifact, replace(options, target=None), mark, lines)
        return MemoryExecutable(program, device) if options.device == device.name else program

    monkeypatch.setattr(compiling, "_artifact", made)
    monkeypatch.setattr(compiling, "load", loaded)
    monkeypatch.setattr(compiling, "_loaded", weakref.WeakValueDictionary())
    monkeypatch.setattr(places, "_opened", lambda options: device)
    monkeypatch.setattr("graphc.runtime.cuda.compilers.driver_version", lambda: 13000)
    for module in ("graphc.runtime.gpus", "graphc.api.places", "graphc.api.machine", "graphc.api.devices"):
        monkeypatch.setattr(f"{module}.found_gpus", lambda: (FoundGpu("a GPU", (9, 0), 1 << 24),))
    monkeypatch.setattr(places.Seen, "gpus", None)
    monkeypatch.setattr(places.Seen, "soft", True)
    return device
