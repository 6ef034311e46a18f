"""The programs of Keras run as a reader would run them, on real data; those that learn reach what they should."""

import gzip
import sys
from pathlib import Path

import example_programs
import numpy as np
import pytest
from example_programs import EXAMPLES, expect_tested_and_listed, number


def run(program, *arguments, cwd, **environment):
    return example_programs.run(
        f"keras/{program}", *arguments, cwd=cwd, by=("-m", "graphc.keras"), KERAS_HOME=str(cwd / "keras"), **environment
    ).stdout


def test_every_example_is_tested_and_listed():
    expect_tested_and_listed("keras", Path(__file__).read_text(), helpers=("digits",), page=100)


def test_cnn(tmp_path):
    out = run("cnn", "--epochs", 3, cwd=tmp_path)
    assert number(out, "test accuracy") > 0.85 and "the saved model answers the same: True" in out
    assert "leaky_re_lu (LeakyReLU)" in out and (tmp_path / "cnn_curves.png").stat().st_size > 10_000
    assert "pydot" in out or (tmp_path / "cnn_model.png").exists()


def test_cnn_reads_the_data_sets_of_keras(tmp_path):
    folder = tmp_path / "keras" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    sys.path.insert(0, str(EXAMPLES / "keras"))
    try:
        from digits import load_data
    finally:
        sys.path.remove(str(EXAMPLES / "keras"))
    for name, (images, labels) in zip(("train", "t10k"), load_data()):
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = np.array([0x800 + values.ndim, *values.shape], ">i4").tobytes()
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(sizes + values.tobytes(), 1))
    out = run("cnn", "--data", "fashion_mnist", "--epochs", 1, cwd=tmp_path)
    assert number(out, "test accuracy") > 0.7


@pytest.mark.parametrize("cell, loss", [("lstm", 1.5), ("gru", 0.4)])
def test_text_rnn(cell, loss, tmp_path):
    out = run("text_rnn", "--cell", cell, "--epochs", 4, "--length", 30, cwd=tmp_path)
    assert number(out, "loss") < loss
    assert "\nThe " in out


def test_transformer(tmp_path):
    out = run("transformer", "--epochs", 1, "--modules", 25, cwd=tmp_path)
    assert number(out, "held out: accuracy") > 0.85 and number(out, "auc") > 0.9
    assert number(out, "the saved model's answers are") == 0


def test_autoencoder(tmp_path):
    out = run("autoencoder", "--epochs", 15, cwd=tmp_path)
    assert number(out, "squared error of test images") < 0.6 * number(out, "of their mean")


def test_custom_loop(tmp_path):
    out = run("custom_loop", "--epochs", 3, cwd=tmp_path)
    assert number(out, "test accuracy") > 0.85 and "69 steps by 2 traces" in out


def test_compile_and_serve(tmp_path):
    out = run("compile_and_serve", cwd=tmp_path)
    right = [number(out, words) for words in ("after one epoch:", "loaded:")]
    assert right[0] == right[1] > 0.7 and number(out, "accuracy") > 0.9
    assert "digits.a digits.gc digits.h digits.o digits.so digits_main.c digits_train" in out
