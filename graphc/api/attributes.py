"""Attributes that an object does not have: the message names the user's line, and what serves instead."""

from __future__ import annotations

import difflib

from graphc.errors import explain


class Guessing:
    """A class whose objects answer to a mistyped or missing attribute with what may have been meant.

    Attributes:
        INSTEAD: attribute of other libraries' objects -> what to use here.
    """

    __slots__ = ()
    INSTEAD: dict[str, str] = {}

    def __getattr__(self, name: str):
        if hasattr(type(self), name):  # a property raised AttributeError, or a slot is empty
            return object.__getattribute__(self, name)
        kind = type(self).__name__
        if name.startswith("_"):
            raise AttributeError(f"{kind!r} object has no attribute {name!r}")
        raise AttributeError(explain(f"{kind!r} object has no attribute {name!r}{self._instead(name)}"))

    def _instead(self, name: str) -> str:
        if name in self.INSTEAD:
            return f"; {self.INSTEAD[name]}"
        known = [known for known in dir(type(self)) if not known.startswith("_")]
        near = difflib.get_close_matches(name, known, 1, 0.7)
        return f"; did you mean {near[0]!r}?" if near else ""


_NUMPY = {
    "T": "transpose()", "all": "reduce_all()", "any": "reduce_any()", "argmax": "argmax()", "argmin": "argmin()",
    "argsort": "argsort()", "astype": "cast(x, dtype)", "clip": "clip_by_value(x, low, high)", "copy": "identity()",
    "cumsum": "cumsum()", "dot": "matmul(x, y)", "fill": "fill(dims, value)", "flatten": "reshape(x, [-1])",
    "max": "reduce_max()", "mean": "reduce_mean()", "min": "reduce_min()", "prod": "reduce_prod()",
    "ravel": "reshape(x, [-1])", "repeat": "repeat(x, n)", "reshape": "reshape(x, shape)", "round": "round()",
    "size": "size()", "squeeze": "squeeze()", "std": "math.reduce_std()", "sum": "reduce_sum()",
    "transpose": "transpose()", "var": "math.reduce_variance()",
}  # fmt: skip

#: What tensors do not have, but NumPy's arrays do.
OF_ARRAYS = {name: f"use tf.{call.replace('()', '(x)')}" for name, call in _NUMPY.items()}
