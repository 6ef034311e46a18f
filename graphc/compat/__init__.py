"""``tf.compat``: TensorFlow 1's interface as ``compat.v1``, this one as ``compat.v2``, and text for Python 3."""

from __future__ import annotations

import sys

import graphc
from graphc import v1
from graphc.errors import DtypeError, explain

v2 = graphc
sys.modules[f"{__name__}.v1"], sys.modules[f"{__name__}.v2"] = v1, v2

bytes_or_text_types = (bytes, str)


def as_bytes(bytes_or_text, encoding="utf-8") -> bytes:
    """Text or bytes as bytes.

    Raises:
        DtypeError: it is neither.
    """
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    raise DtypeError(explain(f"as_bytes: expected bytes or text, got {bytes_or_text!r}"))


def as_text(bytes_or_text, encoding="utf-8") -> str:
    """Text or bytes as text.

    Raises:
        DtypeError: it is neither.
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes_or_text.decode(encoding)
    raise DtypeError(explain(f"as_text: expected bytes or text, got {bytes_or_text!r}"))


as_str = as_text


def as_str_any(value, encoding="utf-8") -> str:
    """Anything as text: bytes decoded, other values by ``str``."""
    return as_text(value, encoding) if isinstance(value, (bytes, bytearray)) else str(value)
