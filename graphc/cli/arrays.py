"""Arrays that a command line names: what they are called, and random ones for those that are not given."""

from __future__ import annotations

import argparse

import numpy as np

from graphc import aot
from graphc.errors import FormatError, UsageError


def add_feeds(parser: argparse.ArgumentParser) -> None:
    """The arrays to run a model on."""
    parser.add_argument(
        "--input", "-i", action="append", default=[], metavar="[NAME=]FILE.npy",
        help="an input, by name or in order; or FILE.npz, with several by name",
    )  # fmt: skip
    parser.add_argument(
        "--random", type=_size, metavar="SIZE",
        help="fill inputs not given with seeded random numbers; SIZE for symbolic dimensions",
    )  # fmt: skip


def _size(text: str) -> int:
    """An argument that must be a number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of elements, 0 or more")
    return int(text)


def named_arrays(texts: list[str] | tuple, names: list[str]) -> dict[str, np.ndarray]:
    """The arrays that texts mean, by the names of inputs: ``[NAME=]FILE.npy``, in order without a name, or ``FILE.npz``."""
    given: dict[str, np.ndarray] = {}
    for text in texts:
        name, equals, path = text.rpartition("=")
        if not equals and path.endswith(".npz"):
            given.update(_several(path, [n for n in names if n not in given]))
            continue
        if not equals:
            left = [n for n in names if n not in given]
            if not left:
                raise UsageError(f"more inputs than the model has ({len(names)})")
            name = left[0]
        if name not in names:
            raise UsageError(f"the model has no input {name!r}; it has {', '.join(names)}")
        if name in given:
            raise UsageError(f"input {name} is given twice")
        given[name] = _load_array(path)
    return given


def arrays_for(inputs: list[tuple], texts: list[str], options) -> list[np.ndarray]:
    """One array for each of the inputs, which are (name, Type): those that texts name, and random ones."""
    given = named_arrays(texts, [name for name, _ in inputs])
    rng = np.random.default_rng(0)
    for name, type in inputs:
        if name in given:
            continue
        if options.random is None or type.dtype.kind == "s":
            is_open = any(not isinstance(d, int) for d in type.shape)
            drawn = " or --random SIZE" + (", for the sizes that are open" if is_open else "") if type.dtype.kind != "s" else ""
            how = f"give --input {name}=FILE.npy{drawn}"
            raise UsageError(f"input {name} ({type}) is missing; {how}")
        shape = [d if isinstance(d, int) else options.random for d in type.shape]
        given[name] = aot.random_array(rng, shape, type.dtype)
    return [given[name] for name, _ in inputs]


def _several(path: str, names: list[str]) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file that have one of these names; others are passed over."""
    held = aot.read_arrays(path)
    found = {name: held[name] for name in names if name in held}
    if not found:
        raise UsageError(f"{path} holds {', '.join(held) or 'nothing'}; the inputs that are not given are {', '.join(names)}")
    return found


def _load_array(path: str) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FormatError(f"{path} is no .npy file: {error}") from None
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path} holds {', '.join(array.files)}; give one array, as an .npy file")
    return array
