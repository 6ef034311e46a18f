"""The CUDA C++ text of kernels: goldens, what its structure promises, and that every arch compiles it."""

import pytest
from cuda_texts import ARCHS, NVRTC, needs_nvrtc
from emitted_kernels import KERNELS

from graphc.codegen.cuda.module import kernels_source, program_source
from graphc.codegen.cuda.prelude import parts
from graphc.errors import CompileError, Location
from graphc.ir import dtype as dt
from graphc.ir.gpu import GPUS
from graphc.ir.kernel import Array, For, Kernel, Store, load
from graphc.ir.node import symbol, var
from graphc.ir.parser import parse
from graphc.ir.program import Buffer, Launch, Param, Program, Signature
from graphc.ir.type import Type
from graphc.ir.symbols import symbol_of
from graphc.ir.verify_kernel import verify_kernel
from graphc.runtime.cuda.nvrtc import PTX
from graphc.runtime.cuda.reports import resources

GPU = GPUS["cuda:sm_90a"]
def source(text, **options):
    kernel = parse(text)
    verify_kernel(kernel)
    return kernels_source((kernel,), GPU, {}, **options)


def body(text):
    """The kernel without what stands before it."""
    return text[text.index('extern "C"') :]


@pytest.mark.parametrize("name", KERNELS)
def test_the_text_of_kernels(name, golden):
    golden(f"cuda/{name}.cu", body(source(KERNELS[name])))


@needs_nvrtc
@pytest.mark.parametrize("arch", ARCHS)
def test_every_arch_compiles_them_without_spills(arch):
    kernels = tuple([parse(text) for text in KERNELS.values()])
    made = NVRTC.compile(kernels_source(kernels, GPU, {}), arch)
    found = resources(made.log)
    assert found.keys() == {k.name for k in kernels} and not any(r.spills or r.stack for r in found.values())


@needs_nvrtc
def test_packs_are_accesses_of_16_bytes():
    ptx = NVRTC.compile(source(KERNELS["map"]), "sm_80", form=PTX).data.decode()
    assert ptx.count("ld.global.nc.v4.") == 2 and ptx.count("st.global.v4.") == 1 and "st.global.f32" not in ptx


SQUARES = "for i in 64 block {\n    for t in 32 thread {\n      out0[i*32 + t] = x0[i*32 + t] * x0[i*32 + t]\n    }\n  }"


def squares(dims="", shape="2048", extra=""):
    return f"kernel @k(x0: f32[{shape}], out0: f32[{shape}] written){dims} {{\n  {SQUARES}\n{extra}}}\n"


def test_names_of_the_ir_become_identifiers():
    text = squares().replace("x0", '$"double"').replace("out0", '$"a.b"').replace("for t", 'for $"9\u00e4"').replace("+ t]", '+ $"9\u00e4"]')
    made = body(source(text))
    assert "const float* __restrict__ v_double, float* __restrict__ a_b" in made and "const int v_9_ = threadIdx.x;" in made
    assert symbol_of("map0") == "map0"
    odd = ["for", "a.b", "a_b", "gc_x", "", "named_", "\u00e4"]
    assert len({symbol_of(name) for name in odd}) == len(odd) and all(symbol_of(name).isidentifier() for name in odd)


def test_names_that_are_visible_are_not_hidden():
    text = squares().replace("for i in 64", "for k in 64").replace("i*32", "k*32").replace("x0[k", "k[k").replace("x0:", "k:")
    made = body(source(text))
    assert "const float* __restrict__ k, " in made and "const int i0 = k_2 * 32 + t;" in made and "out0[i0] = k[i0] * k[i0];" in made
    i = var("i", extent=2)
    inner = For(var("i", extent=4), 4, (Store("out0", (i, var("i", extent=4)), load("out0", (i, 0), dt.f32)),))
    kernel = Kernel("k", (Array("out0", Type(dt.f32, (2, 4)), written=True),), (), (For(i, 2, (For(var("t"), 32, (inner,), "thread"),), "block"),))
    made = kernels_source((kernel,), GPU, {})
    assert "for (int i_0 = 0; i_0 < 4; ++i_0) {\n      out0[i * 4 + i_0] = out0[i * 4];" in made


def test_indices_have_32_bits_where_sizes_allow():
    assert "for (int i = blockIdx.x; i < 64; i += gridDim.x)" in source(squares())
    large = body(source(squares(shape="4294967296").replace("i in 64", "i in 134217728")))
    assert "for (int i = " in large and "const long long i0 = (long long)i * 32 + t;" in large


def program(donated=(), arena=(0, 8192)):
    """A program that squares an input into the arena, and that into the output, which may lie over the input."""
    kernel = parse(squares())
    x = Type(dt.f32, (2048,))
    places = {"x": ("input", 0), "y": ("output", 0), "a": ("arena", arena[0]), "b": ("arena", arena[1])}
    buffers = tuple([Buffer(name, x, place) for name, place in places.items()])
    launches = tuple([Launch("k", args, (), 64, 32) for args in (("x", "a"), ("a", "b"), ("b", "y"), ("x", "y"))])
    return Program("p", Signature((Param("x", x),), (Param("y", x),), (), donated, 16384), buffers, (kernel,), launches)


