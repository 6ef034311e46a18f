"""TensorFlow's operations on strings. All of them run on the host."""

from __future__ import annotations

import codecs

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import axes_of, constant, integer, listed, measured, size
from graphc.lib.promote import as_node, broadcast_shape, broadcast_to
from graphc.prims import pieces as _pieces  # noqa: F401  declares rows, as do the next two
from graphc.prims import scripts as _scripts  # noqa: F401
from graphc.prims import strings as _rows  # noqa: F401
from graphc.prims.order import item
from graphc.prims.pattern import compiled, searched
from graphc.prims.table import apply
from graphc.prims.unicode import ERRORS, OUTPUTS

UNITS = ("BYTE", "UTF8_CHAR")
_NUMBERS = (dt.f32, dt.f64, dt.i32, dt.i64, dt.u32, dt.u64)


def text_of(op: str, name: str, value) -> str:
    """An argument that is one string, known before running.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, Node) and value.op == "const" and value.dtype is dt.string:
        value = constant(op, name, value).reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise UsageError(explain(f"{op}: {name} must be a string, got {value!r}"))
    return value


def one_of(op: str, name: str, value, allowed):
    """An argument that is one of a few.

    Raises:
        UsageError: it is something else.
    """
    if value not in allowed:
        raise UsageError(explain(f"{op}: {name} must be one of {', '.join(map(repr, allowed))}, got {value!r}"))
    return value


def words(op: str, value) -> Node:
    """An operand of strings.

    Raises:
        DtypeError: it has another dtype.
    """
    x = as_node(value)
    if x.dtype is not dt.string:
        raise DtypeError(explain(f"{op}: needs strings, not {x.type}", origins(input=x)))
    return x


# ------------------------------------------------------------------------------------------- element by element


def lower(input, encoding="") -> Node:  # noqa: A002
    """Strings in lower case: ASCII letters only, or all letters where ``encoding`` is ``utf-8``. Runs on the host."""
    return apply("string_lower", words("lower", input), encoding=one_of("lower", "encoding", encoding, ("", "utf-8")))


def upper(input, encoding="") -> Node:  # noqa: A002
    """Strings in upper case: ASCII letters only, or all letters where ``encoding`` is ``utf-8``. Runs on the host."""
    return apply("string_upper", words("upper", input), encoding=one_of("upper", "encoding", encoding, ("", "utf-8")))


def strip(input) -> Node:  # noqa: A002
    """Strings without white space at both ends. Runs on the host."""
    return apply("string_strip", words("strip", input))


def length(input, unit="BYTE") -> Node:  # noqa: A002
    """How long strings are, in bytes or in characters of UTF-8 (``UTF8_CHAR``), as i32. Runs on the host."""
    return apply("string_length", words("length", input), unit=one_of("length", "unit", unit, UNITS))


def substr(input, pos, len, unit="BYTE") -> Node:  # noqa: A002
    """``len`` bytes or characters from ``pos`` on, fewer where the string ends; a negative ``pos`` counts from the end.

    ``pos`` and ``len`` have one shape, which broadcasts with that of ``input``. Runs on the host.

    Raises:
        ShapeError, DtypeError: they do not. InvalidArgumentError, while running: ``pos`` is outside of a string.
    """
    x, p, n = words("substr", input), as_node(pos), as_node(len)
    for name, v in (("pos", p), ("len", n)):
        if not v.dtype.is_integer:
            raise DtypeError(explain(f"substr: {name} must be an integer, not {v.type}", origins(pos=p, len=n)))
    if p.shape != n.shape:
        raise ShapeError(explain(f"substr: pos and len differ in shape, {p.type} and {n.type}", origins(pos=p, len=n)))
    common = broadcast_shape("substr", x, p)
    x, p, n = (broadcast_to(v, common, "substr") for v in (x, p, n))
    return apply("string_part", x, p, n, unit=one_of("substr", "unit", unit, UNITS))


def regex_full_match(input, pattern) -> Node:  # noqa: A002
    """Whether all of a string is a match of a regular expression (RE2's). Runs on the host.

    Raises:
        InvalidArgumentError: the pattern is malformed.
    """
    text = text_of("regex_full_match", "pattern", pattern)
    compiled(text)
    return apply("string_match", words("regex_full_match", input), pattern=text)


def regex_replace(input, pattern, rewrite, replace_global=True) -> Node:  # noqa: A002
    r"""Matches of a regular expression (RE2's) replaced: all, or the first one. ``\1`` in ``rewrite``: the first group.

    Runs on the host.

    Raises:
        InvalidArgumentError: the pattern is malformed.
    """
    op = "regex_replace"
    text, new = text_of(op, "pattern", pattern), text_of(op, "rewrite", rewrite)
    compiled(text)
    return apply("string_replace", words(op, input), pattern=text, rewrite=new, every=bool(replace_global))


def as_string(input, precision=-1, scientific=False, shortest=False, width=-1, fill="") -> Node:  # noqa: A002
    """Numbers as text. Runs on the host.

    Args:
        precision: digits after the point. scientific: with an exponent. shortest: whichever form is shorter.
        width, fill: what the text is filled up to, by blanks, or ``0``, ``-`` (on the right), ``+``, a blank or ``#``.

    Raises:
        UsageError: options that exclude each other, or that the dtype has not.
    """
    op, x = "as_string", as_node(input)
    if scientific and shortest:
        raise UsageError(explain(f"{op}: scientific and shortest exclude each other", origins(input=x)))
    if not x.dtype.is_inexact and (scientific or shortest or precision >= 0):
        what = f"{op}: precision, scientific and shortest are for floating numbers, not {x.type}"
        raise UsageError(explain(what, origins(input=x)))
    kind = "e" if scientific else "g" if shortest else "f"
    letter = one_of(op, "fill", fill, ("", " ", "+", "-", "0", "#"))
    return apply("string_of", x, precision=integer(op, "precision", precision), kind=kind,
                 width=integer(op, "width", width), fill=letter)  # fmt: skip


def to_number(input, out_type=dt.f32) -> Node:  # noqa: A002
    """Strings read as numbers of ``out_type``: f32, f64, i32, i64, u32 or u64. Runs on the host.

    Raises:
        UsageError: another dtype. InvalidArgumentError, while running: a string is no number.
    """
    kind = one_of("to_number", "out_type", dt.as_dtype(out_type), _NUMBERS)
    return apply("string_to_number", words("to_number", input), dtype=kind)


def place_in(input, vocabulary) -> Node:  # noqa: A002
    """Where each string first stands in a list of strings (bytes or str), as i64; -1 for others. Runs on the host."""
    listed_words = [w.encode() if isinstance(w, str) else w for w in vocabulary]
    return apply("string_place", words("place_in", input), words=tuple([w.decode("latin-1") for w in listed_words]))


# ----------------------------------------------------------------------------------------------------- hashing


def _bucket(op: str, value, num_buckets, kind: str, key: tuple = ()) -> Node:
    count = integer(op, "num_buckets", num_buckets)
    if count < 1:
        raise UsageError(explain(f"{op}: num_buckets must be positive, got {count}"))
    return apply("string_bucket", words(op, value), kind=kind, buckets=count, key=key)


def to_hash_bucket(input, num_buckets) -> Node:  # noqa: A002
    """A number i64 in [0, num_buckets) for each string, by MurmurHash2. Runs on the host."""
    return _bucket("to_hash_bucket", input, num_buckets, "plain")


def to_hash_bucket_fast(input, num_buckets) -> Node:  # noqa: A002
    """A number i64 in [0, num_buckets) for each string, by FarmHash. Runs on the host."""
    return _bucket("to_hash_bucket_fast", input, num_buckets, "fast")


def to_hash_bucket_strong(input, num_buckets, key) -> Node:  # noqa: A002
    """A number i64 in [0, num_buckets) for each string, by SipHash with a key of two integers. Runs on the host."""
    op = "to_hash_bucket_strong"
    words_of_key = tuple([integer(op, "key", k) for k in listed(op, "key", key)])
    if len(words_of_key) != 2:
        raise UsageError(explain(f"{op}: key must have 2 elements, got {len(words_of_key)}"))
    return _bucket(op, input, num_buckets, "strong", words_of_key)


def fingerprint(data, method="farmhash64") -> Node:
    """FarmHash's fingerprint of each slice along the first axis, u8[n, 8]. Runs on the host."""
    x = as_node(data)
    one_of("fingerprint", "method", method, ("farmhash64",))
    if not x.shape:
        raise ShapeError(explain(f"fingerprint: needs one axis at least, not {x.type}", origins(data=x)))
    return apply("fingerprint", x)


# ----------------------------------------------------------------------------------------------------- joining


def join(inputs, separator="") -> Node:
    """Strings at the same place of several tensors joined; they have one shape or are scalars. Runs on the host."""
    xs = [words("join", x) for x in inputs] if isinstance(inputs, (list, tuple)) else [words("join", inputs)]
    wide = next((x for x in xs if x.shape), xs[0])
    for x in xs:
        if x.shape and (len(x.shape) != len(wide.shape) or _differ(x.shape, wide.shape)):
            raise ShapeError(explain(f"join: shapes differ, {wide.type} and {x.type}", origins(x=wide, y=x)))
    same = [broadcast_to(x, wide.shape, "join") for x in xs]
    return apply("string_join", *same, separator=text_of("join", "separator", separator))


def _differ(one, other) -> bool:
    return any(type(a) is int and type(b) is int and a != b for a, b in zip(one, other))


def reduce_join(inputs, axis=None, keepdims=False, separator="") -> Node:
    """Strings joined along axes, the one named first fastest; along all axes by default. Runs on the host.

    Raises:
        ShapeError: an axis is out of range or named twice.
    """
    x, gap = words("reduce_join", inputs), text_of("reduce_join", "separator", separator)
    axes = axes_of("reduce_join", axis, x)
    if isinstance(axis, (list, tuple)):
        axes = tuple([integer("reduce_join", "axis", a) % len(x.shape) for a in reversed(axis)])
    out = apply("string_reduce_join", x, axes=axes, separator=gap)
    return apply("reshape", out, shape=tuple(1 if k in axes else d for k, d in enumerate(x.shape))) if keepdims else out


def unsorted_segment_join(inputs, segment_ids, num_segments, separator="") -> Node:
    """The strings of each segment joined; ``segment_ids`` has the shape of ``inputs`` or of its first axes. Host.

    Raises:
        InvalidArgumentError, while running: an id is negative or not below ``num_segments``.
    """
    op = "unsorted_segment_join"
    x, ids, count = words(op, inputs), as_node(segment_ids), measured(num_segments, op)
    return apply("string_segment_join", x, ids, number=count, separator=text_of(op, "separator", separator))


def format(template, inputs, placeholder="{}", summarize=3) -> Node:  # noqa: A001
    """``template`` with the texts of tensors in place of its placeholders. Runs on the host.

    Args:
        summarize: how many elements of an axis are shown at both ends; all if None or -1.

    Raises:
        UsageError: there are more or fewer placeholders than tensors.
    """
    values = [as_node(v) for v in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
    parts = tuple(text_of("format", "template", template).split(placeholder))
    if len(parts) != len(values) + 1:
        raise UsageError(explain(f"format: the template has {len(parts) - 1} placeholders for {len(values)} tensors"))
    return apply("string_format", *values, parts=parts, summarize=-1 if summarize is None else int(summarize))


# -------------------------------------------------------------------------------------------------- to pieces


def split_flat(input, sep=None, maxsplit=-1, plain=False) -> tuple[Node, Node]:  # noqa: A002
    """The pieces between separators (None: white space) of all strings, and where those of each string begin.

    ``plain``: as Python does, without TensorFlow's empty rest after ``maxsplit`` words.
    """
    gap = "" if sep is None else text_of("split", "sep", sep)
    found = apply("string_split", _flat("split", input), separator=gap, most=integer("split", "maxsplit", maxsplit),
                  **({"plain": True} if plain else {}))  # fmt: skip
    return item(found, 0), item(found, 1)


def split_any_flat(input, sep, skip_empty: bool) -> tuple[Node, Node]:  # noqa: A002
    """The pieces between any of the characters of ``sep`` of all strings, and where those of each string begin."""
    found = apply("string_split_any", _flat("split", input), separators=text_of("split", "sep", sep), skip=skip_empty)
    return item(found, 0), item(found, 1)


def tokens_flat(input, patterns, between=False, least=1, mark=False) -> tuple[Node, Node]:  # noqa: A002
    """The matches of a regular expression in all strings, and where those of each string begin; on the host.

    ``between``: what is between matches, of all of several expressions. ``least``: characters of a token.
    ``mark``: the tokens of each string stand between the characters 2 and 3.

    Raises:
        InvalidArgumentError: a pattern is malformed, or could take very long.
    """
    texts = tuple([text_of("tokens", "patterns", p) for p in patterns])
    for text in texts:
        searched(text)
    found = apply("string_tokens", _flat("tokens", input), patterns=texts, between=bool(between),
                  least=integer("tokens", "least", least), mark=bool(mark))  # fmt: skip
    return item(found, 0), item(found, 1)


def bytes_flat(input) -> tuple[Node, Node]:  # noqa: A002
    """The bytes of all strings, and where those of each string begin."""
    found = apply("string_bytes", _flat("bytes_split", input))
    return item(found, 0), item(found, 1)


def _flat(op: str, value) -> Node:
    x = words(op, value)
    return x if len(x.shape) == 1 else apply("reshape", x, shape=(size(x.shape),))


def _encoding(op: str, name: str, value) -> str:
    try:
        codecs.lookup(value)
    except LookupError:
        raise UsageError(explain(f"{op}: {name} {value!r} is unknown")) from None
    return value


def _options(op: str, errors, replacement_char) -> dict:
    return {
        "errors": one_of(op, "errors", errors, ERRORS),
        "replacement": integer(op, "replacement_char", replacement_char),
    }


def decode_flat(input, input_encoding, errors="replace", replacement_char=65533,  # noqa: A002
                replace_control_characters=False) -> tuple[Node, Node, Node]:  # fmt: skip
    """The code points of all strings, the places of their first bytes, and where those of each string begin."""
    op = "unicode_decode"
    found = apply("unicode_decode", _flat(op, input), encoding=_encoding(op, "input_encoding", input_encoding),
                  **_options(op, errors, replacement_char), controls=bool(replace_control_characters))  # fmt: skip
    return item(found, 0), item(found, 1), item(found, 2)


def split_characters_flat(input, input_encoding, errors="replace", replacement_char=65533):  # noqa: A002
    """The characters of all strings, the places of their first bytes, and where those of each string begin."""
    codes, places, splits = decode_flat(input, input_encoding, errors, replacement_char)
    ends = apply("iota", shape=(codes.shape[0] + 1,), axis=0, dtype=dt.i64)
    return encode_flat(codes, ends, input_encoding, errors, replacement_char), places, splits


def encode_flat(codes, splits, output_encoding, errors="replace", replacement_char=65533) -> Node:
    """One string for each row of code points."""
    op, codes = "unicode_encode", as_node(codes)
    target = one_of(op, "output_encoding", output_encoding, tuple(OUTPUTS))
    codes = codes if codes.dtype is dt.i32 else math.cast(codes, dt.i32)
    return apply(op, codes, math.cast(splits, dt.i64), encoding=target, **_options(op, errors, replacement_char))


def encode_rows(input, output_encoding, errors="replace", replacement_char=65533) -> Node:  # noqa: A002
    """Code points [..., n] as strings [...]. Runs on the host.

    Raises:
        ShapeError: a scalar. InvalidArgumentError, while running, with ``errors="strict"``: a code point is none.
    """
    x = as_node(input)
    if not x.shape:
        raise ShapeError(explain(f"unicode_encode: needs one axis at least, not {x.type}", origins(input=x)))
    flat = apply("reshape", x, shape=(size(x.shape),))
    out = encode_flat(flat, splits_of_axis(x, len(x.shape) - 1), output_encoding, errors, replacement_char)
    return apply("reshape", out, shape=x.shape[:-1])


def _dim(d) -> Node:
    return d if isinstance(d, Node) else const(d, Type(dt.i64, ()))


def unicode_transcode(input, input_encoding, output_encoding, errors="replace", replacement_char=65533,  # noqa: A002
                      replace_control_characters=False) -> Node:  # fmt: skip
    """Strings of one encoding in UTF-8, UTF-16-BE or UTF-32-BE. Runs on the host.

    Raises:
        UsageError: an unknown encoding. InvalidArgumentError, while running, with ``errors="strict"``: bad strings.
    """
    op = "unicode_transcode"
    return apply("string_transcode", words(op, input), source=_encoding(op, "input_encoding", input_encoding),
                 target=one_of(op, "output_encoding", output_encoding, tuple(OUTPUTS)),
                 **_options(op, errors, replacement_char), controls=bool(replace_control_characters))  # fmt: skip


def unicode_script(input) -> Node:  # noqa: A002
    """The scripts of code points i32, in ICU's numbering; -1 for what is none. Runs on the host."""
    return apply("unicode_script", as_node(input))


def ngrams_flat(data, splits, widths, separator, left, right, padding, keep) -> tuple[Node, Node]:
    """The n-grams of each row, and where those of each row begin."""
    op = "ngrams"
    found = apply("string_ngrams", words(op, data), math.cast(splits, dt.i64), widths=tuple(widths),
                  separator=text_of(op, "separator", separator), left=text_of(op, "pad_values", left),
                  right=text_of(op, "pad_values", right), padding=padding, keep=bool(keep))  # fmt: skip
    return item(found, 0), item(found, 1)


def splits_of_axis(x, axis: int) -> Node:
    """Where the entries of an axis begin among those of all places of the axes before it: its row splits."""
    x = as_node(x)
    ramp = apply("iota", shape=(size(x.shape[:axis]) + 1,), axis=0, dtype=dt.i64)
    return math.multiply(ramp, _dim(x.shape[axis]))


# ----------------------------------------------------------------------------------------------- base 64, raw


def encode_base64(input, pad=False) -> Node:  # noqa: A002
    """Strings in web-safe base 64, with ``=`` at the end only if ``pad``. Runs on the host."""
    return apply("encode_base64", words("encode_base64", input), pad=bool(pad))


def decode_base64(input) -> Node:  # noqa: A002
    """What web-safe base 64 says. Runs on the host; InvalidArgumentError if it is malformed."""
    return apply("decode_base64", words("decode_base64", input))


def decode_compressed(bytes, compression_type="") -> Node:  # noqa: A002
    """Strings decompressed: ``ZLIB``, ``GZIP`` or ``""`` (as they are). On the host; DataLossError for damaged ones."""
    kind = one_of("decode_compressed", "compression_type", compression_type, ("", "ZLIB", "GZIP"))
    return apply("decompress", words("decode_compressed", bytes), kind=kind)


def decode_raw(input_bytes, out_type, little_endian=True, fixed_length=None) -> Node:
    """The bytes of strings [...] as numbers of ``out_type`` [..., n]. Runs on the host.

    Args:
        little_endian: the order of bytes.
        fixed_length: strings are cut, or filled with zeros, to that many bytes; without it they must have one length,
            and n is known only while running.

    Raises:
        UsageError: ``fixed_length`` is not a multiple of the dtype's size. InvalidArgumentError, running: lengths.
    """
    op, kind = "decode_raw", dt.as_dtype(out_type)
    x = words(op, input_bytes)
    if fixed_length is None:
        return apply("decode_raw", x, dtype=kind, little=bool(little_endian))
    n = integer(op, "fixed_length", fixed_length)
    if n <= 0 or n % kind.size:
        raise UsageError(
            explain(f"{op}: fixed_length {n} is no positive multiple of {kind.size}, the size of {kind.name}")
        )
    return apply("decode_padded_raw", x, dtype=kind, little=bool(little_endian), length=n)
