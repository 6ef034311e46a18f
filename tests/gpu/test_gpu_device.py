"""The checks of the CUDA runtime that tests/cuda makes with a fake driver, with the real one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.runtime.cuda.images import compile_image

ROOT = Path(__file__).resolve().parent.parent.parent
CHECKS = ROOT / "tests" / "cuda" / "driver_checks.py"
DEFINED = [line[4:].partition("(")[0] for line in CHECKS.read_text().splitlines() if line.startswith("def ")]
NAMES = [name for name in DEFINED if name.startswith("check_")]
ALONE = [name for name in DEFINED if name.startswith("alone_") and not name.startswith(("alone_fake_", "alone_raising"))]

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="session")
def kernels(device, tmp_path_factory):
    path = tmp_path_factory.mktemp("driver") / "kernels.cubin"
    source = CHECKS.with_name("driver_kernels.cu").read_text()
    path.write_bytes(compile_image(source, device.gpu.arch, "kernels").data)
    return path


def run(kernels, *names, before=(), **settings) -> subprocess.CompletedProcess:
    command = [*before, sys.executable, str(CHECKS), str(kernels), *names]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path, **settings}, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def results(kernels):
    done = run(kernels, *NAMES)
    assert done.returncode == 0, done.stderr
    assert "PyCUDA" not in done.stderr, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_device(results, name):
    assert results.get(name) is None, results[name]


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_takes_the_device_and_not_the_process(kernels, name):
    done = run(kernels, name, **({"GRAPHC_CUDA_SYNC": "1"} if name == "alone_fault_at_once" else {}))
    assert done.returncode == 0 and json.loads(done.stdout) == {}, done.stdout + done.stderr


def test_an_exception_leaves_no_context_behind(kernels):
    done = run(kernels, "alone_raising")
    assert done.returncode not in (0, -6) and "KeyboardInterrupt" in done.stderr
    assert "context stack" not in done.stderr, done.stderr


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_programs_under_the_sanitizer(kernels, tool):
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        pytest.skip("compute-sanitizer is not on PATH; it comes with the CUDA toolkit")
    done = run(kernels, "check_programs", before=(sanitizer, "--tool", tool, "--error-exitcode", "9"))
    if "Device not supported" in done.stdout + done.stderr:
        pytest.skip("compute-sanitizer does not support this device here")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
