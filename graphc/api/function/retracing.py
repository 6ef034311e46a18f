"""Why a function is traced again: what changed in its arguments, in words."""

from __future__ import annotations

import warnings

from graphc.api.function.arguments import Place, Same, places_in
from graphc.api.recompile import Subject
from graphc.api.shape import TensorShape
from graphc.errors import GraphcWarning, here

PATIENCE = 8  # traces for other Python values that nobody is warned of
_made: dict[tuple, tuple] = {}  # code and a line -> the last function of it first called there, how many were not again
_MADE_KEPT = 1024

_ADVICE = {
    "value": "give numbers that change as tensors, tf.constant(x)",
    "object": "make the object once, outside of the loop",
    "structure": "call it with arguments of one structure",
    "dtype": "cast the tensors to one dtype, or give input_signature",
    "size": "the Python function needs the sizes while it is traced; use tf.shape(x)[0]",
}


def note_trace(subject: Subject, before, old_shapes, key, shapes) -> None:
    """Count a trace, and say what asked for it.

    Args:
        before: the key of the trace before; None for the first one.
    """
    if before is None:
        subject.compiled()
        return
    kind, reason = _difference(before, key, "arguments") or ("size", _sizes(key, old_shapes, shapes))
    subject.compiled(kind, reason, PATIENCE, _ADVICE[kind])


class Uses:
    """How often a function was called: not at all, once, or (2) again."""

    __slots__ = ("count",)

    def __init__(self):
        self.count = 0


def note_function(name: str, code, uses: Uses) -> None:
    """Note the first call of a function; say so where one line makes a function for every single call."""
    line = here()
    if code is None or line is None:
        return
    before, count = _made.get((code, line), (None, 0))
    if before is None and len(_made) >= _MADE_KEPT:
        del _made[next(iter(_made))]
    count += before is None or before.count < 2
    _made[code, line] = uses, count
    if count == PATIENCE + 1 and uses is not before:
        what = f"another tf.function of {name!r} is called here for the first time, after {PATIENCE} that were called once"
        advice = "each is traced and compiled by itself: make the function once, outside of the loop"
        warnings.warn_explicit(f"{what}; {advice}", GraphcWarning, line.file, line.line)


def _difference(old, new, where: str) -> tuple[str, str] | None:
    """The first difference of two keys: its kind, and which part of the arguments was what and is what."""
    stack = [(old, new, where)]
    while stack:
        a, b, at = stack.pop()
        if a == b:
            continue
        if isinstance(a, Place) and isinstance(b, Place):
            return "dtype", f"{at} is a {b}, it was a {a}"
        if isinstance(a, Same) and isinstance(b, Same):
            return "object", f"{at} is another object of {b.kind.__name__}"
        if not (isinstance(a, tuple) and isinstance(b, tuple)) or len(a) != len(b):
            return "structure", f"{at} is {_shown(b)}, it was {_shown(a)}"
        if len(a) == 2 and isinstance(a[0], type) and a[0] is b[0] and not isinstance(a[1], tuple):
            return "value", f"{at} is {b[1]!r}, it was {a[1]!r}"
        if a and isinstance(a[0], type) and a[0] is not b[0]:
            return "structure", f"{at} is {_shown(b)}, it was {_shown(a)}"
        for x, y in reversed(list(zip(a, b))):
            named = isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y) == 2 and x[0] == y[0]
            if named and isinstance(x[0], (str, int)) and not isinstance(x[0], bool):
                stack.append((x[1], y[1], x[0] if at == "arguments" else f"{at}[{x[0]!r}]"))
            else:
                stack.append((x, y, at))
    return None


def _shown(key) -> str:
    if isinstance(key, Place):
        return f"a {key}"
    if isinstance(key, tuple) and key and isinstance(key[0], type):
        if len(key) == 2 and not isinstance(key[1], tuple):
            return repr(key[1])
        return f"a {key[0].__name__} of {len(key) - 1}"
    return repr(key)


def _sizes(key, old, new) -> str:
    for place, a, b in zip(places_in(key), old or (), new):
        if a != b:
            return f"{place.name} has shape {_shape(b)}, it was {_shape(a)}"
    return "a size was refused by the trace for any size"


def _shape(sizes: tuple) -> str:
    return str(TensorShape(sizes))
