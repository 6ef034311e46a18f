"""TensorFlow's messages: bytes as TensorFlow writes them, the same fields as TensorBoard's classes, tensors in them."""

from __future__ import annotations

import importlib
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from google.protobuf import text_format

import graphc as tf
from graphc import errors, v1
from graphc.formats import protos
from graphc.formats.crc32c import crc32c, extend, mask, masked, unmask
from graphc.formats.message_files import read_message, write_message

# Text of a message and the bytes that TensorFlow makes of it.
RECORDED = [
    ("ConfigProto", 'device_count { key: "GPU" } intra_op_parallelism_threads: 3 gpu_options { '
     "per_process_gpu_memory_fraction: 0.25 } allow_soft_placement: true graph_options { rewrite_options { "
     "constant_folding: OFF } } operation_timeout_in_ms: 1500",
     "0a070a0347505510001003320909000000000000d03f380152045202180258dc0b"),
    ("Event", 'wall_time: 1.5 step: 7 summary { value { tag: "loss" simple_value: 0.5 metadata { plugin_data { '
     'plugin_name: "scalars" } } } }',
     "09000000000000f83f10072a1a0a180a046c6f7373150000003f4a0b0a090a077363616c617273"),
    ("BundleEntryProto", "dtype: DT_FLOAT shape { dim { size: 2 } dim { size: 3 } } shard_id: 2 offset: 300 size: 24 "
     "crc32c: 3735928559", "080112081202080212020803180220ac02281835efbeadde"),
    ("TrackableObjectGraph", 'nodes { children { node_id: 1 local_name: "w" } attributes { name: "VARIABLE_VALUE" '
     'full_name: "w" checkpoint_key: "w/.ATTRIBUTES/VARIABLE_VALUE" } has_checkpoint_values { value: true } }',
     "0a3e0a05080112017712310a0e5641524941424c455f56414c55451201771a1c772f2e415454524942555445532f5641524941424c455f5641"
     "4c55452a020801"),
    ("SaverDef", 'filename_tensor_name: "save/Const:0" max_to_keep: 5 keep_checkpoint_every_n_hours: 10000.0 version: V2',
     "0a0c736176652f436f6e73743a3020053500401c463802"),
    ("NodeDef", 'name: "a/b" op: "MatMul" input: "x" input: "^c" attr { key: "T" value { type: DT_FLOAT } } attr { key: "l" '
     'value { list { i: 1 i: -2 i: 300 } } } attr { key: "s" value { shape { dim { size: -1 } } } }',
     "0a03612f6212064d61744d756c1a01781a025e632a070a0154120230012a160a016c12110a0f1a0d01feffffffffffffffff01ac022a140a01"
     "73120f3a0d120b08ffffffffffffffffff01"),
    ("StructuredValue", "tuple_value { values { int64_value: -3 } values { tensor_spec_value { dtype: DT_INT64 } } }",
     "a2030b0a0260050a058a02021809"),
]  # fmt: skip


@pytest.mark.parametrize("name, text, data", RECORDED, ids=[r[0] for r in RECORDED])
def test_bytes_are_tensorflows(name, text, data):
    made = text_format.Parse(text, getattr(protos, name)())
    assert made.SerializeToString(deterministic=True).hex() == data
    assert getattr(protos, name).FromString(bytes.fromhex(data)) == made


def _fields(descriptor) -> dict:
    """What decides the bytes of a message."""
    return {
        f.name: (f.number, f.type, f.is_repeated, f.is_packed, f.has_presence,
                 f.containing_oneof.name if f.containing_oneof else None,
                 f.message_type.full_name.partition(".")[2] if f.message_type else None)
        for f in descriptor.fields
    }  # fmt: skip


def _compare(ours, theirs, compared: list) -> None:
    """The fields that both know."""
    known, found = _fields(ours), _fields(theirs)
    for name in known.keys() & found.keys():
        assert known[name] == found[name], f"{ours.full_name}.{name}"
    assert len(known.keys() & found.keys()) >= 0.7 * len(found), ours.full_name
    compared.append(ours.full_name)
    for inner in ours.nested_types:
        if inner.name in theirs.nested_types_by_name:
            _compare(inner, theirs.nested_types_by_name[inner.name], compared)


def test_fields_are_tensorboards():
    pytest.importorskip("tensorboard.compat.proto.event_pb2", reason="needs tensorboard")
    compared: list = []
    for module in ("config", "event", "summary", "graph", "meta_graph", "saved_object_graph", "saver", "struct",
                   "trackable_object_graph", "variable", "step_stats", "tensor", "attr_value", "node_def",
                   "function", "op_def", "cost_graph", "rewriter_config", "cluster"):  # fmt: skip
        theirs = importlib.import_module(f"tensorboard.compat.proto.{module}_pb2").DESCRIPTOR
        for name, descriptor in theirs.message_types_by_name.items():
            if name in protos.names():
                _compare(getattr(protos, name).DESCRIPTOR, descriptor, compared)
    assert len(compared) > 120


