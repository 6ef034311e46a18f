"""Host code in C for CUDA devices: compiled by a C compiler and run on the fake driver it gives the bits of the CPU."""

import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import aot_models
import numpy as np
import pytest
from c_programs import expect_same_steps
from cuda_texts import needs_nvrtc
from elftools.elf.elffile import ELFFile
from fake_images import fake_image
from fake_programs import cuda_header, linked, make_driver, run

from graphc import aot
from graphc.aot.cuda_files import cuda_pieces
from graphc.aot.gpu_sections import DeviceCode
from graphc.codegen.cuda_host.example import cuda_example_text
from graphc.codegen.cuda_host.header import cuda_header_text
from graphc.codegen.cuda_host.plan import Plan, arena_function, check_function
from graphc.codegen.cuda_host.source import cuda_source_text
from graphc.codegen.cuda_host.template import ARITHMETIC
from graphc.compile import compile_graph, lower_for
from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.blob import Blob
from graphc.ir.gpu import GPUS
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.parser import parse
from graphc.ir.type import Type
from graphc.lib import index
from graphc.options import Options
from graphc.runtime.cuda.toolkit import program as program_of_toolkit
from graphc.runtime.cuda.toolkit import wheel_files
from graphc.runtime.elf_data import data_object
from graphc.runtime.host import host_target

ROOT = Path(__file__).resolve().parents[2]
MACHINE = host_target().triple.split("-")[0]
pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="kernels for the fake driver need g++"),
    pytest.mark.skipif(aot_models.FUSED is None, reason="this CPU has no fused multiply-add, as GPUs do"),
]


def codes(graph: Graph, archs: tuple[str, ...] = ("sm_90",), text: str | None = None) -> list[DeviceCode]:
    """The code of a graph, in the form of the fake driver; one for each arch."""
    made = lower_for(graph, Options(), tuple(f"cuda:{arch}" for arch in archs))
    found = []
    for name, one in made.items():
        gpu = GPUS[name]
        found.append(DeviceCode(one, (gpu,), {}, gpu if gpu.arch == text else None, b"", fake_image(one.program, gpu)))
    return found


