"""ONNX files: what is read, what stays in the file, and what hostile ones are answered."""

from __future__ import annotations

import gzip
import os

import ml_dtypes
import numpy as np
import pytest

from graphc.errors import FormatError, UsageError
from graphc.formats import onnx_protos as protos
from graphc.formats.onnx_elements import ELEMENTS, element_of, pack, unpack
from graphc.formats.onnx_file import read_model

T = protos.TensorProto


def model_of(*tensors, **graph):
    return protos.ModelProto(ir_version=8, opset_import=[{"version": 17}], graph={"initializer": tensors, **graph})


def read_back(tensor, **how):
    file = read_model(model_of(tensor), **how)
    return file.array(file.model.graph.initializer[0])


def packed_case(kind, count, rng):
    """Random elements of a type and what a file holds for them."""
    if kind.bits < 8:
        codes = rng.integers(0, 1 << kind.bits, count).astype(np.uint8)
        return codes, pack(codes, kind.bits).tobytes()
    data = rng.integers(0, 2 if kind.name == "bool" else 256, kind.bytes(count), dtype=np.uint8)
    return data.view(kind.dtype), data.tobytes()


@pytest.mark.parametrize("kind", [k for k in ELEMENTS.values() if k.name != "string"], ids=lambda k: k.name)
@pytest.mark.parametrize("count", [0, 1, 3, 5, 9000])
def test_raw_data_of_every_type(kind, count):
    values, raw = packed_case(kind, count, np.random.default_rng(count))
    made = read_back(T(name="w", dims=[count], data_type=kind.number, raw_data=raw))
    assert made.dtype == kind.dtype and made.shape == (count,) and not made.flags.writeable
    if kind.bits < 8:
        mask = np.uint8((1 << kind.bits) - 1)
        assert (made.view(np.uint8) & mask).tolist() == values.tolist()
    else:
        assert made.tobytes() == values.tobytes()


LISTED = [
    (T(data_type=T.FLOAT, dims=[2], float_data=[1.5, -2]), np.float32([1.5, -2])),
    (T(data_type=T.INT8, dims=[2], int32_data=[-128, 127]), np.int8([-128, 127])),
    (T(data_type=T.UINT16, dims=[1, 2], int32_data=[0, 65535]), np.uint16([[0, 65535]])),
    (T(data_type=T.INT64, dims=[], int64_data=[-(2**63)]), np.int64(-(2**63))),
    (T(data_type=T.UINT64, dims=[1], uint64_data=[2**64 - 1]), np.uint64([2**64 - 1])),
    (T(data_type=T.UINT32, dims=[1], uint64_data=[2**32 - 1]), np.uint32([2**32 - 1])),
    (T(data_type=T.DOUBLE, dims=[0, 4]), np.zeros((0, 4))),
    (T(data_type=T.BOOL, dims=[3], int32_data=[0, 1, 2]), np.array([False, True, True])),
    (T(data_type=T.FLOAT16, dims=[2], int32_data=[0x3C00, 0xC000]), np.float16([1, -2])),
    (T(data_type=T.BFLOAT16, dims=[1], int32_data=[0x4040]), np.array([3], ml_dtypes.bfloat16)),
    (T(data_type=T.FLOAT8E5M2, dims=[1], int32_data=[0x3C]), np.array([1], ml_dtypes.float8_e5m2)),
    (T(data_type=T.INT4, dims=[3], int32_data=[0x7F, 0x08]), np.array([-1, 7, -8], ml_dtypes.int4)),
    (T(data_type=T.UINT2, dims=[5], int32_data=[0b11100100, 2]), np.array([0, 1, 2, 3, 2], ml_dtypes.uint2)),
    (T(data_type=T.FLOAT6E2M3, dims=[2], int32_data=[8, 40]), np.array([1, -1], ml_dtypes.float6_e2m3fn)),
    (T(data_type=T.COMPLEX64, dims=[2], float_data=[1, 2, 3, 4]), np.complex64([1 + 2j, 3 + 4j])),
    (T(data_type=T.COMPLEX128, dims=[1], double_data=[1, -2]), np.complex128([1 - 2j])),
    (T(data_type=T.STRING, dims=[2, 1], string_data=[b"\xff\x00", "é".encode()]),
     np.array([[b"\xff\x00"], ["é".encode()]], object)),
]  # fmt: skip


