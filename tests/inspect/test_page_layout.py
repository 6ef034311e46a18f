"""Where a graph is drawn: rows, places, frames."""

import random

from graphc.errors import scoped
from graphc.inspect.page.drawing import drawing
from graphc.inspect.page.layers import GAP, layered, spread
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import const
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.prims.table import apply

F = Type(dt.f32, (4,))


def drawn(output):
    nodes = toposort([output])
    return nodes, drawing(nodes, [("label", "f32[4]")] * len(nodes))


def path(found, k):
    names, f = [], found.home[k]
    while f > 0:
        names.insert(0, found.frames[f].name)
        f = found.frames[f].parent
    return "/".join(names)


def test_arrows_point_down_and_items_of_a_row_do_not_touch():
    rng = random.Random(1)
    edges = [(rng.randrange(b), b) for b in range(1, 300) for _ in range(2)]
    widths = [rng.uniform(40, 200) for _ in range(300)]
    rows, middles = layered(widths, edges)
    assert all(rows[a] < rows[b] for a, b in edges)
    by_row = {}
    for item, row in enumerate(rows):
        by_row.setdefault(row, []).append((middles[item], widths[item]))
    for row in by_row.values():
        row.sort()
        assert all(b - a >= (v + w) / 2 + GAP - 1e-6 for (a, v), (b, w) in zip(row, row[1:]))
    assert abs(min(m - w / 2 for m, w in zip(middles, widths))) < 1e-9


def test_numbers_need_not_be_operands_first_and_circles_lose_one_arrow():
    rows, _ = layered([50] * 4, [(3, 2), (2, 1), (1, 0)])
    assert rows == [3, 2, 1, 0]
    rows, _ = layered([50] * 4, [(0, 1), (1, 2), (2, 0), (2, 3)])
    assert rows == [0, 1, 2, 3]


def test_items_without_operands_lie_just_above_their_users():
    rows, _ = layered([50] * 5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert rows == [0, 1, 2, 3, 2]


def test_a_long_chain_and_a_wide_row_are_no_trouble():
    rows, middles = layered([60] * 20_000, [(k, k + 1) for k in range(19_999)])
    assert rows == list(range(20_000)) and set(middles) == {30.0}
    rows, middles = layered([60] * 5000, [(0, k) for k in range(1, 5000)])
    assert 10 < max(rows) < 100 and max(middles) < 10_000  # about as wide as high
    assert layered([], []) == ([], [])


def test_places_are_as_near_as_can_be():
    assert spread([0, 0], [10, 10]) == [-(10 + GAP) / 2, (10 + GAP) / 2]
    assert spread([0, 500], [10, 10]) == [0, 500]
    assert spread([100, 0, 50], [10, 10, 10]) == [50 - 10 - GAP, 50, 50 + 10 + GAP]


def test_scopes_are_frames_and_their_constants_lie_in_them():
    x, w = input_node("x", F), const([1.0, 2.0, 3.0, 4.0], F)
    with scoped("model/a"):
        y = apply("exp", apply("mul", x, w))
    with scoped("model/b"):
        z = apply("neg", apply("tanh", y))
    nodes, found = drawn(apply("add", z, x))
    places = {n.op: path(found, k) for k, n in enumerate(nodes)}
    assert places == {"input": "", "const": "model/a", "mul": "model/a", "exp": "model/a", "tanh": "model/b", "neg": "model/b", "add": ""}


def test_a_scope_that_is_entered_again_is_parted():
    """As the gradient of a layer: frames lie on no circle then."""
    x = input_node("x", F)
    with scoped("layer"):
        y = apply("exp", apply("neg", x))
    z = apply("tanh", y)
    with scoped("layer"):
        g = apply("sin", apply("mul", z, y))
    nodes, found = drawn(g)
    places = {n.op: path(found, k) for k, n in enumerate(nodes)}
    assert places["neg"] == places["exp"] == "layer" and places["mul"] == places["sin"] == "layer (2)" and places["tanh"] == ""
    rows = {found.frames[k].name: found.frames[k].row for k in range(1, len(found.frames))}
    assert rows["layer"] < found.row[[n.op for n in nodes].index("tanh")] < rows["layer (2)"]


def test_single_values_have_no_frame_and_numbers_are_not_drawn():
    x = input_node("x", F)
    with scoped("alone"):
        y = apply("mul", x, const(2.0, F))
    nodes, found = drawn(apply("add", y, x))
    assert len(found.frames) == 1
    assert [row >= 0 for row in found.row] == [n.op != "const" for n in nodes]


def test_a_large_graph_without_scopes_has_frames_for_lines():
    x = input_node("x", F)
    for _ in range(150):
        x = apply("exp", x)
    for _ in range(150):
        x = apply("neg", x)
    nodes, found = drawn(x)
    assert len(found.frames) == 3 and all(".py:" in f.name for f in found.frames[1:])
