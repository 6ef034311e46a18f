"""Answers of programs as JSON, to be compared with those that TensorFlow gave."""

import json

import numpy as np
import pytest


def plain(value):
    """As JSON has it: tensors and arrays become nested lists, bytes become text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "numpy"):
        return plain(value.numpy())
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.7g}")
    return value.decode() if isinstance(value, bytes) else value


def assert_same(got, wanted, where=""):
    """Equal structures; numbers agree to some 2e-4."""
    if isinstance(wanted, dict):
        assert isinstance(got, dict) and got.keys() == wanted.keys(), f"{where}: {got} instead of {wanted}"
        for key in wanted:
            assert_same(got[key], wanted[key], f"{where}[{key!r}]")
    elif isinstance(wanted, list):
        assert isinstance(got, list) and len(got) == len(wanted), f"{where}: {got} instead of {wanted}"
        for k, (one, other) in enumerate(zip(got, wanted)):
            assert_same(one, other, f"{where}[{k}]")
    elif isinstance(wanted, float):
        assert got == pytest.approx(wanted, rel=2e-4, abs=2e-5, nan_ok=True), where
    else:
        assert got == wanted and type(got) is type(wanted), f"{where}: {got!r} instead of {wanted!r}"


def read(path) -> dict:
    """The recorded answers by the programs' names."""
    return json.loads(path.read_text()) if path.exists() else {}


def write(path, answers: dict) -> None:
    """Record answers, a line for each list of numbers."""
    path.write_text(json.dumps(answers, indent=0, separators=(",", ":")).replace(",\n", ",") + "\n")
