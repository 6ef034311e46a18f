"""Fixtures of the tests of tensors, tapes and functions."""

import pytest

from graphc.api import eager


@pytest.fixture
def compiles(monkeypatch):
    """The graphs that eager evaluation compiles, by no program that is known from before.

    What tests before left waiting is computed first: it would be part of the next program, for as long as somebody holds it.
    """
    eager.EAGER.settle_waiting()
    seen, original = [], eager.compile_graph
    monkeypatch.setattr(eager, "compile_graph", lambda graph, *options: seen.append(graph) or original(graph, *options))
    monkeypatch.setattr(eager, "PROGRAMS", eager.Programs(lambda graph: eager.compile_graph(graph)))
    return seen
