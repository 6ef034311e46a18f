"""CUDA C++ texts become images: with which compiler, from the cache, in parts; what is said of texts with errors."""

import os
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from cuda_texts import ARCHS, NVRTC, PRELUDE, TEXT, TURN, needs_nvcc, needs_nvrtc

from graphc.errors import CompileError, DeviceUnavailable
from graphc.runtime.cache import DiskCache
from graphc.runtime.cuda import images
from graphc.runtime.cuda.compilers import choose
from graphc.runtime.cuda.diagnostics import compile_error
from graphc.runtime.cuda.images import compile_image, compile_images
from graphc.runtime.cuda.kernel_text import enclosing, kernel_of, only, shared_out, spans
from graphc.runtime.cuda.nvcc import Nvcc
from graphc.runtime.cuda.nvrtc import CUBIN, PTX, Compiled, Nvrtc
from graphc.runtime.cuda.toolkit import program, toolkits, wheel_files


@dataclass
class Fake:
    """A compiler that answers with what it was given."""

    version: tuple[int, int] = (13, 0)
    release: str = "13.0.88"
    calls: list = field(default_factory=list)
    path = "/opt/lib/libnvrtc.so"
    archs = ("sm_80", "sm_90")

    @property
    def name(self):
        return "NVRTC %d.%d" % self.version

    @property
    def identity(self):
        return self.release

    def compile(self, source, arch, options=(), name="program", form=CUBIN):
        self.calls.append((source, arch, options, name, form))
        return Compiled(f"{form} for {arch}".encode(), "ptxas info    : Compiling entry function 'k'")


@pytest.fixture
def fake(monkeypatch):
    made = Fake()
    monkeypatch.setattr(images, "compiler_for", lambda driver: made)
    return made


@pytest.fixture
def cache(tmp_path):
    return DiskCache(tmp_path / "cache")


def text_of(count):
    return PRELUDE + "".join(TURN.replace("turn", f"turn{k}").replace("1.0f", f"{k}.0f") for k in range(count))


# which compiler


def test_the_first_compiler_is_used_whose_code_the_driver_runs():
    new, old = Fake((13, 5)), Fake((12, 9))
    assert choose([new, old], None) is new
    assert choose([new, old], 13000) is new, "code of a later release of the same major number runs"
    assert choose([new, old], 12040) is old


def test_a_compiler_newer_than_the_driver_is_refused_with_what_to_install():
    with pytest.raises(DeviceUnavailable) as told:
        choose([Fake((13, 5))], 12040)
    assert str(told.value) == (
        "the driver of this machine runs code of CUDA 12.4 and older, and NVRTC 13.5 makes newer code; install driver 580 or "
        "newer, or a compiler for this one: pip install 'graphc[cuda12]'"
    )
    with pytest.raises(DeviceUnavailable, match=r"runs code of CUDA 11.8 and older.*; install driver 580 or newer$"):
        choose([Fake((13, 5))], 11080)


def test_no_compiler_and_an_old_one_say_what_to_install():
    with pytest.raises(DeviceUnavailable, match=r"no CUDA compiler: NVRTC comes with pip install 'graphc\[cuda13\]', nvcc with"):
        choose([], None)
    with pytest.raises(DeviceUnavailable, match=r"graphc\[cuda12\]"):
        choose([], 12020)
    with pytest.raises(DeviceUnavailable, match=r"NVRTC 11.8 in /opt/lib/libnvrtc.so is too old, CUDA 12 is needed: .*cuda13"):
        choose([Fake((11, 8))], None)


def test_wheels_and_toolkits_are_found_where_they_lie(tmp_path, monkeypatch):
    library = tmp_path / "site" / "nvidia" / "cu13" / "lib" / "libnvrtc.so.13"
    nvcc = tmp_path / "cuda" / "bin" / "nvcc"
    for file in (library, nvcc):
        file.parent.mkdir(parents=True)
        file.write_text("")
    nvcc.chmod(0o755)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "cuda"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wheel_files("lib/libnvrtc.so.*") == [library]
    assert next(iter(toolkits())) == tmp_path / "cuda" and program("nvcc") == str(nvcc)
    assert program("no-such-program") is None


def test_a_library_that_does_not_load_says_so(tmp_path):
    broken = tmp_path / "libnvrtc.so.13"
    broken.write_bytes(b"not a library")
    with pytest.raises(DeviceUnavailable, match=r"libnvrtc.so.13 cannot be loaded: .*; install its package again"):
        Nvrtc(str(broken)).compile(TEXT, "sm_90")


