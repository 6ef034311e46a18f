"""Operations on strings: what TensorFlow refuses while running, hashes, sessions, and the text of graphs."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as tf
from graphc import errors, v1
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.parser import parse
from graphc.ir.type import Type
from graphc.lib import strings
from graphc.prims.interpret import interpret
from graphc.prims.text_hash import fingerprint64, murmur64, siphash

REFUSED = [
    (lambda: tf.strings.to_number(["1", "x"]), "this is no number of float32 .element .1.: b'x'"),
    (lambda: tf.strings.to_number("1_0"), "no number"),
    (lambda: tf.strings.to_number("3000000000", tf.int32), "no number of int32"),
    (lambda: tf.strings.substr(["Hello", "Wo"], 3, 2), "pos 3 is out of range for b'Wo' at index 1"),
    (lambda: tf.strings.unicode_decode([b"\xffa"], "UTF-8", errors="strict").values, "malformed UTF-8 at byte 0"),
    (lambda: tf.strings.unicode_encode([[97, 0xD800]], "UTF-8", errors="strict"), "55296 is out of range for Unicode"),
    (lambda: tf.strings.unsorted_segment_join(["a", "b"], [0, 5], 3), "= 5 is not in .0, 3."),
    (lambda: tf.io.decode_base64(["Y"]), "1 modulo 4"),
    (lambda: tf.io.decode_base64(["+/"]), "invalid character"),
    (lambda: tf.io.decode_raw(["abc"], tf.int16), "length 3 is not a multiple of 2"),
    (lambda: tf.io.decode_raw(["abcd", "e"], tf.uint8), "must have one length"),
    (lambda: tf.io.decode_csv(["1,2,3"], [[0], [0]])[0], "expected 2 fields but have 3 in record 0"),
    (lambda: tf.io.decode_csv(["1,x"], [[0], [0]])[1], "field 1 in record 0 is not a valid int32: b'x'"),
    (lambda: tf.io.decode_csv([",2"], [tf.constant([], tf.int32), [0]])[0], "field 0 is required but missing"),
    (lambda: tf.io.decode_csv(['a"b,c'], [[""], [""]])[0], "unquoted fields cannot have quotes"),
    (lambda: tf.io.decode_csv(['"a"b,c'], [[""], [""]])[0], "has to be escaped"),
]


@pytest.mark.parametrize("compute, words", REFUSED)
def test_bad_strings_are_refused_while_running(compute, words):
    with pytest.raises(errors.InvalidArgumentError, match=words):
        compute().numpy()


def test_damaged_data_is_data_loss():
    with pytest.raises(errors.DataLossError, match="damaged ZLIB"):
        tf.io.decode_compressed(["abc"], "ZLIB").numpy()


@pytest.mark.parametrize("length, fast, strong, plain", [
    (0, 263, 622, 899), (3, 152, 832, 491), (8, 359, 333, 979), (20, 992, 79, 665),
    (50, 97, 551, 737), (200, 940, 144, 660),
])  # fmt: skip
def test_hashes_are_tensorflows(length, fast, strong, plain):
    text = bytes(k * 7 % 256 for k in range(length))
    assert fingerprint64(text) % 1000 == fast
    assert siphash(text, (123, -456)) % 1000 == strong
    assert murmur64(text) % 1000 == plain


def test_strings_work_in_sessions_of_any_size():
    with v1.Graph().as_default(), v1.Session() as session:
        fed = v1.placeholder(tf.string, [None])
        pieces = tf.strings.split(fed, ",")
        lower, sparse = tf.strings.lower(fed), v1.string_split(fed, ",")
        for texts in (["A,b", "C"], ["x", "", "Y,Z,"]):
            given = {fed: np.array([t.encode() for t in texts], object)}
            values, splits, low, found = session.run([pieces.values, pieces.row_splits, lower, sparse.values], given)
            rows = [t.encode().split(b",") for t in texts]
            assert values.tolist() == [p for row in rows for p in row] and splits[-1] == values.size
            assert low.tolist() == [t.lower().encode() for t in texts]
            assert found.tolist() == [p for row in rows for p in row if p]


def test_graphs_of_strings_have_a_text():
    x = input_node("x", Type(dt.string, (3,)))
    values, splits = strings.split_flat(x, ",", 2)
    outputs = (strings.regex_replace(values, '[^a-z]"', "\\0\n"), splits, strings.to_hash_bucket_strong(x, 10, [1, -2]))
    graph = Graph("words", (x,), outputs)
    again = parse(str(graph))
    assert str(again) == str(graph)
    texts = np.array([b"a,b", b"", b"c"], object)
    for one, other in zip(interpret(graph, texts), interpret(again, texts)):
        assert one.tolist() == other.tolist()


def test_elements_of_ragged_tensors():
    ragged = tf.ragged.constant([["A", "b"], [], ["C"]])
    assert tf.strings.lower(ragged).to_list() == [[b"a", b"b"], [], [b"c"]]
    assert tf.strings.split(ragged, "").to_list() == [[[b"A"], [b"b"]], [], [[b"C"]]]
