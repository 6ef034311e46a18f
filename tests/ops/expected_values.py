"""What TensorFlow answered for the sample lines: reading and writing the recorded values as text."""

from __future__ import annotations

import functools
import json

import ml_dtypes  # noqa: F401  bfloat16 by name
import numpy as np

from tests.ops.sampling import HERE

MOST = 256  # values kept of one tensor, evenly spaced if there are more


def described(array: np.ndarray) -> dict:
    """An array as JSON: dtype, shape and values."""
    flat = picked(array)
    if array.dtype.kind in "OSU":
        values = [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in flat.tolist()]
        return {"dtype": "string", "shape": list(array.shape), "values": values}
    if array.dtype.kind == "c":
        parts = np.stack([flat.real, flat.imag], -1).reshape(-1)
        return {"dtype": str(array.dtype), "shape": list(array.shape), "values": [_number(v) for v in parts]}
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": [_number(v) for v in flat]}


def picked(array: np.ndarray) -> np.ndarray:
    """The values that are kept of an array."""
    flat = np.asarray(array).reshape(-1)
    if flat.size <= MOST:
        return flat
    return flat[np.linspace(0, flat.size - 1, MOST).astype(int)]


def _number(value):
    if value.dtype.kind in "biu":
        return int(value)
    if value.dtype == np.float64:
        return float(value)
    return float(np.format_float_positional(np.float32(value), unique=True)) if np.isfinite(value) else float(value)


def values_of(entry: dict) -> np.ndarray:
    """The kept values as an array of the recorded dtype."""
    if entry["dtype"] == "string":
        return np.array([v.encode("latin-1") for v in entry["values"]], dtype=object)
    if entry["dtype"].startswith("complex"):
        parts = np.array(entry["values"], np.float64).reshape(-1, 2)
        return (parts[:, 0] + 1j * parts[:, 1]).astype(entry["dtype"])
    return np.array(entry["values"]).astype(np.dtype(entry["dtype"]))


def read(topic: str) -> dict:
    """The recorded answers of a topic: line -> list of entries."""
    path = HERE / "expected" / f"{topic}.json"
    return json.loads(path.read_text()) if path.exists() else {}


read_once = functools.cache(read)


def write(topic: str, answers: dict) -> None:
    """Write the answers, one line of text for each sample."""
    rows = [f"{json.dumps(text)}: {json.dumps(entry)}" for text, entry in answers.items()]
    (HERE / "expected" / f"{topic}.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
