"""Graphs in notebooks: the picture is well formed whatever names are, and says what it leaves out."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import graphc.v1 as tf
from graphc.v1.display import boxes_of, picture

SVG = "{http://www.w3.org/2000/svg}"


class Checked(HTMLParser):
    """Every tag is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def texts(html):
    tree = ElementTree.fromstring(html)
    return tree, [t.text for t in tree.iter(f"{SVG}text")], [t.text for t in tree.iter(f"{SVG}title")]


def model():
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    with tf.variable_scope("layer"):
        y = tf.nn.relu(tf.matmul(x, tf.get_variable("w", [4, 3])), name="y")
    return tf.reduce_sum(y, name="loss")


def test_a_picture_of_a_model():
    model()
    html = tf.get_default_graph()._repr_html_()
    Checked(html)
    tree, labels, titles = texts(html)
    assert "x" in labels and "layer/y" in labels and "loss" in labels and "layer/w" in labels
    assert "x to layer/MatMul: float32 (?, 4)" in titles
    assert "script" not in html and "http" not in html.replace(SVG[1:-1], "")
    assert len(list(tree.iter(f"{SVG}rect"))) == len(boxes_of(tf.get_default_graph().get_operations())[0])


def test_names_are_escaped():
    tf.identity(tf.identity(tf.constant(1.0), name="a>b"), name="c\\d")
    html = tf.get_default_graph()._repr_html_()
    Checked(html)
    assert "a>b" in texts(html)[1] and "a&gt;b" in html


def test_large_graphs_are_collapsed():
    x = tf.constant(1.0)
    for k in range(30):
        with tf.name_scope(f"part_{k}"):
            for _ in range(10):
                x = x + 1.0
    boxes, more = boxes_of(tf.get_default_graph().get_operations())
    assert len(boxes) == 31 and not more and boxes[1].kind == "scope" and boxes[1].count == 20
    html = picture(tf.get_default_graph(), 10)
    Checked(html)
    assert "21 more boxes are not shown." in html and len(html) < 20_000
    text = str(tf.get_default_graph())
    assert text.startswith("Graph: 601 operations, 0 variables, 0 placeholders") and "and 18 more name scopes" in text


def test_summaries():
    model()
    graph = tf.get_default_graph()
    lines = str(graph).split("\n")
    assert lines[0].endswith("1 variables, 1 placeholders") and lines[1] == "  placeholders: x"
    assert lines[-1] == "  collections: variables (1), trainable_variables (1)"
    Checked(tf.Graph()._repr_html_())
    assert str(tf.Graph()) == "Graph: 0 operations, 0 variables, 0 placeholders"
