"""The process of one back end of Keras: commands come in as lines of JSON, and answers go out.

    python -m bench.keras_worker BACKEND THREADS

Commands: ``{"do": "build", "workload": NAME, "check": TRUTH}`` makes the model and answers, if asked to, with what
tells whether it computes the same as others; ``{"do": "first"}`` with the seconds of the first step of ``fit`` of the model;
``{"do": "measure", "seconds": S}`` times calls.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

import numpy as np

from .keras_workloads import BATCH, RATE, WORKLOADS, KerasWorkload
from .worker import serve

CHECKED = 3  # epochs of the first batches without Dropout, whose losses all back ends agree about


def started(backend: str):
    """Keras with the back end, and the seconds of its import."""
    begin = time.perf_counter()
    if backend == "graphc":
        keras = importlib.import_module("graphc.keras")
    else:
        os.environ["KERAS_BACKEND"] = backend
        keras = importlib.import_module("keras")
    return keras, time.perf_counter() - begin


class Running:
    """A model with its data."""

    def __init__(self, keras, workload: KerasWorkload):
        self._keras, self._workload = keras, workload
        self._x, self._y = workload.data()
        self.model = self._made(drops=True)

    def _made(self, drops: bool):
        model = self._workload.model(self._keras, drops)
        draw = np.random.default_rng(4)
        model.set_weights([_weight(draw, w.shape) for w in model.get_weights()])
        if self._workload.fits:
            optimizer = self._keras.optimizers.Adam(RATE)
            model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def told(self) -> list[float]:
        """Losses, or what the same weights predict for the first classes."""
        x, y = self._x[: 4 * BATCH], self._y[: 4 * BATCH]
        if self._workload.fits:
            model = self._made(drops=False)
            history = model.fit(x, y, batch_size=BATCH, epochs=CHECKED, shuffle=False, verbose=0).history
            return [float(v) for v in history["loss"]]
        return self.model.predict(x, verbose=0)[0, :10].tolist()

    def first(self) -> float:
        """Seconds of the first step of ``fit``, compiling included."""
        begin = time.perf_counter()
        self.model.fit(self._x[:BATCH], self._y[:BATCH], batch_size=BATCH, verbose=0)
        return time.perf_counter() - begin

    def call(self) -> None:
        if self._workload.fits:
            self.model.fit(self._x, self._y, batch_size=BATCH, verbose=0)
        else:
            self.model.predict(self._x, verbose=0)

    def times(self, seconds: float) -> list[float]:
        """Seconds of single calls, as many as fit."""
        found: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(found) < 2:
            begin = time.perf_counter()
            self.call()
            found.append(time.perf_counter() - begin)
        return found


def _weight(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values that every back end begins with; what has one axis may be a variance."""
    if len(shape) < 2:
        return draw.uniform(0.5, 1.0, shape)
    return draw.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))


def limited(backend: str, threads: int) -> None:
    """Let the back end use so many threads, where variables of the environment do not say it."""
    if backend == "torch":
        importlib.import_module("torch").set_num_threads(threads)
    elif backend == "tensorflow":
        threading = importlib.import_module("tensorflow").config.threading
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)


class Backend:
    """What answers for one back end: it keeps the model that was built last."""

    def __init__(self, name: str, threads: int):
        self._keras, self._import = started(name)
        limited(name, threads)
        self._running: Running | None = None

    def answer(self, command: dict) -> dict:
        if command["do"] == "build":
            self._running = running = Running(self._keras, WORKLOADS[command["workload"]])
            answer = {"import": self._import, "version": self._keras.__version__}
            if command["check"]:
                answer["told"] = running.told()
                running.call()
            return answer
        if command["do"] == "first":
            return {"times": [self._running.first()]}
        return {"times": self._running.times(command["seconds"])}


def main() -> None:
    backend, threads = sys.argv[1], int(sys.argv[2])
    serve(threads, lambda: Backend(backend, threads).answer)


if __name__ == "__main__":
    main()
