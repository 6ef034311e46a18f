"""CheckpointReader: the tensors of a checkpoint without a model."""

from __future__ import annotations

import os

import numpy as np

from graphc.api.checkpoint.state_file import latest_checkpoint
from graphc.errors import NotFoundError, explain
from graphc.formats import protos
from graphc.formats.bundle import BundleReader
from graphc.ir.dtype import DType


class CheckpointReader:
    """Reads a checkpoint.

    Args:
        filepattern: its prefix.

    Raises:
        NotFoundError: there is no such checkpoint. UsageError: it is the name of one of its files.
        DataLossError: it is damaged.
    """

    def __init__(self, filepattern):
        self._bundle = BundleReader(filepattern)

    def has_tensor(self, tensor_str) -> bool:
        """Whether there is a tensor of this name."""
        return _text(tensor_str) in self._bundle.entries

    def get_tensor(self, tensor_str):
        """The value of a tensor, as an array (a NumPy scalar, or bytes, if it has rank 0).

        Raises:
            NotFoundError: there is none of that name. DataLossError: it is damaged.
        """
        return self._bundle.read(_text(tensor_str))[()]

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """Name -> sizes."""
        return {name: list(entry.shape) for name, entry in self._bundle.entries.items()}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """Name -> dtype.

        Raises:
            DtypeError: a tensor is of a type that does not exist here.
        """
        return {name: entry.dtype for name, entry in self._bundle.entries.items()}

    def debug_string(self) -> bytes:
        """A line for each tensor: name, type, sizes."""
        kinds = protos.DataType
        lines = []
        for name, entry in self._bundle.entries.items():
            kind = kinds.Name(entry.number) if entry.number in kinds.values() else str(entry.number)
            lines.append(f"{name} ({kind}) [{','.join(map(str, entry.shape))}]\n")
        return "".join(lines).encode()


def _text(name) -> str:
    return name.decode() if isinstance(name, bytes) else name


def new_checkpoint_reader(filepattern) -> CheckpointReader:
    """A reader of the checkpoint of this prefix; raises as CheckpointReader does."""
    return CheckpointReader(filepattern)


def load_checkpoint(ckpt_dir_or_file) -> CheckpointReader:
    """A reader of a checkpoint, or of the latest one of a folder.

    Raises:
        NotFoundError: there is none; else as CheckpointReader.
    """
    return CheckpointReader(checkpoint_file(ckpt_dir_or_file))


def checkpoint_file(path) -> str:
    """The prefix that is meant by a prefix or a folder.

    Raises:
        NotFoundError: the folder has no checkpoint.
    """
    path = os.fspath(path)
    if not os.path.isdir(path):
        return path
    found = latest_checkpoint(path)
    if found is None:
        what = f"checkpoint: the folder {path!r} has no checkpoint (no file 'checkpoint' that names one)"
        raise NotFoundError(explain(what))
    return found


def load_variable(ckpt_dir_or_file, name) -> np.ndarray:
    """The value of one tensor of a checkpoint; ``name`` may end with ``:0``.

    Raises:
        NotFoundError: there is no such checkpoint or tensor.
    """
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


def list_variables(ckpt_dir_or_file) -> list[tuple[str, list[int]]]:
    """Names and sizes of the tensors of a checkpoint, sorted by name."""
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())
