"""Pictures of Graphs: boxes for Nodes or lines, arrows between them, well-formed and safe."""

import re
from xml.etree import ElementTree

from graphc.errors import Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.picture import Box, bundle, drawing
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


def places(html):
    """Where the box of each label lies: (x, y)."""
    tree = ElementTree.fromstring(html)
    boxes = [(g.find(f"{SVG}title").text.partition(" (")[0], g.find(f"{SVG}rect")) for g in tree.iter(f"{SVG}g")]
    return {name: (float(rect.get("x")), float(rect.get("y"))) for name, rect in boxes}


def test_boxes_stand_above_what_reads_them():
    boxes = [Box("x", "input"), Box("w", "input"), *(Box(f"y{k}", "node", before={f"y{k - 1}" if k else "x": ""}) for k in range(4))]
    boxes.append(Box("dot", "output", before={"y3": "", "w": ""}))
    at = places(drawing(boxes, "a chain that reads weights at its end"))
    rows = sorted({y for _, y in at.values()})
    assert [rows.index(at[name][1]) for name in ("x", "y0", "y3", "w", "dot")] == [0, 1, 4, 4, 5]
    assert at["y3"][0] < at["w"][0]


def test_arrows_go_around_the_boxes_between():
    boxes = [Box("a", "node"), Box("b", "node", before={"a": ""}), Box("c", "node", before={"a": "", "b": ""})]
    tree = ElementTree.fromstring(drawing(boxes, "around"))
    arrows = {p.find(f"{SVG}title").text: p.get("d") for p in tree.iter(f"{SVG}path") if p.find(f"{SVG}title") is not None}
    across = {name: [float(v) for v in re.findall(r"[MC ](-?[0-9]+),", path)] for name, path in arrows.items()}
    assert len(set(across["a to b: "])) == 1 and across["a to c: "][1] > places(drawing(boxes, ""))["b"][0] + 180


def test_a_picture_has_the_colours_of_its_page_and_can_be_scrolled():
    x = input_node("x" * 50, Type(dt.f32, (symbol("size_of_a_batch_of_images"), 3)))
    html = Graph("f", (x,), (apply("exp", x),), ("y",))._repr_html_()
    assert "overflow: auto" in html and "currentColor" in html and "1 input, 2 nodes, 1 output" in html
    assert parts(html)[0][0] == ["..." + "x" * 23, "f32[size_of_...f_images,3]"]


def test_a_notebook_gets_text_too():
    x = y = input_node("x", Type(dt.f32, (3,)))
    for _ in range(100):
        y = apply("exp", y)
    graph = Graph("f", (x,), (y,))
    found = graph._repr_mimebundle_()
    assert found["text/html"] == graph._repr_html_()
    lines = found["text/plain"].splitlines()
    assert "\n".join(lines[:40]) + "\n" == "".join(str(graph).splitlines(keepends=True)[:40])
    assert lines[40:] == ["... 63 more lines; print() shows them"]
    assert bundle("short\n", "<p/>") == {"text/plain": "short\n", "text/html": "<p/>"}
