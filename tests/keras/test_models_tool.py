"""``tools/keras_models.py``: weights that do not depend on the back end, and what counts as a difference."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from graphc import keras

FILE = Path(__file__).resolve().parents[2] / "tools" / "keras_models.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("keras_models", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_weights_are_drawn_in_their_order(tool):
    def drawn():
        model = keras.Sequential(
            [keras.Input((6, 6, 2)), keras.layers.DepthwiseConv2D(3), keras.layers.BatchNormalization(),
             keras.layers.Dropout(0.5), keras.layers.Dense(3)]
        )  # fmt: skip
        tool.draw_weights(model, np.random.default_rng(0))
        return [np.asarray(w) for w in model.weights]

    first, second = drawn(), drawn()
    assert len(first) == 8 and all((a == b).all() for a, b in zip(first, second, strict=True))
    assert (first[2] >= 0.8).all() and 0.1 < first[0].std() < 0.5  # gamma; the kernel of the first


def test_differences_are_relative_and_judged(tool, tmp_path, capsys):
    rows = {"output ": np.float32([[100.0, 1.0]]), "weight dense/kernel": np.float32([2.0]), "loss": 1.0}
    seconds = {f"seconds_{kind} {when}": 0.5 for kind in ("predict", "train") for when in ("first", "again")}
    for folder, by in (("a", 1.0), ("b", 1.0 + 1e-6), ("c", 1.01)):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "Net.npz", **{k: v * np.float32(by) for k, v in rows.items()}, **seconds)
    assert tool.compare(tmp_path / "a", tmp_path / "b") == 0
    assert "outputs 9.2e-07" in capsys.readouterr().out
    assert tool.compare(tmp_path / "a", tmp_path / "c") == 1
    assert "(dense/kernel)" in capsys.readouterr().out
