"""Objects, libraries and headers in programs without Python: linked by a C compiler, run, compared bit for bit."""

import ctypes
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.aot import export
from graphc.aot.names import c_name
from graphc.compile import compile_graph
from graphc.errors import CompileError, UsageError
from graphc.ir.target import TARGETS
from graphc.options import Options
from graphc.runtime.elf_embed import embed
from graphc.runtime.host import host_target, runs_here
from graphc.runtime.jit import compile_object

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(CC is None, reason="needs a C compiler")
MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "predictor.h"
#include "wave.h"

static void *block(int64_t size) { return aligned_alloc(64, (size + 64 + 63) / 64 * 64); }

/* PROGRAM N IN OUT THREADS: predictor on N rows, then wave on what predictor gave. */
int main(int argc, char **argv) {
  int64_t dims[PREDICTOR_DIMS] = {atoll(argv[1])}, sizes[PREDICTOR_SIZES];
  if (atoi(argv[4])) predictor_threads(atoi(argv[4]));
  predictor_shapes(dims, sizes);
  if (argc != 5 || sizes[0] != dims[0] || sizes[1] != 10) return 2;
  float *in = block(dims[0] * 64 * 4), *mid = block(dims[0] * 40), *out = block(dims[0] * 40);
  FILE *file = fopen(argv[2], "rb");
  if (!file || fread(in, 256, dims[0], file) != (size_t)dims[0]) return 3;
  const void *inputs[PREDICTOR_INPUTS] = {in};
  void *outputs[PREDICTOR_OUTPUTS] = {mid};
  if (predictor(inputs, outputs, dims, block(predictor_arena(dims)))) return 4;
  const void *again[WAVE_INPUTS] = {mid};
  void *last[WAVE_OUTPUTS] = {out};
  if (wave(again, last, dims, block(wave_arena(dims)))) return 5;
  file = fopen(argv[3], "wb");
  if (!file || fwrite(mid, 40, dims[0], file) != (size_t)dims[0]) return 6;
  if (fwrite(out, 40, dims[0], file) != (size_t)dims[0]) return 6;
  return fclose(file) ? 7 : 0;
}
"""


def wave_graph():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 10], name="x")
        y = tf.tanh(tf.exp(x) * 3.0 + tf.constant(np.arange(10, dtype=np.float32)))
        return tf.freeze(tf.Session(graph=graph), [x], [y], name="wave")


@pytest.fixture(scope="module")
def folder(exported, tmp_path_factory):
    """A folder with the files of two models and a C program that uses both."""
    folder = tmp_path_factory.mktemp("c")
    for file in exported.iterdir():
        shutil.copy(file, folder)
    export(wave_graph(), folder / "wave.gc")
    (folder / "main.c").write_text(MAIN)
    return folder


def run_c(program: Path, predictor, n: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    source, target = program.with_suffix(f".{n}.in"), program.with_suffix(f".{n}.{threads}.out")
    source.write_bytes(predictor.data(n).tobytes())
    subprocess.run([program, str(n), source, target, str(threads)], check=True, timeout=60)
    return tuple(np.fromfile(target, np.float32).reshape(2, n, 10))


@needs_cc
@pytest.mark.parametrize("suffix", [".o", ".a", ".so"])
def test_a_c_program_gets_the_same_bits(folder, predictor, suffix):
    program = folder / f"main{suffix}.exe"
    files = [str(folder / f"{name}{suffix}") for name in ("predictor", "wave")]
    flags = ["-Wall", "-Werror", "-std=c11", "-O1", f"-Wl,-rpath,{folder}", "-lpthread"]
    subprocess.run([CC, str(folder / "main.c"), *files, "-o", str(program), *flags], check=True)
    wave = compile_graph(wave_graph())
    for n, threads in ((1, 0), (64, 0), (64, 1), (700, 2)):
        got, after = run_c(program, predictor, n, threads)
        expected = predictor.answer(n)
        assert got.tobytes() == expected.tobytes()
        assert after.tobytes() == wave(expected)[0].tobytes()


@needs_cc
def test_the_header_is_c_and_cplusplus(exported, tmp_path):
    text = '#include "predictor.h"\n#include "predictor.h"\nint x = PREDICTOR_OUTPUTS;\n'
    (tmp_path / "a.c").write_text(text)
    command = [CC, "-c", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{exported}", "-o", str(tmp_path / "a.o")]
    subprocess.run([*command, "-std=c99", str(tmp_path / "a.c")], check=True)
    if shutil.which("c++"):
        subprocess.run([*command, "-x", "c++", str(tmp_path / "a.c")], check=True)
    header = (exported / "predictor.h").read_text()
    assert " *   inputs[0]   pixels " in header and " *   dims[0]" in header and "int64_t predictor_arena(" in header


def test_a_training_step_writes_its_state_in_place(tmp_path):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        w = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
        step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(tf.square(tf.matmul(x, w))))
        graph = tf.step_graph(step, name="step")
    export(graph, tmp_path / "step.gc")
    assert "outputs[0] must be the same memory as inputs[1]" in (tmp_path / "step.h").read_text()


def test_sizes_that_do_not_fit_are_refused_with_a_code(tmp_path):
    with tf.Graph().as_default() as graph:
        a, b = (tf.placeholder(tf.float32, [None, 4], name=name) for name in "ab")
        y = tf.reshape(a, [-1, 3]) + b[:, :3]
        export(tf.freeze(tf.Session(graph=graph), [a, b], [y]), tmp_path / "uneven.gc")
    header = (tmp_path / "uneven.h").read_text()
    assert re.search(r"Returns 0; or.*\n \*   1  .*\n \*   2  .*\n \*   3  .*64 TiB", header)
    entry = ctypes.CDLL(str(tmp_path / "uneven.so")).uneven
    inputs, out = [np.ones((n, 4), np.float32) for n in (6, 8)], np.zeros((8, 3), np.float32)
    pointers = (ctypes.c_void_p * 2)(*[x.ctypes.data for x in inputs])
    results = (ctypes.c_void_p * 1)(out.ctypes.data)
    for sizes, code in (((6, 8), 0), ((5, 8), 1), ((6, 7), 2)):
        out[:] = 0
        assert entry(pointers, results, (ctypes.c_int64 * 2)(*sizes), None) == code
        assert (out == (0 if code else 2)).all()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gets_its_files(predictor, tmp_path, target):
    written = export(predictor.graph, tmp_path / "model.gc", Options(target=target))
    suffixes = {path.suffix for path in written}
    more = {"thumbv7em": {".c"}, "wasm32": {".wasm", ".mjs"}}.get(target, {".c", ".so"})
    assert suffixes == {".gc", ".o", ".a", ".h"} | more
    machine = {"aarch64": 183, "riscv64": 243, "thumbv7em": 40}.get(target, 62)
    for suffix in suffixes & {".o", ".so", ".wasm"}:
        content = (tmp_path / f"model{suffix}").read_bytes()
        assert content[:4] == (b"\0asm" if target == "wasm32" else b"\x7fELF")
        assert target == "wasm32" or struct.unpack_from("<H", content, 18)[0] == machine
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in written}


@needs_cc
@pytest.mark.parametrize("target", ["x86-64-v3", "x86-64-v2", "x86-64"])
def test_lesser_targets_run(folder, predictor, tmp_path, target):
    if target == host_target().name or not runs_here(TARGETS[target]):
        pytest.skip(f"{host_target().name} does not run {target}")
    for name, graph in (("predictor", predictor.graph), ("wave", wave_graph())):
        export(graph, tmp_path / f"{name}.gc", Options(target=target))
    program = tmp_path / "main"
    objects = [str(tmp_path / name) for name in ("predictor.o", "wave.o")]
    subprocess.run([CC, str(folder / "main.c"), f"-I{tmp_path}", *objects, "-o", str(program), "-lpthread"], check=True)
    got, _ = run_c(program, predictor, 64, 0)
    if target == "x86-64-v3":
        assert got.tobytes() == predictor.answer(64).tobytes()
    else:
        np.testing.assert_allclose(got, predictor.answer(64), rtol=1e-4, atol=1e-6)


def test_names_of_c_functions():
    assert c_name(Path("a/digits.gc")) == "digits"
    assert c_name(Path("my-model.v2.gc")) == "my_model_v2"
    assert c_name(Path("1st.gc")) == "model_1st"
    for taken in ("main", "exp", "expf", "sinl", "time", "read", "printf"):
        assert c_name(Path(f"{taken}.gc")) == f"model_{taken}"
    assert c_name(Path("arena.gc")) == "model_arena" and c_name(Path("input0.gc")) == "model_input0"
    assert c_name(Path("int")) == "model_int"
    assert c_name(Path("größe.gc")) == "gr__e"


def test_the_container_cannot_be_named_like_the_files_beside_it(predictor, tmp_path):
    with pytest.raises(UsageError, match="model.gc"):
        export(predictor.graph, tmp_path / "model.o")


def test_embedding_refuses_what_it_cannot_do():
    target = host_target()
    code = compile_object("@data = external hidden constant i8\ndefine ptr @f() {\n  ret ptr @data\n}\n", target)
    assert embed(code, "data", b"content").count(b"content") == 1
    with pytest.raises(CompileError, match="'other'"):
        embed(code, "other", b"content")
    with pytest.raises(CompileError, match="'data'"):
        embed(embed(code, "data", b"content"), "data", b"content")
    with pytest.raises(CompileError, match="ELF file"):
        embed(b"MZ" + bytes(100), "data", b"content")
