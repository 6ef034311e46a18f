"""What export writes for other machines: linked by their C compilers, loaded by their loaders, run under qemu-user."""

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from graphc.aot import export
from graphc.compile import compile_graph
from graphc.ir.target import TARGETS
from graphc.options import Options
from graphc.runtime.elf import link_shared
from graphc.runtime.elf_embed import embed
from graphc.runtime.host import host_target
from graphc.runtime.jit import compile_object
from tests.emulated import cross_loader

MACHINES = ("aarch64", "riscv64")
needs_fma = pytest.mark.skipif(not host_target().fma, reason="needs a processor with fused multiply-add, to compare with")
START = """
@data = external hidden constant i8, align 64
@out = internal global [{out} x i8] zeroinitializer, align 64
@arena = internal global [{arena} x i8] zeroinitializer, align 64
@dims = internal constant [1 x i64] [i64 {n}]
declare i32 @model(ptr, ptr, ptr, ptr)
declare i64 @write(i32, ptr, i64)
declare void @_exit(i32)
define void @start() nounwind {{
  %inputs = alloca ptr
  %outputs = alloca ptr
  store ptr @data, ptr %inputs
  store ptr @out, ptr %outputs
  %code = call i32 @model(ptr %inputs, ptr %outputs, ptr @dims, ptr @arena)
  %size = call i64 @write(i32 1, ptr @out, i64 {out})
  call void @_exit(i32 %code)
  unreachable
}}
"""


@needs_fma
@pytest.mark.parametrize("name", MACHINES)
def test_an_object_with_the_pool_gives_the_same_bits(predictor, tmp_path, name):
    command, target, n = cross_loader(TARGETS[name]), TARGETS[name], 700
    export(predictor.graph, tmp_path / "model.gc", Options(target=name))
    start = compile_object(START.format(out=n * 40, n=n, arena=1 << 20), target)
    start = embed(start, "data", predictor.data(n).tobytes())
    program = bytearray(link_shared([start, (tmp_path / "model.o").read_bytes()], ["start"]))
    with open(tmp_path / "run.so", "w+b") as file:
        file.write(program)
        symbols = ELFFile(file).get_section_by_name(".dynsym")
        struct.pack_into("<Q", program, 24, symbols.get_symbol_by_name("start")[0].entry.st_value)
    (tmp_path / "run.so").write_bytes(program)
    result = subprocess.run([*command, str(tmp_path / "run.so")], timeout=60, capture_output=True, check=True)
    assert result.stdout == predictor.answer(n).tobytes()


@needs_fma
@pytest.mark.parametrize("suffix", [".a", ".so"])
@pytest.mark.parametrize("name", MACHINES)
def test_the_example_is_compiled_and_run_there(predictor, tmp_path, name, suffix):
    compiler = shutil.which(f"{name}-linux-gnu-gcc")
    if compiler is None or shutil.which(f"qemu-{name}") is None:
        pytest.skip(f"needs {name}-linux-gnu-gcc and qemu-{name}")
    export(predictor.graph, tmp_path / "model.gc", Options(target=name))
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-Wl,-rpath,{tmp_path}", "-lpthread"]
    subprocess.run([compiler, "model_main.c", f"model{suffix}", "-o", "model.exe", *flags], cwd=tmp_path, check=True)
    command = [f"qemu-{name}", "-L", f"/usr/{name}-linux-gnu", str(tmp_path / "model.exe"), "700"]
    shown = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout
    ramp = ((np.arange(700 * 64) % 10).astype(np.float32) * np.float32(0.1)).reshape(700, 64)
    wanted = compile_graph(predictor.graph)(ramp)[0].reshape(-1)[:8]
    assert np.array(shown.split()[1:9], np.float32).tobytes() == wanted.tobytes()


@pytest.mark.skipif(
    not Path("/lib64/ld-linux-x86-64.so.2").exists() or shutil.which("cc") is None or shutil.which("qemu-x86_64") is None,
    reason="needs x86-64 Linux, a C compiler and qemu-x86_64",
)
def test_the_example_says_so_where_the_processor_lacks_instructions(predictor, tmp_path):
    export(predictor.graph, tmp_path / "model.gc", Options(target="x86-64-v3"))
    subprocess.run(["cc", "-std=c11", "model_main.c", "model.a", "-o", "model.exe", "-lpthread"], cwd=tmp_path, check=True)
    found = {}
    for processor in ("Haswell", "Nehalem"):
        command = ["qemu-x86_64", "-cpu", processor, str(tmp_path / "model.exe")]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        found[processor] = done.returncode, "model was compiled for another processor than this one\n" in done.stderr
    assert found == {"Haswell": (0, False), "Nehalem": (1, True)}
