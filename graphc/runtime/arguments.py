"""What a program expects of its inputs: conversion of what callers give, and messages when it does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import CompileError, DtypeError, FeedError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import symbol_name
from graphc.ir.program import Param, Signature
from graphc.runtime.resident import Resident

EQUAL, BIND, SAME = 0, 1, 2
"""What is asked of one dimension: to be a number, to give a symbol its value, to be that value."""

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


@dataclass(frozen=True)
class InputRule:
    """One input: its parameter, and per dimension ``(EQUAL, size)``, ``(BIND, symbol)`` or ``(SAME, symbol)``."""

    position: int
    param: Param
    dims: tuple[tuple[int, int], ...]


class Arguments:
    """The inputs of one program that are given in each call; ``bound`` ones are fixed and only bind symbols.

    Args:
        bound: arrays of inputs that are not given in the call, by position.
        residents: whether arrays on devices are taken as they are.
    """

    def __init__(
        self, name: str, signature: Signature, bound: dict[int, np.ndarray] | None = None, residents: bool = False
    ):  # fmt: skip
        self.name, self.signature = name.removeprefix("gc_"), signature  # as messages call it
        self.bound, self._kept = dict(bound or {}), Resident if residents else ()
        self.slots = {symbol: k for k, symbol in enumerate(signature.symbols)}
        known: set[int] = set()
        fixed = [self._rule(position, known) for position in sorted(self.bound)]
        self.initial = [0] * len(self.slots)
        self._source: dict[int, tuple[Param, int]] = {}
        for rule in fixed:
            self._check_state(rule)
        self.fixed_symbols = frozenset(known)
        self.rules = tuple(self._rule(position, known) for position in range(len(signature.inputs)) if position not in self.bound)
        self.known_symbols = frozenset(known)

    def _rule(self, position: int, known: set[int]) -> InputRule:
        param = self.signature.inputs[position]
        dims = []
        for dim in param.type.shape:
            if isinstance(dim, int):
                dims.append((EQUAL, dim))
                continue
            slot = self.slots.get(symbol_name(dim))
            if slot is None:
                raise CompileError(f"{self.name}: input {param.name} has type {param.type}, but {dim} is no symbol of the program")
            dims.append((SAME if slot in known else BIND, slot))
            known.add(slot)
        return InputRule(position, param, tuple(dims))

    def convert(self, given: tuple) -> tuple[list[np.ndarray], list[int]]:
        """The given values as arrays that native code can read, and the values of the symbols.

        Arrays must have the right dtype already; Python numbers and lists become arrays of it where no information
        gets lost. What does not lie contiguous and aligned is copied.

        Raises:
            FeedError, DtypeError, ShapeError: with the name and place of the parameter, what it wants, what it got.
        """
        if len(given) != len(self.rules):
            names = ", ".join(rule.param.name for rule in self.rules)
            raise FeedError(explain(f"{self.name}: takes {len(self.rules)} inputs ({names}), got {len(given)}"))
        arrays = [self._array(rule.param, value) for rule, value in zip(self.rules, given)]
        dims, sources = list(self.initial), dict(self._source)
        for rule, array in zip(self.rules, arrays):
            self._check_shape(rule, array, dims, sources)
        laid_out = [a if isinstance(a, self._kept) else _laid_out(a, r.param.type.dtype) for r, a in zip(self.rules, arrays)]
        return laid_out, dims

    def _array(self, param: Param, value) -> np.ndarray:
        dtype = param.type.dtype
        if dtype is dt.string:
            return self._strings(param, value)
        if isinstance(value, self._kept) and value.dtype == dtype.numpy:
            return value
        plain = isinstance(value, (bool, int, float, complex, list, tuple)) and not isinstance(value, np.generic)
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise self._shape_error(param, f"a {type(value).__name__} that is no regular array ({error})") from None
        if array.dtype == dtype.numpy:
            return array
        if not plain and array.dtype.newbyteorder("=") == dtype.numpy:
            return array.astype(dtype.numpy)
        if plain and (array.size == 0 or _loses_nothing(array, dtype)):
            with np.errstate(over="ignore"):  # 1e300 becomes infinite, as in the fast call path
                return array.astype(dtype.numpy)
        raise DtypeError(self._message(param, _described(array), "convert it first" if not plain else "it has no such values"))

    def _strings(self, param: Param, value) -> np.ndarray:
        """An array of bytes objects; text is encoded as UTF-8."""
        array = np.asarray(value, dtype=object)
        kinds = set(map(type, array.reshape(-1).tolist()))
        if kinds <= {bytes}:
            return array
        if not kinds <= {bytes, str, np.str_, np.bytes_}:
            raise DtypeError(self._message(param, _described(np.asarray(value)), "it holds something else than text"))
        found = np.empty(array.shape, object)
        found.reshape(-1)[:] = [e.encode() if isinstance(e, str) else bytes(e) for e in array.reshape(-1).tolist()]
        return found

    def _check_shape(self, rule: InputRule, array: np.ndarray, dims: list[int], sources: dict) -> None:
        if array.ndim != len(rule.dims):
            raise self._shape_error(rule.param, _described(array), f"the rank is {array.ndim}, not {len(rule.dims)}")
        for axis, ((kind, value), extent) in enumerate(zip(rule.dims, array.shape)):
            if kind == EQUAL and extent != value:
                raise self._shape_error(rule.param, _described(array), f"axis {axis}: {extent} != {value}")
            if kind == SAME and extent != dims[value]:
                raise self._disagreement(rule.param, array, axis, value, dims, sources)
            if kind == BIND:
                dims[value] = extent
                sources[value] = (rule.param, axis)

    def _check_state(self, rule: InputRule) -> None:
        """State is used where it lies, so nothing about it can be converted."""
        param, array = rule.param, self.bound[rule.position]
        is_kept = isinstance(array, self._kept)
        if type(array) is not np.ndarray and not is_kept:
            what = f"{self.name}: state {param.name} must be a NumPy array, not {type(array).__name__}"
            raise FeedError(explain(what, _origin(param)))
        if array.dtype != param.type.dtype.numpy:
            raise DtypeError(self._message(param, _described(array), "state is not converted"))
        if is_kept:
            self._check_shape(rule, array, self.initial, self._source)
            return
        if not (array.flags.c_contiguous and array.flags.aligned):
            what = f"{self.name}: state {param.name} must be C-contiguous and aligned; make a copy of it first"
            raise FeedError(explain(what, _origin(param)))
        donated = {i for _, i in self.signature.donated}
        if rule.position in donated and not array.flags.writeable:
            what = f"{self.name}: state {param.name} is written in place, but its array is read-only"
            raise FeedError(explain(what, _origin(param)))
        self._check_shape(rule, array, self.initial, self._source)

    def _message(self, param: Param, given: str, why: str) -> str:
        return explain(f"{self.name}: input {param.name} wants {param.type}, got {given} ({why})", _origin(param))

    def _shape_error(self, param: Param, given: str, why: str = "all rows need the same length") -> ShapeError:
        return ShapeError(self._message(param, given, why))

    def _disagreement(
        self, param: Param, array: np.ndarray, axis: int, slot: int, dims: list[int], sources: dict
    ) -> ShapeError:
        symbol, (other, other_axis) = self.signature.symbols[slot], sources[slot]
        what = (
            f"{self.name}: inputs {other.name} and {param.name} must agree in {symbol}: {other.name} {other.type} has "
            f"{symbol} = {dims[slot]} (axis {other_axis}), "
            f"{param.name} {param.type} got {_described(array)} (axis {axis}: {array.shape[axis]})"
        )
        return ShapeError(explain(what, _origin(other) + _origin(param)))


def _origin(param: Param) -> list[tuple[str, str]]:
    return [(param.name, f"is input {param.type}" + (f"   {param.location}" if param.location else ""))]


def _described(array: np.ndarray) -> str:
    """An array's type in the notation of messages: ``f32[32,784]``."""
    try:
        name = dt.as_dtype(array.dtype).short
    except TypeError:
        name = str(array.dtype)
    return f"{name}[{','.join(map(str, array.shape))}]"


def _loses_nothing(array: np.ndarray, dtype: DType) -> bool:
    """Whether Python numbers keep their meaning: no fraction, imaginary part, or large integer is cut off."""
    kind = "f" if array.dtype == dt.bf16.numpy else array.dtype.kind  # NumPy does not know what that one is
    if kind not in _RANK or dtype.kind not in _RANK or _RANK[kind] > _RANK[dtype.kind] or (kind == "b") != (dtype.kind == "b"):
        return False
    if dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        return int(array.min()) >= limits.min and int(array.max()) <= limits.max
    return True


def _laid_out(array: np.ndarray, dtype: DType) -> np.ndarray:
    """The array as native code reads it: exactly ndarray, this very dtype object, contiguous, aligned."""
    array = np.asarray(array, order="C")
    if not array.flags.aligned:
        array = array.copy()
    return array if array.dtype is dtype.numpy or dtype is dt.string else array.view(dtype.numpy)
