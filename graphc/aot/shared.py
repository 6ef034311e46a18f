"""Shared libraries that ``export`` wrote, called from Python: without the container, and without a compiler."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
from pathlib import Path

import numpy as np

from graphc.aot.names import c_name
from graphc.aot.shared_call import fast_call
from graphc.aot.signature import SUFFIX, Description, read_signature
from graphc.errors import DeviceUnavailable, FormatError, InvalidArgumentError, ShapeError, UsageError, explain
from graphc.ir.target import TARGETS
from graphc.ir.text import scalar_text
from graphc.runtime.arguments import Arguments
from graphc.runtime.dims import evaluate
from graphc.runtime.elf_find import find_data
from graphc.runtime.host import host_target, runs_here
from graphc.runtime.library import load_for_good
from graphc.runtime.native_call import address_of
from graphc.runtime.pool import default_threads
from graphc.runtime.portable_call import aligned_bytes

_READABLE = 64  # bytes that must be readable from the start of every array
_LARGEST = 1 << 46  # bytes of one value, as in generated code
_weights: list[np.ndarray] = []  # what libraries read from
_forked: set[int] = set()  # libraries that are told of a fork


class SharedModel:
    """The program of a shared library: called with one array per input, it returns a tuple of arrays.

    Any number of threads may call it. The library stays loaded until the process ends.

    Attributes:
        name: of its function. signature: names and types of inputs and outputs. target: the machine that it was made for.
    """

    def __init__(self, library: ctypes.CDLL, description: Description):
        """Use ``load_shared``."""
        self.name, self.signature, self.target = description.name, description.signature, description.target
        self._checks, self._reasons = description.checks, description.reasons
        self._library, self._call = library, None
        self._arguments = Arguments(self.name, self.signature)
        pointers = [ctypes.c_void_p] * 4
        self._run, self._arena, self._shapes = (
            ctypes.CFUNCTYPE(result, *kinds)((self.name + suffix, library))
            for suffix, result, kinds in (
                ("", ctypes.c_int32, pointers), ("_arena", ctypes.c_int64, pointers[:1]), ("_shapes", None, pointers[:2]),
            )
        )  # fmt: skip
        self._spare: list[np.ndarray] = []  # arenas that no run is using
        if library._handle not in _forked and hasattr(library, f"{self.name}_threads"):  # some are made without
            _forked.add(library._handle)
            ctypes.CFUNCTYPE(None, ctypes.c_int32)((f"{self.name}_threads", library))(default_threads())
            os.register_at_fork(after_in_child=ctypes.CFUNCTYPE(None)((f"{self.name}_after_fork", library)))

    def __call__(self, *arrays) -> tuple[np.ndarray, ...]:
        """Run on all inputs; answers all outputs. Nothing that is given is written to.

        Raises:
            FeedError, DtypeError, ShapeError: an argument does not fit.
            InvalidArgumentError: values are not as they must be.
        """
        if self._call is None:
            self._call = fast_call(self._library, self.name, self.signature, self._refusal) or self._called
        return self._call(*arrays)

    def _called(self, *arrays) -> tuple[np.ndarray, ...]:
        """The same where nothing but the library is at hand."""
        inputs, dims = self._arguments.convert(arrays)
        values = dict(zip(self.signature.symbols, dims))
        for code, check in enumerate(self._checks, 1):
            if not evaluate(check.condition, values):
                raise self._refusal(code)
        inputs = [x if x.nbytes >= _READABLE else _copied(x) for x in inputs]
        sizes = (ctypes.c_int64 * max(1, len(dims)))(*dims)
        outputs = self._outputs(inputs, sizes)
        try:
            arena = self._spare.pop()
        except IndexError:  # others are using them; asking first whether there is one would not keep it
            arena = np.empty(0, np.uint8)
        wanted = self._arena(sizes)
        if wanted > arena.size:
            arena = aligned_bytes(wanted)
        code = self._run(_pointers(inputs), _pointers(outputs), sizes, address_of(arena))
        self._spare.append(arena)
        if code:
            raise self._refusal(code)
        return tuple(outputs)

    def _outputs(self, inputs: list[np.ndarray], dims) -> list[np.ndarray]:
        """Where the results go: new memory, or a copy of the input that an output is written over."""
        params = self.signature.outputs
        flat = (ctypes.c_int64 * max(1, sum(p.type.rank for p in params)))()
        self._shapes(dims, flat)
        found, at = [], 0
        donated = dict(self.signature.donated)
        for k, param in enumerate(params):
            shape, dtype = tuple(flat[at : at + param.type.rank]), param.type.dtype.numpy
            at += param.type.rank
            if math.prod(shape) * dtype.itemsize > _LARGEST:
                raise ShapeError(explain("the sizes given make a value of more than 64 TiB"))
            if k in donated:
                inputs[donated[k]] = _copied(inputs[donated[k]])
                found.append(inputs[donated[k]])
            else:
                found.append(_memory(shape, dtype))
        return found

    def _refusal(self, code: int) -> Exception:
        """What a nonzero code of the native function means."""
        if 0 < code <= len(self._checks):
            check = self._checks[code - 1]
            return ShapeError(explain(f"{check.message} (for the sizes given, {scalar_text(check.condition)} does not hold)"))
        place = code - len(self._checks) - 2
        if not 0 <= place < len(self._reasons):
            return ShapeError(explain("the sizes given make a value of more than 64 TiB"))
        message, line = self._reasons[place]
        return InvalidArgumentError(explain(message + (f"\n  at {line}" if line else "")))


def load_shared(path, entry: str | None = None) -> SharedModel:
    """The program of a shared library that ``export`` wrote. Its code runs only after everything here has been checked.

    Args:
        entry: the name of its function, for a library of several.

    Raises:
        UsageError: there is none of that name, or there are several and none is named.
        FormatError: the file is no such library, of a newer format, cut off, or its tables are damaged.
        DeviceUnavailable: it was compiled for another machine than this one.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise FormatError(f"{os.fspath(path)}: the file is empty; no shared library")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            description, weights = _described(view, Path(path), entry)
        target = TARGETS.get(description.target)
        if target is None or not runs_here(target):
            raise DeviceUnavailable(
                f"{os.fspath(path)} was compiled for {description.target}, whose code this machine ({host_target().name}) cannot run; "
                "load the .gc container that was written with it, or compile the model again with --target for this machine"
            )
        try:
            library = load_for_good(file)
            model = SharedModel(library, description)
        except (OSError, AttributeError) as error:
            raise FormatError(f"{os.fspath(path)}: the library cannot be loaded: {error}") from None
    if hasattr(library, f"{description.name}_init"):
        _give_weights(library, description.name, weights)
    return model


