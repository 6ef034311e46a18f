"""The records of files as a source of datasets: file after file, or several files in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from graphc.api.create import convert_to_tensor
from graphc.api.data.block import Block
from graphc.api.data.element import DatasetSpec
from graphc.api.data.flow import Flow
from graphc.api.data.stage import Run, Stage
from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.spec import TensorSpec
from graphc.api.tensor import EagerTensor
from graphc.errors import DtypeError, UsageError, explain
from graphc.formats import blocks
from graphc.ir import dtype as dt


class Files(Stage):
    """The records of files, file after file, or several files in turn.

    Args:
        names: a Dataset of names, or an array of them.
        read: answers for the name of a file with an iterator of its records.
        cycle: from so many files records are taken in turn.
        columns: makes columns of a block of a list of records.
    """

    def __init__(self, kind: str, method: str, element_spec, names, read: Callable, cycle: int, columns: Callable):
        self.kind, self.method = kind, method
        is_dataset = isinstance(names, DatasetSpec.value_type)
        super().__init__(element_spec, (names.stage,) if is_dataset else ())
        self._names = None if is_dataset else names
        self._read, self._cycle, self._columns = read, cycle, columns

    def open(self, run: Run) -> Flow:
        names = _FromFlow(self.inputs[0].open(run)) if self.inputs else _FromArray(self._names)
        return _Reading(names, self._read, self._cycle, self._columns)


class _FromArray:
    """Names of files from an array."""

    def __init__(self, names: np.ndarray):
        self._names = iter(names.tolist())

    def next(self) -> bytes | None:
        return next(self._names, None)

    def close(self) -> None:
        self._names = iter(())


class _FromFlow:
    """Names of files from another dataset, one at a time."""

    def __init__(self, flow: Flow):
        self._flow = flow

    def next(self) -> bytes | None:
        block = self._flow.pull(1)
        return None if block is None else np.asarray(block.row(0)[0], object).item()

    def close(self) -> None:
        self._flow.close()


class _Reading(Flow):
    """Records of files in turn: the next one of each of ``cycle`` files; one that has ended gives its place to another.

    An error does not end it: the file that made it is left, and the next ``pull`` goes on with others.
    """

    def __init__(self, names, read: Callable, cycle: int, columns: Callable):
        self._names, self._read, self._columns = names, read, columns
        self._open: list[Iterator | None] = [None] * cycle
        self._at, self._has_names, self._error = 0, True, None

    def pull(self, most: int) -> Block | None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        found: list = []
        while len(found) < most:
            try:
                if not self._take(found, most):
                    break
            except Exception as error:  # of this file, or of the user's reader
                self._open[self._at] = None
                if not found:
                    raise
                self._error = error  # told after what was read before it
                break
        return Block(len(found), self._columns(found)) if found else None

    def _take(self, found: list, most: int) -> bool:
        """Add records of the file whose turn it is; False at the end of all."""
        at = self._at
        if self._open[at] is None:
            name = self._names.next() if self._has_names else None
            if name is None:
                self._has_names = False
                if not any(self._open):
                    return False
                self._at = (at + 1) % len(self._open)
                return True
            self._open[at] = self._read(name)
        count = most - len(found) if len(self._open) == 1 else 1
        for record in self._open[at]:
            found.append(record)
            count -= 1
            if not count:
                break
        else:
            self._open[at] = None
        self._at = (at + 1) % len(self._open)
        return True

    def close(self) -> None:
        self._has_names = False
        for file in self._open:
            if file is not None:
                file.close()
        self._open = [None] * len(self._open)
        self._names.close()


def strings(values: list) -> list[np.ndarray]:
    """Strings as the only column of a block."""
    column = np.empty(len(values), object)
    column[:] = values
    return [column]


def file_names(op: str, filenames):
    """Names of files as an array of strings, or as the Dataset that they are.

    Raises:
        DtypeError: they are no strings. UsageError: elements of the dataset are no scalars.
    """
    if isinstance(filenames, DatasetSpec.value_type):
        spec = filenames.element_spec
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.string or spec.shape.rank not in (0, None):
            what = f"{op}: filenames must be a dataset of strings of shape (), one a file, not of {spec}"
            raise UsageError(explain(what))
        return filenames
    if isinstance(filenames, os.PathLike):
        filenames = os.fspath(filenames)
    if isinstance(filenames, (list, tuple)):
        if not filenames:
            return np.empty(0, object)
        filenames = [os.fspath(f) if isinstance(f, os.PathLike) else f for f in filenames]
        if any(isinstance(f, Operators) for f in filenames):
            filenames = convert_to_tensor(filenames)
    tensor = filenames if isinstance(filenames, Operators) else EAGER.convert(filenames)
    if tensor.dtype is not dt.string:
        what = f"{op}: filenames must be strings, or a dataset of strings, got {tensor.dtype.name}{tensor.shape}"
        raise DtypeError(explain(what))
    if not isinstance(tensor, EagerTensor):
        return np.empty(0, object)  # in a function that is traced: its elements are wanted, not its content
    return np.asarray(tensor.numpy(), object).reshape(-1)


def whole_number(op: str, name: str, value, least: int, default: int) -> int:
    """An argument that is a whole number, perhaps as a tensor.

    Raises:
        UsageError: it is none, or less than ``least``.
    """
    if value is None:
        return default
    try:
        number = int(value.numpy() if isinstance(value, Operators) else value)
    except (TypeError, ValueError):
        raise UsageError(explain(f"{op}: {name} must be a whole number, got {value!r}")) from None
    if number < least:
        raise UsageError(explain(f"{op}: {name} must be at least {least}, got {number}"))
    return number


def reading(op: str, compression_type, buffer_size, num_parallel_reads) -> tuple[str, int, int]:
    """What the arguments of all file datasets mean: compression, bytes of a block, files that are read in turn."""
    kind = compression_type.numpy() if isinstance(compression_type, Operators) else compression_type
    size = whole_number(op, "buffer_size", buffer_size, 0, 0)
    reads = whole_number(op, "num_parallel_reads", num_parallel_reads, -1, 1)
    if reads == 0:
        raise UsageError(explain(f"{op}: num_parallel_reads must be positive, tf.data.AUTOTUNE or None, got 0"))
    return blocks.kind_of(op, kind), max(size, blocks.SIZE), max(reads, 1)
