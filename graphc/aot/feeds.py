"""Arrays to run a program on: those that are given, and seeded random ones for the other inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.errors import UsageError
from graphc.ir.dtype import DType, string
from graphc.ir.node import symbol_name
from graphc.ir.program import Param, Signature
from graphc.runtime.dims import evaluate, symbols_of


def feeds(signature: Signature, given: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> list[np.ndarray]:
    """One array for each input.

    Args:
        given: arrays by the names of inputs; symbols in the shapes of these get their sizes.
        sizes: of symbolic dimensions, by the name of the symbol, of the input, or of both: ``x.0`` is the first axis of x.

    Raises:
        UsageError: an input or a size has a name that the program does not know, sizes contradict one another, or one is
            missing.
    """
    known = {p.name: p for p in signature.inputs}
    for name in given:
        if name not in known:
            raise UsageError(f"the model has no input {name!r}; it has {', '.join(known) or 'none'}")
    symbols = _sizes(signature, given, sizes)
    rng = np.random.default_rng(0)
    return [given[p.name] if p.name in given else _drawn(rng, p, symbols) for p in signature.inputs]


def random_array(rng: np.random.Generator, shape, dtype: DType) -> np.ndarray:
    """Normally distributed numbers; of integers and booleans 0 and 1, which are indices nearly everywhere."""
    values = rng.standard_normal(shape) if dtype.kind in "fc" else rng.integers(0, 2, shape)
    return np.asarray(values).astype(dtype.numpy)


def _sizes(signature: Signature, given: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> dict[str, int]:
    """What every symbol is."""
    axes = {f"{p.name}.{k}": symbol_name(d) for p in signature.inputs for k, d in enumerate(p.type.shape)}
    axes = {name: symbol for name, symbol in axes.items() if symbol is not None}
    found: dict[str, int] = {}

    def enter(symbol: str, size: int, name: str) -> None:
        if found.setdefault(symbol, size) != size:
            raise UsageError(f"size {name} is {size}, but it is {found[symbol]} too")

    for name, size in sizes.items():
        symbol = axes.get(name, name if name in signature.symbols else None)
        if symbol is None:
            raise UsageError(f"the model has no size {name!r}; it has {', '.join(axes) or 'none that is open'}")
        enter(symbol, size, name)
    for p in signature.inputs:
        shape = np.shape(given[p.name]) if p.name in given else ()
        for k, size in enumerate(shape):
            if f"{p.name}.{k}" in axes:
                enter(axes[f"{p.name}.{k}"], size, f"{p.name}.{k}")
    return found


def _drawn(rng: np.random.Generator, param: Param, symbols: dict[str, int]) -> np.ndarray:
    if param.type.dtype is string:
        raise UsageError(f"input {param.name} holds strings, which cannot be random: give it")
    missing = symbols_of(param.type.shape) - symbols.keys()
    if missing:
        axes = [f"{param.name}.{k}" for k, d in enumerate(param.type.shape) if symbols_of((d,)) & missing]
        raise UsageError(f"input {param.name} ({param.type}) has open sizes: give {', '.join(axes)}, or the input itself")
    return random_array(rng, [evaluate(d, symbols) for d in param.type.shape], param.type.dtype)
