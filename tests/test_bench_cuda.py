"""The benchmark's rows of GPUs, at tiny sizes on the emulated device."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import graphc as tf
from graphc.api.places import can_emulate
from graphc.compile import device_at
from graphc.errors import DeviceUnavailable
from graphc.ir import dtype as dt
from graphc.ir.program import Launch
from graphc.lower.gpu.tiling import choose
from graphc.options import Options
from graphc.runtime.cuda.compilers import compiler_for
from graphc.runtime.cuda.reports import Resources
from graphc.runtime.cuda.sass import Sass, read_listing
from graphc.runtime.cuda.toolkit import program
from tools.bench import device_figures, machine_loops, predictions
from tools.bench.device_rows import ENDS, ROWS, checked, expected
from tools.bench.peers import numpy as numpy_peer

ROOT = Path(__file__).resolve().parent.parent


def has_compiler() -> bool:
    try:
        return bool(compiler_for(None))
    except DeviceUnavailable:
        return False


needs_emulator = pytest.mark.skipif(not can_emulate(), reason="there is no g++")


def bench(*arguments: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k not in ("GRAPHC_DEVICE", "GRAPHC_TARGET")}
    command = [sys.executable, str(ROOT / "tools" / "bench"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@needs_emulator
def test_rows_are_right_on_the_emulated_device(tmp_path):
    names = ["softmax*", "gemm-bf16-4096", "adam-64m", "mlp-1", "resnet50-1"]
    done = bench("run", *names, "--device", "cuda-emulated", "--rounds", "1", "--seconds", "0.001", "--json", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert set(found["rows"]) == {"softmax-32768x4096", "adam-64m", "gemm-bf16-4096", "mlp-1"}
    assert all(row["graphc"]["device"] == "cuda-emulated:0" and row["graphc"]["median"] > 0 for row in found["rows"].values())
    assert "skipped: resnet50-1: " in done.stdout and "skipped: 1" in done.stdout
    assert done.stdout.startswith(device_figures.NO_TIMES) and device_figures.NO_TIMES in done.stdout.splitlines()[-1]


@needs_emulator
def test_what_is_timed_brings_nothing_to_the_device(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    peer = importlib.import_module("tools.bench.peers.graphc_cuda")
    device = device_at(Options(target="cuda-emulated"))
    with tf.device("/cuda-emulated:0"):
        for name in ("chain-64m", "gemm-bf16-4096", "mlp-1"):
            workload = ROWS[name].small
            built = peer.Built(workload, "-", 1, "")
            inputs = built.load(workload.data()[0])
            for _ in range(3):
                built.call(inputs)
            with monkeypatch.context() as patch:
                patch.setattr(device, "upload", lambda address, array: pytest.fail(f"{name}: {array.nbytes} bytes are uploaded"))
                built.call(inputs)


def test_without_a_device_it_says_why(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    done = bench("run", "mlp-1", "--device", "cuda", "--rounds", "1", "--seconds", "0.001")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "skipped: mlp-1, graphc: DeviceUnavailable" in done.stdout


def test_unknown_rows_are_refused():
    done = bench("run", "nonsense", "--device", "cuda-emulated")
    assert done.returncode == 1 and "no row of GPUs matches nonsense" in done.stderr


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.by_rows])
def test_both_ends_of_results_are_checked(name):
    """What is expected of the rows at the ends is what the whole has there."""
    row, row_count = ROWS[name], 3 * ENDS
    workload = row.small
    rng = np.random.default_rng(0)
    arrays, weights = workload.data()
    shapes = [(row_count, *a.shape[1:]) if k in row.by_rows else a.shape for k, a in enumerate(arrays)]
    given = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    whole = workload.program(numpy_peer.Ops(), [a.astype(np.float64) for a in given], {k: w.array for k, w in weights.items()})
    found = expected(row, replace(workload, make=lambda rng: (given, weights)), numpy_peer.Ops())
    for a, b in zip(found, checked(row, list(whole) if isinstance(whole, tuple) else [whole])):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_goals():
    found = {"graphc": {"median": 2e-3}, "torch": {"median": 1e-3}, "torch.compile": {"median": 3e-3}}
    chain, gemm, mlp = ROWS["chain-64m"], ROWS["gemm-f32-4096"], ROWS["mlp-1"]
    (copying, beside) = device_figures.goals(chain, found, 1e12)
    assert copying == ("of copying", pytest.approx(12 * 2**26 / 2e-3 / 1e12), 0.9) and beside == ("x torch.compile", 1.5, 1.0)
    assert device_figures.goals(gemm, found, 1e12) == [("x torch", 0.5, 0.9)]
    assert device_figures.goals(mlp, {"graphc": {"median": 1.0}}, None) == []
    assert "goal 0.50 x torch >= 0.9: **no**" in device_figures.line(gemm, found, 1e12)


def listing(*lines: str) -> Sass:
    text = [line if line.startswith(".") else f"        /*{16 * k:04x}*/                   {line} ;" for k, line in enumerate(lines)]
    return read_listing("\n".join(["//--------------------- .text.map0", *text]))["map0"]


LOOPS = listing(
    "S2R R0, SR_TID.X", ".L_x_0:", "LDG.E.128 R4, desc[UR4][R2.64]", ".L_x_1:", "FFMA R4, R4, R4, R4", "LDS.128 R8, [R1]", "@P0 BRA `(.L_x_1)",
    "FADD R4, R4, R4", "STG.E.128 desc[UR4][R2.64], R4", "@!P1 BRA `(.L_x_0)", "EXIT", ".L_x_2:", "BRA `(.L_x_2)",
)  # fmt: skip


def test_loops_of_machine_code():
    inner, outer = machine_loops.loops(LOOPS)
    assert inner == {"FFMA": 1, "LDS.128": 1, "BRA": 1}
    assert outer == {"LDG.128": 1, "FFMA": 1, "LDS.128": 1, "FADD": 1, "STG.128": 1, "BRA": 2}
    assert machine_loops.busiest(LOOPS) == inner and machine_loops.main_part(LOOPS) == outer
    rare = listing(".L_x_0:", "FADD R4, R4, R4", "@P0 BRA `(.L_x_1)", "MOV R2, 0x1", "CALL.REL.NOINC `(far)", "MOV R3, R4", ".L_x_1:", "STG.E desc[UR4][R2.64], R4", "@P1 BRA `(.L_x_0)")
    assert machine_loops.main_part(rare) == {"FADD": 1, "BRA": 2, "STG.32": 1}
    flat = listing("LDG.E R4, desc[UR4][R2.64]", "FADD R4, R4, R4", "STG.E desc[UR4][R2.64], R4", "EXIT")
    assert machine_loops.main_part(flat) == machine_loops.busiest(flat) == flat.counts


def told(grid: int, flops: float, least: int, registers: int = 32):
    step = Launch("map0", ("x", "y"), (), grid, 256, 0)
    return predictions._told(step, Resources("map0", registers), LOOPS, least, least // 2, flops, 4)


def test_what_binds_a_launch():
    small, large = told(1, 0, 1024), told(1 << 20, 0, 8 << 30)
    assert (small.bound, small.seconds) == ("launch", predictions.LAUNCH)
    assert large.bound == "memory" and large.seconds == pytest.approx((8 << 30) / (0.9 * predictions.COPYING))
    assert large.element == 4 and large.fill.warps == 64
    product = told(132 * 8, 1e12, 1024)  # one wave: each multiply-add brings a read of 16 bytes for each lane
    assert product.bound == "shared memory" and product.seconds == pytest.approx(8 * 1e12 / predictions.F32)
    assert told(132 * 8 + 1, 1e12, 1024).seconds == pytest.approx(2 * product.seconds, rel=1e-2)


def test_what_is_assumed_is_no_goal_met():
    chain, product = ROWS["chain-64m"], ROWS["gemm-bf16-4096"]

    def goal(row, **times):
        one = replace(told(1, 0, 1024), times={k.replace("_", " "): t for k, t in times.items()})
        return predictions._goal(row, one.seconds, one)

    assert goal(chain, memory=208e-6, issue=104e-6, launch=3e-6) == "memory binds; next is issue, 50% of its time"
    assert goal(chain, memory=1e-6, issue=12 * 2**26 / 0.5 / predictions.COPYING) == "50% of copying at most, goal 90%: **no**"
    assert "TFLOP/s" not in goal(product, tensor_cores=1e-3)


def test_large_products_have_large_tiles():
    assert [choose((1, n, n, n), dt.f32, 132, 64).rows for n in (4096, 6144, 8192)] == [128] * 3


@pytest.mark.skipif(program("nvdisasm") is None or not has_compiler(), reason="needs a compiler for GPUs and nvdisasm")
def test_a_prediction():
    cells = predictions.row_of(replace(ROWS["mlp-1"], probe=None))
    assert cells[:2] == ["mlp-1", "dot0 2"] and cells[9].startswith("launch 2.5 us, memory ") and cells[10] == "2 launches"
