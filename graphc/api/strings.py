"""TensorFlow's operations on strings whose answers or arguments are ragged: pieces, characters, n-grams."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.composite import record
from graphc.api.create import convert_to_tensor
from graphc.api.ragged import RaggedTensor
from graphc.api.ragged_dispatch import is_ragged
from graphc.api.sparse import SparseTensor
from graphc.errors import ShapeError, UsageError, explain
from graphc.lib import shape as lib_shape
from graphc.lib import strings as lib


def _apart(kind: str, flat: Callable, value, **options) -> list:
    """What ``flat`` makes of all strings, arranged as rows inside of the axes of ``value``; vectors for one string."""
    if is_ragged(value):
        return [value.with_flat_values(part) for part in _apart(kind, flat, value.flat_values, **options)]
    x = convert_to_tensor(value)
    *found, splits = record(kind, flat, "input", input=x, **options)
    rank = _rank(kind, x)
    if not rank:
        return found
    rows = [RaggedTensor(part, splits) for part in found]
    for axis in range(rank - 1, 0, -1):
        outer = record("RowSplits", lib.splits_of_axis, "x", x=x, axis=axis)
        rows = [RaggedTensor(part, outer, x.shape.as_list()[axis]) for part in rows]
    return rows


def _rank(op: str, x) -> int:
    """How many axes a tensor has.

    Raises:
        ShapeError: a graph does not know.
    """
    if x.shape.ndims is None:
        raise ShapeError(explain(f"{op}: the number of axes must be known; give the placeholder a shape"))
    return x.shape.ndims


def split(input, sep=None, maxsplit=-1, name=None):  # noqa: A002
    """The pieces of strings between separators, as the innermost rows of a RaggedTensor; a vector for one string.

    Args:
        sep: what separates; white space of any length if None or empty.
        maxsplit: how many separators count at most; -1 for all.
    """
    return _apart("StringSplitV2", lib.split_flat, input, sep=sep, maxsplit=maxsplit)[0]


def split_v1(input=None, sep=None, maxsplit=-1, result_type="SparseTensor", source=None, name=None):  # noqa: A002
    """``tf.strings.split`` with TensorFlow 1's sparse result; ``result_type="RaggedTensor"`` asks for a ragged one."""
    found = split([input] if isinstance(input, (str, bytes)) else source if input is None else input, sep, maxsplit)
    if lib.one_of("split", "result_type", result_type, ("SparseTensor", "RaggedTensor")) == "RaggedTensor":
        return found
    return found.to_sparse()


def string_split(
    source, sep=None, skip_empty=True, delimiter=None, result_type="SparseTensor", name=None
) -> SparseTensor:
    """The pieces of a vector of strings between any of the characters of ``sep`` (a blank), as rows of a sparse matrix.

    Args:
        skip_empty: whether empty pieces are left out. delimiter: older name of ``sep``.
    """
    characters = " " if sep is None and delimiter is None else delimiter if sep is None else sep
    found = _apart("StringSplit", lib.split_any_flat, source, sep=characters, skip_empty=bool(skip_empty))[0]
    return found if result_type == "RaggedTensor" else found.to_sparse()


def bytes_split(input, name=None):  # noqa: A002
    """The bytes of strings, each as a string, as the innermost rows of a RaggedTensor; a vector for one string."""
    return _apart("StringBytesSplit", lib.bytes_flat, input)[0]


def unicode_decode(input, input_encoding, errors="replace", replacement_char=65533,  # noqa: A002
                   replace_control_characters=False, name=None):  # fmt: skip
    """The code points i32 of strings, as the innermost rows of a RaggedTensor; a vector for one string.

    Args:
        input_encoding: such as ``UTF-8``.
        errors: what becomes of malformed bytes: ``strict`` (an error), ``replace`` or ``ignore``.
        replacement_char: the code point that stands for them, and for control characters if that is asked for.
    """
    return unicode_decode_with_offsets(input, input_encoding, errors, replacement_char, replace_control_characters)[0]


