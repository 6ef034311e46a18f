"""Small expressions over tensors, variables, shapes and dtypes: values, printing and errors as TensorFlow 2.21 has them.

``recorded_tensors.json`` holds, by topic, expressions (``setup ;; expression``) and what TensorFlow answered: the type and
``repr`` of the value, or ``error`` and the Python errors that it can be caught as.
"""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

import graphc as tf

CASES = json.loads((Path(__file__).parent / "recorded_tensors.json").read_text(encoding="utf-8"))


def shown(value) -> str:
    kind = type(value).__name__.replace("EagerTensor", "Tensor")
    return f"{kind}: {value!r}"


def printed(folder):
    """``tf.print`` into a file; what it wrote."""

    def text(*values, **options):
        path = folder / "printed.txt"
        tf.print(*values, output_stream=f"file://{path}", **options)
        written = path.read_text(encoding="utf-8")
        path.unlink()
        return written

    return text


def answer(case: str, names: dict):
    setup, _, expression = case.rpartition(" ;; ")
    names = dict(names)
    try:
        if setup:
            exec(setup.replace("\\n", "\n"), names)
        value = eval(expression, names)
        with contextlib.redirect_stdout(io.StringIO()):
            return shown(value)
    except Exception as error:
        return error


def fits(found, expected) -> bool:
    if isinstance(expected, str):
        return found == expected
    return isinstance(found, Exception) and any(k.__name__ in expected for k in type(found).__mro__)


@pytest.mark.parametrize("topic", CASES)
def test_recorded(topic, tmp_path):
    names = {"tf": tf, "np": np, "tfprint": printed(tmp_path)}
    wrong = []
    for case, expected in CASES[topic].items():
        found = answer(case, names)
        if not fits(found, expected):
            wrong.append(f"{case}\n  expected {expected}\n  found    {found!r}")
    assert not wrong, "\n".join(wrong)


def test_tensors_keep_what_layers_attach():
    x = tf.constant([1.0, 2.0])
    x._keras_mask = "of x"
    x.trainable = False
    assert x._keras_mask == "of x" and not hasattr(x + 0, "_keras_mask") and not hasattr(x + 0, "trainable")

    @tf.function
    def inside(t):
        t._keras_mask = "traced"
        assert t._keras_mask == "traced"
        return t

    assert inside(x).shape == (2,) and x._keras_mask == "of x"