# the cache


def test_an_image_is_compiled_once_for_what_it_is_made_of(fake, cache):
    first = compile_image(TEXT, "sm_90", "net", cache=cache)
    again = compile_image(TEXT, "sm_90", "other name", cache=cache)
    assert first == again and len(fake.calls) == 1
    assert first.data == b"cubin for sm_90" and first.kernels == ("scale", "turn") and "entry function" in first.log
    assert type(again.data) is bytes
    different = [
        compile_image(TEXT + " ", "sm_90", cache=cache),
        compile_image(TEXT, "sm_90a", cache=cache),
        compile_image(TEXT, "sm_90", options=("-lineinfo",), cache=cache),
        compile_image(TEXT, "sm_90", form=PTX, cache=cache),
    ]
    fake.release = "13.0.99"
    compile_image(TEXT, "sm_90", cache=cache)
    assert len(fake.calls) == 6 and different[3].data == b"ptx for sm_90"


def test_a_damaged_entry_is_made_again(fake, cache):
    compile_image(TEXT, "sm_90", cache=cache)
    (file,) = cache.path.glob("*.gc")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert compile_image(TEXT, "sm_90", cache=cache).data == b"cubin for sm_90" and len(fake.calls) == 2


# kernels in a text


def test_kernels_are_found_in_a_text():
    assert [(one.name, one.first, one.last) for one in spans(TEXT)] == [("scale", 1, 9), ("turn", 9, 16)]
    assert [enclosing(TEXT, line) for line in (1, 2, 9, 10, 16, 17)] == [None, "scale", "scale", "turn", "turn", None]
    assert kernel_of(TEXT, "turn") + "\n" == TURN and kernel_of(TEXT, "twist") is None
    assert only(TEXT, {"turn"}) == PRELUDE + TURN


def test_a_text_is_shared_out_whole():
    text = text_of(9)
    parts = shared_out(text, 2)
    names = [{one.name for one in spans(part)} for part in parts]
    assert [len(part) for part in names] == [5, 4] and names[0] | names[1] == {f"turn{k}" for k in range(9)}
    assert all(part.startswith(PRELUDE) for part in parts)
    assert shared_out(text, 1) == [text] == shared_out(text, 10)


def test_large_programs_are_compiled_in_parts(fake, cache):
    made = compile_images(text_of(9), "sm_90", threads=2, cache=cache)
    assert len(made) == 2 and sorted(name for one in made for name in one.kernels) == [f"turn{k}" for k in range(9)]
    assert len(compile_images(text_of(9), "sm_90", threads=1, cache=cache)) == 1
    assert len(compile_images(text_of(7), "sm_90", threads=2, cache=cache)) == 1, "too few kernels to read the prelude twice"
    assert len(compile_images(text_of(40), "sm_90", threads=64, cache=cache)) == 8


def test_kernels_that_spill_may_use_all_registers(fake, cache, monkeypatch):
    """The assembler spills to have more blocks, unless it is told that one is enough; what spills all the same is kept."""

    def compile(source, arch, options=(), name="program", form=CUBIN):
        fake.calls.append(source)
        spills = 0 if "(256, 1) turn(" in source else 16
        log = "".join(
            f"Compiling entry function '{kernel}'\nFunction properties for {kernel}\n"
            f"  8 bytes stack frame, {count} bytes spill stores, 0 bytes spill loads\nUsed {registers} registers\n"
            for kernel, count, registers in (("turn", spills, 64), ("scale", 8, 255))
        )
        return Compiled(b"code", log)

    monkeypatch.setattr(fake, "compile", compile, raising=False)
    made = compile_image(TEXT, "sm_90", cache=cache)
    assert fake.calls == [TEXT, TEXT.replace("(256) turn(", "(256, 1) turn(")] and made.resources["turn"].spills == 0
    assert compile_image(TEXT, "sm_90", cache=cache) == made and len(fake.calls) == 2


# errors


def test_errors_are_shown_with_the_text_around_them():
    log = 'net.cu(5): error: identifier "tow" is undefined\n    v.x = tow;\n          ^\n\n1 error detected in the compilation of "net.cu".\n'
    told = str(compile_error("NVRTC 13.0", TEXT.replace("3.0f * v.x", "tow"), "sm_90a", "net", log))
    assert told.splitlines()[:2] == [
        "NVRTC 13.0 cannot compile net for sm_90a:",
        '  net.cu(5): error: identifier "tow" is undefined, in kernel scale',
    ]
    assert '  >     5      four v = reinterpret_cast<const four*>(x)[i];' in told and "        2  // scale.py:3" in told
    many = "\n".join(f"net.cu({k}): error: no" for k in range(1, 8))
    assert str(compile_error("nvcc 13.0", TEXT, "sm_90a", "net", many)).endswith("\n  and 4 more errors")


