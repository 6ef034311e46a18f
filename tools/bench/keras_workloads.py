"""What back ends of Keras are compared by: models as courses write them, and what is done with each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BATCH, RATE = 32, 0.001


@dataclass(frozen=True)
class KerasWorkload:
    """One row of the table.

    Attributes:
        model: ``model(keras, drops)`` is the model, without Dropout where ``drops`` is False.
        shape: of one input.
        rows: how many there are.
        classes: what targets tell apart.
        fits: whether a call is an epoch of ``fit``, else it is ``predict`` of all rows.
        goal: how many times faster than the best other back end.
    """

    name: str
    model: Callable
    shape: tuple[int, ...]
    rows: int
    classes: int = 10
    fits: bool = True
    goal: float | None = None

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets, the same in every process."""
        draw = np.random.default_rng(8)
        return draw.random((self.rows, *self.shape), np.float32), draw.integers(0, self.classes, self.rows)


def mlp(keras, drops: bool):
    layers = keras.layers
    return keras.Sequential([
        layers.Input((28, 28)), layers.Flatten(), layers.Dense(256, activation="relu"),
        *([layers.Dropout(0.2)] if drops else []), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def cnn(keras, drops: bool):
    layers = keras.layers
    return keras.Sequential([
        layers.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        *([layers.Dropout(0.5)] if drops else []), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def lstm(keras, drops: bool):
    layers = keras.layers
    return keras.Sequential([layers.Input((28, 28)), layers.LSTM(64), layers.Dense(10, activation="softmax")])


def resnet(keras, drops: bool):
    return keras.applications.ResNet50(weights=None)


WORKLOADS = {w.name: w for w in (
    KerasWorkload("keras-mlp-fit", mlp, (28, 28), 200 * BATCH, goal=1.5),
    KerasWorkload("keras-cnn-fit", cnn, (28, 28, 1), 30 * BATCH, goal=1.5),
    KerasWorkload("keras-lstm-fit", lstm, (28, 28), 30 * BATCH, goal=2.0),
    KerasWorkload("keras-predict-1", mlp, (28, 28), 1, fits=False, goal=5.0),
    KerasWorkload("keras-resnet50-1", resnet, (224, 224, 3), 1, 1000, fits=False, goal=1.1),
)}  # fmt: skip


@dataclass(frozen=True)
class FirstStep:
    """A row of the first step of ``fit`` in a new process.

    Attributes:
        workload: whose model it is. starts: how many processes one after the other keep what they compile in the same
            folder; the last one is measured. goal: as of workloads. aside: who compiles nothing.
    """

    name: str
    workload: str
    starts: int = 1
    goal: float | None = None
    aside: tuple[str, ...] = ("torch",)


FIRST_STEPS = {f.name: f for f in (
    FirstStep("keras-mlp-first", "keras-mlp-fit", goal=3.0),
    FirstStep("keras-cnn-first", "keras-cnn-fit", goal=3.0),
    FirstStep("keras-mlp-first-again", "keras-mlp-fit", starts=2),
    FirstStep("keras-cnn-first-again", "keras-cnn-fit", starts=2),
)}  # fmt: skip