@pytest.mark.parametrize("tensor, value", LISTED, ids=[T.DataType.Name(t.data_type) for t, _ in LISTED])
def test_values_one_by_one(tensor, value):
    made = read_back(tensor)
    assert made.dtype == value.dtype and made.shape == value.shape
    assert made.tolist() == value.tolist()


def test_small_elements_are_packed_from_the_lowest_bit():
    codes = np.uint8([1, 2, 3, 0x3F, 5])
    assert pack(codes & 15, 4).tolist() == [0x21, 0xF3, 0x05]
    assert pack(codes & 3, 2).tolist() == [0b11111001, 1]
    assert pack(codes, 6).tolist() == [0x81, 0x30, 0xFC, 0x05]
    for bits in (2, 4, 6):
        assert unpack(pack(codes, bits), 5, bits).tolist() == (codes & ((1 << bits) - 1)).tolist()


def test_numpy_types_have_elements():
    for kind in ELEMENTS.values():
        assert element_of(kind.dtype) is kind
    assert element_of(np.array(["a"]).dtype).name == "string"


def test_large_values_stay_in_the_file(tmp_path):
    big, small = np.arange(5000, dtype=np.float32), np.arange(9, dtype=np.float32)
    then = protos.GraphProto(name="then", initializer=[T(name="i", dims=[5000], data_type=1, raw_data=big.tobytes())])
    made = model_of(
        T(name="big", dims=[50, 100], data_type=1, raw_data=big.tobytes()),
        T(name="small", dims=[9], data_type=1, raw_data=small.tobytes()),
        T(name="list", dims=[5000], data_type=1, float_data=-big),
        T(name="ints", dims=[5000], data_type=7, int64_data=range(5000)),
        node=[
            {"op_type": "Constant", "output": ["c"],
             "attribute": [{"name": "value", "t": T(dims=[5000], data_type=1, raw_data=big.tobytes()), "type": 4}]},
            {"op_type": "If", "attribute": [{"name": "then_branch", "g": then, "type": 5}]},
        ],
    )  # fmt: skip
    made.functions.add(name="f").node.add(op_type="Constant").attribute.add(name="value").t.CopyFrom(made.graph.initializer[0])
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    file = read_model(path)
    assert file.name == str(path) and len(file.model.SerializeToString()) < 20000
    whole = file.model.graph.initializer
    assert not whole[0].raw_data and whole[1].raw_data == small.tobytes()
    arrays = [file.array(t) for t in whole]
    assert arrays[0].shape == (50, 100) and (arrays[0].reshape(-1) == big).all() and (arrays[2] == -big).all()
    assert not arrays[0].flags.owndata and not arrays[0].flags.writeable and arrays[3].tolist() == list(range(5000))
    nodes = file.model.graph.node
    for tensor in (nodes[0].attribute[0].t, nodes[1].attribute[0].g.initializer[0],
                   file.model.functions[0].node[0].attribute[0].t):  # fmt: skip
        assert tensor.HasField("payload") and file.array(tensor).sum() == big.sum()
    path.unlink()
    assert arrays[0][-1, -1] == 4999
    other = read_model(model_of(T(name="x", dims=[1], data_type=1, float_data=[1])))
    with pytest.raises(FormatError, match="tensor 'big': is of another file"):
        other.array(whole[0])


def test_sources(tmp_path):
    made = model_of(T(name="w", dims=[2], data_type=1, float_data=[1, 2]), name="g")
    data = made.SerializeToString()
    (tmp_path / "m.onnx").write_bytes(data)
    for source in (made, data, bytearray(data), memoryview(data), tmp_path / "m.onnx", str(tmp_path / "m.onnx")):
        assert read_model(source).model == made
    with pytest.raises(UsageError, match="a path, bytes or a ModelProto, not int"):
        read_model(3)
    with pytest.raises(UsageError, match=r"not a message onnx\.GraphProto"):
        read_model(made.graph)
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path / "none.onnx")
    with pytest.raises(FormatError, match="a folder"):
        read_model(tmp_path)


