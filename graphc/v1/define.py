"""Operations of TensorFlow 1 that are more than a row of the catalogue: recorded from a lib function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphc.api import lift as api
from graphc.api.lift import tensors_in, whole
from graphc.api.recorder import recorder_for
from graphc.v1.mode import default_recorder


def construct(
    kind, default_name, function, arguments: Mapping, groups: Mapping, lists: Iterable = (), name=None, effect=None
):
    """The operation ``function(**arguments)``, see ``graphc.api.lift.construct``."""
    graph = graph_of(arguments.values())
    return api.construct(graph, kind, default_name, function, arguments, groups, lists, name, effect)


def random_op(kind: str, default_name: str, function, arguments: Mapping, groups: Mapping, seed, name=None):
    """Like ``construct`` for a lib function that draws: ``function(key, counter, **arguments)``."""
    graph = graph_of(arguments.values())
    key, counter, effect = graph.draw(whole(default_name, "seed", seed))
    return construct(kind, default_name, api.drawn(function, key, counter), arguments, groups, (), name, effect)


def graph_of(values):
    """The graph of the first tensor among the values, or the default one."""
    return recorder_for(tensors_in(values), default_recorder)
