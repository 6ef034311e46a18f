"""Operators on strings, which run on the host, and counts of n-grams of words or numbers."""

from __future__ import annotations

import numpy as np

from graphc.errors import FormatError, InvalidArgumentError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.lib import index, math, promote, ragged, shape, strings
from graphc.lib.dims import larger, size, smaller
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import as_int64
from graphc.onnx.registry import operator
from graphc.prims.data import nonzero
from graphc.prims.table import apply


@operator("StringConcat")
def string_concat(call: Call):
    """Strings at the same place joined."""
    return strings.join(promote.together("StringConcat", call[0], call[1]))


@operator("RegexFullMatch")
def regex_full_match(call: Call):
    """Whether all of a string is a match of a pattern."""
    return strings.regex_full_match(call[0], call.text("pattern"))


@operator("StringSplit")
def string_split(call: Call):
    """The pieces of each string on a new last axis, filled up with empty strings; and how many there are."""
    x = call[0]
    most = call.int("maxsplit", -1)
    pieces, splits = strings.split_flat(x, call.text("delimiter", "") or None, most, plain=True)
    count = size(x.shape)
    lengths = apply("sub", shape.part(splits, 0, 1, count + 1), shape.part(splits, 0, 0, count))
    table = ragged.padded(pieces, splits, b"", rows=count)
    return [shape.reshape(table, (*x.shape, table.shape[1])), shape.reshape(as_int64(lengths), x.shape)]


@operator("StringNormalizer")
def string_normalizer(call: Call):
    """Strings without stop words, in upper or lower case; one empty string where none is left."""
    x = call[0]
    if len(x.shape) not in (1, 2) or (len(x.shape) == 2 and x.shape[0] != 1):
        raise call.wrong("the input must have the shape [C] or [1, C]")
    action = call.choice("case_change_action", "NONE", "LOWER", "UPPER")
    stopwords = call.texts("stopwords", [])
    line = shape.reshape(x, (x.shape[-1],))
    if stopwords:
        is_exact = call.int("is_case_sensitive", 0)
        seen, unwanted = (line, stopwords) if is_exact else (strings.lower(line, "utf-8"), [w.lower() for w in stopwords])
        kept = nonzero(math.less(strings.place_in(seen, unwanted), 0))
        count = kept.shape[0]
        line = index.picked("StringNormalizer", line, apply("reshape", kept, shape=(count,)))
        line = shape.concat([line, const(b"", Type(dt.string, (1,)))], 0)
        line = shape.part(line, 0, 0, larger(count, 1))
    if action != "NONE":
        line = (strings.lower if action == "LOWER" else strings.upper)(line, "utf-8")
    return shape.reshape(line, (1, line.shape[0])) if len(x.shape) == 2 else line


@operator("Tokenizer", domain="com.microsoft")
def tokenizer(call: Call):
    """The tokens of each string on a new last axis, filled up with a text: matches, what separators leave, or characters."""
    x, least = call[0], call.int("mincharnum")
    separators, pattern = call.texts("separators", []), call.text("tokenexp", "")
    if len(x.shape) not in (1, 2):
        raise call.wrong("the input must have the shape [C] or [N, C]")
    if bool(separators) == bool(pattern) or least < 1:
        raise FormatError(f"Tokenizer: needs either separators or tokenexp, and mincharnum of 1 or more, not {least}")
    if separators == [""]:
        separators, pattern = [], "(?s:.)"
    try:
        pieces, splits = strings.tokens_flat(x, separators or [pattern], bool(separators), least, bool(call.int("mark")))
    except InvalidArgumentError as error:
        raise call.refuse(str(error)) from None
    table = ragged.padded(pieces, splits, call.text("pad_value").encode(), rows=size(x.shape))
    return shape.reshape(table, (*x.shape, table.shape[1]))


# ------------------------------------------------------------------------------------------------- n-grams


