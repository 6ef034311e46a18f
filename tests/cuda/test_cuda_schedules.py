"""What schedules for GPUs look like: wide accesses, loads before use, rows in registers, few divisions, few launches."""

import re

import pytest
from cuda_texts import NVRTC, needs_nvrtc

from graphc.codegen.cuda.module import program_source
from graphc.ir import dtype as dt
from graphc.ir.geometry import geometry
from graphc.ir.gpu import GPUS
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lower.lower import lower
from graphc.prims import broadcast, cast, exp, reduce, sqrt, transpose
from graphc.prims.table import apply
from graphc.runtime.cuda.reports import resources

GPU = GPUS["cuda:sm_90a"]
N, M = symbol("n"), symbol("m")


def x_of(shape, dtype=dt.f32, name="x"):
    return input_node(name, Type(dtype, shape))


def program(inputs, *outputs):
    return lower(Graph("g", tuple(inputs), outputs), GPU)


def kernel(inputs, *outputs):
    (found,) = program(inputs, *outputs).kernels
    return found


def softmax(x):
    e = exp(x - broadcast(reduce(x, "max", (1,)), x.shape, (0,)))
    return e / broadcast(reduce(e, "sum", (1,)), x.shape, (0,))


def norm(x):
    d = x - broadcast(reduce(x, "sum", (1,)) * 0.125, x.shape, (0,))
    return d / broadcast(sqrt(reduce(d * d, "sum", (1,)) * 0.125 + 1e-5), x.shape, (0,))


@pytest.mark.parametrize("dtype, width", [(dt.f32, 4), (dt.bf16, 8), (dt.f64, 2), (dt.i8, 16)])
def test_elements_are_read_and_written_by_sixteen_bytes(dtype, width):
    x, y = x_of((4_000_000,), dtype), x_of((4_000_000,), dtype, "y")
    text = str(kernel([x, y], x + y))
    assert f"for v in {width} vector" in text
    assert text.index("read1[") < text.index("out0[", text.index("{")), "both operands are loaded before anything is stored"
    assert "//" not in text.split("block {")[1] and " % " not in text


def test_narrow_elements_beside_wide_ones_make_as_many_accesses():
    x = x_of((N,))
    text = str(kernel([x], cast(x, dt.bf16), x * 2.0))
    assert text.count("for v in 4 vector") == 2 and "for u in 2 unrolled" in text
    assert re.search(r"read0\[u\] = x0\[.* if .* < size|n\]", text), "the end of the domain is loaded at once as well"


def test_small_domains_have_a_thread_for_every_element():
    made = kernel([x_of((1000, 3)), x_of((3,), name="b")], x_of((1000, 3)) + broadcast(x_of((3,), name="b"), (1000, 3), (1,)))
    assert geometry(made).grid == 12 and "vector" not in str(made)


def test_what_is_one_value_along_a_vector_is_read_once():
    shape = (4096, 1024)
    x, row, column = x_of(shape), x_of((4096,), name="r"), x_of((1024,), name="c")
    text = str(kernel([x, row, column], x * broadcast(row, shape, (0,)) + broadcast(column, shape, (1,))))
    arrays = dict(re.findall(r"alloc (read\d): f32\[([\d,]+)\]", text))
    assert sorted(arrays.values()) == ["4", "4,4", "4,4"]
    assert "//" not in text and " % " not in text, "a block has whole rows"
    y = x_of((4096, 768))
    text = str(kernel([y, row], y * broadcast(row, y.shape, (0,)) + 1.0))
    assert text.count("//") == 1, "one division for a vector"


def test_rows_of_unknown_length_need_no_division():
    x, b = x_of((N, M)), x_of((M,), name="b")
    text = str(kernel([x, b], x + broadcast(b, (N, M), (1,))))
    assert "//m" not in text and "% m" not in text and "// m" not in text


