"""What users give to models that nobody expects: odd arrays, odd sources, copies; and sizes that grow without end."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from onnx_models import model, node, tensor

import graphc
from graphc.cli import main
from graphc.errors import UnimplementedError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.onnx.static import static_value

W = np.arange(6, dtype=np.float32).reshape(3, 2)
LINE = model([node("MatMul", "x w", "h"), node("Relu", "h", "y")], ["x: float32[n, 3]"], ["y: float32[n, 2]"], {"w": W})
X = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


class Exchanged:
    """A tensor of another package, which is nothing but exchanged."""

    def __dlpack__(self, **options):
        return X.__dlpack__(**options)

    def __dlpack_device__(self):
        return X.__dlpack_device__()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("given", [
    X.astype(">f4"), np.asfortranarray(X), np.repeat(X, 2, 0)[::2], X[::-1][::-1], X.tolist(), memoryview(X), Exchanged(),
    np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(4, 3),
], ids=["swapped", "fortran", "strided", "reversed", "list", "memory", "dlpack", "unaligned"])  # fmt: skip
def test_arrays_of_any_layout(given, is_first):
    loaded = graphc.onnx.load(LINE)
    if not is_first:
        loaded.run([X])
    np.testing.assert_allclose(loaded.run([given])[0], np.maximum(X @ W, 0), rtol=1e-5)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
                         ids=["copy", "deep", "pickle"])  # fmt: skip
def test_copies_of_a_model(again):
    loaded = graphc.onnx.load(LINE)
    expected = loaded.run([X])[0]
    np.testing.assert_array_equal(again(loaded).run([X])[0], expected)


def test_a_copy_finds_values_beside_the_file(tmp_path):
    (tmp_path / "w.bin").write_bytes(W.tobytes())
    made = model([node("MatMul", "x w", "y")], ["x: float32[n, 3]"], ["y: float32[n, 2]"])
    weight = tensor(W, "w")
    weight.ClearField("raw_data")
    weight.data_location = 1
    weight.external_data.add(key="location", value="w.bin")
    made.graph.initializer.append(weight)
    (tmp_path / "model.onnx").write_bytes(made.SerializeToString())
    loaded = graphc.onnx.load(tmp_path / "model.onnx")
    np.testing.assert_allclose(pickle.loads(pickle.dumps(loaded)).run([X])[0], X @ W)


def test_a_model_that_was_trained_is_not_copied():
    loaded = graphc.onnx.load(LINE)
    loaded.variables["w"].assign(W + 1)
    with pytest.raises(UsageError, match="variables have been changed cannot be copied; graphc.onnx.export"):
        pickle.dumps(loaded)


def test_options_and_outputs_of_another_kind():
    with pytest.raises(UsageError, match="options must be graphc.Options, not dict"):
        graphc.onnx.load(LINE, options={"fast_math": True})
    with pytest.raises(UsageError, match="names of outputs as a list, not 'y'"):
        graphc.onnx.load(LINE).run([X], "y")


def _slices(count: int):
    names = ["x", *(f"v{k}" for k in range(count))]
    nodes = [node("Slice", f"{a} one far zero", b) for a, b in zip(names, names[1:])]
    bounds = {"one": np.int64([1]), "far": np.int64([2**31]), "zero": np.int64([0])}
    return model(nodes, ["x: float32[n, 2]"], [f"v{count - 1}: float32"], bounds)


def test_formulas_of_sizes_that_double_give_way_to_known_sizes():
    loaded = graphc.onnx.load(_slices(40))
    with pytest.raises(UnimplementedError, match="Slice .*the formula of a symbolic size of its result is too long"):
        _ = loaded.graph
    for n in (45, 40, 7):
        x = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
        np.testing.assert_array_equal(loaded.run([x])[0], x[40:])


@pytest.mark.parametrize("kind", ["float32", "string[n]"])
def test_random_values_are_not_made_for_every_type(kind, tmp_path, capsys):
    path = tmp_path / "model.onnx"
    path.write_bytes(model([node("Identity", "x", "y")], [f"x: {kind}"], [f"y: {kind}"]).SerializeToString())
    assert main(["run", str(path), "--random", "3"]) == 1
    assert "give --input x=FILE.npy (--random has no value of its type)" in capsys.readouterr().err


def test_values_are_known_where_only_constants_lead_to_them():
    x = input_node("x", Type(dt.f32, (2,)))
    assert static_value(x + const(np.float32([1, 2])), None) is None
    assert static_value(const(np.float32([1, 2])) * const(np.float32([3, 4])), None).tolist() == [3, 8]
    total = x
    for _ in range(5000):  # no recursion
        total = total + x
    assert static_value(total, None) is None


def test_formulas_that_are_too_deep_give_way_to_known_sizes():
    names = [f"x{k}" for k in range(600)]
    made = model([node("Concat", " ".join(names), "y", axis=0)], [f"{n}: float32[n{n}]" for n in names], ["y: float32"])
    values = [np.full(k % 3, k, np.float32) for k in range(600)]
    np.testing.assert_array_equal(graphc.onnx.load(made).run(values)[0], np.concatenate(values))