@operator("TfIdfVectorizer")
def tf_idf_vectorizer(call: Call):
    """How often n-grams of a pool occur in each row, weighted, in the columns that the pool tells."""
    x = call[0]
    mode = call.choice("mode", "TF", "IDF", "TFIDF")
    shortest, longest, skips = (call.int(k) for k in ("min_gram_length", "max_gram_length", "max_skip_count"))
    columns, pool = call.ints("ngram_indexes"), _pool(call, x)
    if x.dtype is dt.string:
        words = list(dict.fromkeys(pool))
        x, pool = strings.place_in(x, words), _numbered(words, pool)
    rows = shape.reshape(as_int64(x), (1, -1)) if len(x.shape) < 2 else as_int64(x)
    grams = _grams(call, pool, longest)
    if sum(map(len, grams)) != len(columns):
        raise FormatError(f"TfIdfVectorizer: {len(columns)} ngram_indexes for {sum(map(len, grams))} n-grams")
    counts = []
    for length, own in enumerate(grams, 1):
        if not len(own):
            continue
        steps = range(1, skips + 2) if length > 1 else (1,)
        found = [_occurrences(rows, own, step) for step in steps if shortest <= length <= longest]
        counts.append(sum(found[1:], found[0]) if found else shape.zeros((rows.shape[0], len(own))))
    counts = shape.concat(counts, 1) if len(counts) > 1 else counts[0]
    if mode != "TF":
        weights = const(np.array(call.floats("weights", [1.0] * len(columns)), np.float32))
        seen = counts if mode == "TFIDF" else math.cast(math.greater(counts, 0.0), dt.f32)
        counts = math.multiply(seen, weights)
    start = shape.zeros((max(columns) + 1, counts.shape[0]))
    places = const(np.array(columns, np.int64).reshape(-1, 1))
    summed = shape.transpose(apply("scatter", start, places, shape.transpose(counts), kind="add", batch=0))
    return summed if len(call[0].shape) == 2 else shape.reshape(summed, (summed.shape[1],))


def _pool(call: Call, x: Node) -> list:
    name = "pool_strings" if x.dtype is dt.string else "pool_int64s"
    found = call.texts(name, None) if x.dtype is dt.string else call.ints(name, None)
    if not found:
        raise FormatError(f"TfIdfVectorizer: {name} is missing, and the input is {x.type}")
    return found


def _numbered(words: list, pool: list) -> list[int]:
    number = {w: k for k, w in enumerate(words)}
    return [number[w] for w in pool]


def _grams(call: Call, pool: list[int], longest: int) -> list[np.ndarray]:
    """The n-grams of the pool, one array [number, n] for each n."""
    starts = [*call.ints("ngram_counts"), len(pool)]
    found = []
    for length, (a, b) in enumerate(zip(starts, starts[1:]), 1):
        if not 0 <= a <= b <= len(pool) or (b - a) % length:
            raise FormatError(f"TfIdfVectorizer: ngram_counts {starts[:-1]} do not cut the pool of {len(pool)} into n-grams")
        found.append(np.array(pool[a:b], np.int64).reshape(-1, length))
    if len(found) < longest:
        raise FormatError(f"TfIdfVectorizer: ngram_counts has {len(found)} entries for n-grams of up to {longest}")
    return found


def _occurrences(rows: Node, grams: np.ndarray, step: int) -> Node:
    """How often each n-gram occurs in each row, where ``step - 1`` elements are left out between two of it; f32."""
    count, length = grams.shape
    batch, whole = rows.shape
    reach = (length - 1) * step
    windows = larger(whole - reach, 0)
    if type(windows) is int and windows == 0:
        return shape.zeros((batch, count))
    full = (batch, count, windows)
    hit = None
    for k in range(length):
        last = smaller(windows + k * step, whole)
        seen = shape.part(rows, 1, k * step if type(whole) is int else simplified(last - windows), last)
        same = apply("eq", apply("broadcast", seen, shape=full, axes=(0, 2)),
                     apply("broadcast", const(grams[:, k].copy()), shape=full, axes=(1,)))  # fmt: skip
        hit = same if hit is None else apply("and", hit, same)
    return apply("reduce", apply("cast", hit, dtype=dt.f32), kind="sum", axes=(2,))
