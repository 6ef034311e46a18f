"""Layers as functions: ``dense(x, 10)`` makes a ``Dense`` and calls it once."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from graphc.v1.calling import named
from graphc.v1.layers.base import Layer

_KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD
_OWN = {"name": None, "reuse": None, "training": False}


def function_of(layer: type[Layer], name: str, last: str = "name reuse", order: str = "") -> Callable:
    """The function of a layer.

    Args:
        last: arguments after those of the class.
        order: all arguments after ``inputs``, where these are not those of the class with ``last`` at the end.
    """
    own = {p.name: p for p in inspect.signature(layer).parameters.values() if p.kind is _KEYWORD}
    names = order.split() or [n for n in own if n not in last.split()] + last.split()
    parameters = [inspect.Parameter("inputs", _KEYWORD)]
    for n in names:
        default = _OWN[n] if n in _OWN else own[n].default
        parameters.append(inspect.Parameter(n, _KEYWORD, default=default))

    def function(inputs, **given):
        call = {"training": given.pop("training")} if "training" in given else {}
        given["_reuse"], given["_scope"] = given.pop("reuse", None), given.get("name")
        return layer(**given)(inputs, **call)

    function.__doc__ = f"{layer.__doc__.strip()}\n\n    The function of ``{layer.__name__}``: a new layer, called once."
    function.__module__ = layer.__module__
    return named(function, name, inspect.Signature(parameters))