def test_errors_of_the_assembler_have_no_place_in_the_text():
    log = "ptxas info    : 0 bytes gmem\nptxas error   : Entry function 'k' uses too much shared data (0x61a80 bytes, 0xc000 max)\n"
    assert str(compile_error("NVRTC 13.0", TEXT, "sm_90a", "net", log)).splitlines() == [
        "NVRTC 13.0 cannot compile net for sm_90a:",
        "  ptxas error   : Entry function 'k' uses too much shared data (0x61a80 bytes, 0xc000 max)",
    ]


# the real compilers


@needs_nvrtc
def test_nvrtc_makes_cubins_and_ptx(cache):
    for arch in ARCHS:
        made = NVRTC.compile(TEXT, arch, name="net")
        assert made.data.startswith(b"\x7fELF") and "Compiling entry function 'scale'" in made.log
    ptx = NVRTC.compile(TEXT, "sm_90a", form=PTX).data.decode()
    assert ".target sm_90a" in ptx and "\0" not in ptx and "fma.rn.f32" in ptx.split(".entry turn")[1]
    body = ptx.split(".entry scale")[1].split(".entry")[0]
    assert "mul.f32" in body or "mul.rn.f32" in body, "a product and a sum stay two operations"
    assert "fma" not in body and NVRTC.compile(TEXT, "sm_80").data == NVRTC.compile(TEXT, "sm_80").data


@needs_nvrtc
def test_nvrtc_says_what_is_wrong():
    with pytest.raises(CompileError, match=r'cannot compile net for sm_90:\n  net.cu\(6\): error: identifier "tow" .*, in kernel scale'):
        NVRTC.compile(TEXT.replace("3.0f", "tow"), "sm_90", name="net")
    with pytest.raises(CompileError, match="turn.*uses too much shared data"):
        NVRTC.compile(TEXT.replace("float* tile = reinterpret_cast<float*>(gc_shared)", "__shared__ float tile[1 << 20]"), "sm_90")
    with pytest.raises(DeviceUnavailable, match=r"makes no code for sm_35, only for sm_.*sm_90.*; pip install 'graphc\[cuda12\]'"):
        NVRTC.compile(TEXT, "sm_35")
    with pytest.raises(DeviceUnavailable, match="makes no code for sm_999, only for .*; a newer compiler may know it"):
        NVRTC.compile(TEXT, "sm_999")


@needs_nvrtc
def test_parts_have_the_code_of_the_whole(cache):
    text = text_of(8)
    (whole,) = compile_images(text, "sm_90a", threads=1, cache=cache)
    parts = compile_images(text, "sm_90a", threads=2, cache=cache)
    found = {name: needs for part in parts for name, needs in part.resources.items()}
    assert len(parts) == 2 and found == whole.resources and len(found) == 8


@needs_nvcc
def test_nvcc_takes_the_same_texts():
    nvcc = Nvcc(program("nvcc"))
    made = nvcc.compile(TEXT, "sm_90a", name="net")
    assert made.data.startswith(b"\x7fELF") and "Compiling entry function 'scale'" in made.log
    with pytest.raises(CompileError, match=r'net.cu\(6\): error: identifier "tow" is undefined, in kernel scale'):
        nvcc.compile(TEXT.replace("3.0f", "tow"), "sm_90", name="net")
    with pytest.raises(DeviceUnavailable, match="nvcc .* makes no code for sm_35"):
        nvcc.compile(TEXT, "sm_35")
    with pytest.raises(DeviceUnavailable, match="/nowhere/nvcc does not start: No such file"):
        Nvcc("/nowhere/nvcc").compile(TEXT, "sm_90")


def test_cached_images_need_no_library(tmp_path):
    """A process that finds its images does not load the compiler."""
    if NVRTC is None or not os.path.isabs(NVRTC.path):
        pytest.skip("NVRTC is not installed (nvidia-cuda-nvrtc)")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from cuda_texts import TEXT\n"
        "from graphc.runtime.cuda.images import compile_image\n"
        "compile_image(TEXT, 'sm_90')\n"
        "print(any('libnvrtc' in line for line in open('/proc/self/maps')))"
    )
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", code, os.path.dirname(__file__)]
    said = [subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
    assert said == ["True", "False"]
