"""The example in C and the constants of the header: compiled as they stand, and compared with the program in this process."""

import ctypes
import hashlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from c_programs import CC, expect_same_steps, needs_cc, run_example

import graphc.v1 as tf
from graphc import prims
from graphc.aot import export
from graphc.compile import compile_graph
from graphc.errors import UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.target import TARGETS
from graphc.ir.type import Type
from graphc.options import Options
from graphc.runtime.elf_object import UNDEFINED, read_object

def ramp(*shape):
    count = int(np.prod(shape))
    return ((np.arange(count) % 10).astype(np.float32) * np.float32(0.1)).reshape(shape)


@needs_cc
@pytest.mark.parametrize("n", [1, 5])
def test_the_example_gives_the_same_bits(exported, predictor, tmp_path, n):
    for file in exported.iterdir():
        shutil.copy(file, tmp_path)
    (shown,) = run_example(tmp_path, "predictor", n).values()
    wanted = compile_graph(predictor.graph)(ramp(n, 64))[0].reshape(-1)[:8]
    assert shown.astype(np.float32).tobytes() == wanted.tobytes()


def step_graph(sizes):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [sizes, 3], name="x")
        w = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
        return tf.step_graph(tf.train.GradientDescentOptimizer(0.5).minimize(loss), name="step")


@needs_cc
@pytest.mark.parametrize("sizes", [None, 4])
def test_the_example_takes_steps_where_state_is_written_over(sizes, tmp_path):
    export(step_graph(sizes), tmp_path / "step.gc")
    expect_same_steps(run_example(tmp_path, "step", *([] if sizes else [4])), compile_graph(step_graph(sizes)), 4)


@needs_cc
def test_the_example_shows_every_type(tmp_path):
    kinds = ("float64 float16 bfloat16 complex64 complex128 bool int8 int16 int32 int64 uint8 uint16 uint32 uint64").split()
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, 3], name="x")
        ys = [tf.identity(tf.cast(x * 20.0, kind), name=kind) for kind in kinds] + [tf.constant(7, name="seven")]
        export(tf.freeze(tf.Session(graph=graph), [x], ys), tmp_path / "types.gc")
    command = [CC, "-std=c11", "-Wall", "-Wextra", "-Werror", "types_main.c", "types.a", "-o", "types.exe", "-lpthread"]
    subprocess.run(command, check=True, cwd=tmp_path)
    lines = subprocess.run([tmp_path / "types.exe"], check=True, capture_output=True, text=True).stdout.splitlines()
    text = dict(line.split(": ") for line in lines)
    assert text["int16"] == text["uint64"] == "0 2 4 6 8 10"
    assert text["bool"] == "0 1 1 1 1 1" and text["seven"] == "7"
    assert text["complex64"].startswith("0+0i 2+0i ")
    assert text["float16"] == " ".join(f"0x{h:04x}" for h in np.float16([0, 2, 4, 6, 8, 10]).view(np.uint16))


def test_the_header_has_sizes_as_constants(tmp_path):
    export(step_graph(4), tmp_path / "step.gc")
    text = (tmp_path / "step.h").read_text()
    values = dict(re.findall(r"#define (\w+) (\w+)$", text, re.M))
    assert values["STEP_INPUT0_DTYPE"] == "GRAPHC_FLOAT" and values["GRAPHC_FLOAT"] == "1"
    assert (values["STEP_INPUT0_ELEMENTS"], values["STEP_INPUT0_BYTES"], values["STEP_INPUT0_RANK"]) == ("12", "48", "2")
    assert (values["STEP_OUTPUT0_BYTES"], values["STEP_OUTPUT0_ITEM"]) == ("12", "4")
    assert "#define STEP_DONATED {{0, 1}}\n" in text
    assert values["STEP_ARENA_ALIGN"] == "64" and int(values["STEP_ARENA"]) >= 0
    export(step_graph(None), tmp_path / "open.gc")
    assert "OPEN_INPUT0_BYTES" not in (tmp_path / "open.h").read_text()


