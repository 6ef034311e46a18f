"""A kernel that does what it must not: the error names the line of the user for what it computes; program texts keep these lines."""

import re
import shutil

import numpy as np
import pytest

import graphc as tf
from graphc import compile_gpu
from graphc.compile import compile_graph, lower_graph, optimise
from graphc.errors import DeviceError
from graphc.ir.parser import parse
from graphc.ir.program import Launch, flat
from graphc.models.objects import as_graph
from graphc.options import Options

EMULATED = Options(target="cuda-emulated", cache=False)


ROWS, COLUMNS = 37, 41  # of no other test: equal values know the line that made them first


def graph():
    def body(at_fault):
        rows = tf.reduce_sum(at_fault, 1)
        return tf.exp(rows)[:, None] * tf.transpose(at_fault)[:ROWS, :1], rows

    return as_graph(tf.function(body, input_signature=[tf.TensorSpec([ROWS, COLUMNS], tf.float32)]), "faulty")


def line_of(text: str) -> int:
    return next(k for k, line in enumerate(open(__file__), 1) if text in line)


def test_launches_on_gpus_know_their_lines():
    program = lower_graph(optimise(graph(), EMULATED), EMULATED)
    launches = [s for s in flat(program.steps) if isinstance(s, Launch)]
    assert launches and all(s.location.file == __file__ for s in launches)
    again = [s for s in flat(parse(str(program)).steps) if isinstance(s, Launch)]
    assert [str(s.location) for s in again] == [str(s.location) for s in launches]
    on_cpu = lower_graph(optimise(graph(), Options()), Options())
    assert all(s.location is None for s in flat(on_cpu.steps) if isinstance(s, Launch))


@pytest.mark.skipif(shutil.which("g++") is None, reason="kernels of the emulated device are compiled by g++")
def test_the_error_names_the_line(monkeypatch):
    written = compile_gpu.program_source
    monkeypatch.setattr(compile_gpu, "program_source", lambda *args, **kw: re.sub(r"out(\d)\[", r"out\1[70000 + ", written(*args, **kw)))
    with pytest.raises(DeviceError, match="out of bounds") as caught:
        compile_graph(graph(), EMULATED)(np.ones((ROWS, COLUMNS), np.float32))
    (kernel,) = caught.value.kernels
    wanted = f"test_cuda_fault_lines.py:{line_of('rows = tf.reduce_sum')}"
    assert re.search(rf"kernel {kernel}\s+computes   .*{wanted}", str(caught.value)), str(caught.value)
