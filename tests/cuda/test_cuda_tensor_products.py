"""Products by tensor cores on the emulator: within the stated bound of exact products of the operands, as they are or as tf32.

A sum of k products is off by k * 2**-22 times the sum of their magnitudes at most; then it is rounded to its type.
"""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from aot_models import products
from cuda_texts import NVRTC, needs_nvrtc
from emitted import Emitted
from gpu_products import FEW, GPU, N, conv_case, dot_case, results

from graphc.codegen.cuda.module import kernels_source
from graphc.codegen.cuda.prelude import prelude_of
from graphc.compile import compile_graph, lower_graph, optimise, scheduled_target
from graphc.errors import CompileError, DeviceError
from graphc.ir import dtype as dt
from graphc.ir.gpu import GPUS
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Call, For, If
from graphc.ir.parser import parse
from graphc.ir.program import Launch, flat
from graphc.ir.steps_fault import steps_fault
from graphc.ir.tensor_map import argument_places, packed_arguments
from graphc.ir.verify_kernel import verify_kernel
from graphc.lower.gpu import tiers, wgmma_tile
from graphc.options import Options
from graphc.prims.interpret import interpret
from graphc.prims.table import apply
from graphc.runtime.cuda.reports import resources
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import EmulatedDevice

ONE = {dt.f16: 2.0**-11, dt.bf16: 2.0**-8, dt.f32: 2.0**-24}  # of a rounding, relative
HALF, BRAIN = dt.f16, dt.bf16
WARPS = replace(GPU, arch="sm_90", multiprocessors=2)
TF32 = replace(GPU, multiprocessors=2, tf32=True)
MADE = [
    dot_case("plain", 200, 136, 72, BRAIN, gpu=WARPS),
    dot_case("turned_left", 130, 136, 80, BRAIN, tx=True, gpu=WARPS),
    dot_case("turned_right", 136, 130, 80, HALF, ty=True, gpu=WARPS),
    dot_case("turned_both", 64, 72, 40, HALF, tx=True, ty=True, gpu=WARPS),
    dot_case("few_of_open", N, 64, 784, BRAIN, gpu=WARPS),
    dot_case("pairs", N, 10, 126, HALF, gpu=WARPS, n_=100),
    dot_case("batch", 17, 24, 16, BRAIN, batch=(2, 3), gpu=WARPS),
    dot_case("open_depth", 24, 40, N, BRAIN, tx=True, gpu=WARPS, n_=45),
    conv_case("window", (2, 9, 9, 8), (3, 3, 8, 16), BRAIN, end=False, gpu=WARPS, low=(1, 1), high=(1, 1)),
    conv_case("groups", (2, 9, 9, 8), (3, 3, 4, 8), HALF, end=False, gpu=WARPS, groups=2, low=(1, 1), high=(1, 1), stride=(2, 2)),
    dot_case("group_plain", 256, 256, 192, BRAIN, gpu=FEW),
    dot_case("group_turned_left", 264, 136, 200, BRAIN, tx=True, gpu=FEW),
    dot_case("group_turned_right", 300, 264, 136, HALF, ty=True, gpu=FEW),
    dot_case("group_turned_both", 264, 264, 128, HALF, tx=True, ty=True, gpu=FEW),
    dot_case("group_few_of_open", N, 64, 128, BRAIN, gpu=FEW, n_=70),
    dot_case("group_many_of_open", N, 264, 128, BRAIN, gpu=FEW, n_=300),
    dot_case("group_batch", 130, 136, 136, BRAIN, batch=(2,), gpu=FEW),
    dot_case("tf32", 200, 136, 72, gpu=TF32),
    dot_case("tf32_turned_left", 130, 136, 80, tx=True, gpu=TF32),
    dot_case("tf32_turned_right", 136, 130, 79, ty=True, gpu=TF32),
    dot_case("tf32_turned_both", 64, 71, 39, tx=True, ty=True, gpu=TF32),
    dot_case("tf32_open", N, 64, 100, gpu=TF32, n_=150),
    conv_case("tf32_window", (2, 9, 9, 3), (3, 3, 3, 16), end=False, gpu=TF32, low=(1, 1), high=(1, 1)),
    conv_case("group_window", (2, 9, 9, 64), (3, 3, 64, 136), BRAIN, end=False, gpu=FEW, low=(1, 1), high=(1, 1)),
]


