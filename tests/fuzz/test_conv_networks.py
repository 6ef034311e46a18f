"""Random convolutional networks: the interpreter's bits, on one thread and two, on every target, with passes left out.

GRAPHC_FUZZ_CONV=2000 tries that many seeds, GRAPHC_FUZZ_CONV=5000:7000 those from 5000 on, as does tools/fuzz.py --conv.
"""

from __future__ import annotations

import os

import pytest

from tests.fuzz.conv_checks import check, expected
from tests.fuzz.conv_networks import random_network
from tests.native import host_targets

QUICK = 8  # seeds


def seeds() -> range:
    """The seeds to try, of the quick suite or as the environment says."""
    first, _, last = os.environ.get("GRAPHC_FUZZ_CONV", str(QUICK)).rpartition(":")
    return range(int(first or 0), int(last))


@pytest.mark.skipif(not host_targets(), reason="needs an x86-64 CPU")
@pytest.mark.parametrize("seed", seeds())
def test_random_networks(seed):
    check(random_network(seed), seed)


def test_networks_are_what_they_should_be():
    """A seed always makes the same network; some hundred hold all forms, and sizes that both sides can run."""
    assert str(random_network(3).graph) == str(random_network(3).graph)
    networks = [random_network(seed) for seed in range(120)]
    every = [n for network in networks for n in network.graph.nodes]
    convolutions = [n for n in every if n.op == "conv"]
    assert {len(n.shape) for n in convolutions} == {3, 4, 5}
    assert {"conv", "dot", "call", "reduce", "concat", "pad", "reverse", "select"} <= {n.op for n in every}
    for name in ("stride", "dilation", "x_dilation"):
        assert sum(max(n.attr(name)) > 1 for n in convolutions) > 5
    assert sum(1 < n.attr("groups") < n.shape[-1] for n in convolutions) > 5
    assert sum(len(network.arrays) > 1 for network in networks) > 40
    assert sum(network.exact for network in networks) > 60 and sum(not network.tame for network in networks) > 5
    answers = [right for network in networks[:12] for right in expected(network)[1]]
    assert sum(right is not None for right in answers) > 12
