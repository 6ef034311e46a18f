"""Models for Cortex-M processors: the objects run in an emulated Cortex-M4, with the bits of an x86-64 with fma."""

import re
import struct
from functools import partial

import numpy as np
import pytest

from graphc.aot import export
from graphc.compile import optimise
from graphc.ir.target import THUMBV7EM
from graphc.options import Options
from tests.aot.small_models import bytes_product, convolutions, normal, small_bytes, training_step
from tests.machines32 import Layout, check32, run32

pytest.importorskip("unicorn")
from tests.cortex import HELPED, Cortex  # noqa: E402  (needs what may be missing)

FOR_CORTEX = Options(target="thumbv7em")
check = partial(check32, THUMBV7EM)


@pytest.mark.parametrize("size", [None, 1])
def test_convolutions(size):
    check(optimise(convolutions(size)), normal(1, 9, 11, 3))


def test_products_of_bytes():
    check(bytes_product(), small_bytes(5, 37))


def test_a_step_of_training():
    check(optimise(training_step()), normal(7, 3), np.zeros((3, 1), np.float32))


@pytest.mark.parametrize("separate", [False, True])
def test_a_program_calls_the_object(predictor, tmp_path, separate):
    export(predictor.graph, tmp_path / "predictor.gc", FOR_CORTEX, separate_weights=separate)
    machine, n = Cortex((tmp_path / "predictor.o").read_bytes()), 3
    memory = Layout(machine)
    inputs, outputs = memory.put(predictor.data(n).tobytes()), memory.put(bytes(40 * n))
    tables = [memory.put(struct.pack("<I", place)) for place in (inputs, outputs)]
    dims, huge = memory.put(struct.pack("<q", n)), memory.put(struct.pack("<q", 1 << 25))
    arena = memory.put(bytes(machine.call_wide("predictor_arena", dims)))
    if separate:
        assert machine.call("predictor", *tables, dims, arena) == 0xFFFFFFFF
        weights = (tmp_path / "predictor.weights").read_bytes()
        assert machine.call("predictor_init", memory.put(weights), 0, len(weights), 0) == 0
    assert machine.call("predictor", *tables, dims, arena) == 0
    found = np.frombuffer(machine.read(outputs, 40 * n), np.float32).reshape(n, 10)
    assert found.tobytes() == run32(optimise(predictor.graph), [predictor.data(n)], THUMBV7EM)[0].tobytes()
    memory.check("predictor")
    assert machine.call("predictor", *tables, huge, arena) == 1  # an array of 8 GiB
    assert "more than 2 GiB" in (tmp_path / "predictor.h").read_text()


def test_what_the_object_leaves_to_the_library_of_the_compiler(predictor, tmp_path):
    export(predictor.graph, tmp_path / "predictor.gc", FOR_CORTEX)
    content = (tmp_path / "predictor.o").read_bytes()
    helpers = {name.decode() for name in re.findall(rb"\0(__aeabi_\w+|mem\w+|sqrt\w*)(?=\0)", content)}
    assert helpers and helpers <= HELPED
    assert re.search(r"arm-none-eabi-gcc .*-mfloat-abi=hard .*predictor_main.c predictor.a", (tmp_path / "predictor_main.c").read_text())