def write(folder, name: str, made: list[DeviceCode]) -> None:
    for file, pieces in cuda_pieces(made, name, name, MACHINE).items():
        (folder / file).write_bytes(b"".join(pieces))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_driver(tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def program(folder):
    """Makes the program of a model, by the example or by a file of its own: its path."""

    @cache
    def made(name: str, main: str = "", archs: tuple[str, ...] = ("sm_90",), text: str | None = None):
        if not (folder / f"{name}_cuda.c").exists():
            write(folder, name, codes(getattr(aot_models, name)(), archs, text))
        source = folder / (f"{name}_cuda_main.c" if not main else f"{name}_own.c")
        if main:
            source.write_text(main)
        return linked(folder, folder / f"{source.stem}.exe", folder / f"{name}_cuda.c", source, folder / f"{name}_cuda_data.o", flags=(f"-I{folder}",))

    return made


def shown(text: str) -> dict[str, np.ndarray]:
    lines = [line.partition(": ") for line in text.splitlines()]
    return {label: np.array([float(x) for x in values.replace(" ...", "").split()]) for label, _, values in lines}


def test_a_model_gives_the_bits_of_the_cpu(folder, program):
    found = shown(run(folder, program("digits", "", ("sm_80", "sm_90"), "sm_90"), 0, 3).stdout)
    (expected,) = compile_graph(aot_models.digits(), aot_models.CPU)(aot_models.ramp(3, 64))
    np.testing.assert_array_equal(found["probabilities"].astype(np.float32), expected.reshape(-1)[:8])


def test_the_device_decides_which_code_runs(folder, program):
    exe = program("digits", "", ("sm_80", "sm_90"), "sm_90")
    usual = run(folder, exe, 0, 3).stdout
    for capability in (80, 89):
        assert run(folder, exe, 0, 3, FAKECUDA=f"capability={capability}").stdout == usual
    done = run(folder, exe, 0, 3, check=False, FAKECUDA="capability=75")
    assert done.returncode == 1
    assert "digits has code for sm_80, sm_90, and by PTX those newer than sm_90; device 0, Fake GPU 0, has compute capability 7.5" in done.stderr
    done = run(folder, exe, 0, 3, check=False, FAKECUDA="capability=120")  # its PTX is chosen, which the fake driver cannot compile
    assert "cuModuleLoadData: no kernel image is available" in done.stderr
    assert "digits: cuDeviceGet: invalid device ordinal" in run(folder, exe, 3, 3, check=False).stderr
    assert "cuInit: no CUDA-capable device is detected" in run(folder, exe, 0, 3, check=False, FAKECUDA="devices=0").stderr


def test_state_stays_on_the_device(folder, program):
    found = run(folder, program("step"), 0, 4)
    expect_same_steps(shown(found.stdout), compile_graph(aot_models.step(), aot_models.CPU), 4)


def test_loops_and_branches(folder, program):
    found = shown(run(folder, program("loops"), 0, 5).stdout)
    expected = compile_graph(aot_models.loops(), aot_models.CPU)(aot_models.ramp(5, 8))
    for name, values in zip(("chosen", "scan"), expected):
        np.testing.assert_array_equal(found[name].astype(np.float32), values.reshape(-1)[:8])
    assert "loops_cuda_record" not in (folder / "loops_cuda.h").read_text(), "the host takes part, so it cannot be recorded"


def test_products_by_the_copy_engine(folder, program, monkeypatch):
    for kind in ("cuda", "cuda-emulated"):
        monkeypatch.setitem(GPUS, f"{kind}:sm_90a", replace(GPUS[f"{kind}:sm_90a"], multiprocessors=1))
    found = shown(run(folder, program("products", "", ("sm_90a",)), 0).stdout)
    assert (folder / "products_cuda.c").read_text().count("TRY(tensor_map(") == 4
    options = Options(target="cuda-emulated:sm_90a", cache=False)
    (expected,) = compile_graph(aot_models.products(), options)(*map(aot_models.ramp, (256, 128, 256), (128, 256, 256)))
    assert len(set(expected[0, :8].tolist())) > 1
    (values,) = found.values()
    np.testing.assert_array_equal(values.astype(np.float32), expected.reshape(-1)[:8])


RECORDED = r"""
#include <assert.h>
#include <string.h>
#include "rows_cuda.h"

int main(void) {
  rows_cuda *handle;
  CUdevice device;
  CUcontext context;
  CUdeviceptr x, y;
  static float given[6][8], expected[6][8], found[6][8];
  for (int k = 0; k < 48; ++k) given[k / 8][k % 8] = (float)k;
  const void *inputs[] = {given};
  void *outputs[] = {expected};
  int64_t dims[] = {6};
  assert(!rows_cuda_open(&handle, 0) && !rows_cuda_run_host(handle, inputs, outputs, dims));
  assert(!cuDeviceGet(&device, 0) && !cuDevicePrimaryCtxRetain(&context, device) && !cuCtxPushCurrent(context));
  CUstream stream;
  assert(!cuStreamCreate(&stream, 0) && !cuMemAlloc(&x, sizeof given) && !cuMemAlloc(&y, sizeof found));
  assert(!rows_cuda_record(handle, &x, &y, dims));
  assert(!cuMemcpyHtoDAsync(x, given, sizeof given, stream) && !rows_cuda_replay(handle, stream));
  assert(!cuMemcpyDtoHAsync(found, y, sizeof found, stream) && !cuStreamSynchronize(stream));
  assert(!memcmp(found, expected, sizeof found) && expected[5][7] != 0);
  rows_cuda_close(handle);
  return 0;
}
"""


def test_loops_that_the_host_counts_are_recorded(folder, program):
    done = run(folder, program("rows", RECORDED), check=False)
    assert done.returncode == 0, done.stderr


USES = r"""
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "digits_cuda.h"

extern long fakecuda_count(const char *name);
extern int fakecuda_set(const char *name, long value);

static int fails(int32_t code, const digits_cuda *handle, const char *text) {
  if (code == DIGITS_CUDA_FAILED && strstr(digits_cuda_error(handle), text)) return 1;
  fprintf(stderr, "%d: %s\n", (int)code, digits_cuda_error(handle));
  return 0;
}

int main(void) {
  digits_cuda *handle, *other;
  static float pixels[5][64], expected[5][10], found[5][10];
  for (int k = 0; k < 5 * 64; ++k) pixels[k / 64][k % 64] = (float)(k % 10) * 0.1f;
  const void *inputs[] = {pixels};
  void *outputs[] = {expected};
  int64_t dims[] = {5}, none[] = {0}, large[] = {INT64_C(1) << 45}, negative[] = {-1}, sizes[DIGITS_CUDA_SIZES];

  /* Where memory ends, opening fails, says so, and keeps nothing. */
  fakecuda_set("allocations_left", 0);
  assert(fails(digits_cuda_open(&other, 0), NULL, "digits: cuMemAlloc: out of memory") && !other);
  assert(fakecuda_count("live") == 0);
  fakecuda_set("allocations_left", -1);
  assert(!digits_cuda_open(&handle, 0));

  assert(!digits_cuda_run_host(handle, inputs, outputs, dims));
  digits_cuda_shapes(dims, sizes);
  assert(sizes[0] == 5 && sizes[1] == 10);
  assert(!digits_cuda_run_host(handle, inputs, outputs, none));
  assert(digits_cuda_run_host(handle, inputs, outputs, large) == 1 && digits_cuda_run_host(handle, inputs, outputs, negative) == 1);
  inputs[0] = NULL;
  assert(fails(digits_cuda_run_host(handle, inputs, outputs, dims), handle, "digits: inputs[0] is NULL"));
  inputs[0] = pixels;
  fakecuda_set("allocations_left", 0);
  int64_t more[] = {4000};
  outputs[0] = NULL;
  assert(fails(digits_cuda_run_host(handle, inputs, outputs, more), handle, "out of memory"));
  fakecuda_set("allocations_left", -1);

  /* Arrays on the device, on streams; and recorded once, done again and again. */
  CUdevice device;
  CUcontext context;
  CUstream stream;
  CUdeviceptr x, y;
  assert(!cuDeviceGet(&device, 0) && !cuDevicePrimaryCtxRetain(&context, device) && !cuCtxPushCurrent(context));
  assert(!cuMemAlloc(&x, sizeof pixels) && !cuMemAlloc(&y, sizeof found) && !cuStreamCreate(&stream, 0));
  assert(!cuMemcpyHtoDAsync(x, pixels, sizeof pixels, stream) && !cuStreamSynchronize(stream));
  CUdeviceptr askew = x + 4;
  assert(fails(digits_cuda_run(handle, &askew, &y, dims, stream), handle, "inputs[0] does not begin at a multiple of 64 bytes"));
  fakecuda_set("allocations_left", 0);
  assert(fails(digits_cuda_run(handle, &x, &y, more, stream), handle, "digits: cuMemAlloc: out of memory"));
  fakecuda_set("allocations_left", -1);
  assert(fails(digits_cuda_replay(handle, NULL), handle, "nothing is recorded"));
  for (int way = 0; way < 4; ++way) {
    memset(found, 0, sizeof found);
    if (way == 0) assert(!digits_cuda_run(handle, &x, &y, dims, stream) && !cuStreamSynchronize(stream));
    if (way == 1) assert(!digits_cuda_run(handle, &x, &y, dims, NULL) && !digits_cuda_wait(handle));
    if (way == 2) assert(!digits_cuda_record(handle, &x, &y, dims));
    if (way >= 2) assert(!digits_cuda_replay(handle, NULL) && !digits_cuda_wait(handle));
    assert(!cuMemcpyDtoHAsync(found, y, sizeof found, stream) && !cuStreamSynchronize(stream));
    assert(!memcmp(found, expected, sizeof found));
    assert(!cuMemcpyHtoDAsync(y, pixels, sizeof found, stream) && !cuStreamSynchronize(stream));
  }
  assert(fakecuda_count("replays") == 2);
  assert(!cuMemFree(x) && !cuMemFree(y) && !cuStreamDestroy(stream) && !cuCtxPopCurrent(&context));

  digits_cuda_close(handle);
  digits_cuda_close(NULL);
  assert(fakecuda_count("live") == 0);

  /* A kernel that faults: the text says so, and nothing hangs. */
  assert(!digits_cuda_open(&handle, 0));
  fakecuda_set("fault_after", 1);
  outputs[0] = found;
  assert(fails(digits_cuda_run_host(handle, inputs, outputs, dims), handle, "an illegal memory access was encountered (700)"));
  digits_cuda_close(handle);
  return 0;
}
"""


def test_the_functions_of_the_header(folder, program):
    done = run(folder, program("digits", USES, ("sm_80", "sm_90"), "sm_90"), check=False)
    assert done.returncode == 0, done.stderr


def test_what_values_refuse(folder):
    x, i = input_node("x", Type(dt.f32, (5, 2))), input_node("i", Type(dt.i32, (symbol("count"),)))
    write(folder, "lookup", codes(Graph("lookup", (x, i), (index.gather(x, i),))))
    main = folder / "lookup_own.c"
    main.write_text(LOOKUP)
    exe = linked(folder, folder / "lookup.exe", folder / "lookup_cuda.c", main, folder / "lookup_cuda_data.o", flags=(f"-I{folder}",))
    assert run(folder, exe).stdout == "0 8 9 0 1\n2\n"
    assert " *   2  gather: indices are not in [0, 5)" in (folder / "lookup_cuda.h").read_text()


LOOKUP = r"""
#include <stdio.h>
#include "lookup_cuda.h"

int main(void) {
  lookup_cuda *handle;
  float x[5][2], y[2][2];
  int32_t good[] = {4, 0}, bad[] = {4, 5};
  int64_t dims[] = {2};
  for (int k = 0; k < 10; ++k) x[k / 2][k % 2] = (float)k;
  const void *inputs[] = {x, good};
  void *outputs[] = {y};
  if (lookup_cuda_open(&handle, 0)) return 1;
  int32_t code = lookup_cuda_run_host(handle, inputs, outputs, dims);
  printf("%d %g %g %g %g\n", (int)code, y[0][0], y[0][1], y[1][0], y[1][1]);
  inputs[1] = bad;
  printf("%d\n", (int)lookup_cuda_run_host(handle, inputs, outputs, dims));
  lookup_cuda_close(handle);
  return 0;
}
"""


# ------------------------------------------------------------------------------------------------ texts


SIZES = """program @sizes {
  input x: f32[n,m]
  input y: f32[k]
  output out0: f32[n,m]
  symbols n, m, k
  arena (n*m*4 + 63)//64*64 + max(k, 3)*4
  check n*m == k - 2 "the rows do not fit"
  buffer x0: f32[n,m] = input 0
  buffer y0: f32[k] = arena (n*m*4 + 63)//64*64
  buffer out0: f32[n,m] = output 0
  launch @map0(x0, y0, out0) dims(n*m % 7) grid (n*m + 255)//256 threads 256 shared 1024
}
"""


STEPS = """program @m {
  input x: f32[n,8]
  input w: f32[8]
  output y: f32[n,8]
  output w: f32[8]
  symbols n
  donates(1->1)
  arena (n*32 + 63)//64*64 + 192
  check n % 2 == 0 "rows come in pairs"
  buffer x0: f32[n,8] = input 0
  buffer w0: f32[8] = input 1
  buffer c0: f32[8] = constant 0
  buffer t0: f32[n,8] = arena 192
  buffer code0: i32[] = arena 0
  buffer turn0: i64[] = arena 64
  buffer go0: b1[] = arena 128
  buffer row0: f32[8] = row turn0 of x0
  buffer y0: f32[n,8] = output 0
  buffer w1: f32[8] = output 1
  launch @look(x0, code0) dims(n) grid (n + 3)//4 threads 128
  refuse(code0, reasons=(("x is negative", "m.py:3"),))
  copy x0 -> t0
  repeat count n counter turn0 {
    launch @row(row0, c0, w0, w1) grid 1 threads 32 shared 65536
  }
  repeat while go0 {
    launch @map(t0, y0) dims(n) grid (n + 3)//4 threads 128
  } test {
    launch @test(t0, go0) dims(n) grid 1 threads 32
  }
  if go0 {
    copy t0 -> y0
  } else {
    launch @map(t0, y0) dims(n) grid (n + 3)//4 threads 128
  }
}
"""


def plans(program, *archs: str) -> list[Plan]:
    return [Plan(program, (GPUS[f"cuda:{arch}"],), None, f"m_cuda_image{k}", "m_cuda_constants") for k, arch in enumerate(archs)]


def test_the_text_is_readable(golden):
    """All kinds of steps, in programs for two GPUs of which the second has larger blocks."""
    small, large = parse(STEPS), parse(STEPS.replace("(n + 3)//4 threads 128", "(n + 7)//8 threads 256"))
    constants = Blob.of(bytes(64))
    made = [Plan(replace(p, constants=constants), (GPUS[f"cuda:{arch}"],), GPUS["cuda:sm_80"] if arch == "sm_80" else None, f"m_cuda_image{k}", "m_cuda_constants")
            for k, (p, arch) in enumerate([(small, "sm_80"), (large, "sm_90a")])]  # fmt: skip
    golden("cuda/host.c", cuda_source_text(made, "m_cuda", "m_cuda", "m"))
    golden("cuda/host.h", cuda_header_text(made, "m_cuda", "m_cuda"))
    golden("cuda/host_main.c", cuda_example_text(small.signature, "m_cuda", "m_cuda"))


def test_programs_of_other_calls_have_no_host_code_in_common():
    one, other = (lower_for(parse(text), Options(), ("cuda:sm_80",))["cuda:sm_80"].program for text in (aot_models.WAVE, aot_models.WAVE.replace("%y", "%z")))
    with pytest.raises(CompileError, match="the programs of m for sm_80, sm_90 are called differently.*compile them apart"):
        cuda_source_text([*plans(one, "sm_80"), *plans(other, "sm_90")], "m_cuda", "m_cuda", "m")


def test_sizes_that_do_not_fit_are_refused(folder):
    """What the functions for sizes answer, at sizes whose products have no 64-bit value too."""
    program = parse(SIZES)
    text = "\n".join([*check_function(plans(program, "sm_80")[0], 0), *arena_function(plans(program, "sm_80")[0], 0)])
    used = [part for name, part in ARITHMETIC.items() if f"{name}(" in text]
    cases = {(3, 4, 14): 0, (3, 4, 13): 1, (0, 4, 2): 0, (1 << 40, 1 << 40, 2): 2, (1 << 30, 1 << 30, 5): 1, (-1, 4, 2): 2, (1 << 22, 1 << 21, (1 << 43) + 2): 0,
             (1 << 23, 1 << 22, (1 << 45) + 2): 2}  # fmt: skip
    rows = ", ".join(f"{{{n}, {m}, {k}}}" for n, m, k in cases)
    main = f"int main(void) {{ const int64_t rows[][3] = {{{rows}}}; for (int r = 0; r < {len(cases)}; ++r) printf(\"%d \", check0(rows[r]));"
    end = "printf(\"%lld\\n\", (long long)arena0(rows[0])); return 0; }"
    head = f"#include <stdbool.h>\n#include <stdint.h>\n#include <stdio.h>\n#define LARGEST INT64_C({1 << 46})\n"
    (folder / "sizes.c").write_text("\n".join([head, *used, text, main, end]))
    exe = linked(folder, folder / "sizes.exe", folder / "sizes.c", flags=("-fsanitize=undefined", "-fno-sanitize-recover"))
    assert run(folder, exe).stdout.split() == [*map(str, cases.values()), str(64 + 14 * 4)]


def test_a_header_is_for_cpp_too(folder, program):
    program("digits", "", ("sm_80", "sm_90"), "sm_90")
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{cuda_header()}", "-x", "c++", "digits_cuda.h"]
    subprocess.run(command, check=True, cwd=folder)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64"])
def test_data_objects(machine):
    contents = {"first": b"abc", "second": bytes(range(200)), "none": b""}
    file = ELFFile(io.BytesIO(b"".join(data_object(contents, machine))))
    assert file.header.e_type == "ET_REL" and file.get_machine_arch().lower().replace("-", "_").startswith({"x86_64": "x64", "riscv64": "risc"}.get(machine, machine))
    for symbol_ in list(file.get_section_by_name(".symtab").iter_symbols())[1:]:
        section = file.get_section(symbol_["st_shndx"])
        assert section.data() == contents[symbol_.name] and symbol_["st_size"] == len(section.data()) and section["sh_addralign"] == 64
    with pytest.raises(CompileError, match="no objects with data for arm"):
        data_object(contents, "arm")


# ------------------------------------------------------------------------------------------------- docs


@needs_nvrtc
def test_the_code_on_gpus_in_the_documents_runs(folder, tmp_path):
    """What docs/aot.md says of GPUs, with the kernels in the form of the fake driver; the view of machine code is not among it."""
    if not wheel_files("lib/libnvfatbin.so.*") and program_of_toolkit("fatbinary") is None:
        pytest.skip("nvFatbin is not installed (nvidia-nvfatbin)")
    page = (ROOT / "docs/aot.md").read_text()
    (section,) = re.findall(r"\n## GPUs\n(.*?)(?=\n## )", page, re.S)
    (tmp_path / "model.py").write_text(re.search(r"```python\n(.*?)```", page, re.S)[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}

    def done(*command) -> str:
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    printed = done(sys.executable, "model.py").splitlines()[0]
    compiling, linking = re.findall(r"```sh\n(.*?)```", section, re.S)
    shown = done("sh", "-e", "-c", f'graphc() {{ "{sys.executable}" -m graphc "$@"; }}\n{compiling}')
    assert "wrote gpus/cuda/digits_cuda_data.o" in shown and "launch @dot0(" in shown and "__global__ void" in shown
    (tmp_path / "gpu.c").write_text(re.search(r"```c\n(.*?)```", section, re.S)[1])
    (tmp_path / "cuda").mkdir()
    (tmp_path / "cuda/include").symlink_to(cuda_header())
    (tmp_path / "cuda/lib").symlink_to(folder)
    done("sh", "-e", "-c", linking)
    assert "cuModuleLoadData: device kernel image is invalid" in run(folder, tmp_path / "gpu", check=False).stdout, "which NVIDIA's would load"
    pieces = cuda_pieces(codes(aot.read(tmp_path / "digits.gc").graph, ("sm_90", "sm_80"), "sm_90"), "digits", "digits", MACHINE)
    assert pieces["digits_cuda.c"][0] == (tmp_path / "gpus/cuda/digits_cuda.c").read_bytes()
    (tmp_path / "gpus/cuda/digits_cuda_data.o").write_bytes(b"".join(pieces["digits_cuda_data.o"]))
    done("sh", "-e", "-c", linking)
    assert run(folder, tmp_path / "gpu").stdout.split() == printed.split()