def _give_weights(library: ctypes.CDLL, name: str, path: Path) -> None:
    """Map the weights of a library that has them in a file beside it; they stay as long as the library does.

    Raises:
        FormatError: they are another model's, or cut off. OSError: they cannot be read.
    """
    content = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
    code = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64)((f"{name}_init", library))(
        content.ctypes.data, content.size
    )
    if code:
        raise FormatError(f"{path}: the file is {'cut off' if code == 1 else 'of another model than the library'}")
    _weights.append(content)


def _described(view: memoryview, path: Path, entry: str | None) -> tuple[Description, Path]:
    """What a library says of one of its functions, and where the weights of that lie if they are not in it."""
    try:
        found = {symbol.removesuffix(SUFFIX): content for symbol, content in find_data(view, SUFFIX).items()}
        if not found:
            raise FormatError(f"a library of graphc has a symbol that ends with {SUFFIX!r}, and this one has none; compile the model again "
                              "if it was made by an older version")  # fmt: skip
        if entry not in found and (entry is not None or len(found) > 1):
            asked = "say which is meant, by graphc.load(path, name) or as FILE.so:NAME" if entry is None else f"there is no {entry!r}"
            raise UsageError(f"{path} has the functions {', '.join(found)}: {asked}")
        name = next(iter(found)) if entry is None else entry
        described = read_signature(found[name], name)
        if len(Arguments(described.name, described.signature).known_symbols) != len(described.signature.symbols):
            raise FormatError("the signature of the library has sizes that no input gives")
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    if len(found) == 1:
        return described, path.with_suffix(".weights")
    own = (file for file in sorted(path.parent.glob("*.weights")) if c_name(file) == name)
    return described, next(own, path.with_name(f"{name}.weights"))


def _memory(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array in new memory of at least the bytes that must be readable."""
    size = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if size >= _READABLE else np.ndarray(shape, dtype, buffer=aligned_bytes(_READABLE))


def _copied(array: np.ndarray) -> np.ndarray:
    made = _memory(array.shape, array.dtype)
    made[...] = array
    return made


def _pointers(arrays: list[np.ndarray]):
    return (ctypes.c_void_p * max(1, len(arrays)))(*[address_of(a) for a in arrays])
