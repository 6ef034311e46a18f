"""ONNX models are written whole or not at all; what is written is read back by graphc and by the onnx package."""

from __future__ import annotations

import os

import numpy as np
import pytest

from graphc.errors import DtypeError, NotFoundError, ResourceExhaustedError, UnavailableError, UsageError
from graphc.formats import onnx_protos as protos
from graphc.formats import onnx_write
from graphc.formats.onnx_elements import ELEMENTS
from graphc.formats.onnx_file import read_model
from graphc.formats.onnx_write import tensor_proto, write_model


def model(*arrays):
    made = [tensor_proto(a, f"w{k}") for k, a in enumerate(arrays)]
    inner = protos.GraphProto(name="inner", initializer=[tensor_proto(np.arange(3000.0), "i")])
    node = {"op_type": "If", "input": ["c"], "attribute": [{"name": "then_branch", "g": inner, "type": 5}]}
    return protos.ModelProto(ir_version=8, opset_import=[{"version": 17}],
                             graph={"name": "g", "initializer": made, "node": [node]})  # fmt: skip


def values(path, k=0):
    file = read_model(path)
    return file.array(file.model.graph.initializer[k])


@pytest.mark.parametrize("kind", ELEMENTS.values(), ids=lambda k: k.name)
def test_arrays_of_every_type(kind):
    rng = np.random.default_rng(kind.number)
    array = rng.integers(0, 2, (3, 5)).astype(kind.dtype) if kind.bits else np.array([b"a\0", "é", ""], object)
    made = tensor_proto(array, "w")
    assert made.name == "w" and list(made.dims) == list(array.shape) and made.data_type == kind.number
    file = read_model(protos.ModelProto(graph={"initializer": [made]}))
    back = file.array(file.model.graph.initializer[0])
    assert back.dtype == array.dtype and back.shape == array.shape
    assert repr(back.tolist()) == repr(array.tolist() if kind.bits else [b"a\0", "é".encode(), b""])


def test_arrays_that_have_no_element_type():
    with pytest.raises(UnavailableError, match="ONNX has no element type for datetime64"):
        tensor_proto(np.array(["2020-01-01"], "datetime64[D]"))
    with pytest.raises(DtypeError, match="cannot hold int"):
        tensor_proto(np.array([3], object))
    assert tensor_proto(np.array(["ab"])).string_data == [b"ab"] and tensor_proto(np.array([1, 2], ">i2")).raw_data == b"\1\0\2\0"
    assert list(tensor_proto(2.5).dims) == []


def test_one_file(tmp_path):
    big = np.arange(4000, dtype=np.float32).reshape(40, 100)
    made = model(big, np.float32([1, 2]))
    path = tmp_path / "m.onnx"
    assert write_model(made, path) == [str(path)] and protos.ModelProto.FromString(path.read_bytes()) == made
    assert (values(path) == big).all()
    write_model(read_model(path), tmp_path / "n.onnx")
    assert (tmp_path / "n.onnx").read_bytes() == path.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["m.onnx", "n.onnx"]


def test_values_in_a_second_file(tmp_path):
    big = np.arange(4000, dtype=np.float32)
    path = tmp_path / "m.onnx"
    for file in (model(big, np.float32([1, 2]), -big), None):
        source = file if file is not None else read_model(path)
        written = write_model(source, path, external="m.weights")
        assert written == [str(path), str(tmp_path / "m.weights")] and sorted(os.listdir(tmp_path)) == ["m.onnx", "m.weights"]
        message = protos.ModelProto.FromString(path.read_bytes())
        assert [t.data_location for t in message.graph.initializer] == [1, 0, 1]
        assert {e.key: e.value for e in message.graph.initializer[2].external_data} == {
            "location": "m.weights", "offset": "16384", "length": "16000"}  # fmt: skip
        assert (values(path) == big).all() and (values(path, 2) == -big).all() and values(path, 1).tolist() == [1, 2]
    write_model(read_model(path), path)
    (tmp_path / "m.weights").unlink()
    assert (values(path, 2) == -big).all()


def test_the_onnx_package_reads_it(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    big = np.arange(4000, dtype=np.float32)
    write_model(model(big), tmp_path / "m.onnx", external="m.data")
    read = onnx.load(tmp_path / "m.onnx")
    assert (onnx.numpy_helper.to_array(read.graph.initializer[0]) == big).all()
    inner = read.graph.node[0].attribute[0].g.initializer[0]
    assert (onnx.numpy_helper.to_array(inner) == np.arange(3000.0)).all()


def test_large_models_get_a_second_file(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_write, "_MOST", 50_000)
    big = np.arange(10_000, dtype=np.float64)
    assert len(write_model(model(big), tmp_path / "m.onnx")) == 2 and (values(tmp_path / "m.onnx") == big).all()
    assert sorted(os.listdir(tmp_path)) == ["m.onnx", "m.onnx.data"]


def test_both_files_or_none(tmp_path, monkeypatch):
    path, old = tmp_path / "m.onnx", np.arange(4000, dtype=np.float32)
    write_model(model(old), path, external="m.data")
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    commit = onnx_write.NewFile.commit

    def failing(self, *args):
        if self.path.endswith(".onnx"):
            raise OSError(28, "No space left on device")
        commit(self, *args)

    monkeypatch.setattr(onnx_write.NewFile, "commit", failing)
    for external in ("m.data", "other.data"):
        with pytest.raises(ResourceExhaustedError, match="no space is left"):
            write_model(model(-old), path, external=external)
        assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_refusals(tmp_path):
    for name in ("a/b", "..", "", "a\\b", "m.onnx"):
        with pytest.raises(UsageError, match="external must"):
            write_model(model(np.zeros(9)), tmp_path / "m.onnx", external=name)
    with pytest.raises(UsageError, match="a ModelProto is needed, not GraphProto"):
        write_model(protos.GraphProto(), tmp_path / "m.onnx")
    with pytest.raises(NotFoundError, match="writing an ONNX model: .*no such file"):
        write_model(model(), tmp_path / "none" / "m.onnx")
    assert os.listdir(tmp_path) == []
