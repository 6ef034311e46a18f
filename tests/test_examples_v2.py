"""The programs of TensorFlow 2 run as a reader would run them, on real data; those that learn reach what they should."""

import re
from pathlib import Path

import example_programs
import pytest
from example_programs import expect_tested_and_listed, number


def run(program, *arguments, cwd, **environment):
    return example_programs.run(f"v2/{program}", *arguments, cwd=cwd, **environment).stdout


def test_every_example_is_tested_and_listed():
    expect_tested_and_listed("v2", Path(__file__).read_text())


def test_digits(tmp_path):
    out = run("digits", cwd=tmp_path)
    assert "1437 training and 360 test images" in out and out.count("\n") == 9


def test_linear_regression(tmp_path):
    out = run("linear_regression", cwd=tmp_path)
    for name in "Wb":
        found = [float(v) for v in re.findall(rf"{name} (-?\d+\.\d+)", out)]
        assert found[-2] == pytest.approx(found[-1], abs=2e-4)  # as least squares
    assert number(out, "loss") < 0.09


def test_multilayer_perceptron(tmp_path):
    out = run("multilayer_perceptron", cwd=tmp_path)
    assert number(out, "test accuracy") > 0.94 and "17226 parameters" in out
    assert run("multilayer_perceptron", cwd=tmp_path) == out  # seeded


def test_cnn(tmp_path):
    out = run("cnn", "--epochs", 5, cwd=tmp_path)
    assert number(out, "test accuracy") > 0.95
    assert "2 traces, 225 steps" in out  # the last, smaller batch asks for one more, for batches of any size


def test_autoencoder(tmp_path):
    out = run("autoencoder", cwd=tmp_path)
    assert number(out, "squared error of test images") < 0.4 * number(out, "of their mean")


def test_gan(tmp_path):
    out = run("gan", cwd=tmp_path)
    assert number(out, "from the nearest real one") < 4  # pixels of noise are more than 7 away


def test_text_rnn(tmp_path):
    out = run("text_rnn", cwd=tmp_path)
    assert number(out, "loss") < 0.25
    written = out.splitlines()[-1] if "\n" not in out.split("loss")[-1] else out.split("loss")[-1].split("\n", 1)[1]
    assert any(words in written for words in ("better than", "obvious", "namespaces", "preferably"))


def test_custom_gradients(tmp_path):
    out = run("custom_gradients", cwd=tmp_path)
    assert "gradient of naive at 100: nan\ngradient of log1pexp at 100: 1.0\n" in out
    assert "quantised weight 0.75" in out and "turned round: [-0.2 -0.4]" in out
    assert "slope 12.0, curvature 12.0" in out and "[[2. 0. 0.]\n [2. 4. 0.]\n [2. 4. 6.]]" in out
    assert "times [ 1.  0. -1.]: [-2.  2.  2.]" in out


def test_tfrecords(tmp_path):
    out = run("tfrecords", "--folder", "records", cwd=tmp_path)
    assert number(out, "accuracy of 360 test images") > 0.92 and "1437 examples" in out
    assert len(list((tmp_path / "records").iterdir())) == 5


def test_save_and_serve(tmp_path):
    out = run("save_and_serve", cwd=tmp_path)
    assert "restored from the checkpoint: the same weights" in out
    assert number(out, "served:") > 0.92 and "digit 3" in out
    assert "TensorSpec(shape=(None, 8, 8), dtype=tf.float32, name='image')" in out
    assert sorted(p.name for p in (tmp_path / "digit_model_checkpoints").iterdir())[0] == "checkpoint"
