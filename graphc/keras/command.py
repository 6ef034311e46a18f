"""Files of Keras models as the command line takes them: FILE.keras to predict, FILE.keras:train for a step of training."""

from __future__ import annotations

from pathlib import Path

import keras
from graphc.errors import FormatError, Location, UsageError, located
from graphc.ir.graph import Graph
from graphc.keras.keras_graphc import programs
from graphc.keras.keras_graphc.export import write_programs
from graphc.options import Options

TRAIN = "train"


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
    if part not in ("", TRAIN):
        raise UsageError(f"{path} has no part {part!r}: {path} is what predicts, {path}:{TRAIN} is a step of training")
    model = load(path)
    with located(Location(path, 1)):
        return programs.training_step(model).graph if part else programs.prediction(model)


def compile_model(path: str, output: Path, options: Options, **for_c: bool) -> tuple[list[Path], str]:
    """Write what ``write_programs`` writes for a model, and say why there is no step of training.

    Raises:
        FormatError, OSError: as ``load``. UsageError, CompileError, OSError: as ``write_programs``.
    """
    model = load(path)
    with located(Location(path, 1)):
        return write_programs(model, output, options, **for_c)
