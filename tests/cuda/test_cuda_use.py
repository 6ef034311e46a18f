"""GPUs as users meet them: wrong choices, interrupts, and what the commands say on a machine without a GPU."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.cli import main
from graphc.compile import target_of
from graphc.errors import CompileError, DeviceUnavailable, UsageError
from graphc.inspect.doctor import examine
from graphc.options import Options
from graphc.runtime.emulator import build as building

ROOT = Path(__file__).resolve().parents[2]
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which compiles the kernels of the emulated device")
MODEL = """\
import graphc as tf


@tf.function(input_signature=[tf.TensorSpec([4, 8], tf.float32)])
def total(x):
    return tf.reduce_sum(x, axis=1) * 2.0
"""


@pytest.fixture
def no_gpu(monkeypatch):
    for module in ("graphc.runtime.gpus", "graphc.inspect.doctor"):
        monkeypatch.setattr(f"{module}.found_gpus", lambda: ())


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    return f"{tmp_path / 'model.py'}:total"


def bad(findings) -> list[str]:
    return [f.what for f in findings if f.level == "bad"]


@pytest.mark.parametrize("device", [3, "", "/gpu:0", "cuda:sm_90a"])
def test_a_session_on_what_is_no_device(device):
    with pytest.raises(UsageError, match="Session: device: must be cpu, cuda or cuda-emulated, .*got"):
        v1.Session(device=device)


@pytest.mark.parametrize("target", ["cuda:", "cuda-emulated:", "cuda:sm_11", 5])
def test_a_target_that_is_none(target):
    with pytest.raises(UsageError, match="no target '.*'; known: |must be the name of a target"):
        target_of(Options(target=target))


def test_a_list_of_targets_with_a_comma_too_many(model, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["compile", model, "--target", "cuda:sm_90,", "-o", str(tmp_path / "m.gc")])
    assert "no target 'cuda:'" in capsys.readouterr().err


@needs_compiler
def test_a_scope_is_entered_again_where_it_is_used():
    cpu, emulated = tf.device("/cpu:0"), tf.device("/cuda-emulated:0")
    found = []
    with emulated:
        with cpu, cpu:
            found.append(tf.Variable(1.0).device[-5:])
        with emulated:
            found.append(tf.Variable(1.0).device[-10:])
        found.append(tf.Variable(1.0).device[-10:])
    with pytest.raises(KeyError), emulated:
        raise KeyError
    found.append(tf.Variable(1.0).device[-5:])
    with emulated:
        found.append(tf.Variable(1.0).device[-10:])
    assert found == ["CPU:0", "EMULATED:0", "EMULATED:0", "CPU:0", "EMULATED:0"]


# ------------------------------------------------------------------------------------------ the emulator's compiler


@pytest.fixture
def other_compiler(monkeypatch, tmp_path):
    """Names another C++ compiler; nothing that g++ made is found in the cache."""
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "cache"))

    def use(command: str):
        monkeypatch.setenv("CXX", command)
        for function in (building.compiler, building._headers_digest):
            function.cache_clear()

    yield use
    for function in (building.compiler, building._headers_digest):
        function.cache_clear()


def test_a_compiler_that_is_not_there_is_named(other_compiler):
    other_compiler("g++ -O1")
    for use in (lambda: v1.Session(device="cuda-emulated"), lambda: building.build("", ())):
        with pytest.raises(DeviceUnavailable, match=r"'g\+\+ -O1', which the environment variable CXX names, .*without options"):
            use()
    assert any("'g++ -O1', which the environment variable CXX names" in f.what for f in examine() if f.level == "note")


def test_a_compiler_that_says_nothing_is_named(other_compiler, no_gpu):
    false = shutil.which("false")
    other_compiler(false)
    with pytest.raises(CompileError, match=f"compiler {false} does not accept the emulator.*CXX.*\nit ends with 1 and says nothing"):
        building.build("", ())
    assert [f"{false} compiles them; a small program does not compile" in what for what in bad(examine())] == [True]


# -------------------------------------------------------------------------------------------------------- commands


def test_the_doctor_looks_at_the_device_of_the_environment(monkeypatch, no_gpu):
    monkeypatch.setenv("GRAPHC_DEVICE", "banana")
    assert [what for what in bad(examine()) if "GRAPHC_DEVICE=banana: must be cpu, cuda or cuda-emulated" in what]
    monkeypatch.setenv("GRAPHC_DEVICE", "cuda:1")
    assert [what for what in bad(examine()) if what.startswith("environment variable GRAPHC_DEVICE=cuda:1: ")]
    monkeypatch.setenv("GRAPHC_DEVICE", "cpu")
    assert not [what for what in bad(examine()) if "GRAPHC_DEVICE" in what]


@needs_compiler
def test_a_wrong_kernel_is_found_by_bisect_on_its_device_alone(model, monkeypatch, capsys, tmp_path):
    real, digest = building._compiled, building.digest_of
    monkeypatch.setattr(building, "_compiled", lambda text: real(text.replace("2.0f", "2.5f")))
    monkeypatch.setattr(building, "digest_of", lambda parts: digest(parts | {"planted": "2.5f"} if "source" in parts else parts))  # own places in the cache
    assert main(["bisect", model, "--random", "1"]) == 0
    assert main(["bisect", model, "--random", "1", "--device", "cuda-emulated"]) == 1
    assert "lowering or code generation changes a result:\n  output output_0[" in capsys.readouterr().out
    monkeypatch.setenv("GRAPHC_DEVICE", "cuda-emulated")
    assert main(["bisect", model, "--random", "1"]) == 1
    assert main(["repro", model, "--random", "1", "-o", str(tmp_path / "r.py")]) == 0
    assert "Options(target='cuda-emulated:0')" in (tmp_path / "r.py").read_text()


def test_bisect_on_a_device_that_is_not_there_judges_nothing(model, no_gpu, capsys):
    assert main(["bisect", model, "--random", "1", "--device", "cuda"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("graphc: DeviceUnavailable: target cuda:0: ") and "changes a result" not in said.out


@pytest.mark.parametrize("target", ["cuda:sm_90", "cuda-emulated:sm_90"])
def test_programs_for_gpus_have_no_profile(model, target, capsys):
    assert main(["inspect", model, "--target", target, "--profile"]) == 1
    assert f"code for {target} cannot be measured: profiles are of code for the CPU" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------- interrupts

INTERRUPTED = """\
import os, signal, sys, threading
import numpy as np
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import EmulatedDevice

TEXT = '''extern "C" __global__ void wait(float* out, int n) {
  for (int i = 0; i < n; ++i) __syncthreads();
  out[threadIdx.x] = 1.0f;
}
'''
device = EmulatedDevice()
kernel = device.load(build(TEXT, ("wait",)), ("wait",)).function("wait", 0)
out, told = device.allocate(256), []

def run(n):
    device.launch(kernel, 1, 64, 0, np.array([out, n], np.uint64).tobytes(), (256,))

def interrupt():
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

interrupt()
try:
    run(2**31 - 1)
except KeyboardInterrupt:
    told.append("stopped")
run(3)
signal.signal(signal.SIGINT, lambda number, frame: told.append("handled"))
signal.raise_signal(signal.SIGINT)
run(3)
array = np.empty(64, np.float32)
device.download(array, out)
print(*told, array.min())
"""


@needs_compiler
def test_ctrl_c_stops_a_kernel_and_the_device_goes_on():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, cwd=ROOT, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.split() == ["stopped", "handled", "1.0"], done.stderr
