"""What Keras loads as ``tensorflow`` where that is not installed: graphc, and the inner name that Keras takes."""

from __future__ import annotations

from types import SimpleNamespace

import graphc
from graphc.api.composite import Composite

__internal__ = SimpleNamespace(CompositeTensor=Composite)


def __getattr__(name: str):
    return getattr(graphc, name)
