"""What TensorFlow 1 has under the same names as TensorFlow 2: the catalogue, recorded into the default graph."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.namespaces import Names, catalogue
from graphc.v1.graph import get_default_graph

SHARED = Names("graphc.v1", get_default_graph, catalogue())


def members_of(namespace: str) -> Callable:
    """The ``__getattr__`` of a module such as ``graphc.v1.math``: names that it does not define are the catalogue's."""

    def member(name: str):
        if name.startswith("__"):
            raise AttributeError(f"module 'graphc.v1.{namespace}' has no attribute {name!r}")
        return SHARED.get(f"{namespace}.{name}")

    return member
