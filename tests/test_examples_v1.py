"""The examples run as a reader would run them, at small size, on real data; those that learn reach what they should."""

import re
from pathlib import Path

import example_programs
import pytest
from example_programs import expect_tested_and_listed, number


def run(program, *arguments, cwd, **environment):
    return example_programs.run(f"v1/{program}", *arguments, cwd=cwd, **environment)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mnist")
    out = run("digits_as_mnist", folder / "data", "--copies", 9, cwd=folder).stdout
    assert "12933 training and 360 test images" in out
    return folder / "data"


def test_every_example_is_tested_and_listed():
    expect_tested_and_listed("v1", Path(__file__).read_text())


def test_a_program_without_data_makes_its_own(tmp_path):
    first = run("logistic_regression", "--epochs", 1, cwd=tmp_path).stdout
    assert len(list((tmp_path / "mnist_data").iterdir())) == 4
    assert run("logistic_regression", "--epochs", 1, cwd=tmp_path).stdout == first


def test_add(tmp_path):
    out = run("add", "--a", 20, "--b", 22, cwd=tmp_path).stdout
    assert 'not a number yet: Tensor("add:0", shape=(), dtype=float32)' in out
    assert number(out, "a + b =") == number(out, "x + y, fed:") == 42 and number(out, "x * y, fed:") == 440
    assert "[11. 22. 33.]" in out


def test_print_a_tensor(tmp_path):
    done = run("print_a_tensor", cwd=tmp_path)
    assert "[15. 22.]]" in done.stdout and number(done.stdout, "sum of b:") == 54
    assert "counter: 1\ncounter: 2\ncounter: 3" in done.stdout
    assert "b is computed now: [2 2][[7 10][15 22]]" in done.stderr.replace("...", "")


def test_derivative_of_sine(tmp_path):
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    out = run("derivative_of_sine", "--plot", "sine.png", cwd=tmp_path).stdout
    assert number(out, "difference of sin' from cos:") < 1e-6
    assert (tmp_path / "sine.png").read_bytes().startswith(b"\x89PNG")


def test_linear_regression(tmp_path):
    out = run("linear_regression", "--steps", 100, cwd=tmp_path).stdout
    lines = re.findall(r"waiting = (\S+) \* minutes \+ (\S+)", out)
    assert len(lines) == 2 and lines[0] == lines[1], out


@pytest.mark.parametrize(
    "program, size, reached",
    [
        ("logistic_regression", ("--epochs", 5), 0.8),
        ("perceptron", ("--epochs", 2), 0.9),
        ("multilayer_perceptron", ("--epochs", 5), 0.93),
        ("cnn", ("--steps", 200), 0.9),
        ("cnn_layers", ("--steps", 100), 0.9),
        ("rnn", ("--steps", 300), 0.85),
        ("rnn", ("--steps", 150, "--unrolled"), 0.7),
    ],
)
def test_classifiers_learn(program, size, reached, data, tmp_path):
    out = run(program, "--data", data, *size, cwd=tmp_path).stdout
    assert number(out.splitlines()[-1], "accuracy") > reached, out


def test_autoencoder(data, tmp_path):
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    out = run("autoencoder", "--data", data, "--steps", 1000, "--plot", "digits.png", cwd=tmp_path).stdout
    assert number(out, "never seen:") < 0.7 * number(out, "mean image:")
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")


def test_word_vectors(tmp_path):
    out = run("word_vectors", "--steps", 5000, "--near", "two,true", cwd=tmp_path).stdout
    losses = [float(x) for x in re.findall(r"average loss (\S+)", out)]
    assert losses[-1] < 6 < losses[0]
    assert "near two:" in out and "near true:" in out


def test_input_queue(tmp_path):
    out = run("input_queue", "--epochs", 6, "--points", 200, cwd=tmp_path).stdout
    assert "read 6 times: 48 batches" in out
    w1, w2, b = (float(x) for x in re.search(r"y = (\S+) \* x1 \+ (\S+) \* x2 \+ (\S+) ", out).groups())
    assert abs(w1 - 2) < 0.1 and abs(w2 + 3) < 0.1 and abs(b - 0.5) < 0.1


def test_save_and_restore(data, tmp_path):
    first = run("save_and_restore", "--data", data, "--steps", 100, cwd=tmp_path).stdout
    assert "new model" in first and "the same" in first
    again = run("save_and_restore", "--data", data, "--steps", 50, cwd=tmp_path).stdout
    assert "step 100, accuracy" in again and "the same" in again
    assert number(again, ", accuracy") == number(first, "accuracy")
    assert (tmp_path / "model_dir" / "digits.ckpt-150.index").exists()


def test_tensorboard(data, tmp_path):
    out = run("tensorboard", "--data", data, "--steps", 60, "--logs", "logs", cwd=tmp_path).stdout
    assert number(out, "accuracy") > 0.6
    for name in ("train", "test"):
        (file,) = (tmp_path / "logs" / name).iterdir()
        assert "tfevents" in file.name and file.stat().st_size > 1000