def unicode_decode_with_offsets(input, input_encoding, errors="replace", replacement_char=65533,  # noqa: A002
                                replace_control_characters=False, name=None):  # fmt: skip
    """``unicode_decode``, and the place of each character's first byte, i64."""
    return tuple(_apart("UnicodeDecodeWithOffsets", lib.decode_flat, input, input_encoding=input_encoding,
                        errors=errors, replacement_char=replacement_char,
                        replace_control_characters=replace_control_characters))  # fmt: skip


def unicode_split(input, input_encoding, errors="replace", replacement_char=65533, name=None):  # noqa: A002
    """The characters of strings, each as a string, as the innermost rows of a RaggedTensor; a vector for one string."""
    return unicode_split_with_offsets(input, input_encoding, errors, replacement_char)[0]


def unicode_split_with_offsets(
    input,
    input_encoding,
    errors="replace",
    replacement_char=65533,
    name=None,  # noqa: A002
):
    """``unicode_split``, and the place of each character's first byte, i64."""
    return tuple(_apart("UnicodeSplit", lib.split_characters_flat, input, input_encoding=input_encoding, errors=errors,
                        replacement_char=replacement_char))  # fmt: skip


def unicode_encode(input, output_encoding, errors="replace", replacement_char=65533, name=None):  # noqa: A002
    """One string for each innermost row of code points i32, in UTF-8, UTF-16-BE or UTF-32-BE.

    Raises:
        ShapeError: a scalar. InvalidArgumentError, while running, with ``errors="strict"``: a code point is none.
    """
    options = {"output_encoding": output_encoding, "errors": errors, "replacement_char": replacement_char}
    if not is_ragged(input):
        return record("UnicodeEncode", lib.encode_rows, "input", input=convert_to_tensor(input), **options)
    if is_ragged(input.values) or _rank("unicode_encode", input.values) > 1:
        return input.with_values(unicode_encode(input.values, **options))
    return record("UnicodeEncode", lib.encode_flat, codes=input.values, splits=input.row_splits, **options)


def ngrams(
    data, ngram_width, separator=" ", pad_values=None, padding_width=None, preserve_short_sequences=False, name=None
):
    """The n-grams of each innermost row of strings: runs of ``ngram_width`` of them, joined.

    Args:
        ngram_width: a number, or several. pad_values: what is put before and after each row: a string or two of them.
        padding_width: how often; one time less than the width if None.
        preserve_short_sequences: a row that is too short counts as one n-gram.

    Raises:
        ShapeError: a scalar. UsageError: widths or paddings that mean nothing.
    """
    widths = list(ngram_width) if isinstance(ngram_width, (list, tuple)) else [ngram_width]
    if any(w < 1 for w in widths) or (padding_width is not None and (padding_width < 1 or pad_values is None)):
        what = f"ngrams: ngram_width {ngram_width} and padding_width {padding_width} must be positive, with pad_values"
        raise UsageError(explain(what))
    left, right = (pad_values or "",) * 2 if not isinstance(pad_values, (list, tuple)) else pad_values
    padding = 0 if pad_values is None else -1 if padding_width is None else int(padding_width)
    options = {"widths": widths, "separator": separator, "left": left, "right": right, "padding": padding,
                   "keep": preserve_short_sequences}  # fmt: skip
    if is_ragged(data):
        if is_ragged(data.values):
            inner = ngrams(data.values, ngram_width, separator, pad_values, padding_width, preserve_short_sequences)
            return data.with_values(inner)
        values, splits = record("StringNGrams", lib.ngrams_flat, data=data.values, splits=data.row_splits, **options)
        return RaggedTensor(values, splits)
    x = convert_to_tensor(data)
    rank = _rank("ngrams", x)
    if not rank:
        raise ShapeError(explain("ngrams: needs one axis at least, not a scalar"))
    splits = record("RowSplits", lib.splits_of_axis, "x", x=x, axis=rank - 1)
    flat = record("Reshape", lib_shape.reshape, "tensor", tensor=x, shape=(-1,))
    values, splits = record("StringNGrams", lib.ngrams_flat, data=flat, splits=splits, **options)
    if rank == 1:
        return values
    rows = RaggedTensor(values, splits).to_tensor(default_value="")
    return rows if rank == 2 else record("Reshape", _with_axes_of, "x like", x=rows, like=x)


def _with_axes_of(x, like):
    return lib_shape.reshape(x, (*like.shape[:-1], -1))
