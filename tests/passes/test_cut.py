"""Minimum cuts against every division of small networks; long chains."""

import itertools

import numpy as np

from graphc.passes.cut import NEVER, Network


def random_arcs(seed: int) -> tuple[int, list]:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 9))
    arcs = [(*random.choice(count, 2, replace=False).tolist(), int(random.integers(1, 9))) for _ in range(3 * count)]
    return count, arcs


def network(count: int, arcs: list) -> Network:
    net = Network()
    for _ in range(count - 2):
        net.node()
    for arc in arcs:
        net.arc(*arc)
    return net


def price(far, arcs: list) -> int:
    return sum(cost for a, b, cost in arcs if not far[a] and far[b])


def test_no_division_is_cheaper():
    for seed in range(200):
        count, arcs = random_arcs(seed)
        least, far = network(count, arcs).cut()
        assert not far[0] and far[1] and least == price(far, arcs)
        every = [(False, True, *rest) for rest in itertools.product((False, True), repeat=count - 2)]
        best = [d for d in every if price(d, arcs) == least]
        assert least == min(price(d, arcs) for d in every)
        assert sum(far) == min(map(sum, best))


def test_arcs_that_are_never_cut_tie_nodes_together():
    net = Network()
    a, b, c = net.node(), net.node(), net.node()
    for x, y, cost in ((0, a, 5), (a, b, NEVER), (b, c, 1), (c, 1, 3), (b, 1, 2)):
        net.arc(x, y, cost)
    assert net.cut() == (3, [False, True, False, False, True])


def test_nothing_to_cut():
    net = Network()
    a = net.node()
    net.arc(a, a, 4)
    net.arc(0, a, 0)
    assert net.cut() == (0, [False, True, False])


def test_long_chain():
    net = Network()
    last = 0
    for k in range(5000):
        node = net.node()
        net.arc(last, node, 7 + k % 3)
        last = node
    net.arc(last, 1, 2)
    least, far = net.cut()
    assert least == 2 and sum(far) == 1
