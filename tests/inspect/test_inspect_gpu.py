"""Kernels of GPUs in the inspector: their text, PTX, machine code, and what they need of a device."""

import re

import pytest
from page_models import made, unpacked

from graphc import cli
from graphc.errors import UsageError
from graphc.inspect import show
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.printer import graph_text
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims.table import apply
from graphc.runtime.cuda.nvrtc import found
from graphc.runtime.cuda.toolkit import program

needs_nvrtc = pytest.mark.skipif(next(found(), None) is None, reason="NVRTC is not installed (nvidia-cuda-nvrtc)")
needs_nvdisasm = pytest.mark.skipif(program("nvdisasm") is None, reason="nvdisasm is not installed (nvidia-cuda-nvdisasm)")


def graph():
    x = input_node("x", Type(dt.f32, (symbol("n"), 512)))
    return Graph("g", (x,), (apply("exp", apply("add", x, x)),))


@pytest.fixture
def stages():
    return Stages(graph(), Options(target="cuda:sm_90a"))


def test_the_text_is_that_of_the_program(stages):
    text = stages.kernel_as("map0", "cuda")
    assert text.splitlines()[-1] == "}" and '__global__ void __launch_bounds__(' in text
    whole = show.stage_text(stages, "cuda")
    assert text in whole and whole.count("__global__") == 1
    assert stages.kernel_as("map0", "loops").startswith("kernel @map0(")
    first, last = map(int, re.search(r"lines (\d+) to (\d+) of --stage cuda", stages.code_lines("cuda")("map0")).groups())
    assert "\n".join(whole.splitlines()[first - 1 : last]) == text


def test_forms_of_other_targets_are_refused(stages):
    with pytest.raises(UsageError, match="the program is for cuda:sm_90a, whose kernels are no LLVM IR; there are cuda, ptx, sass, resources"):
        stages.kernel_as("map0", "llvm")
    with pytest.raises(UsageError, match="whose kernels are no LLVM IR"):
        show.stage_text(stages, "asm")
    with pytest.raises(UsageError, match="for x86-64-v3; cuda, ptx, sass, resources are of GPUs: --target cuda:sm_90a"):
        Stages(graph(), Options(target="x86-64-v3")).kernel_as("map0", "ptx")
    with pytest.raises(UsageError, match="for sass give --kernel"):
        stages.code_lines("sass")


@needs_nvrtc
def test_ptx_is_shown(stages):
    text = stages.kernel_as("map0", "ptx")
    assert ".target sm_90a" in text and ".entry map0(" in text
    assert ".entry map0(" in show.stage_text(stages, "ptx")


@needs_nvrtc
@needs_nvdisasm
def test_machine_code_is_shown(stages):
    assert "EXIT ;" in stages.kernel_as("map0", "sass") and "EXIT ;" in show.stage_text(stages, "sass")


@needs_nvrtc
@needs_nvdisasm
def test_what_a_kernel_needs_is_shown(stages):
    lines = stages.kernel_as("map0", "resources").splitlines()
    assert re.fullmatch(r"map0 for sm_90a, by NVRTC \d+\.\d+", lines[0])
    rows = {line[:15].strip(): line[15:].strip() for line in lines[1:]}
    assert rows["spills"] == "0 B" and re.fullmatch(r"\d+  of a thread", rows["registers"]) and "of a block" in rows["threads"]
    assert re.fullmatch(r"\d+  blocks on a multiprocessor, \d+ of 64 warps \((100%\)|\d+%\), limited by \w.*)", rows["occupancy"])
    assert any(re.match(r"  global memory +\d+  .*LDG\.128 \d", line) for line in lines)


@needs_nvrtc
def test_without_a_disassembler_the_rest_is_shown(stages, monkeypatch):
    monkeypatch.setattr("graphc.runtime.cuda.sass.program", lambda name: None)
    text = stages.kernel_as("map0", "resources")
    assert "registers" in text and text.endswith("pip install 'graphc[cuda-tools]', or a CUDA toolkit")


def test_the_command_line_shows_them(tmp_path, capsys):
    path = tmp_path / "g.txt"
    path.write_text(graph_text(graph()))
    assert cli.main(["inspect", str(path), "--target", "cuda:sm_80", "--kernel", "map0", "--as", "cuda"]) == 0
    assert "__global__ void" in capsys.readouterr().out
    assert cli.main(["inspect", str(path), "--target", "cuda:sm_80"]) == 0
    assert "program for cuda:sm_80: 1 launch of 1 kernel" in capsys.readouterr().out
    assert cli.main(["inspect", str(path), "--target", "cuda:sm_80", "--why", "exp0", "--as", "cuda"]) == 0
    assert "CUDA C++: map0, lines " in capsys.readouterr().out
    assert cli.main(["inspect", str(path), "--kernel", "map0", "--as", "sass"]) == 1
    assert "--target cuda:sm_90a" in capsys.readouterr().err


def test_the_page_has_the_code_of_gpus(stages, monkeypatch):
    monkeypatch.setattr("graphc.runtime.cuda.sass.program", lambda name: None)
    text = made(stages)
    assert [form for _, form, _ in unpacked(text, "model")["forms"]] == ["loops", "cuda", "sass"]
    loops, cuda, machine_code = unpacked(text, "code")["map0"]
    assert loops.startswith("kernel @map0(") and cuda == stages.kernel_as("map0", "cuda") and machine_code is None


@needs_nvrtc
@needs_nvdisasm
def test_the_page_has_machine_code(stages):
    assert "EXIT ;" in unpacked(made(stages), "code")["map0"][2]