def test_models_of_the_onnx_package():
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    tensor = onnx.numpy_helper.from_array(np.arange(6, dtype=np.int16).reshape(2, 3), "w")
    made = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))
    file = read_model(made)
    assert file.array(file.model.graph.initializer[0]).tolist() == [[0, 1, 2], [3, 4, 5]]


# ------------------------------------------------------------------------------------------------ external data


def external(**said):
    return T(name="w", dims=[4], data_type=1, data_location=1,
             external_data=[{"key": k, "value": v} for k, v in said.items()])  # fmt: skip


def test_external_data(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(b"\0" * 8 + np.float32([1, 2, 3, 4]).tobytes())
    made = model_of(external(location="sub/w.bin", offset="8", length="16"), external(location="sub/w.bin", offset="8"))
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    file = read_model(tmp_path / "m.onnx")
    arrays = [file.array(t) for t in file.model.graph.initializer]
    assert [a.tolist() for a in arrays] == [[1, 2, 3, 4]] * 2 and not arrays[0].flags.owndata
    file = read_model(made, folder=tmp_path)
    assert file.array(file.model.graph.initializer[0]).tolist() == [1, 2, 3, 4]
    with pytest.raises(FormatError, match=r"tensor 'w': its values are in the file 'sub/w.bin'.*folder="):
        read_back(made.graph.initializer[0])


def test_external_data_of_linked_models(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    made = model_of(external(location="w.bin"))
    (tmp_path / "blobs" / "1").write_bytes(made.SerializeToString())
    (tmp_path / "blobs" / "2").write_bytes(np.float32([1, 2, 3, 4]).tobytes())
    (tmp_path / "snapshot" / "m.onnx").symlink_to("../blobs/1")
    (tmp_path / "snapshot" / "w.bin").symlink_to("../blobs/2")
    file = read_model(tmp_path / "snapshot" / "m.onnx")
    assert file.array(file.model.graph.initializer[0]).tolist() == [1, 2, 3, 4]


HOSTILE_PLACES = [
    (dict(location="../w.bin"), "must lie in the model's folder"),
    (dict(location="a/../../w.bin"), "must lie in the model's folder"),
    (dict(location="..\\w.bin"), "must lie in the model's folder"),
    (dict(location="/etc/passwd"), "must lie in the model's folder"),
    (dict(location="C:\\w.bin"), "must lie in the model's folder"),
    (dict(location=""), "is no name of a file"),
    (dict(location="a\0b"), "is no name of a file"),
    (dict(location="a" * 5000), "is no name of a file"),
    (dict(location="link.bin"), "a link that leads out of the model's folder"),
    (dict(location="linked/w.bin"), "a link that leads out of the model's folder"),
    (dict(location="pipe"), "no ordinary file"),
    (dict(location="."), "a folder"),
    (dict(), "external_data has no location"),
    (dict(location="w.bin", offset="x"), "the offset 'x' of its external data is no number"),
    (dict(location="w.bin", offset="-1"), "the offset '-1'"),
    (dict(location="w.bin", offset="9" * 5000), "the offset '999"),
    (dict(location="w.bin", length="1e9"), "the length '1e9'"),
    (dict(location="w.bin", offset="1"), r"bytes 1 to 17 of 'w.bin', which has 16"),
    (dict(location="w.bin", offset="0", length="8"), "4 elements of float take 16 bytes, there are 8"),
    (dict(location="w.bin", length="999999999999"), "which has 16"),
]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("said, words", HOSTILE_PLACES, ids=[str(s)[:40] for s, _ in HOSTILE_PLACES])
def test_hostile_places(tmp_path, said, words):
    inner = tmp_path / "model"
    inner.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(16))
    (inner / "w.bin").write_bytes(bytes(16))
    (inner / "link.bin").symlink_to("../w.bin")
    (inner / "linked").symlink_to("..")
    os.mkfifo(inner / "pipe")
    (inner / "m.onnx").write_bytes(model_of(external(**said)).SerializeToString())
    file = read_model(inner / "m.onnx")
    with pytest.raises(FormatError, match=words) as raised:
        file.array(file.model.graph.initializer[0])
    assert len(str(raised.value)) < 1500


def test_missing_external_data(tmp_path):
    file = read_model(model_of(external(location="none.bin")), folder=tmp_path)
    with pytest.raises(FileNotFoundError):
        file.array(file.model.graph.initializer[0])
    assert file.digest() is None


def test_digests(tmp_path):
    made = model_of(external(location="w.bin")).SerializeToString()
    found = set()
    for data, content in ((made, bytes(16)), (made, b"1" * 16), (made + b"\x12\x01p", bytes(16)), (made, bytes(16))):
        (tmp_path / "w.bin").write_bytes(content)
        found.add(read_model(data, folder=tmp_path).digest())
    assert len(found) == 3 and all(len(d) == 64 for d in found)


# ------------------------------------------------------------------------------------------------ hostile tensors

HOSTILE = [
    (T(dims=[2], data_type=1, raw_data=b"1234567"), "2 elements of float take 8 bytes, there are 7"),
    (T(dims=[2], data_type=1, float_data=[1]), r"of shape \[2\] takes 2 values of float_data, there are 1"),
    (T(dims=[2], data_type=1), "takes 2 values of float_data, there are 0"),
    (T(dims=[-1], data_type=1, float_data=[1]), r"dimensions \[-1\] are not all positive"),
    (T(dims=[2**62, 2**62, 0], data_type=1), "more than memory can hold"),
    (T(dims=[2**40], data_type=1, float_data=[1]), "takes 1099511627776 values"),
    (T(dims=[1] * 40, data_type=1, float_data=[1]), "has 40 dimensions"),
    (T(dims=[1], data_type=0, float_data=[1]), r"element type is UNDEFINED \(0\)"),
    (T(dims=[1], data_type=77, float_data=[1]), "element type is 77, which is not known"),
    (T(dims=[1], data_type=-3, float_data=[1]), "element type is -3"),
    (T(dims=[1], data_type=1, float_data=[1], raw_data=b"1234"), "given more than once, in float_data and raw_data"),
    (T(dims=[1], data_type=1, float_data=[1], int32_data=[1]), "given more than once, in float_data and int32_data"),
    (T(dims=[1], data_type=1, int64_data=[1]), "its values are in int64_data, not in float_data"),
    (T(dims=[1], data_type=1, string_data=[b"1"]), "its values are in string_data, not in float_data"),
    (T(dims=[1], data_type=8, raw_data=b"1"), "strings cannot be stored as raw_data"),
    (T(dims=[3], data_type=8, string_data=[b"1"]), "takes 3 values of string_data, there are 1"),
    (T(dims=[1], data_type=3, int32_data=[300]), "300 is no int8"),
    (T(dims=[1], data_type=10, int32_data=[-1]), "-1 is no float16"),
    (T(dims=[1], data_type=1, float_data=[1], segment={"begin": 0}), "segments are not read"),
    (T(dims=[2], data_type=14, float_data=[1, 2, 3]), "takes 4 values of float_data, there are 3"),
    (T(dims=[2000], data_type=7, float_data=[0] * 2000), "in float_data, not in int64_data"),
    (T(dims=[2000], data_type=1, float_data=[0] * 2000, raw_data=bytes(8000)), "given more than once"),
]  # fmt: skip


@pytest.mark.parametrize("tensor, words", HOSTILE, ids=[w[:30] for _, w in HOSTILE])
def test_hostile_tensors(tensor, words):
    tensor.name = "w"
    with pytest.raises(FormatError, match=f"the model: tensor 'w'.*{words}"):
        read_back(tensor)


def test_sparse_tensors():
    def dense(values, indices, shape, dims=(2, 3)):
        made = protos.ModelProto(ir_version=8, graph={"sparse_initializer": [{
            "values": T(name="s", dims=[len(values)], data_type=1, float_data=values),
            "indices": T(dims=shape, data_type=7, int64_data=indices), "dims": dims}]})  # fmt: skip
        file = read_model(made)
        return file.array(file.model.graph.sparse_initializer[0]).tolist()

    assert dense([5, 6], [1, 5], [2]) == dense([5, 6], [0, 1, 1, 2], [2, 2]) == [[0, 5, 0], [0, 0, 6]]
    for bad, words in (
        (([5], [6], [1]), "an index lies outside"),
        (([5], [-1], [1]), "an index lies outside"),
        (([5], [0, 3], [1, 2]), "an index lies outside"),
        (([5], [0, 3], [2]), r"indices have shape \[2\] for 1 values"),
        (([5], [0], [1], (2**20, 2**20)), "would take more than 1024 MiB"),
        (([5], [0], [1], (-1,)), "not all positive"),
    ):
        with pytest.raises(FormatError, match=f"tensor 's'.*{words}"):
            dense(*bad)


# ------------------------------------------------------------------------------------------------ other and damaged files

OTHERS = [
    (b"", "it is empty"),
    (gzip.compress(b"model"), "gzip data: compressed; unpack it first"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", "pointer of git-lfs"),
    (b"\x18\0\0\0ORTM" + bytes(40), r"an .ort file of ONNX Runtime"),
    (b"\x1c\0\0\0TFL3" + bytes(40), "TensorFlow Lite"),
    ((70).to_bytes(8, "little") + b'{"w":{"dtype":"F32"', "a safetensors file"),
    (b"PK\x03\x04" + bytes(20), "a zip archive"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"ir_version: 8\ngraph {\n}\n", "as protobuf text"),
    (b"hello, this is not a model at all, only a line of text that goes on and on", "text, not an ONNX model"),
    (b'{"irVersion": "8"}', "JSON"),
    (b"<html><body>404</body></html>", "a web page"),
    (b"\x0a\x08\x0a\x01x\x12\x03Add", "a TensorFlow GraphDef"),
    (b"\x08\x01\x12\x02ab", "it has no graph; a TensorFlow SavedModel"),
    (b"\x08\x01\x12\x02\xff\xfe", "a TensorFlow SavedModel .*producer_name is no text of UTF-8"),
    (b"\xff" * 40, "damaged or truncated one: at byte 0 begins a number that does not end"),
]


@pytest.mark.parametrize("data, words", OTHERS, ids=[w[:30] for _, w in OTHERS])
def test_other_files(tmp_path, data, words):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=f"m.onnx: no ONNX model.*{words}"):
        read_model(path)


def test_text_that_is_none():
    data = model_of(node=[{"op_type": "Add"}, {"op_type": "Relu", "name": "AAAA"}]).SerializeToString()
    with pytest.raises(FormatError, match=r"model\.graph\.node\[1\]\.name is no text of UTF-8"):
        read_model(data.replace(b"AAAA", b"AA\xffA"))


def test_every_truncation_is_told():
    made = model_of(
        T(name="w", dims=[2000], data_type=1, raw_data=bytes(8000)),
        node=[{"op_type": "Add", "input": ["w", "w"], "output": ["y"], "attribute": [{"name": "f", "f": 1.0, "type": 1}]}],
    )
    data = made.SerializeToString()
    assert read_model(data).model.graph.node[0].op_type == "Add"
    for end in [*range(1, 60), *range(4000, 4100), *range(len(data) - 60, len(data))]:
        try:
            read_model(data[:end])
        except FormatError as error:
            assert "the model: no ONNX model" in str(error)
        else:
            assert end > 8000  # the graph is whole and the opset import lacks


def test_deep_nesting_is_told():
    graph = protos.GraphProto(name="inner")
    for _ in range(30):
        graph = protos.GraphProto(node=[{"op_type": "If", "attribute": [{"name": "then_branch", "g": graph, "type": 5}]}])
    assert read_model(protos.ModelProto(graph=graph)).model.graph.node[0].op_type == "If"

    def wrapped(data: bytes, tag: int) -> bytes:
        size, length = bytearray(), len(data)
        while length > 127:
            size.append(length & 127 | 128)
            length >>= 7
        return bytes([tag << 3 | 2, *size, length]) + data

    for filler in (b"", bytes(8) + b"x" * 6000):  # small ones are left to protobuf, large ones are walked
        data = wrapped(filler, 10) if filler else b""
        for _ in range(3000):
            data = wrapped(wrapped(wrapped(data, 6), 5), 1)
        with pytest.raises(FormatError, match="nested deeper than 100"):
            read_model(b"\x08\x08" + wrapped(data, 7))
