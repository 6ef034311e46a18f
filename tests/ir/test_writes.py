"""Which inputs are written before the last host step: what a host step that fails must find as it was."""

import pytest

from graphc.ir import dtype as dt
from graphc.ir.kernel import Array, Kernel
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Param, Program, Repeat, Signature
from graphc.ir.type import Type
from graphc.ir.writes import written_before_host, written_inputs

ONE = Type(dt.f32, ())
ADD = Kernel("add", (Array("x", ONE), Array("out", ONE, written=True)), (), ())
HOST = Host("call", (), ("a",), ("c",))


def program(*steps):
    params = tuple(Param(name, ONE) for name in "ab")
    signature = Signature(params, params, (), ((0, 0), (1, 1)), 64)
    places = {"a": ("input", 0), "b": ("input", 1), "c": ("arena", 0)}
    buffers = tuple(Buffer(name, ONE, place) for name, place in places.items())
    return Program("p", signature, buffers, (ADD,), steps)


@pytest.mark.parametrize("steps, wanted", [
    ((HOST, Launch("add", ("a", "b"))), set()),
    ((Launch("add", ("a", "b")), HOST), {1}),
    ((Launch("add", ("a", "c")), HOST, Launch("add", ("c", "a"))), set()),
    ((Copy("b", "a"), HOST, Launch("add", ("c", "b")), HOST), {0, 1}),
    ((Branch("c", (Launch("add", ("a", "b")),), (Copy("b", "a"),)), HOST), {0, 1}),
    ((Repeat((Launch("add", ("c", "b")),), count=2, counter="c"), HOST), {1}),
    ((Host("call", (), ("c",), ("b",)),), {1}),
    ((Launch("add", ("a", "b")),), set()),
])  # fmt: skip
def test_written_before_host(steps, wanted):
    assert written_before_host(program(*steps)) == wanted


def test_written_inputs_of_all_steps():
    assert written_inputs(program(), (Launch("add", ("c", "b")), HOST, Copy("c", "a"))) == {0, 1}
