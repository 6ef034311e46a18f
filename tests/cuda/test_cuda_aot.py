"""Containers with code for GPUs: what archs share, which code a device gets, what views show without a compiler."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import aot_models
import numpy as np
import pytest
from cuda_texts import needs_nvdisasm, needs_nvrtc
from fake_images import fake_image
from fakecuda import build as fake

import graphc
from graphc import aot, cli
from graphc.aot.container import container
from graphc.aot.gpu_sections import DeviceCode, serving
from graphc.aot.targets import target_names
from graphc.compile import compile_graph, from_sections, lower_for
from graphc.errors import CompileError, DeviceUnavailable, FormatError, UsageError
from graphc.ir.gpu import GPUS
from graphc.ir.parser import parse
from graphc.ir.steps_fault import steps_fault
from graphc.options import Options
from graphc.runtime.container import Container, encode
from graphc.runtime.cuda.fatbin import cubin_in, fatbin
from graphc.runtime.gpus import FoundGpu
from graphc.runtime.host import host_target

ROOT = Path(__file__).resolve().parents[2]
ALL = ("cuda:sm_80", "cuda:sm_90", "cuda:sm_90a")


@pytest.fixture(scope="module")
def fatbins():
    """There is something that makes files for several archs."""
    try:
        fatbin([])
    except DeviceUnavailable as missing:
        pytest.skip(str(missing))
    except CompileError:
        pass  # of nothing


@pytest.fixture(scope="module")
def two(tmp_path_factory, fatbins):
    """The files of a model whose program is the same for all GPUs, and of one for which it is not."""
    folder = tmp_path_factory.mktemp("two")
    aot.compile(aot_models.wave(), folder / "wave.gc", targets=["cuda:sm_80,sm_90,sm_90a"])
    aot.compile(aot_models.digits(), folder / "digits.gc", targets=["cuda:sm_90,sm_80", "x86-64-v3"])
    return folder


def without_code(graph, *targets: str, text: str | None = None, cpu: tuple[str, ...] = ()) -> bytes:
    """A container as a compilation for GPUs writes it, with nothing in the place of machine code."""
    made = lower_for(graph, Options(), (*targets, *cpu))
    codes = [DeviceCode(made[name], (GPUS[name],), {}, GPUS[name] if name == text else None, b"", b"code") for name in targets]
    return b"".join(container(graph, made, Options(), codes))


# ---------------------------------------------------------------------------------------------- targets


def test_names_of_targets():
    assert target_names(["cuda:sm_90,sm_80", "x86-64", "cuda:sm_80"]) == ("cuda:sm_90", "cuda:sm_80", "x86-64")
    assert target_names(["x86-64,aarch64"]) == ("x86-64", "aarch64")
    for wrong in ("cuda:sm_1", "cuda:sm_90,z80", "sm_90"):
        with pytest.raises(UsageError, match="no target"):
            target_names([wrong])


@pytest.mark.parametrize("capability, expected", [
    ((8, 0), "cuda:sm_80"), ((8, 6), "cuda:sm_86"), ((8, 7), "cuda:sm_86"), ((8, 9), "cuda:sm_86"), ((9, 0), "cuda:sm_90a"),
    ((10, 0), "cuda:sm_86"), ((7, 5), None),
])  # fmt: skip
def test_the_best_code_for_a_device(capability, expected):
    there = ["x86-64", "cuda:sm_80", "cuda:sm_90a", "cuda:sm_86", "cuda-emulated:sm_75"]
    assert serving(capability, there, "cuda:sm_86") == expected
    assert serving((10, 0), there, None) is None


# ------------------------------------------------------------------------------------------- containers


@needs_nvrtc
def test_archs_of_one_program_share_its_code(two):
    opened = Container.open(two / "wave.gc")
    manifest = opened.json("manifest")
    assert manifest["targets"] == list(ALL) and manifest["shares"] == dict.fromkeys(ALL[1:], ALL[0]) and manifest["ptx"] == "cuda:sm_90"
    assert [name for name in opened.names if name.startswith("library:")] == ["library:cuda:sm_80"]
    code = opened["library:cuda:sm_80"]
    cubins = [cubin_in(code, arch) for arch in ("sm_80", "sm_90", "sm_90a")]
    assert all(cubin.startswith(b"\x7fELF") for cubin in cubins) and len(set(cubins)) == 3 and cubin_in(code, "sm_75") is None
    assert ".target sm_90" in zlib.decompress(opened["ptx:cuda:sm_80"]).decode()
    opened = Container.open(two / "digits.gc")
    manifest = opened.json("manifest")
    assert manifest["targets"] == ["cuda:sm_90", "cuda:sm_80", "x86-64-v3"] and "shares" not in manifest
    assert opened.text("same:cuda:sm_80") == "cuda:sm_90" and "constants:cuda:sm_80" not in opened.names, "weights are there once"
    assert from_sections(opened, "cuda:sm_80").constants.digest == from_sections(opened, "cuda:sm_90").constants.digest


@needs_nvrtc
def test_where_files_are(two, tmp_path):
    assert sorted(p.name for p in two.glob("wave*")) == ["wave.gc", "wave_cuda.c", "wave_cuda.h", "wave_cuda_data.o", "wave_cuda_main.c"]
    assert (two / "cuda" / "digits_cuda.c").exists() and (two / "x86-64-v3" / "digits.so").exists()
    aot.compile(aot_models.wave(), tmp_path / "wave.gc", targets=["cuda:sm_80", "cuda:sm_90", "cuda:sm_90a"])
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), f"{path.name} is another in every compilation"


@needs_nvrtc
def test_views_need_no_compiler(two, capsys, monkeypatch):
    monkeypatch.setattr("graphc.inspect.gpu_code.compile_image", lambda *_, **__: pytest.fail("something is compiled"))

    def shown(*arguments: str) -> str:
        assert cli.main(["inspect", str(two / "wave.gc"), *arguments]) == 0
        return capsys.readouterr().out

    assert "program for cuda:sm_80: 1 launch of 1 kernel" in shown()
    assert "for cuda:sm_90a in the file" in shown("--target", "cuda:sm_90a")
    assert "launch @map0(x0, y0, mul0) dims(n) grid (n + " in shown("--stage", "program") and " threads 256" in shown("--stage", "program")
    assert "kernel @map0(" in shown("--kernel", "map0") and "__global__ void" in shown("--kernel", "map0", "--as", "cuda")
    text = shown("--kernel", "map0", "--as", "ptx", "--target", "cuda:sm_90")
    assert ".target sm_90" in text and ".entry map0(" in text
    for name in ALL:
        needs = shown("--kernel", "map0", "--as", "resources", "--target", name)
        assert needs.startswith(f"map0 for {name[5:]}, by NVRTC ") and "registers" in needs and "spills" in needs


@needs_nvrtc
@needs_nvdisasm
def test_machine_code_of_the_file_is_shown(two, capsys, monkeypatch):
    monkeypatch.setattr("graphc.inspect.gpu_code.compile_image", lambda *_, **__: pytest.fail("something is compiled"))
    assert cli.main(["inspect", str(two / "wave.gc"), "--kernel", "map0", "--as", "sass", "--target", "cuda:sm_90"]) == 0
    assert "EXIT ;" in capsys.readouterr().out


@needs_nvrtc
def test_what_has_steps_on_the_host_gets_no_host_code(tmp_path, fatbins):
    graph = parse('graph @roots(%x: f32[3,3]) {\n  %a: f32[3,3] = add(%x, %x)\n  %y: f32[3,3] = cholesky(%a)\n  return %y\n}\n')
    notes: list[str] = []
    assert aot.compile(graph, tmp_path / "roots.gc", targets=["cuda:sm_90"], on_note=notes.append) == [tmp_path / "roots.gc"]
    assert notes == ["nothing for programs in C on CUDA devices: some of its operations run on the host, through Python"]


# --------------------------------------------------------------------------------------------- loading


@pytest.fixture
def gpus(monkeypatch):
    """Sets which GPUs there are, and tells which code is loaded for which: (target, device)."""
    loaded = []

    def put(*capabilities: tuple[int, int]) -> list:
        found = tuple([FoundGpu("A GPU", capability, 0) for capability in capabilities])
        for name in ("graphc.aot.load", "graphc.runtime.gpus"):
            monkeypatch.setattr(importlib.import_module(name), "found_gpus", lambda: found)
        return loaded

    monkeypatch.delenv("GRAPHC_DEVICE", raising=False)
    monkeypatch.setattr(importlib.import_module("graphc.aot.load"), "load_artifact", lambda artifact, options: loaded.append((artifact.target, options.target)))
    return put


HOST = host_target().name


def test_where_nothing_is_said_gpus_come_first(gpus, tmp_path):
    both, alone = tmp_path / "both.gc", tmp_path / "alone.gc"
    both.write_bytes(without_code(aot_models.wave(), "cuda:sm_80", "cuda:sm_90", text="cuda:sm_90", cpu=(HOST,)))
    alone.write_bytes(without_code(aot_models.wave(), "cuda:sm_80"))
    loaded = gpus((9, 0), (8, 6))
    graphc.load(both)
    graphc.load(both, device="cuda:1")
    graphc.load(both, device="cpu")
    assert loaded == [("cuda:sm_90", "cuda:0"), ("cuda:sm_80", "cuda:1"), (HOST, None)]
    loaded = gpus((12, 0))
    graphc.load(both, device="cuda")
    assert loaded[3:] == [("cuda:sm_90", "cuda:0")], "by its PTX"
    gpus((7, 5))
    graphc.load(both)
    gpus()
    graphc.load(both)
    assert loaded[4:] == [(HOST, None)] * 2
    with pytest.raises(DeviceUnavailable, match=r"alone.gc holds code for cuda:sm_80, and there is no GPU: .*; device='cpu' compiles its graph"):
        graphc.load(alone)
    with pytest.raises(DeviceUnavailable, match="^cuda:0: NVIDIA's driver"):
        graphc.load(both, device="cuda")


def test_the_environment_says_the_device(gpus, tmp_path, monkeypatch):
    path = tmp_path / "both.gc"
    path.write_bytes(without_code(aot_models.wave(), "cuda:sm_80", cpu=(HOST,)))
    loaded = gpus((8, 0))
    monkeypatch.setenv("GRAPHC_DEVICE", "cpu")
    graphc.load(path)
    graphc.load(path, device="cuda:0")
    assert loaded == [(HOST, None), ("cuda:sm_80", "cuda:0")]
    monkeypatch.setenv("GRAPHC_DEVICE", "gpu")
    with pytest.raises(UsageError, match="environment variable GRAPHC_DEVICE: must be cpu, cuda or cuda-emulated, .* got 'gpu'"):
        graphc.load(path)


def test_what_no_code_serves_is_compiled_anew_or_refused(gpus, tmp_path):
    path, program = tmp_path / "m.gc", tmp_path / "p.gc"
    path.write_bytes(without_code(aot_models.wave(), "cuda:sm_90a"))
    made = lower_for(aot_models.wave(), Options(), ("cuda:sm_90a",))
    program.write_bytes(b"".join(container(made["cuda:sm_90a"].program, {}, Options(), [DeviceCode(made["cuda:sm_90a"], (GPUS["cuda:sm_90a"],), {}, None, b"", b"c")])))
    gpus((8, 0))
    with pytest.raises(DeviceUnavailable, match=r"p.gc was compiled from a program for cuda:sm_90a, whose code cuda:0 \(A GPU, compute capability 8.0\) cannot run"):
        graphc.load(program, device="cuda:0")
    with pytest.raises(DeviceUnavailable, match="^cuda:1: this process sees 1 GPU, numbered from 0"):
        graphc.load(path, device="cuda:1")
    with pytest.raises(UsageError, match="device: must be cpu"):
        graphc.load(path, device="tpu")


def test_a_library_runs_on_the_cpu(tmp_path):
    aot.export(aot_models.wave(), tmp_path / "w.gc")
    with pytest.raises(UsageError, match="w.so is a shared library, which runs on the CPU"):
        graphc.load(tmp_path / "w.so", device="cuda")


@pytest.mark.skipif(shutil.which("g++") is None or aot_models.FUSED is None, reason="needs g++, and fused multiply-add as GPUs have")
def test_code_for_the_emulator(tmp_path):
    notes: list[str] = []
    (path,) = aot.compile(aot_models.wave(), tmp_path / "wave.gc", targets=["cuda-emulated:sm_80"], on_note=notes.append)
    assert notes == ["nothing for programs in C: code for the emulator runs in Python alone"]
    assert "library:cuda-emulated:sm_80" in Container.open(path).names
    x = np.linspace(-2, 2, 1001, dtype=np.float32)
    (found,), (expected,) = graphc.load(path, device="cuda-emulated")(x, x), compile_graph(aot_models.wave(), aot_models.CPU)(x, x)
    np.testing.assert_array_equal(found, expected)


# --------------------------------------------------------------------------------------------- damage


STEP = "launch @map0(x0, y0, mul0) dims(n) grid"


@pytest.mark.parametrize("before, after, words", [
    (STEP, STEP.replace("y0", "z0"), "a step of kind launch: there is no buffer z0"),
    ("threads 256", "threads 2048", "no device has blocks of 2048 threads"),
    ("dims(n)", "dims(m)", "a step of kind launch: there is no size m"),
    ("= input 1", "= input 7", "buffer y0: there is no input 7"),
    ("= output 0", "= row x0 of y0", "buffer mul0: x0 is no i64 of rank 0, but f32"),
    ("input x: f32[n]", "input x: f32[3]", "n"),
    ("f32[n] = output 0", "f32[n] = arena -4", "-4"),
    (STEP, "repeat {\n  }\n  " + STEP, "it says neither how often nor how long"),
    (STEP, "if x0 {\n  }\n  " + STEP, "x0 is no b1 of rank 0, but f32"),
    (STEP, "refuse(x0, reasons=((\"a\", \"b\"),))\n  " + STEP, "x0 is no i32 of rank 0, but f32"),
    (STEP, "copy x0 -> q\n  " + STEP, "there is no buffer q"),
])  # fmt: skip
def test_steps_that_nobody_could_follow(tmp_path, before, after, words):
    path = tmp_path / "damaged.gc"
    path.write_bytes(without_code(aot_models.wave(), "cuda:sm_80"))
    opened = Container.open(path)
    sections = {name: bytes(opened[name]) for name in opened.names}
    text = sections["program:cuda:sm_80"].decode()
    assert before in text, text
    sections["program:cuda:sm_80"] = text.replace(before, after).encode()
    path = tmp_path / "changed.gc"
    path.write_bytes(b"".join(encode(sections)))
    try:
        from_sections(Container.open(path), "cuda:sm_80")
    except FormatError as error:
        assert "changed.gc" in str(error) and words in str(error)
    else:
        assert before.startswith("input x"), "another legal program"


def test_constants_of_a_program_that_is_not_there(tmp_path):
    path = tmp_path / "m.gc"
    opened = Container.parse(without_code(aot_models.digits(), "cuda:sm_80", "cuda:sm_90"))
    sections = {name: bytes(opened[name]) for name in opened.names}
    sections["same:cuda:sm_90"] = b"cuda:sm_75"
    path.write_bytes(b"".join(encode(sections)))
    with pytest.raises(FormatError, match="m.gc: there is no section 'constants:cuda:sm_75'"):
        from_sections(Container.open(path), "cuda:sm_90")


@pytest.mark.parametrize("shares", [7, {"cuda:sm_80": 3}, {"x": "cuda:sm_80"}, {"cuda:sm_80": "y"}])
def test_a_manifest_that_shares_what_is_not_there(tmp_path, shares):
    path = tmp_path / "m.gc"
    opened = Container.parse(without_code(aot_models.wave(), "cuda:sm_80"))
    sections = {name: bytes(opened[name]) for name in opened.names}
    sections["manifest"] = json.dumps({**opened.json("manifest"), "shares": shares}).encode()
    path.write_bytes(b"".join(encode(sections)))
    with pytest.raises(FormatError, match="m.gc.*'shares'"):
        aot.read(path)


def test_legal_steps_are_followed():
    for make in (aot_models.loops, aot_models.step, aot_models.rows):
        (one,) = lower_for(make(), Options(), ("cuda:sm_90a",)).values()
        assert steps_fault(one.program) == ""


def test_a_file_that_is_no_fatbin():
    for data in (b"", b"\x7fELF" + bytes(100), bytes.fromhex("50ed55ba01001000") + bytes(80), bytes.fromhex("50ed55ba01001000") + b"\xff" * 90):
        assert cubin_in(data, "sm_80") is None


LOADING = """\
import sys
import numpy as np
import graphc
x = np.linspace(-2, 2, 1001, dtype=np.float32)
model = graphc.load(sys.argv[1])
assert type(model).__name__ == "DeviceExecutable", type(model)
np.save(sys.argv[2], [model(x, x)[0], graphc.load(sys.argv[1], device="cuda:0")(x, x)[0], graphc.load(sys.argv[1], device="cpu")(x, x)[0]])
"""


@pytest.mark.skipif(shutil.which("g++") is None or aot_models.FUSED is None, reason="needs g++, and fused multiply-add as GPUs have")
def test_a_container_runs_through_pycuda(tmp_path):
    try:
        environment = fake.built()
    except fake.Missing as missing:
        pytest.skip(str(missing))
    made = lower_for(aot_models.wave(), Options(), ("cuda:sm_90", aot_models.FUSED))
    gpu = GPUS["cuda:sm_90"]
    code = DeviceCode(made[gpu.name], (gpu,), {}, None, b"", fake_image(made[gpu.name].program, gpu))
    path, out = tmp_path / "wave.gc", tmp_path / "out.npy"
    path.write_bytes(b"".join(container(aot_models.wave(), made, Options(), [code])))
    settings = {**os.environ, **environment, "PYTHONPATH": f"{ROOT}:{environment['PYTHONPATH']}"}
    done = subprocess.run([sys.executable, "-c", LOADING, path, out], env=settings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second, cpu = np.load(out)
    np.testing.assert_array_equal(first, cpu)
    np.testing.assert_array_equal(second, cpu)
