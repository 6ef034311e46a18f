"""Memory of devices: arrays and programs counted apart, given back from any thread and at no wrong moment."""

import gc
import shutil
import threading

import numpy as np
import pytest
from memory_device import MemoryDevice

from graphc.compile import compile_graph
from graphc.errors import ResourceExhaustedError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import broadcast, mul, reduce
from graphc.runtime.device_memory import Block, memory_held, scratch_held
from graphc.runtime.emulator.device import EmulatedDevice


def scaled() -> Graph:
    """A sum times each element of a constant."""
    x = input_node("x", Type(dt.f32, (symbol("n"),)))
    total = broadcast(reduce(x, axes=(0,), kind="sum"), (8,), ())
    return Graph("scaled", (x,), (mul(const(np.arange(1, 9, dtype=np.float32)), total),))


def test_arrays_and_programs_are_counted_apart():
    device = MemoryDevice("cuda:0", limit=1000)
    array, scratch = Block(device, 100), Block(device, 300, is_scratch=True)
    assert memory_held(device) == (100, 100) and scratch_held(device) == 300
    with pytest.raises(ResourceExhaustedError, match="arrays have 100 bytes there, programs 300 beside"):
        Block(device, 700)
    del scratch
    again = Block(device, 900)
    assert scratch_held(device) == 0 and memory_held(device) == (1000, 1000) and array.address != again.address


def test_nothing_is_freed_while_a_device_records(monkeypatch):
    device, failed = EmulatedDevice(), []
    monkeypatch.setattr("sys.unraisablehook", failed.append)
    blocks = [Block(device, 64), Block(device, 64, is_scratch=True)]
    with device.capture():
        blocks.clear()
        gc.collect()
    assert not failed and memory_held(device)[0] == scratch_held(device) == 0


def test_many_threads_drop_memory():
    device = EmulatedDevice()

    def work(k):
        for n in range(40):
            Block(device, 8 + n, is_scratch=k % 2 == 0)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory_held(device)[0] == scratch_held(device) == 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="kernels of the emulated device are compiled by g++")
def test_a_program_gives_back_what_it_has(monkeypatch):
    device = EmulatedDevice(index=7)
    monkeypatch.setattr("graphc.compile_gpu.device_for", lambda gpu, index: device)
    program = compile_graph(scaled(), Options(target="cuda-emulated"))
    assert scratch_held(device) == 0, "who loads a program does not wait for the device"
    for size in (5, 7, 5):
        assert program(np.ones(size, np.float32))[0].tolist() == [size * k for k in range(1, 9)]
    assert scratch_held(device) >= 32 and memory_held(device)[0] == 0
    del program
    gc.collect()
    assert scratch_held(device) == 0