@pytest.fixture(scope="module")
def made():
    if shutil.which("g++") is None:
        pytest.skip("the emulator needs g++")
    return results(MADE)


def test_the_copy_engine_brings_the_same(made, monkeypatch):
    """Kernels that are told of operands by tensor maps, beside the same with copies by threads: no bit differs."""
    for module in (tiers, wgmma_tile):
        monkeypatch.setattr(module, "boxes", lambda p, tiling: ())
    plain = [dot_case("group_turned_left", 264, 136, 200, BRAIN, tx=True, gpu=FEW), dot_case("group_batch", 130, 136, 136, BRAIN, batch=(2,), gpu=FEW)]
    mapped = {case.name: case for case in MADE}
    for name, found in results(plain).items():
        assert np.array_equal(found[0], made[name][0])
        assert "gc_tma_load_3d" in calls(mapped[name].kernel.body) and [a.box is None for a in mapped[name].kernel.arrays] == [False, False, True]
    assert all("gc_tma_load_3d" not in calls(case.kernel.body) for case in plain)


FAULTS = {
    "": "",
    "gc_mbarrier_expect(full + step % 6, 32768);": "gc_mbarrier_arrive(full + step % 6);",
    "full + step % 6, 32768": "full + step % 6, 16384",
    "gc_mbarrier_wait(full + step % 6, step / 6 % 2)": "gc_mbarrier_wait(full + step % 6, (step / 6 + 1) % 2)",
    "gc_mbarrier_wait(empty + step % 6, (step / 6 % 2 + 1) % 2)": "gc_mbarrier_wait(empty + step % 6, step / 6 % 2)",
    "gc_mbarrier_wait(empty + step % 6, (step / 6 % 2 + 1) % 2);": ";",
    "gc_mbarrier_wait(full + step % 6, step / 6 % 2);": ";",
    "gc_mbarrier_init_fence();": ";",
    "gc_wgmma_fence();": ";",
    "gc_mbarrier_init(empty + stage, 2)": "gc_mbarrier_init(empty + stage, 1)",
    "gc_mbarrier_arrive(empty + (step + 5) % 6);": ";",
    "gc_wgmma_wait<1>();": ";",
    "step * 64, 0, 0);": "step * 32, 0, 0);",
}


def test_faults_around_the_copy_engine_are_found():
    """One kernel with a fault each: the emulator reports it, or results are wrong."""
    if shutil.which("g++") is None:
        pytest.skip("the emulator needs g++")
    case = dot_case("fault", 128, 128, 896, BRAIN, ty=True, gpu=replace(GPU, multiprocessors=1))
    cases = [replace(case, name=f"fault{k}", kernel=replace(case.kernel, name=f"fault{k}")) for k in range(len(FAULTS))]

    def edited(text: str) -> str:
        head, *kernels = text.split('extern "C" __global__')
        for k, (old, new) in enumerate(FAULTS.items()):
            assert not old or old in kernels[k], f"{old} is not in\n{kernels[k]}"
            kernels[k] = kernels[k].replace(old, new, 1) if old else kernels[k]
        return 'extern "C" __global__'.join((head, *kernels))

    emitted, missed = Emitted([c.kernel for c in cases], edited=edited), []
    right = results(cases[:1], emitted)["fault0"][0]
    for one, old in list(zip(cases, FAULTS))[1:]:
        try:
            if np.array_equal(results([one], emitted)[one.name][0], right, equal_nan=True):
                missed.append(old)
        except DeviceError:
            pass
    assert not missed


