"""Programs as images of the fake CUDA driver: their kernels, compiled for the host by the emulator's headers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakecuda.image import image

from graphc.codegen.cuda.module import program_source
from graphc.ir.gpu import Gpu
from graphc.ir.program import Program
from graphc.ir.symbols import symbol_of
from graphc.runtime.emulator.build import build

_CALLED = """
extern "C" __attribute__((visibility("default"))) int gc_emulated_launch(
    const char* name, int grid, int threads, int shared, const uint64_t* arguments, int count, const int64_t* sizes, int size_count,
    gc_emu::Device* device, gc_emu::Counters* counters, char* error, int room);
"""
_CALL = """
extern "C" __attribute__((visibility("default"))) const char* gc_run_{name}(long grid, int threads, int shared, const unsigned char* arguments, long bytes) {{
  static char error[256];
  const uint64_t* words = reinterpret_cast<const uint64_t*>(arguments);
  int wrong = gc_emulated_launch("{name}", static_cast<int>(grid), threads, shared, words, static_cast<int>(bytes / 8), nullptr, 0, nullptr, nullptr, error, 256);
  return wrong ? error : nullptr;
}}
"""


def fake_image(program: Program, gpu: Gpu) -> bytes:
    """What ``cuModuleLoadData`` of the fake driver takes for a program's kernels.

    Raises:
        DeviceUnavailable: there is no C++ compiler.
    """
    names = tuple(symbol_of(kernel.name) for kernel in program.kernels)
    calls = "".join(_CALL.format(name=name) for name in names)
    return image(build(program_source(program, gpu) + _CALLED + calls, names), gpu.arch)
