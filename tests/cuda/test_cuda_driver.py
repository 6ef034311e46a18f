"""CUDA devices through pycuda, on a driver whose device is the host (tests/fakecuda)."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from fakecuda import build

HERE = Path(__file__).resolve().parent
CHECKS = HERE / "driver_checks.py"
NAMES = [line[4:].partition("(")[0] for line in CHECKS.read_text().splitlines() if line.startswith(("def check_", "def fake_"))]
LOST = ("alone_fault", "alone_fault_in_graph", "alone_fault_at_once", "alone_fake_failure")


@cache
def environment() -> dict[str, str]:
    try:
        made = build.built()
    except build.Missing as missing:
        pytest.skip(str(missing))
    root = str(HERE.parent.parent)
    return {**os.environ, **made, "PYTHONPATH": f"{root}:{made['PYTHONPATH']}"}


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    path = tmp_path_factory.mktemp("driver") / "kernels.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", HERE / "driver_kernels.c", "-o", path], check=True)
    return path


def run(library, *names, **settings) -> subprocess.CompletedProcess:
    command = [sys.executable, str(CHECKS), str(library), *names]
    return subprocess.run(command, env={**environment(), **settings}, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="session")
def results(library):
    done = run(library, *NAMES)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "pycuda complains about nothing, neither on the way nor at the end"
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_device(results, name):
    assert results.get(name) is None, results[name]


@pytest.mark.parametrize("name", LOST)
def test_a_fault_takes_the_device_and_not_the_process(library, name):
    settings = {"GRAPHC_CUDA_SYNC": "1"} if name == "alone_fault_at_once" else {}
    if name == "alone_fake_failure":
        settings["FAKECUDA"] = "fault_after=1,fault_code=719"
    done = run(library, name, **settings)
    assert done.returncode == 0 and json.loads(done.stdout) == {}, done.stdout + done.stderr
    assert "PyCUDA" not in done.stderr


@pytest.mark.parametrize("name", ["alone_fault", "alone_fault_in_graph", "alone_fault_at_once"])
def test_a_driver_that_refuses_everything_after_a_fault(library, name):
    settings = {"GRAPHC_CUDA_SYNC": "1"} if name == "alone_fault_at_once" else {}
    done = run(library, name, FAKECUDA="strict=1", **settings)
    assert done.returncode == 0 and json.loads(done.stdout) == {}, done.stdout + done.stderr
    assert "context stack" not in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_an_exception_leaves_no_context_behind(library):
    done = run(library, "alone_raising")
    assert done.returncode not in (0, -6) and "KeyboardInterrupt" in done.stderr
    assert "context stack" not in done.stderr and "PyCUDA" not in done.stderr


def test_programs(library):
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ to compile kernels with")
    done = run(library, "alone_fake_program")
    assert done.returncode == 0 and json.loads(done.stdout) == {}, done.stdout + done.stderr
    assert "PyCUDA" not in done.stderr


def test_the_doctor_tells_of_devices(library):
    done = run(library, "alone_fake_doctor")
    assert "ok cuda:0 Fake GPU 0: 0.3 GB, 4 multiprocessors, sm_90a, driver of CUDA 13.0" in done.stderr, done.stderr
    assert "ok a small program for cuda:0 compiles and runs" in done.stderr or shutil.which("g++") is None


def test_the_doctor_tells_of_a_device_that_is_too_old(library):
    done = run(library, "alone_fake_doctor", FAKECUDA="capability=61")
    assert "note cuda:0: graphc makes no code for Fake GPU 0, of compute capability 6.1" in done.stderr and "bad" not in done.stderr, done.stderr


def test_several_devices(library):
    done = run(library, "alone_fake_several", FAKECUDA="devices=2")
    assert done.returncode == 0 and json.loads(done.stdout) == {} and not done.stderr, done.stdout + done.stderr


def test_front_doors_over_several_devices(library):
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ to compile kernels with")
    done = run(library, "alone_fake_places", FAKECUDA="devices=2")
    assert done.returncode == 0 and json.loads(done.stdout) == {} and not done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize(
    "settings, said",
    [
        ("init=100", ["shows no GPU", "it finds no GPU"]),
        ("devices=0", ["it finds no GPU"]),
        ("init=803", ["kernel module", "restart"]),
        ("init=999", ["cuInit failed: unknown error"]),
        ("capability=61", ["Fake GPU 0, of compute capability 6.1", "sm_75, sm_80"]),
    ],
)
def test_no_device(library, settings, said):
    done = run(library, "alone_fake_unavailable", FAKECUDA=settings)
    assert done.returncode == 0 and json.loads(done.stdout) == {}, done.stdout
    assert all(words in done.stderr for words in said), done.stderr


def test_hidden_devices_are_told(library):
    done = run(library, "alone_fake_unavailable", FAKECUDA="devices=0", CUDA_VISIBLE_DEVICES="")
    assert "CUDA_VISIBLE_DEVICES='' says which it may show, unset it" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "text, driver, said",
    [
        (None, "driver=13000", ["pycuda is missing", "pip install 'graphc[cuda13]'"]),
        (None, "driver=12040", ["pip install 'graphc[cuda12]'"]),
        ("_driver.so: undefined symbol: cuCtxCreate_v4", "driver=12040", ["newer CUDA", "12.4", "cuCtxCreate_v4"]),
        ("no numpy of that kind", "driver=13000", ["does not work: no numpy of that kind", "--force-reinstall"]),
    ],
)
def test_no_pycuda(library, tmp_path, text, driver, said):
    (tmp_path / "pycuda").mkdir()
    (tmp_path / "pycuda" / "__init__.py").write_text("")
    raised = f"ImportError({text!r})" if text else "ModuleNotFoundError('pycuda', name='pycuda')"
    (tmp_path / "pycuda" / "driver.py").write_text(f"raise {raised}\n")
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    done = run(library, "alone_fake_unavailable", PYTHONPATH=path, FAKECUDA=driver)
    assert done.returncode == 0 and json.loads(done.stdout) == {}, done.stdout
    assert all(words in done.stderr for words in said), done.stderr
