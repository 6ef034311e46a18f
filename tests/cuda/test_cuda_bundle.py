"""The images of a program travel as one run of bytes, and a device loads those that are wanted."""

import pytest
from cuda_texts import needs_nvrtc

from graphc.compile import option_parts
from graphc.compile_gpu import image_of
from graphc.errors import CompileError, FormatError
from graphc.ir.gpu import GPUS
from graphc.ir.parser import parse
from graphc.ir.program import Program, Signature
from graphc.options import Options
from graphc.runtime.cuda import compilers
from graphc.runtime.cuda.bundle import bundle, load
from graphc.runtime.cuda.images import Image


class Device:
    """Notes what is loaded."""

    name = "cuda:0"

    def __init__(self):
        self.loaded = []

    def load(self, image, kernels):
        self.loaded.append((image, kernels))
        return self

    def function(self, name, shared):
        return name, shared, next(image for image, kernels in self.loaded if name in kernels)


def images(*names):
    return [Image("sm_90", "cubin", tuple(kernels), b"\x7fELF" + kernels.encode(), "", "NVRTC 13.0") for kernels in names]


def test_a_single_image_is_what_it_is():
    data, device = bundle(images("ab")), Device()
    assert data == b"\x7fELFab" and load(device, data, ("a",)).function("a", 16) == ("a", 16, data)


def test_of_several_those_are_loaded_that_are_wanted():
    data, device = bundle(images("ab", "c", "d")), Device()
    module = load(device, data, ("a", "d"))
    assert device.loaded == [(b"\x7fELFab", ("a",)), (b"\x7fELFd", ("d",))]
    assert module.function("d", 64) == ("d", 64, b"\x7fELFd")


def test_what_is_missing_or_damaged_is_told():
    data = bundle(images("ab", "c"))
    with pytest.raises(CompileError, match="cuda:0: the images have no kernel x"):
        load(Device(), data, ("a", "x"))
    with pytest.raises(FormatError, match="the images of a program"):
        load(Device(), data[:-1] + b"?", ("a",))


KERNEL = """kernel @k(x0: f32[2048], out0: f32[2048] written) {
  for i in 64 block {
    for t in 32 thread {
      out0[i*32 + t] = x0[i*32 + t] * x0[i*32 + t]
    }
  }
}
"""


@needs_nvrtc
def test_a_program_of_many_kernels_is_several_images(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("GRAPHC_NUM_THREADS", "2")
    monkeypatch.setattr("graphc.runtime.pool.usable_cpus", lambda: 2)
    kernels = tuple([parse(KERNEL.replace("@k", f"@k{n}")) for n in range(8)])
    program = Program("p", Signature((), (), ()), (), kernels, ())
    device = Device()
    load(device, image_of(program, GPUS["cuda:sm_90a"]), tuple([k.name for k in kernels]))
    assert len(device.loaded) == 2 and all(image[:4] == b"\x7fELF" for image, _ in device.loaded)


def test_a_program_in_the_cache_is_of_one_compiler(monkeypatch):
    """Code of a newer compiler does not run on the driver that another one was installed for."""
    release = {"is": "NVRTC 13.0, 1 bytes"}
    monkeypatch.setattr("graphc.runtime.cuda.compilers.identity_here", lambda: release["is"])
    before = option_parts(Options(target="cuda:sm_90"))
    release["is"] = "NVRTC 12.9, 1 bytes"
    after = option_parts(Options(target="cuda:sm_90"))
    assert before["CUDA compiler"] == "NVRTC 13.0, 1 bytes" and before != after
    assert "CUDA compiler" not in option_parts(Options()) and "CUDA compiler" not in option_parts(Options(target="cuda-emulated:sm_90"))


def test_without_a_compiler_the_key_says_so(monkeypatch):
    monkeypatch.setattr(compilers, "installed", lambda: [])
    compilers.compiler_for.cache_clear()
    assert compilers.identity_here() == "none"
    compilers.compiler_for.cache_clear()