def test_transposes_go_through_shared_memory():
    text = str(kernel([x_of((4096, 4096))], transpose(x_of((4096, 4096)), (1, 0)) * 2.0))
    assert "turned0: f32[32,33] shared" in text and "barrier" in text and " if " not in text
    assert "turned0: bf16[64,66] shared" in str(kernel([x_of((4096, 4096), dt.bf16)], -transpose(x_of((4096, 4096), dt.bf16), (1, 0))))
    assert "shared" not in str(kernel([x_of((4096, 3))], transpose(x_of((4096, 3)), (1, 0)) * 2.0)), "lines in cache are enough"


@pytest.mark.parametrize("columns, shares", [(100, 16), (512, 16), (1024, 32), (2048, 32), (10, 8), (7, 8), (1, 1)])
def test_a_row_waits_in_the_registers_of_a_warp(columns, shares):
    made = kernel([x_of((4096, columns))], softmax(x_of((4096, columns))))
    text = str(made)
    each = dict(re.findall(r"alloc (held0): f32\[([\d,]+)\]", text))["held0"].split(",")
    assert int(each[0]) * int(each[1]) * shares >= columns
    assert all("held0[" in line for line in text.splitlines() if " x0[" in line), "memory is read once"
    assert "barrier" not in text


@pytest.mark.parametrize("columns", [3000, 8192, 32768])
def test_a_long_row_waits_in_the_registers_of_a_block(columns):
    made = kernel([x_of((500, columns))], softmax(x_of((500, columns))))
    assert geometry(made).grid == 500 and geometry(made).shared <= 48 << 10
    assert all("held0[" in line for line in str(made).splitlines() if " x0[" in line)


def test_longer_rows_are_cut_into_blocks():
    x = x_of((10, 100_000))
    assert [k.name for k in program([x], softmax(x)).kernels] == ["parts0", "finish0", "parts1", "finish1", "map0"]
    assert [geometry(k).grid for k in program([x], reduce(x, "sum", (0, 1))).kernels] == [31, 1]


def test_few_rows_make_small_blocks():
    assert geometry(kernel([x_of((200, 512))], norm(x_of((200, 512))))).threads == 32
    assert geometry(kernel([x_of((100_000, 512))], norm(x_of((100_000, 512))))).threads == 256


def test_columns_are_loaded_some_rows_at_a_time():
    text = str(kernel([x_of((300, 40_000))], reduce(x_of((300, 40_000)), "sum", (0,))))
    assert "read0: f32[32,1] register" in text and text.index("read0[u, 0] =") < text.index("sum0[0] = sum0[0] +")
    assert "read0: f32[8,4] register" in str(kernel([x_of((300, 600_000))], reduce(x_of((300, 600_000)), "sum", (0,))))
    assert "shared" not in text


def test_chains_of_few_columns_read_shared_memory():
    made = kernel([x_of((30_000, 6))], reduce(x_of((30_000, 6)), "sum", (0,)))
    assert "tile0: f32[2,8192] shared" in str(made) and geometry(made).shared <= 64 << 10
    assert geometry(made).threads == 1024


def test_updates_in_one_place_need_no_atomics():
    x, i, u = x_of((5000, 64)), x_of((300, 1), dt.i32, "i"), x_of((300, 64), name="u")
    text = str(kernel([x, i, u], apply("scatter", x, i, u, kind="add", batch=0)))
    assert "call" not in text and "rows: i64[64] shared" in text


@needs_nvrtc
def test_kernels_make_wide_accesses_and_spill_nothing():
    x, y, row = x_of((4096, 1024)), x_of((4096, 1024), name="y"), x_of((1024,), name="row")
    outputs = (x + y, softmax(y), norm(x) * broadcast(row, x.shape, (1,)), reduce(x, "sum", (0,)), reduce(y, "max", (0, 1)))
    source = program_source(program([x, y, row], *outputs), GPU)
    made = NVRTC.compile(source, "sm_90a")
    assert all(one.spills == 0 and one.registers <= 128 for one in resources(made.log).values())
    kernels = NVRTC.compile(source, "sm_90a", form="ptx").data.decode().split(".entry ")[1:]
    for text in kernels:
        name = re.match(r"\w+", text)[0]
        narrow = name.startswith(("finish", "columns"))  # threads along the parts of a sum, and along columns
        assert narrow or re.search(r"ld\.global\S*\.v[24]", text), name