def test_arrays_that_may_share_memory_are_not_restricted():
    assert "const float* __restrict__ x0, float* __restrict__ out0" in program_source(program(), GPU)
    for made in (program(((0, 0),)), program(arena=(0, 4096)), program(arena=(64, 64))):
        assert "const float* x0, float* out0" in program_source(made, GPU)


@pytest.mark.parametrize("shape", [(15,), (5, 4), (symbol("m"), 3), (symbol("m"), 4)])
def test_rows_that_begin_anywhere_are_not_moved_as_packs(shape):
    kernel = parse(KERNELS["map"].replace("[n,512]", "[n]").replace("b, ", "b*512 + ").replace("in n block", "in n // 512 block"))
    row = Type(dt.f32, shape)
    rows = Type(dt.f32, (7, *shape))
    buffers = (
        Buffer("x", rows, ("input", 0)), Buffer("w", Type(dt.f32, (512,)), ("input", 1)), Buffer("y", rows, ("output", 0)),
        Buffer("k", Type(dt.i64, ()), ("arena", 0)), Buffer("a", row, ("row", ("x", "k"))), Buffer("b", row, ("row", ("y", "k"))),
    )  # fmt: skip
    steps = (Launch("map0", ("x", "w", "y"), (7,), 1, 128), Launch("map0", ("a", "w", "b"), (row.size,), 1, 128))
    made = program_source(Program("p", Signature((), ()), buffers, (kernel,), steps), GPU)
    aligned = row.size == 20 or shape[-1] == 4
    assert ("gc_load<float, 4>(x0," in made, "gc_store<float, 4>(out0," in made) == (aligned, aligned)
    assert "gc_load<float, 4>(x1," in made


def test_checked_text_has_arrays_that_look_at_every_access():
    text = source(KERNELS["turn"], checked=True)
    assert "const gc_global<const float> x0, const gc_global<float> out0" in text
    assert 'const gc_local_view<float> tile(gc_shared + 0, 1056, "tile");' in text


def test_checked_text_tells_the_users_line():
    kernel = parse(squares().replace("kernel @k", "kernel @told"))
    store = kernel.body[0].body[0].body[0]
    store.value.location = Location("/home/user/model.py", 14, "dense\\")
    assert "out0[i0] = x0[i0] * x0[i0];  // model.py:14 dense\n" in kernels_source((kernel,), GPU, {}, checked=True)
    assert "model.py" not in kernels_source((kernel,), GPU, {})


@pytest.mark.parametrize("kind", ["parallel", "block"])
def test_what_has_no_meaning_on_a_gpu_is_refused(kind):
    inner = For(var("j"), 4, (), kind)
    thread = For(var("t"), 32, (inner,), "thread")
    with pytest.raises(CompileError, match=f"a {kind} loop has no meaning inside a thread loop"):
        kernels_source((Kernel("k", (), (), (For(var("b"), 1, (thread,), "block"),)),), GPU, {})
    with pytest.raises(CompileError, match="a kernel for a GPU holds block loops"):
        kernels_source((Kernel("k", (), (), (For(var("b"), 4, ()),)),), GPU, {})


def test_every_name_of_the_prelude_is_defined_once():
    names = [name for part in parts() for name in part.defined]
    assert len(names) == len(set(names)) and {"gc_load", "gc_pack", "gc_shuffle_xor", "gc_mma_m16n8k16_bf16"} <= set(names)


LONG = """kernel @long(x0: f32[64], out0: f32[64] written) {{
  for i in 64 block {{
    for t in 32 thread {{
      alloc sums: f32[64] register
      for k in {extent} unrolled {{
        {first}
      }}
      for j in 64 unrolled {{
        sums[j] = x0[j]
      }}
      out0[i] = sums[3]
    }}
  }}
}}
"""


@pytest.mark.parametrize(
    "extent, first, times",
    [
        (16, "sums[0] = x0[k]", ""),
        (17, "sums[0] = x0[k]", " 16"),
        (64, "sums[0] = sums[k]", ""),
        (64, "sums[k*-1 + 63] = x0[k]", ""),
        (64, "if x0[k] < f32(0.0) {\n          sums[0] = sums[1] + x0[k]\n        }", " 16"),
        (64, "for v in 4 unrolled {\n          sums[v] = x0[k] + sums[v + 4]\n        }", " 16"),
    ],
)
def test_long_loops_are_written_out_a_few_iterations_at_a_time(extent, first, times):
    """All loads of 64 iterations at once want more registers than there are; elements of register arrays must be known."""
    text = source(LONG.format(extent=extent, first=first))
    assert f"#pragma unroll{times}\n" + " " * 4 + f"for (int k = 0; k < {extent}; ++k)" in text
    assert "#pragma unroll\n" + " " * 4 + "for (int j = 0; j < 64; ++j)" in text
