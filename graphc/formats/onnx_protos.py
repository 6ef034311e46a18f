"""ONNX's messages as classes, made when first asked for: ``onnx_protos.ModelProto``.

They are of a descriptor pool of their own, so that the ``onnx`` package may be in the same process, and their bytes
are the same. A field that was not set answers ``HasField`` with False; enums keep numbers that they do not know.
"""

from __future__ import annotations

from graphc.formats.messages import Messages
from graphc.formats.schema import onnx

MESSAGES = Messages("onnx", (onnx.MESSAGES,), "ONNX's messages", "'graphc[onnx]'")


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = MESSAGES.get(name)
    return made


def __dir__():
    return sorted({*globals(), *MESSAGES.names})
