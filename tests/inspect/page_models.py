"""Models whose pages tests look at, and what a page is made of."""

import base64
import json
import zlib
from html.parser import HTMLParser

import numpy as np

import graphc.v1 as tf
from graphc.errors import scoped
from graphc.inspect.page.file import page
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.models.files import load_model
from graphc.prims import contract
from graphc.prims.table import apply

HOSTILE = '</script><img src=x onerror="hacked=1">{{code}}'


class Parts(HTMLParser):
    """The elements of a page: (tag, attributes), and the text of those with an id, and of style and scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "link", "img"):
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            tag, attrs = self.open[-1]
            self.texts[attrs.get("id", tag)] = data


def unpacked(text, block):
    """What a block of data holds: ``model``, ``code`` or ``times``."""
    return json.loads(zlib.decompress(base64.b64decode(Parts(text).texts[f"data-{block}"])))


def made(stages, **options):
    """The text of the page."""
    return page(stages, Sizes(stages.program.signature), **options)


def network():
    """A step of training of a 64-512-10 network."""
    graph = tf.Graph()
    with graph.as_default():
        x, y = tf.placeholder(tf.float32, [None, 64], "x"), tf.placeholder(tf.int64, [None], "y")
        with tf.variable_scope("hidden"):
            h = tf.nn.relu(x @ tf.get_variable("w", [64, 512]) + tf.get_variable("b", [512]))
        with tf.variable_scope("out"):
            logits = h @ tf.get_variable("w", [512, 10]) + tf.get_variable("b", [10])
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        return [tf.train.AdamOptimizer(0.01).minimize(loss), loss]


def network_stages():
    """Of ``network``, which is read from this file as the command line would."""
    return Stages(load_model(f"{__file__}:network"))


def hostile_graph():
    """A graph whose names would be elements if they were not kept from it."""
    x = input_node(HOSTILE, Type(dt.f32, (symbol("n"), 4)))
    with scoped(f"{HOSTILE}/inner"):
        y = apply("neg", apply("exp", contract.dot(x, const(np.arange(12, dtype=np.float32).reshape(4, 3)))))
    return Graph(HOSTILE, (x,), (y,), (HOSTILE,))


def deep_graph(steps=1250):
    """Eight values a step in a frame of its own, 50 steps in a frame around them: 10 000 values by default."""
    x = h = input_node("x", Type(dt.f32, (4, 8)))
    w = const(np.eye(8, dtype=np.float32))
    for t in range(steps):
        with scoped(f"block{t // 50}/step{t}"):
            z = contract.dot(h, w)
            a, b = apply("tanh", z), apply("sigmoid", apply("sub", z, x))
            h = apply("sin", apply("add", apply("mul", a, b), apply("neg", apply("abs", h))))
    return Graph("deep", (x,), (h,))