@needs_cc
def test_without_threads_nothing_of_the_system_is_called(predictor, tmp_path):
    export(predictor.graph, tmp_path / "bare.gc", threads=False)
    (shown,) = run_example(tmp_path, "bare", 700).values()
    wanted = compile_graph(predictor.graph)(ramp(700, 64))[0].reshape(-1)[:8]
    assert shown.astype(np.float32).tobytes() == wanted.tobytes()
    code = read_object((tmp_path / "bare.o").read_bytes())
    assert {s.name for s in code.symbols if s.index == UNDEFINED and s.name} <= {"memset", "memcpy", "memmove"}
    assert "_threads" not in (tmp_path / "bare.h").read_text()
    library = ctypes.CDLL(str(tmp_path / "bare.so"))
    assert library.bare_arena and not hasattr(library, "bare_threads")


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_do_without_threads(predictor, tmp_path, target):
    export(predictor.graph, tmp_path / "bare.gc", Options(target=target), threads=False)
    code = (tmp_path / "bare.o").read_bytes()
    assert b"pthread" not in code and b"syscall" not in code


@needs_cc
def test_weights_in_a_file_of_their_own_give_the_same_bits(predictor, tmp_path):
    export(predictor.graph, tmp_path / "apart.gc", separate_weights=True)
    (shown,) = run_example(tmp_path, "apart", 5).values()
    wanted = compile_graph(predictor.graph)(ramp(5, 64))[0].reshape(-1)[:8]
    assert shown.astype(np.float32).tobytes() == wanted.tobytes()
    inside = export(predictor.graph, tmp_path / "inside.gc")
    weights = (tmp_path / "apart.weights").read_bytes()
    assert not any(p.suffix == ".weights" for p in inside)
    assert weights[64:] in (tmp_path / "inside.o").read_bytes() and weights[64:] not in (tmp_path / "apart.o").read_bytes()
    assert weights[:8] == b"gcweight" and weights[24:56] == hashlib.sha256(weights[64:]).digest()


def test_only_the_weights_of_the_model_are_taken(predictor, tmp_path):
    export(predictor.graph, tmp_path / "apart.gc", separate_weights=True)
    library = ctypes.CDLL(str(tmp_path / "apart.so"))
    weights = (tmp_path / "apart.weights").read_bytes()
    memory = np.zeros(len(weights) + 128, np.uint8)
    start = -memory.ctypes.data % 64

    def init(content, askew=0):
        memory[start + askew :][: len(content)] = np.frombuffer(content, np.uint8)
        return library.apart_init(ctypes.c_void_p(memory.ctypes.data + start + askew), ctypes.c_int64(len(content)))

    assert library.apart(None, None, (ctypes.c_int64 * 1)(1), None) == -1
    assert init(weights[:-1]) == 1 and init(weights, askew=8) == 1 and init(b"") == 1
    assert library.apart_init(None, ctypes.c_int64(len(weights))) == 1
    for at in (0, 8, 16, 24, 55):
        assert init(weights[:at] + bytes([weights[at] ^ 1]) + weights[at + 1 :]) == 2
    assert library.apart(None, None, (ctypes.c_int64 * 1)(1), None) == -1
    assert init(weights) == 0


@needs_cc
def test_names_that_are_no_identifiers(tmp_path):
    x = input_node('a b/c:0\r\u2028*/"%s /* ??/', Type(dt.f32, (symbol("rows\n*/\u2028\\"), 2)))
    y = prims.add(x, x)
    export(Graph("doubled", (x,), (y,), ('sum*/ of"\r\u2028??/%d\\',)), tmp_path / "mit raum 5%n ä.gc", separate_weights=True)
    export(Graph("doubled", (x,), (y,), ("sum",)), tmp_path / "-dash.gc")
    assert "size of axis 0 of inputs[0]" in (tmp_path / "-dash.h").read_text()
    for stem in ("mit raum 5%n ä", "-dash"):
        build = (tmp_path / f"{stem}_main.c").read_text().splitlines()[0].split(": ", 1)[1]
        subprocess.run(f"{build} -Wall -Wextra -Werror -o named.exe", shell=True, check=True, cwd=tmp_path)
        shown = subprocess.run([tmp_path / "named.exe", "2"], check=True, cwd=tmp_path, capture_output=True, text=True).stdout
        name = 'sum* / of"  ??/%d\\' if stem != "-dash" else "sum"
        assert shown == f"{name}: 0 0.200000003 0.400000006 0.600000024\n"


@pytest.mark.parametrize("name", ['quo"te.gc', "back\\slash.gc", "end\nof line.gc"])
def test_names_that_c_cannot_include(name, tmp_path):
    with pytest.raises(UsageError, match="cannot be named in an #include"):
        export(step_graph(4), tmp_path / name)
    assert not list(tmp_path.iterdir())
