"""What schedules assume of a machine: every number changes kernels where it should, and none a bit of any result."""

from dataclasses import asdict, replace
from functools import lru_cache

import numpy as np
import pytest

from graphc.compile import compile_graph, key_parts, optimise
from graphc.errors import UsageError
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.machine import CANDIDATES, DEFAULT, LIMITS, Machine, machine_of
from graphc.ir.node import const, symbol
from graphc.ir.target import AARCH64, RISCV64, TARGETS, X86_64, X86_64_V4
from graphc.ir.type import Type
from graphc.lib import attention, nn
from graphc.options import Options
from graphc.prims import add, broadcast, conv, dot, reduce, tanh, transpose
from tests.native import bits_equal, host_targets, run_native, verified

RUNNING = [t for t in host_targets() if t.fma]
N = symbol("n")


def drawn(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def given(*shape, name="x"):
    return input_node(name, Type(dt.f32, shape))


def known(*shape):
    return const(drawn(*shape, seed=9), Type(dt.f32, shape))


def graph(inputs: tuple, *outputs) -> Graph:
    return optimise(Graph("g", inputs, outputs, tuple(f"y{k}" for k in range(len(outputs)))))


def convolution(channels: int, kernel: tuple, size=(5, 30), **window) -> Graph:
    x = given(2, *size, channels)
    return graph((x,), tanh(conv(x, known(*kernel), low=(1, 1), high=(1, 1), **window)))


@lru_cache
def programs() -> dict[str, tuple[Graph, tuple]]:
    """Programs with the arrays that they are given; among them one of each kind of nest that looks at the machine."""
    x, y, open_rows, across = given(40, 900), given(900, 333, name="y"), given(N, 70), given(70, 300, name="y")
    tall, wide = given(900, 40), given(333, 900, name="y")
    q, k, v = (given(1, 2, 33, 20, name=n) for n in "qkv")
    rows, line = given(9, 5000), given(3, 2000)
    many, few = convolution(16, (3, 3, 16, 96)), convolution(3, (3, 3, 3, 33), (4, 2))
    return {
        "product": (graph((x, y), add(dot(x, y), broadcast(known(333), (40, 333), (1,)))), (drawn(40, 900), drawn(900, 333))),
        "weights": (graph((x,), dot(x, known(900, 333))), (drawn(40, 900),)),
        "across": (graph((tall, wide), dot(tall, wide, True, True)), (drawn(900, 40), drawn(333, 900))),
        "open": (graph((open_rows, across), tanh(dot(open_rows, across))), (drawn(37, 70), drawn(70, 300))),
        "attention": (graph((q, k, v), attention.scaled_dot_product_attention(q, k, v)), (drawn(1, 2, 33, 20),) * 3),
        "convolution": (many, (drawn(2, 5, 30, 16),)),
        "small": (few, (drawn(2, 4, 2, 3),)),
        "each": (convolution(40, (3, 3, 1, 40), (19, 9), groups=40), (drawn(2, 19, 9, 40),)),
        "softmax": (graph((rows,), nn.softmax(rows)), (drawn(9, 5000),)),
        "stream": (graph((line,), nn.softmax(line)), (drawn(3, 2000),)),
        "columns": (graph((rows,), reduce(rows, "sum", (0,))), (drawn(9, 5000),)),
        "transpose": (graph((x,), transpose(x, (1, 0))), (drawn(40, 900),)),
    }


@lru_cache
def plain(name: str, target) -> tuple:
    made, arrays = programs()[name]
    return verified(made, target), run_native(made, arrays, target)


def check(machine: Machine, target) -> int:
    """All programs on this machine, where their kernels are others, have the bits they always have; how many these are."""
    tuned, changed = replace(target, machine=machine), 0
    for name, (made, arrays) in programs().items():
        program, want = plain(name, target)
        if verified(made, tuned).kernels == program.kernels:
            continue
        changed += 1
        for parts in (1, 3):
            for got, expected in zip(run_native(made, arrays, tuned, parts), want, strict=True):
                assert bits_equal(got, expected), f"{name} on {target.name} with {machine}"
    return changed


@pytest.mark.parametrize("name", list(LIMITS))
@pytest.mark.parametrize("target", RUNNING, ids=lambda t: t.name)
def test_a_number_changes_kernels_but_no_bits(target, name):
    assert check(replace(DEFAULT, **{name: LIMITS[name][0]}), target), f"{name} changes no kernel of any of these programs"


@pytest.mark.parametrize("target", RUNNING, ids=lambda t: t.name)
def test_all_numbers_at_once(target):
    check(Machine(**{name: most for name, (_, most) in LIMITS.items()}), target)
    check(Machine(**{name: values[-1] for name, values in CANDIDATES.items()}), target)


@pytest.mark.parametrize("target", [AARCH64, RISCV64, X86_64], ids=lambda t: t.name)
def test_other_targets_take_every_number(target):
    for k in (0, -1):
        machine = Machine(**{name: values[k] for name, values in CANDIDATES.items()})
        for made, _ in programs().values():
            verified(made, replace(target, machine=machine))


def test_the_candidates_are_those_of_the_machine():
    assert set(CANDIDATES) == set(LIMITS) == set(asdict(DEFAULT))
    for name, values in CANDIDATES.items():
        assert len(set(values)) == len(values)
        for value in values:
            replace(DEFAULT, **{name: value})


def test_text_and_changes():
    machine = Machine(tile_rows=8, ahead_bytes=1024)
    assert str(machine) == "tile_rows=8 ahead_bytes=1024" and str(DEFAULT) == ""
    assert machine_of(machine.changes) == machine and machine_of({"of a later version": 3}) == DEFAULT


@pytest.mark.parametrize("bad", [0, -1, 17, 1.5, True, "8", None])
def test_numbers_that_cannot_be(bad):
    with pytest.raises(UsageError, match="Machine: tile_rows=.* must be a whole number from 1 to 16"):
        Machine(tile_rows=bad)


def test_targets_are_those_of_the_default_machine():
    assert all(t.machine == DEFAULT for t in TARGETS.values())


def test_options_find_another_program():
    made, arrays = programs()["product"]
    plain, tuned = Options(), Options(machine=Machine(tile_rows=5))
    assert key_parts(made, plain)["machine"] == "" and key_parts(made, tuned)["machine"] == "tile_rows=5"
    assert str(Stages(made, plain).program) != str(Stages(made, tuned).program)
    assert Stages(made, tuned).origins.keys() == {k.name for k in Stages(made, tuned).program.kernels}
    first, second = compile_graph(made, plain), compile_graph(made, tuned)
    assert first is not second and bits_equal(first(*arrays)[0], second(*arrays)[0])


def test_a_dump_names_the_target_alone():
    assert "tile_rows" not in str(Stages(programs()["product"][0], Options(target=X86_64_V4.name)).program)
