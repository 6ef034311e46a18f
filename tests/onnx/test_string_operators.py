"""Strings through whole models: they move, are compared, cut, joined and counted."""

import numpy as np
import pytest
from onnx_models import graph as body
from onnx_models import model, node
from operator_calls import operator_model

import graphc
from graphc.errors import FormatError, GraphcError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib import strings
from graphc.prims.interpret import interpret


def texts(*values):
    return np.array(values, object)


def load(nodes, inputs, outputs, initialisers=None, **setting):
    return graphc.onnx.load(model(nodes, inputs, outputs, initialisers, **setting))


def run(op, *arrays, **setting):
    """The results of one operator, the same with sizes known and not."""
    found = []
    for symbolic in (False, True):
        made, fed = operator_model(op, arrays, symbolic=symbolic, **setting)
        found.append(graphc.onnx.load(made).run(fed))
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
    return found[0] if setting.get("outputs", 1) > 1 else found[0][0]


WORDS = texts(["a", "ä\0b"], ["", "long word"])


@pytest.mark.parametrize("op,wanted,attributes", [
    ("Identity", WORDS, {}), ("Transpose", WORDS.T, {}), ("Flatten", WORDS.reshape(1, 4), {"axis": 0}),
    ("Shape", [2, 2], {}), ("Size", 4, {}), ("Unsqueeze", WORDS[None], {"axes": [0], "opset": 11}),
    ("Slice", WORDS[:, :1], {"starts": [0], "ends": [1], "axes": [1], "opset": 9}),
])  # fmt: skip
def test_strings_move(op, wanted, attributes):
    np.testing.assert_array_equal(run(op, WORDS, **attributes), wanted)


def test_strings_move_by_numbers():
    i = np.array([1, -2], np.int64)
    np.testing.assert_array_equal(run("Gather", WORDS, i), WORDS[[1, 0]])
    np.testing.assert_array_equal(run("GatherElements", WORDS, i[None], axis=0), [["", "ä\0b"]])
    np.testing.assert_array_equal(run("Concat", WORDS, WORDS, axis=1), np.concatenate([WORDS, WORDS], 1))
    np.testing.assert_array_equal(run("Expand", WORDS, np.array([2, 1, 1]), constants=(1,)), np.stack([WORDS, WORDS]))
    np.testing.assert_array_equal(run("Tile", WORDS, np.array([1, 2]), constants=(1,)), np.tile(WORDS, (1, 2)))
    np.testing.assert_array_equal(run("Compress", WORDS, np.array([False, True]), axis=0), WORDS[1:])
    np.testing.assert_array_equal(run("Where", np.array([True, False]), WORDS, WORDS[:1]), [["a", "ä\0b"], ["", "ä\0b"]])
    np.testing.assert_array_equal(run("Equal", WORDS, WORDS.T, opset=19), [[True, False], [False, True]])
    np.testing.assert_array_equal(run("ScatterND", WORDS, np.array([[1]]), texts(["x", "y"])), [["a", "ä\0b"], ["x", "y"]])


def test_constant_strings():
    nodes = [node("Constant", "", "one", value_string="ab"), node("Constant", "", "two", value_strings=["c", "ü"]),
             node("StringConcat", "one two", "y"), node("Identity", "two", "z")]  # fmt: skip
    y, z, one = load(nodes, [], ["y", "z", "one"], opset=20).run([])
    assert y.tolist() == ["abc", "abü"] and z.tolist() == ["c", "ü"] and one.shape == () and one[()] == "ab"


def test_an_input_that_is_an_output():
    loaded = load([node("Identity", "x", "y"), node("Identity", "x", "z")], ["x: string[n]"], ["y", "z"])
    for x in (texts("a", "b"), texts()):
        y, z = loaded.run([x])
        assert y.tolist() == z.tolist() == x.tolist()


def test_a_condition_on_strings():
    nodes = [node("If", "p", "y", then_branch=body([node("StringConcat", "x x", "t")], [], ["t"]),
                  else_branch=body([node("Identity", "x", "e")], [], ["e"]))]  # fmt: skip
    loaded = load(nodes, ["x: string[n]", "p: bool[]"], ["y"], opset=20)
    assert loaded.run([texts("a"), np.array(True)])[0].tolist() == ["aa"]
    assert loaded.run([texts("a"), np.array(False)])[0].tolist() == ["a"]


