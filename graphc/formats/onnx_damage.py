"""Says what is wrong with bytes that are no ONNX model: files of other kinds, and where a damaged one breaks off."""

from __future__ import annotations

from graphc.formats import onnx_protos
from graphc.formats.onnx_cut import DEEPEST
from graphc.formats.varint import read_varint

_GZ = "compressed; unpack it first"
_BEGINS = (
    (b"\x1f\x8b", f"gzip data: {_GZ}"), (b"BZh", f"bzip2 data: {_GZ}"), (b"\xfd7zXZ\x00", f"xz data: {_GZ}"),
    (b"\x28\xb5\x2f\xfd", f"Zstandard data: {_GZ}"), (b"7z\xbc\xaf", f"a 7z archive: {_GZ}"),
    (b"PK\x03\x04", "a zip archive (as PyTorch's .pt, Keras' .keras and NumPy's .npz are), not an ONNX model"),
    (b"version https://git-lfs", "a pointer of git-lfs, not the file itself: run `git lfs pull` where it came from"),
    (b"\x89HDF", "an HDF5 file (Keras' .h5), not an ONNX model"), (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"\x7fELF", "a shared library or program"), (b"\x80\x02", "a pickle (an older PyTorch file?)"),
    (b"\x80\x03", "a pickle"), (b"\x80\x04", "a pickle"), (b"\x80\x05", "a pickle"),
    (b"GGUF", "a GGUF file of llama.cpp"), (b"<!DOCTYPE", "a web page; the download went wrong"),
    (b"<html", "a web page; the download went wrong"), (b"<?xml", "an XML file (OpenVINO's .xml?)"),
    (b"ir_version:", "an ONNX model as protobuf text; write it in the binary form (onnx.save)"),
    (b"<", "text (ONNX's text form is read by onnx.parser, not here)"),
    (b"{", "JSON text; write the model in the binary form (onnx.save)"),
)  # fmt: skip
_MAGIC_AT_FOUR = {b"ORTM": "an .ort file of ONNX Runtime; take the .onnx file that it was made of",
                  b"TFL3": "a TensorFlow Lite model (.tflite)"}  # fmt: skip

_TAGS = b'*":Br('  # tags of a ModelProto that are characters as well


def other_kind(data) -> str | None:
    """What bytes are that are of another kind by their beginning; None where they may be an ONNX model."""
    begin = bytes(data[:64])
    if not begin:
        return "empty"
    for magic, what in _BEGINS:
        if begin.startswith(magic):
            return what
    if begin[4:8] in _MAGIC_AT_FOUR:
        return _MAGIC_AT_FOUR[begin[4:8]]
    if begin[8:9] == b"{" and int.from_bytes(begin[:8], "little") < 1 << 32:
        return "a safetensors file: weights without a graph"
    if begin[0] not in _TAGS and all(32 <= b < 127 or b in b"\r\n\t" for b in begin):
        return "text, not an ONNX model"
    return None


def guess(data) -> str:
    """What bytes may be that parse, or do not, but hold no graph."""
    begin = bytes(data[:2])
    if begin[:1] == b"\x0a":
        return "a TensorFlow GraphDef (.pb), or a graph without its model?"
    if begin == b"\x08\x01":
        return "a TensorFlow SavedModel (saved_model.pb), or one tensor?"
    return "a message of another kind?"


def damage(data: bytes) -> str:
    """Where and why protobuf does not read bytes as a ModelProto: the first break that a walk meets.

    Returns:
        What follows "the model is damaged: ".
    """
    model = onnx_protos.ModelProto.DESCRIPTOR
    stack = [(len(data), _fields(model), "model", {})]
    at = 0
    while stack:
        end, fields, path, counts = stack[-1]
        if at >= end:
            stack.pop()
            continue
        tag, at = read_varint(data, at, end)
        if tag < 0 or tag >> 3 == 0 or tag & 7 in (6, 7):
            return f"in {path}, at byte {at}, a field begins with a tag that is none"
        field, wire = fields.get(tag >> 3), tag & 7
        here = _inside(path, field, tag >> 3, counts)
        if wire != 2:
            at = _skip(data, at, end, wire)
            if at is None:
                return f"{here} ends before it is complete"
            continue
        length, at = read_varint(data, at, end)
        if length < 0 or length > end - at:
            left = f"{length} bytes where {end - at} are left" if length >= 0 else "a length that is none"
            return f"{here} takes {left}"
        if field is not None and field.message_type is not None:
            if len(stack) >= DEEPEST:
                return f"messages are nested deeper than {DEEPEST}, in {path[:200]}..."
            stack.append((at + length, _fields(field.message_type), here, {}))
            continue
        broken = field is not None and field.type == field.TYPE_STRING and _no_text(data[at : at + length])
        if broken:
            return f"{here} is no text of UTF-8: {broken}"
        at += length
    return "protobuf does not read it"


def _fields(descriptor) -> dict:
    return {f.number: f for f in descriptor.fields}


def _inside(path: str, field, number: int, counts: dict) -> str:
    if field is None:
        return f"{path}.<field {number}>"
    if not field.is_repeated:
        return f"{path}.{field.name}"
    counts[number] = counts.get(number, -1) + 1
    return f"{path}.{field.name}[{counts[number]}]"


def _skip(data: bytes, at: int, end: int, wire: int) -> int | None:
    """Where a field that is no bytes ends; None where it is not there whole."""
    if wire == 0:
        value, at = read_varint(data, at, end)
        return None if value < 0 else at
    at += {1: 8, 5: 4}.get(wire, 0)
    return at if at <= end else None


def _no_text(data: bytes) -> str | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"{error.reason} at byte {error.start} of it"
    return None
