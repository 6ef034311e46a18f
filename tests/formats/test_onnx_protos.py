"""ONNX's messages: the same fields and the same bytes as those of the onnx package, in one process with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from graphc.formats import onnx_protos as protos


def _fields(descriptor) -> dict:
    """What decides the bytes of a message, and what its fields answer."""
    return {
        f.name: (f.number, f.type, f.is_repeated, f.is_packed, f.has_presence,
                 (f.containing_oneof.name if f.containing_oneof and not f.containing_oneof.name.startswith("_") else None),
                 f.message_type.full_name if f.message_type else None,
                 f.enum_type.full_name if f.enum_type else None)
        for f in descriptor.fields
        if f.name != "payload"  # the reader's own
    }  # fmt: skip


def _enums(descriptor) -> dict:
    return {e.name: {v.name: v.number for v in e.values} for e in descriptor.enum_types}


def test_fields_are_onnx():
    onnx_pb = pytest.importorskip("onnx.onnx_ml_pb2", reason="needs onnx")
    waiting = [(getattr(protos, d.name).DESCRIPTOR, d) for d in onnx_pb.DESCRIPTOR.message_types_by_name.values()]
    compared = 0
    while waiting:
        ours, theirs = waiting.pop()
        assert _fields(ours) == _fields(theirs), theirs.full_name
        assert _enums(ours) == _enums(theirs), theirs.full_name
        assert {m.name for m in ours.nested_types} == {m.name for m in theirs.nested_types}
        waiting.extend((ours.nested_types_by_name[m.name], m) for m in theirs.nested_types)
        compared += 1
    assert compared == 28


@pytest.mark.filterwarnings("ignore")  # of how the cases are computed
def test_models_of_the_onnx_package_keep_their_bytes():
    loader = pytest.importorskip("onnx.backend.test.loader", reason="needs onnx")
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    cases = [*loader.load_model_tests(kind="simple"), *loader.load_model_tests(kind="pytorch-operator")]
    models = [c.model or onnx.load(os.path.join(c.model_dir, "model.onnx")) for c in cases]
    assert len(models) > 40
    for model in models:
        data = model.SerializeToString(deterministic=True)
        ours = protos.ModelProto.FromString(data)
        assert ours.SerializeToString(deterministic=True) == data, model.graph.name
        assert type(model).FromString(ours.SerializeToString()) == model, model.graph.name


def test_presence_and_unknown_enums():
    made = protos.AttributeProto(name="axis", i=0, type=99)
    assert made.HasField("i") and not made.HasField("f") and made.type == 99
    assert protos.AttributeProto.FromString(made.SerializeToString()) == made
    dim = protos.TensorShapeProto.Dimension(dim_value=3)
    dim.dim_param = "batch"
    assert dim.WhichOneof("value") == "dim_param" and not dim.HasField("dim_value")
    assert protos.TensorProto.INT2 == 26 and protos.TensorProto.DataType.Name(24) == "FLOAT8E8M0"
    assert protos.TypeProto(tensor_type={}).WhichOneof("value") == "tensor_type"
    assert "ModelProto" in dir(protos) and not hasattr(protos, "NoSuchProto")


def test_messages_do_without_the_onnx_package():
    code = (
        "import sys; from graphc.formats import onnx_protos; assert 'google.protobuf' not in sys.modules;"
        "onnx_protos.ModelProto(ir_version=3); assert 'onnx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