def test_joining_broadcasts():
    np.testing.assert_array_equal(run("StringConcat", texts("a", "b"), texts(["1"], ["2"]), opset=20), [["a1", "b1"], ["a2", "b2"]])


@pytest.mark.parametrize("delimiter,most,wanted", [("", -1, [["a", "b", "c"], ["d", "", ""]]), ("", 1, [["a", "b  c"], ["d", ""]]),
                                                   (" ", 2, [["a", "b", " c"], ["d", "", ""]])])  # fmt: skip
def test_splitting(delimiter, most, wanted):
    attributes = {"maxsplit": most} if most >= 0 else {}
    pieces, counts = run("StringSplit", texts("a b  c", "d"), outputs=2, opset=20, delimiter=delimiter, **attributes)
    np.testing.assert_array_equal(pieces, wanted)
    assert counts.tolist() == [sum(1 for p in row if p) for row in wanted] and counts.dtype == np.int64


def test_full_matches():
    np.testing.assert_array_equal(run("RegexFullMatch", texts("a1", "1a", "a1\n"), opset=20, pattern=r"[a-z]\d"), [True, False, False])
    with pytest.raises(GraphcError, match="[Pp]attern|regex"):
        run("RegexFullMatch", texts("a"), opset=20, pattern="(")


def test_normalising():
    x = texts("Monday", "tuesday", "MONDAY")
    assert run("StringNormalizer", x, case_change_action="UPPER").tolist() == ["MONDAY", "TUESDAY", "MONDAY"]
    assert run("StringNormalizer", x, stopwords=["monday"]).tolist() == ["tuesday"]
    assert run("StringNormalizer", x, stopwords=["Monday"], is_case_sensitive=1).tolist() == ["tuesday", "MONDAY"]
    assert run("StringNormalizer", x[None, :1], stopwords=["monday"], case_change_action="LOWER").tolist() == [[""]]
    with pytest.raises(ShapeError, match=r"the input must have the shape \[C\] or \[1, C\]"):
        run("StringNormalizer", texts(["a"], ["b"]))


def counted(x, mode="TF", **attributes):
    setting = dict(min_gram_length=1, max_gram_length=2, max_skip_count=1, ngram_counts=[0, 2], ngram_indexes=[0, 1, 2, 3],
                   pool_int64s=[2, 3, 2, 3, 3, 3]) | attributes  # fmt: skip
    return run("TfIdfVectorizer", x, mode=mode, **setting)


def test_counts_of_n_grams():
    x = np.array([2, 3, 9, 3, 2], np.int64)
    np.testing.assert_array_equal(counted(x), [2, 2, 1, 1])
    rows = np.stack([x, x[::-1]]).astype(np.int32)
    np.testing.assert_array_equal(counted(rows, "TFIDF", weights=[1.0, 2.0, 3.0, 4.0], max_skip_count=0), [[2, 4, 3, 0], [2, 4, 3, 0]])
    np.testing.assert_array_equal(counted(x, "IDF", weights=[5.0, 2.0, 3.0, 4.0], min_gram_length=2), [0, 0, 3, 4])
    with pytest.raises(FormatError, match="3 ngram_indexes for 4 n-grams"):
        counted(x, ngram_indexes=[0, 1, 2])


def test_counts_of_words():
    setting = dict(min_gram_length=1, max_gram_length=1, max_skip_count=0, ngram_counts=[0], ngram_indexes=[1, 0], mode="TF")
    found = run("TfIdfVectorizer", texts(["b", "a"], ["b", "b"]), pool_strings=["a", "b"], **setting)
    np.testing.assert_array_equal(found, [[1, 1], [2, 0]])


def test_places_in_a_vocabulary():
    x = input_node("x", Type(dt.string, (symbol("n"),)))
    graph = Graph("main", (x,), (strings.place_in(x, ["b", b"\xff", "b"]),))
    assert interpret(graph, np.array([b"b", b"", b"\xff"], object))[0].tolist() == [0, -1, 1]


def test_words_without_an_empty_rest():
    x = input_node("x", Type(dt.string, (1,)))
    for plain, wanted in ((True, [b"a", b"b"]), (False, [b"a", b"b", b""])):
        graph = Graph("main", (x,), (strings.split_flat(x, None, 2, plain)[0],))
        assert interpret(graph, np.array([b"a b"], object))[0].tolist() == wanted
