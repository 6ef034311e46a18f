"""Every scalar opcode on every dtype in kernels: the bits are those of the CPU's code, and every arch compiles them."""

import numpy as np
import pytest
from cuda_texts import NVRTC, needs_nvrtc
from emitted import Emitted
from emulated_kernels import needs_compiler

from graphc.codegen.cuda.module import kernels_source
from graphc.ir import dtype as dt
from graphc.ir.gpu import GPUS
from graphc.ir.kernel import Array, For, Kernel, Store, load
from graphc.ir.node import make, var
from graphc.ir.type import Type
from graphc.runtime.cuda.reports import resources
from tests.codegen.jit import evaluate
from tests.codegen.scalar_samples import NATIVE, pairs, samples, signatures
from tests.codegen.test_opcodes import assert_same
from tests.machine_code import host_targets

HOST = host_targets()[0]
COUNT, THREADS = 1056, 32
BLOCKS = COUNT // THREADS
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def more_signatures():
    """What the shared list leaves out."""
    yield from signatures()
    for d in NATIVE:
        if d.kind in "biu":
            yield from ((op, (), (d, d)) for op in ("and", "or", "xor"))
            yield "not", (), (d,)
        if d.kind in "iuf":
            yield from ((op, (), (d,)) for op in ("neg", "abs", "sign"))
        if d.kind != "e":
            yield from ((op, (), (d, d)) for op in ("ne", "le"))
        yield from (("bitcast", (("dtype", e),), (d,)) for e in NATIVE if e.bits == d.bits and dt.b1 not in (d, e))
    yield "madd4", (), (dt.i32,) * 3


def result_of(op, attrs, inputs):
    if attrs:
        return attrs[0][1]
    return dt.b1 if op in ("eq", "ne", "lt", "le", "isfinite") else inputs[-1]


def kernel_of(name, dtype, cases):
    """A kernel with a result for every case on arrays x, y, z of a dtype and c of b1."""
    block, thread = var("block", extent=BLOCKS), var("thread", extent=THREADS)
    i = block * THREADS + thread
    held = {"c": dt.b1, "x": dtype, "y": dtype, "z": dtype}
    arrays, stores = [Array(name, Type(kind, (COUNT,))) for name, kind in held.items()], []
    for k, (op, attrs, inputs) in enumerate(cases):
        names = "cxy" if op == "select" else "xyz"
        operands = tuple([load(name, (i,), kind) for name, kind in zip(names, inputs)])
        result = Type(result_of(op, attrs, inputs), ())
        arrays.append(Array(f"{op}_{k}", Type(result.dtype, (COUNT,)), written=True))
        stores.append(Store(f"{op}_{k}", (i,), make(op, operands, attrs, result)))
    body = For(block, BLOCKS, (For(thread, THREADS, tuple(stores), "thread"),), "block")
    return Kernel(name, tuple(arrays), (), (body,))


def kernels():
    cases = {}
    for op, attrs, inputs in more_signatures():
        if inputs[-1].kind != "e" or op in ("cast", "bitcast", "select"):
            cases.setdefault(inputs[-1], []).append((op, attrs, inputs))
    return {f"all_{d.short}": (d, kernel_of(f"all_{d.short}", d, of), of) for d, of in cases.items()}


KERNELS = kernels()


def operands(dtype):
    x, y = [np.resize(a, COUNT) for a in pairs(dtype)]
    return {"c": np.resize(samples(dt.b1), COUNT), "x": x, "y": y, "z": np.resize(samples(dtype, seed=9), COUNT)}


@pytest.fixture(scope="module")
def emitted():
    return Emitted([kernel for _, kernel, _ in KERNELS.values()], checked=False)


@needs_compiler
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_give_the_bits_of_the_cpu(name, emitted):
    dtype, kernel, cases = KERNELS[name]
    held = operands(dtype)
    results = emitted.run(name, held | {a.name: np.zeros(COUNT, a.type.dtype.numpy) for a in kernel.arrays[4:]})
    outputs = list(results.values())[4:]
    for (op, attrs, inputs), got in zip(cases, outputs, strict=True):
        names = "cxy" if op == "select" else "xyz"
        expected = evaluate(HOST, op, *[held[name] for name, _ in zip(names, inputs)], **dict(attrs))
        try:
            assert_same(got, expected)
        except AssertionError as error:
            raise AssertionError(f"{op} {attrs} {[d.short for d in inputs]}") from error


@needs_nvrtc
@pytest.mark.parametrize("arch", ["sm_80", "sm_120"])
def test_archs_compile_every_opcode(arch):
    """Nothing is a call of a library, and tables lie where all threads find them."""
    text = kernels_source(tuple([kernel for _, kernel, _ in KERNELS.values()]), GPUS[f"cuda:{arch}"], {})
    made = NVRTC.compile(text, arch)
    found = resources(made.log)
    assert found.keys() == KERNELS.keys() and not any(one.spills or one.stack for one in found.values())
    assert "warning" not in made.log
