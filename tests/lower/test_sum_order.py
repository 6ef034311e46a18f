"""The bits of a sum over several axes do not depend on what is fused with it."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.prims import add, reduce, reverse, slice, transpose
from tests.native import host_targets, run_native

TARGETS = host_targets()
N = symbol("n")


def image(*shape):
    return input_node("x", Type(dt.f32, shape))


def total(x):
    return reduce(x, kind="sum", axes=(2, 3))


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
@pytest.mark.parametrize("height", [8, N], ids=str)
def test_sums_of_moved_values_have_the_bits_of_sums_of_memory(target, height):
    values = np.random.default_rng(0).standard_normal((2, 6, 8, 12)).astype(np.float32)
    plain = image(2, 6, height, 12)
    (wanted,) = run_native(Graph("plain", (plain,), (total(plain),)), [values], target)
    turned = image(2, height, 12, 6)
    g = Graph("turned", (turned,), (total(transpose(turned, perm=(0, 3, 1, 2))),))
    (got,) = run_native(g, [np.ascontiguousarray(values.transpose(0, 2, 3, 1))], target)
    assert got.tobytes() == wanted.tobytes()
    across = image(2, 6, 12, height)
    g = Graph("across", (across,), (total(transpose(across, perm=(0, 1, 3, 2))),))
    (got,) = run_native(g, [np.ascontiguousarray(values.transpose(0, 1, 3, 2))], target)
    assert got.tobytes() == wanted.tobytes()
    g = Graph("back", (plain,), (total(reverse(plain, axes=(2,))),))
    (got,) = run_native(g, [np.ascontiguousarray(values[:, :, ::-1])], target)
    assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_the_sum_of_a_part_with_what_is_made_of_it(target):
    values = np.random.default_rng(1).standard_normal((2, 6, 9, 13)).astype(np.float32)
    x = image(2, 6, 9, 13)
    part = slice(x, (0, 0, 1, 1), (2, 6, 9, 13), (1, 1, 1, 1))
    twice = add(part, part)
    both, alone = run_native(Graph("part", (x,), (total(twice), twice)), [values], target)
    whole = image(2, 6, 8, 12)
    (wanted,) = run_native(Graph("whole", (whole,), (total(whole),)), [alone], target)
    assert both.tobytes() == wanted.tobytes()
