"""Models as WebAssembly: modules without imports, run by wasmtime and node, with the bits of the machines without fma."""

import json
import shutil
import struct
import subprocess
from functools import partial

import numpy as np
import pytest

import graphc.v1 as tf
from graphc import prims
from graphc.aot import export
from graphc.compile import optimise
from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.target import WASM32
from graphc.ir.type import Type
from graphc.options import Options
from graphc.runtime.jit import compile_object
from graphc.runtime.wasm_embed import fill
from graphc.runtime.wasm_link import link_module
from tests.aot.small_models import bytes_product, convolutions, normal, small_bytes, training_step
from tests.machines32 import check32, run32

pytest.importorskip("wasmtime")
from tests.wasm_engine import Wasm  # noqa: E402  (needs what may be missing)

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="needs node")
FOR_WASM = Options(target="wasm32")
check = partial(check32, WASM32)


@pytest.mark.parametrize("n", [1, 6])
def test_dense_layers(predictor, n):
    check(optimise(predictor.graph), predictor.data(n), rtol=1e-4)


def test_convolutions():
    check(optimise(convolutions()), normal(2, 9, 11, 3))


def test_products_of_bytes():
    check(bytes_product(), small_bytes(5, 37))


def test_a_step_of_training():
    check(optimise(training_step()), normal(7, 3), np.zeros((3, 1), np.float32))


@pytest.fixture(scope="module")
def folder(predictor, tmp_path_factory):
    """A folder with predictor.wasm and predictor.mjs; not to be changed."""
    folder = tmp_path_factory.mktemp("wasm")
    export(predictor.graph, folder / "predictor.gc", FOR_WASM)
    return folder


def test_the_module_imports_nothing_and_says_what_it_is(folder):
    wasmtime = pytest.importorskip("wasmtime")
    content = (folder / "predictor.wasm").read_bytes()
    module = wasmtime.Module(wasmtime.Engine(), content)
    assert not module.imports
    names = {export.name for export in module.exports}
    assert names == {"memory", "__heap_base", *(f"predictor{suffix}" for suffix in ("", "_arena", "_shapes", "_supported"))}
    said = json.loads(content[content.rindex(b'{"graphc library"') :])
    assert said["name"] == "predictor" and said["target"] == "wasm32"


def test_a_program_of_ones_own_calls_the_module(folder, predictor):
    machine, n = Wasm((folder / "predictor.wasm").read_bytes()), 3
    inputs, outputs, dims, data, results = range(machine.heap, machine.heap + 5 * 1024, 1024)
    arena = results + 1024
    machine.write(dims, struct.pack("<q", n))
    machine.write(inputs, struct.pack("<I", data))
    machine.write(outputs, struct.pack("<I", results))
    machine.write(data, predictor.data(n).tobytes())
    machine.write(arena, bytes(machine.call("predictor_arena", dims)))
    assert machine.call("predictor", inputs, outputs, dims, arena) == 0
    found = np.frombuffer(machine.read(results, 40 * n), np.float32).reshape(n, 10)
    np.testing.assert_allclose(found, predictor.answer(n), rtol=1e-4, atol=1e-6)
    machine.write(dims, struct.pack("<q", 1 << 25))  # an array of 8 GiB
    assert machine.call("predictor", inputs, outputs, dims, arena) == 1


SCRIPT = """
import { load } from "./MODEL.mjs";
const model = await load();
const data = Float32Array.from({ length: 3 * 64 }, (_, k) => (k % 10) * 0.125);
const show = (results) => console.log(JSON.stringify(results.map(({ name, dtype, shape, data }) => [name, dtype, shape, [...data].map(String)])));
show(model.run([{ data, shape: [3, 64] }]));
show(model.run([{ data: data.subarray(64), shape: [1, 64] }].map(({ data, shape }) => ({ data: data.slice(0, 64), shape }))));
for (const wrong of [[], [data], [{ data, shape: [2, 64] }], [{ data, shape: [3, 32] }], [{ data: new Float64Array(64), shape: [1, 64] }]]) {
  try {
    model.run(wrong);
  } catch (error) {
    console.log(String(error));
  }
}
"""


