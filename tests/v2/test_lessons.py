"""Programs as courses of TensorFlow 2 have them, each with the answer that TensorFlow gave.

``pytest --update-golden`` records TensorFlow's answers anew, where TensorFlow is installed.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from lessons import eager, functions, guide, pipelines, training

import graphc as tf

RECORDED = Path(__file__).parent / "lessons" / "recorded.json"
HELPERS = {"listed", "start", "network", "logits", "trained", "tape_zero", "descend"}
PROGRAMS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": program
    for module in (eager, functions, guide, pipelines, training)
    for name, program in vars(module).items()
    if callable(program) and getattr(program, "__module__", "") == module.__name__ and name not in HELPERS
}


def plain(value):
    """As JSON has it: arrays become nested lists, bytes become text, tensors their values."""
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


def recorded():
    return json.loads(RECORDED.read_text()) if RECORDED.exists() else {}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_answers_as_in_tensorflow(name):
    assert name in recorded(), f"no answer is recorded for {name}"
    assert_same(plain(PROGRAMS[name](tf)), recorded()[name], name)


def test_record(request):
    if not request.config.getoption("--update-golden"):
        pytest.skip("answers are recorded with --update-golden")
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is needed to record its answers")
    import tensorflow

    answers = {name: plain(program(tensorflow)) for name, program in PROGRAMS.items()}
    RECORDED.write_text(json.dumps(answers, indent=0, separators=(",", ":")).replace(",\n", ",") + "\n")
