"""Files of Keras models as the command line takes them: FILE.keras to predict, FILE.keras:train for a step of training."""

from __future__ import annotations

import keras
from graphc.errors import FormatError, Location, UsageError, located
from graphc.ir.graph import Graph
from graphc.keras.keras_graphc import programs
from graphc.keras.keras_graphc.export import PREDICT, TRAIN, entries_of

__all__ = ["PREDICT", "TRAIN", "check_part", "entries_of", "graph_of", "graph_of_model", "load"]


def load(path: str):
    """The model in a ``.keras`` or ``.h5`` file; Keras reads it, and refuses code in it.

    Raises:
        FormatError: Keras refuses it: it is damaged, or needs classes that are not registered.
        OSError: it cannot be read.
    """
    with open(path, "rb"):
        pass  # says what is wrong with the file itself
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # whatever a damaged file leads to
        raise FormatError(f"{path}: Keras cannot load it: {error}") from None


def graph_of(path: str, part: str) -> Graph:
    """The Graph of a model's predictions, or of a step of its training if ``part`` is ``train``.

    Raises:
        UsageError: there is no such part, or the model is not compiled.
        FormatError, OSError: as ``load``.
    """
    check_part(path, part)
    with located(Location(path, 1)):
        return graph_of_model(load(path), part)


def check_part(path: str, part: str) -> None:
    """Say at once which parts a file has.

    Raises:
        UsageError: there is no such part.
    """
    if part not in ("", TRAIN):
        raise UsageError(f"{path} has no part {part!r}: {path} is what predicts, {path}:{TRAIN} is a step of training")


def graph_of_model(model, part: str) -> Graph:
    """The same of a model that is loaded, or was made in this process.

    Raises:
        UsageError: the model is not compiled, so that there is no step of training.
    """
    return programs.training_step(model).graph if part else programs.prediction(model)
