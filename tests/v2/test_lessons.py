"""Programs as courses of TensorFlow 2 have them, each with the answer that TensorFlow gave.

``pytest --update-golden`` records TensorFlow's answers anew, where TensorFlow is installed.
"""

import importlib.util
from pathlib import Path

import pytest
from lessons import eager, functions, guide, pipelines, training
from recorded_answers import assert_same, plain, read, write

import graphc as tf

RECORDED = Path(__file__).parent / "lessons" / "recorded.json"
HELPERS = {"listed", "start", "network", "logits", "trained", "tape_zero", "descend"}
PROGRAMS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": program
    for module in (eager, functions, guide, pipelines, training)
    for name, program in vars(module).items()
    if callable(program) and getattr(program, "__module__", "") == module.__name__ and name not in HELPERS
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_answers_as_in_tensorflow(name):
    assert name in read(RECORDED), f"no answer is recorded for {name}"
    assert_same(plain(PROGRAMS[name](tf)), read(RECORDED)[name], name)


def test_record(request):
    if not request.config.getoption("--update-golden"):
        pytest.skip("answers are recorded with --update-golden")
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is needed to record its answers")
    import tensorflow

    answers = {name: plain(program(tensorflow)) for name, program in PROGRAMS.items()}
    write(RECORDED, answers)