PADDED = """extern "C" __global__ void padded(const float* x, const __grid_constant__ gc_tensor_map m, unsigned long long* out, const long long n) {
  if (threadIdx.x < 16) out[threadIdx.x] = m.words[threadIdx.x];
  if (threadIdx.x == 16) out[16] = (unsigned long long)x[n];
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")
def test_a_map_stands_at_a_multiple_of_64_bytes():
    assert argument_places(4, {1, 3}) == [0, 8, 24, 32, 48]
    device = EmulatedDevice("sm_90a")
    module = device.load(build(prelude_of(PADDED) + PADDED, ("padded",)), ("padded",))
    x, out = device.allocate(8), device.allocate(136)
    device.upload(x, np.array([1, 7], np.float32))
    words = np.arange(100, 116, dtype=np.uint64)
    device.launch(module.function("padded", 0), 1, 32, 0, packed_arguments([x, 0, out], {1: words.tobytes()}, [1]))
    found = np.empty(17, np.uint64)
    device.download(found, out)
    assert found.tolist() == [*words.tolist(), 7]


def test_what_a_kernel_may_do_with_a_map():
    kernel = dot_case("mapped", 256, 256, 128, BRAIN, gpu=FEW).kernel
    assert parse(str(kernel)) == kernel

    def refused(text: str, old: str, new: str, message: str) -> None:
        assert old in text
        with pytest.raises(CompileError, match=message):
            verify_kernel(parse(text.replace(old, new, 1)))

    refused(str(kernel), "box(1, 128, 64)", "box(1, 128, 32)", "cannot be a tensor map")
    refused(str(kernel), "at x0[0, 0, 0]", "at x0[0, 0, 8]", "beside that of x0")
    refused(str(kernel), "let ", "let loaded: bf16 unbounded = x0[0, 0, 0]\n      let ", "a load from x0")


@pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")
def test_programs_make_the_maps_of_their_launches(monkeypatch):
    """They read back, and run: first launched, then recorded, then replayed."""
    name = "cuda-emulated:sm_90a"
    monkeypatch.setitem(GPUS, name, replace(GPUS[name], multiprocessors=1))
    options = Options(target=name, cache=False)
    program = lower_graph(optimise(products()), options)
    assert parse(str(program)) == program and str(program).count("box(1, 128, 64)") == 4
    maps = [m for step in flat(program.steps) if isinstance(step, Launch) for m in step.maps]
    assert [(m.argument, m.type.shape) for m in maps] == [(0, (1, 256, 128)), (1, (1, 128, 256)), (0, (1, 256, 256)), (1, (1, 256, 256))]
    rng, run = np.random.default_rng(3), compile_graph(products(), options)
    for _ in range(3):  # of small integers, whose sums bf16 has
        x, w = rng.integers(-1, 2, (256, 128)).astype(np.float32), rng.integers(-1, 2, (128, 256)).astype(np.float32)
        v = 2 * np.eye(256, dtype=np.float32)[rng.permutation(256)]
        assert np.array_equal(run(x, w, v)[0], x @ w @ v)


@pytest.mark.parametrize("change, message", [
    ((" map 0 ", " map 7 "), "no argument 7"), (("box(1, 128, 64)", "box(1, 512, 64)"), "1 to 256 elements"),
    (("box(1, 128, 64)", "box(1, 128, 32)"), "rows of 128 bytes"), (("bf16[1,256,128] box", "bf16[1,256,120] box"), "not of the size"),
])  # fmt: skip
def test_maps_that_nobody_could_make_are_refused(monkeypatch, change, message):
    monkeypatch.setitem(GPUS, "cuda:sm_90a", replace(GPUS["cuda:sm_90a"], multiprocessors=1))
    program = lower_graph(optimise(products()), Options(target="cuda:sm_90a"))
    assert steps_fault(program) == ""
    head, launches = str(program).split("  launch", 1)
    assert change[0] in launches
    assert message in steps_fault(parse(head + "  launch" + launches.replace(*change, 1)))


def in_doubles(graph: Graph, arrays) -> np.ndarray:
    """The result of a graph that is one product, with operands as f64."""
    (out,) = graph.outputs
    inputs = [input_node(x.attr("name"), x.type.with_dtype(dt.f64)) for x in graph.inputs]
    again = apply(out.op, *inputs, **dict(out.attrs))
    return interpret(Graph("doubles", tuple(inputs), (again,), ("y",)), *[a.astype(np.float64) for a in arrays])[0]


def as_read(array: np.ndarray) -> np.ndarray:
    """What tensor cores take an operand for: f32 rounded to 11 bits, ties away from 0."""
    if array.dtype != np.float32:
        return array
    return ((array.view(np.uint32) + np.uint32(1 << 12)) & np.uint32(0xFFFFE000)).view(np.float32)


@pytest.mark.parametrize("case", MADE, ids=lambda c: c.name)
def test_results_are_near_the_exact_ones(case, made):
    operands = [as_read(a) for a in case.arrays]
    exact = in_doubles(case.graph, operands)
    size = in_doubles(case.graph, [np.abs(a) for a in operands])
    depth = case.arrays[1].size // case.arrays[1].shape[-1]
    (got,) = made[case.name]
    bound = depth * 2.0**-22 * size + ONE[case.graph.outputs[0].dtype] * np.abs(exact) + 1e-7
    assert np.all(np.abs(got.astype(np.float64) - exact) <= bound)


def calls(body) -> set:
    """The names of the functions that statements call."""
    found = set()
    for s in body:
        if isinstance(s, Call):
            found.add(s.function.split("<")[0])
        found |= calls(s.body) if isinstance(s, For) else calls((*s.then, *s.orelse)) if isinstance(s, If) else set()
    return found


def test_which_cores_multiply():
    def used(m, n, k, dtype, gpu, **flags):
        found = calls(dot_case("which", m, n, k, dtype, gpu=gpu, **flags).kernel.body)
        return "wgmma" if "gc_wgmma_product_bf16" in found else "mma" if "gc_mma_m16n8k16_bf16" in found else "fma"

    assert used(4096, 4096, 4096, BRAIN, GPU) == "wgmma"
    assert used(4096, 4096, 4096, BRAIN, WARPS) == "mma"
    assert used(64, 64, 64, BRAIN, GPU) == "mma"
    assert used(4096, 4096, 4096, BRAIN, GPUS["cuda:sm_75"]) == "fma"
    assert used(4096, 4096, 4095, BRAIN, GPU) == "fma", "no two elements can be brought at once"
    assert used(1, 4096, 4096, BRAIN, GPU) == "fma", "one row would leave most of a tile empty"
    assert used(4096, 4096, 4096, dt.f32, GPU) == "fma"
    tf32 = scheduled_target(Options(target="cuda:sm_90a", allow=("tf32",)))
    assert "gc_mma_m16n8k8_tf32" in calls(dot_case("allowed", 4096, 4096, 4096, gpu=tf32).kernel.body)
    assert scheduled_target(Options(target="cuda:sm_80", fast_math=True)).tf32 and not scheduled_target(Options(target="cuda:sm_80")).tf32


@needs_nvrtc
@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
def test_large_products_spill_nothing(arch):
    gpu = GPUS[f"cuda:{arch}"]
    n = 4096
    kernels = [dot_case(f"k{i}", n, n, n, dtype, tx, ty, gpu=gpu, end=dtype is BRAIN and not tx).kernel for i, (dtype, tx, ty) in enumerate(
        ((dt.f32, False, False), (dt.f32, True, True), (BRAIN, False, False), (BRAIN, True, True), (dt.f64, False, False)))]  # fmt: skip
    rounding = replace(gpu, tf32=True)
    kernels += [dot_case(f"t{i}", n, n, n, dt.f32, flag, flag, gpu=rounding).kernel for i, flag in enumerate((False, True))]
    log = NVRTC.compile(kernels_source(tuple(kernels), gpu, {}), arch).log
    found = resources(log)
    assert {name: one.spills for name, one in found.items() if one.spills} == {} and len(found) >= len(kernels)
    assert "serialized" not in log
