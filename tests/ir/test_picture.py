"""Pictures of Graphs: boxes for Nodes or lines, arrows between them, well-formed and safe."""

import re
from xml.etree import ElementTree

from graphc.errors import Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.picture import Box, drawing
from graphc.ir.type import Type
from graphc.prims import apply

SVG = "{http://www.w3.org/2000/svg}"


def parts(html):
    """The labels of the boxes, and what the arrows say."""
    tree = ElementTree.fromstring(html)
    boxes = [[t.text for t in g.iter(f"{SVG}text")] for g in tree.iter(f"{SVG}g")]
    return boxes, [p.find(f"{SVG}title").text for p in tree.iter(f"{SVG}path") if p.find(f"{SVG}title") is not None]


def test_a_small_graph_has_a_box_for_each_node():
    x = input_node("x", Type(dt.f32, (symbol("n"), 3)))
    y = apply("exp", x) + const(1.0, x.type)
    boxes, arrows = parts(Graph("f", (x,), (y,), ("y",))._repr_html_())
    assert boxes == [["x", "f32[n,3]"], ["exp", "f32[n,3]"], ["add", "f32[n,3] = y"]]
    assert arrows == ["0 to 1: f32[n,3]", "1 to 2: f32[n,3]"]


def test_a_large_graph_has_a_box_for_each_line():
    x = y = input_node("x", Type(dt.f32, (3,)))
    for k in range(100):
        with located(Location("model.py", 1 + k // 50)):
            y = apply("exp", y)
    boxes, arrows = parts(Graph("f", (x,), (y,))._repr_html_())
    assert [b[0] for b in boxes] == ["input", "model.py:1", "model.py:2"]
    assert boxes[1][1] == "line, 50 operations" and len(arrows) == 2


def test_what_is_left_out_is_said_and_names_are_escaped():
    html = drawing([Box("<a>", "Const"), Box("b" * 40, "scope", 2, {"<a>": "f32 & more"})], "head <1>", more=3)
    assert "3 more boxes are not shown" in html and "head &lt;1&gt;" in html and "<a>" not in html
    boxes, arrows = parts(html)
    assert boxes[0] == ["<a>", "Const"] and re.fullmatch(r"\.\.\.b{23}", boxes[1][0])
    assert arrows == ["<a> to " + "b" * 40 + ": f32 & more"]
