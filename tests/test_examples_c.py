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

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1")
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def run(program, *arguments, cwd):
    return example_programs.run(f"c/{program}", *arguments, cwd=cwd).stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder that the program in Python wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("train")
    return folder, run("train", "--folder", folder, "--epochs", 4, cwd=folder)


def run_c(folder, *flags, epochs=4) -> str:
    command = [CC, *STRICT, *flags, "-I.", EXAMPLES / "c" / "train.c", "step.a", "predict.a", "-o", "train", "-lpthread"]
    subprocess.run(command, check=True, cwd=folder)
    return subprocess.run([folder / "train", str(epochs)], check=True, cwd=folder, capture_output=True, text=True).stdout


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
    folder, text = trained
    for name in ("digits.bin", "state.bin"):
        shutil.copy(folder / name, tmp_path)
    for name in ("step", "predict"):
        aot.export(aot.read(folder / f"{name}.gc").graph, tmp_path / f"{name}.gc", threads=False)
    probe = subprocess.run([CC, *SANITIZED, "-x", "c", "-", "-o", tmp_path / "probe"], input=b"int main(void) { return 0; }", capture_output=True)
    assert run_c(tmp_path, *(SANITIZED if probe.returncode == 0 else ())) == text


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
