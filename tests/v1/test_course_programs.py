"""Programs as courses have them, each with the answer that TensorFlow gave.

``pytest --update-golden`` records TensorFlow's answers anew, where TensorFlow is installed.
"""

import importlib.util
from pathlib import Path

import pytest
from courses import datasets, first_steps, libraries, models, training
from recorded_answers import assert_same, plain, read, write

import graphc.v1 as tf

RECORDED = Path(__file__).parent / "courses" / "recorded.json"
HELPERS = {"dense", "classifier", "inputs", "cross_entropy", "train", "variables"}
PROGRAMS = {
    name: program
    for module in (first_steps, training, models, libraries, datasets)
    for name, program in vars(module).items()
    if callable(program) and program.__module__ == module.__name__ and name not in HELPERS
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
    import tensorflow.compat.v1 as tensorflow

    tensorflow.disable_eager_execution()
    tensorflow.disable_v2_tensorshape()
    answers = {}
    for name, program in PROGRAMS.items():
        with tensorflow.Graph().as_default():
            answers[name] = plain(program(tensorflow))
    write(RECORDED, answers)