def test_enums_and_defaults():
    assert protos.DT_FLOAT == 1 and protos.DataType.Name(19) == "DT_HALF" and protos.DataType.Value("DT_INT64") == 9
    assert protos.RunOptions.FULL_TRACE == 3 and protos.SaverDef.V2 == 2
    assert "GraphDef" in dir(protos) and not protos.GraphDef().node
    with pytest.raises(AttributeError, match="no message 'NoSuchMessage'"):
        protos.NoSuchMessage  # noqa: B018
    with pytest.raises(ValueError, match='no "no_such" field'):
        protos.ConfigProto(no_such=1)
    with pytest.raises(AttributeError, match="no_such"):
        protos.ConfigProto().no_such = 1


def test_messages_are_made_late():
    code = (
        "import sys, graphc, graphc.v1 as tf; tf.add; assert 'google.protobuf' not in sys.modules;"
        "tf.ConfigProto(); assert 'google.protobuf' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_oneof_member_at_a_time():
    value = protos.AttrValue(i=3)
    value.f = 0.0
    assert value.WhichOneof("value") == "f" and value.SerializeToString() == b"\x25\x00\x00\x00\x00"
    captured = protos.GraphDebugInfo.FileLineCol(line=0)
    assert captured.HasField("line") and not captured.HasField("col") and captured.SerializeToString() == b"\x10\x00"


# ----------------------------------------------------------------------------------------------- TensorProto

# What tf.make_tensor_proto(array).SerializeToString() is.
TENSORS = [
    (np.float16([1.5, -2]), "08131204120208022204003e00c0"),
    (np.array([1, 2.5], ml_dtypes.bfloat16), "080e1204120208022204803f2040"),
    (np.complex64([1 + 2j, 3]), "08081204120208024a100000803f000000400000404000000000"),
    (np.bool_([True, False]), "080a1204120208025a020100"),
    (np.uint16([7, 8]), "08111204120208023a020708"),
    (np.float32([1, 2]), "080112041202080222080000803f00000040"),
    (np.float32(3), "080112002a0400004040"),
    (np.int8([-1]), "08061204120208013a0affffffffffffffffff01"),
    (np.array([b"a", b"bc"], object), "080712041202080242016142026263"),
    (np.zeros((0, 2), np.float32), "08011206120012020802"),
    (np.uint64([2**64 - 1, 1]), "08171204120208022210ffffffffffffffff0100000000000000"),
]


@pytest.mark.parametrize("array, data", TENSORS, ids=[str(a.dtype) + str(a.shape) for a, _ in TENSORS])
def test_tensor_protos_are_tensorflows(array, data):
    made = tf.make_tensor_proto(array)
    assert made.SerializeToString().hex() == data
    back = tf.make_ndarray(protos.TensorProto.FromString(bytes.fromhex(data)))
    assert back.dtype == array.dtype and back.shape == array.shape and back.tolist() == array.tolist()
    assert v1.MakeNdarray(made).tolist() == array.tolist()


def test_few_values_fill_a_tensor_proto():
    assert tf.make_tensor_proto(2.0, shape=[3]).SerializeToString().hex() == "08011204120208032a0400000040"
    assert tf.make_ndarray(tf.make_tensor_proto([1, 2], shape=[4])).tolist() == [1, 2, 2, 2]
    assert tf.make_ndarray(protos.TensorProto(dtype=3, tensor_shape={"dim": [{"size": 2}]})).tolist() == [0, 0]
    with pytest.raises(errors.ShapeError, match="3 values do not fit shape"):
        tf.make_tensor_proto([1, 2, 3], shape=[2])
    with pytest.raises(errors.ShapeError, match=r"shape \[2\] instead of \[1, 2\]"):
        tf.make_tensor_proto([1, 2], shape=[1, 2], verify_shape=True)
    with pytest.raises(errors.UsageError, match="no TensorProto"):
        tf.make_ndarray("text")
    with pytest.raises(errors.DtypeError, match="DT_QINT8"):
        tf.make_ndarray(protos.TensorProto(dtype=protos.DT_QINT8))
    with pytest.raises(errors.DataLossError, match="5 bytes for float32"):
        tf.make_ndarray(protos.TensorProto(dtype=1, tensor_content=b"12345"))


# ----------------------------------------------------------------------------------------------- files, sums


def test_check_sum():
    assert crc32c(b"123456789") == 0xE3069283 and crc32c(b"") == 0
    array = np.arange(700, dtype=np.float32)
    assert crc32c(array) == crc32c(array.tobytes()) == extend(crc32c(array[:9]), array[9:])
    assert masked(b"123456789") == 0xC78AB0E5 and unmask(mask(0xE3069283)) == 0xE3069283


def test_messages_in_files(tmp_path):
    made = protos.GraphDef(node=[protos.NodeDef(name="a", op="NoOp")])
    for as_text in (False, True):
        path = write_message("write", made, tmp_path / f"g{as_text}", as_text)
        assert read_message("read", protos.GraphDef, path) == made
    with pytest.raises(errors.NotFoundError, match="read: .*no such file"):
        read_message("read", protos.GraphDef, tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"\xff\xff\xffjunk")
    with pytest.raises(errors.DataLossError, match="holds no GraphDef"):
        read_message("read", protos.GraphDef, tmp_path / "bad")
