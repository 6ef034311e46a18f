"""The program in C that trains a network: the same lines as in Python, with a pool of threads and without."""

import math
import re
import shutil
import subprocess
from pathlib import Path

import example_programs
import pytest
from c_programs import CC, needs_cc
from example_programs import EXAMPLES, expect_tested_and_listed

from graphc import aot
from graphc.options import Options
from graphc.runtime.host import host_target

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1")
CROSS, QEMU = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def run(program, *arguments, cwd):
    return example_programs.run(f"c/{program}", *arguments, cwd=cwd).stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder that the program in Python wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("train")
    return folder, run("train", "--folder", folder, "--epochs", 4, cwd=folder)


def run_c(folder, *flags, epochs=4, cc=CC, by=()) -> str:
    command = [cc, *STRICT, *flags, "-I.", EXAMPLES / "c" / "train.c", "step.a", "predict.a", "-o", "train", "-lpthread"]
    subprocess.run(command, check=True, cwd=folder)
    return subprocess.run([*by, folder / "train", str(epochs)], check=True, cwd=folder, capture_output=True, text=True).stdout


def made_anew(trained, folder, options=Options(), **for_c) -> None:
    """The folder gets what the program in C needs, its two models compiled otherwise."""
    for name in ("digits.bin", "state.bin"):
        shutil.copy(trained[0] / name, folder)
    for name in ("step", "predict"):
        aot.export(aot.read(trained[0] / f"{name}.gc").graph, folder / f"{name}.gc", options, **for_c)


def losses(text: str) -> list[float]:
    return [float.fromhex(x) for x in re.findall(r"loss .* = (\S+)", text)]


def test_every_example_is_tested_and_listed():
    expect_tested_and_listed("c", Path(__file__).read_text(), page=100)


def test_the_loss_goes_down_in_python(trained):
    _, text = trained
    found = losses(text)
    assert len(found) == 4 and all(b < 0.7 * a for a, b in zip(found, found[1:])) and found[0] < math.log(10)
    assert int(re.search(r"(\d+) of 360 held-out images right", text)[1]) > 320


@needs_cc
def test_c_prints_the_same_lines_as_python(trained):
    folder, text = trained
    assert run_c(folder) == text


@needs_cc
def test_the_two_models_share_one_pool_of_threads(trained, tmp_path):
    elffile = pytest.importorskip("elftools.elf.elffile")
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    run_c(tmp_path, epochs=0)
    with open(tmp_path / "train", "rb") as file:
        names = [symbol.name for symbol in elffile.ELFFile(file).get_section_by_name(".symtab").iter_symbols()]
    assert names.count("gc_parallel") == 1 and names.count("step") == names.count("predict") == 1


@needs_cc
def test_a_second_run_goes_on_where_the_first_one_stopped(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    before = losses(run_c(tmp_path))
    (tmp_path / "trained.bin").replace(tmp_path / "state.bin")
    assert losses(run_c(tmp_path, epochs=1))[0] < before[-1]


@needs_cc
def test_without_threads_and_under_sanitizers_the_lines_are_the_same(trained, tmp_path):
    made_anew(trained, tmp_path, threads=False)
    probe = subprocess.run([CC, *SANITIZED, "-x", "c", "-", "-o", tmp_path / "probe"], input=b"int main(void) { return 0; }", capture_output=True)
    assert run_c(tmp_path, *(SANITIZED if probe.returncode == 0 else ())) == trained[1]


@pytest.mark.skipif(CROSS is None or QEMU is None, reason="needs aarch64-linux-gnu-gcc and qemu-aarch64")
@pytest.mark.skipif(not host_target().fma, reason="without fused multiply-adds here, bits differ")
def test_another_processor_trains_with_the_same_bits(trained, tmp_path):
    made_anew(trained, tmp_path, Options(target="aarch64"))
    text = run_c(tmp_path, epochs=1, cc=CROSS, by=(QEMU, "-L", "/usr/aarch64-linux-gnu"))
    assert losses(text) == losses(trained[1])[:1]


@needs_cc
@pytest.mark.parametrize("name", ["digits.bin", "state.bin"])
def test_files_that_are_cut_off_are_refused(name, trained, tmp_path):
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    run_c(tmp_path, epochs=0)
    content = (tmp_path / name).read_bytes()
    for size in (0, 10, 64, len(content) - 64):
        (tmp_path / name).write_bytes(content[:size])
        done = subprocess.run([tmp_path / "train"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and name in done.stderr