def run_node(folder, script: str) -> list[str]:
    (folder / "main.mjs").write_text(script)
    return subprocess.run([NODE, "main.mjs"], cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


def arrays_of(line: str) -> list[np.ndarray]:
    return [np.array([float(x) for x in data], np.float32).reshape(shape) for _, _, shape, data in json.loads(line)]


@needs_node
@pytest.mark.parametrize("separate", [False, True])
def test_javascript_runs_it(predictor, tmp_path, separate):
    export(predictor.graph, tmp_path / "my#model.gc", FOR_WASM, separate_weights=separate)
    assert (tmp_path / "my#model.weights").exists() == separate
    first, second, *errors = run_node(tmp_path, SCRIPT.replace("MODEL", "my%23model"))
    x = ((np.arange(192) % 10).astype(np.float32) * np.float32(0.125)).reshape(3, 64)
    for line, rows in ((first, x), (second, x[1:2])):
        (found,) = arrays_of(line)
        (wanted,) = run32(optimise(predictor.graph), [rows], WASM32)
        assert found.tobytes() == wanted.tobytes()
    assert errors == [
        "TypeError: my_model takes 1 inputs, not 0",
        "TypeError: my_model: input 0 (pixels): give { data, shape } with a shape like [pixels_0_0,64]",
        "RangeError: my_model: input 0 (pixels): 192 numbers for shape [2,64]",
        "RangeError: my_model: input 0 (pixels): axis 1 has size 32, not 64",
        "TypeError: my_model: input 0 (pixels) is f32: its data must be a Float32Array",
    ]


STEPS = """
import { load } from "./step.mjs";
const model = await load();
const x = Float32Array.from({ length: 12 }, (_, k) => (k % 10) * 0.125);
let w = new Float32Array(3);
for (let turn = 0; turn < 3; ++turn) [{ data: w }] = model.run([{ data: x, shape: [4, 3] }, w]);
console.log(JSON.stringify([["w", "f32", [3, 1], [...w].map(String)]]));
"""


@needs_node
def test_javascript_takes_steps_of_training(tmp_path):
    export(training_step(), tmp_path / "step.gc", FOR_WASM)
    (found,) = arrays_of(run_node(tmp_path, STEPS)[0])
    w, x = np.zeros((3, 1), np.float32), ((np.arange(12) % 10).astype(np.float32) * np.float32(0.125)).reshape(4, 3)
    for _ in range(3):
        (w,) = run32(optimise(training_step()), [x, w], WASM32)
    assert found.any() and found.tobytes() == w.tobytes()


KINDS = """
import { load } from "./kinds.mjs";
const [...results] = (await load()).run([Float32Array.from([0, 1, 2, 3])]);
for (const { name, data } of results) console.log(name, data.constructor.name, [...data].join());
"""


@needs_node
def test_javascript_has_an_array_for_every_type(tmp_path):
    kinds = "float64 float16 bfloat16 complex64 complex128 bool int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [4], name="x")
        ys = [tf.identity(tf.cast(x, kind), name=kind) for kind in kinds]
        export(tf.freeze(tf.Session(graph=graph), [x], ys), tmp_path / "kinds.gc", FOR_WASM)
    found = {name: (array, data) for name, array, data in (line.split() for line in run_node(tmp_path, KINDS))}
    assert found["int64"] == ("BigInt64Array", "0,1,2,3") and found["uint64"][0] == "BigUint64Array"
    assert found["bool"] == ("Uint8Array", "0,1,1,1") and found["int8"] == ("Int8Array", "0,1,2,3")
    assert found["complex64"] == ("Float32Array", "0,0,1,0,2,0,3,0") and found["complex128"][0] == "Float64Array"
    assert found["float16"] == ("Uint16Array", ",".join(map(str, np.arange(4, dtype=np.float16).view(np.uint16))))
    assert set(found) == set(kinds)


TEXT = """
declare i32 @other(i32)
@room = hidden global [4 x i8] zeroinitializer, section ".data.room"
define i32 @one(i32 %x) {
  %a = load i32, ptr @room
  %y = add i32 %x, %a
  ret i32 %y
}
"""


def test_the_linker_says_what_is_wrong():
    needs = compile_object(TEXT.replace("%y = add i32 %x, %a", "%y = call i32 @other(i32 %a)"), WASM32)
    with pytest.raises(CompileError, match="undefined: other"):
        link_module(needs, ["one"], [])
    plain = compile_object(TEXT, WASM32)
    with pytest.raises(CompileError, match="does not define two, said"):
        link_module(plain, ["one", "two"], ["said"])
    with pytest.raises(CompileError, match="is no function"):
        link_module(plain, ["room"], [])
    with pytest.raises(CompileError, match="no room of 3 bytes for 'room'"):
        fill(plain, "room", b"abc")
    filled = Wasm(b"".join(link_module(fill(plain, "room", struct.pack("<i", 39)), ["one"], [])))
    assert filled.call("one", 3) == 42
    with pytest.raises(CompileError, match="no WebAssembly object"):
        link_module(b"\x7fELF" + plain[4:], ["one"], [])


def test_damaged_objects_are_refused_or_linked():
    code, refused = compile_object(TEXT, WASM32), 0
    changed = [code[:end] for end in range(len(code))]
    changed += [code[:at] + bytes([code[at] ^ bits]) + code[at + 1 :] for at in range(len(code)) for bits in (0x01, 0x80, 0xFF)]
    for damaged in changed:
        try:
            link_module(damaged, ["one"], [])
        except CompileError:
            refused += 1
    assert refused > len(changed) / 2


def test_what_addresses_cannot_reach_is_refused(tmp_path):
    x = input_node("x", Type(dt.f32, (1 << 15, 1 << 15)))
    with pytest.raises(CompileError, match="4294967296 bytes in one piece; programs for wasm32 take 2147483648"):
        export(Graph("large", (x,), (prims.neg(x),)), tmp_path / "large.gc", FOR_WASM)
    assert not list(tmp_path.iterdir())
