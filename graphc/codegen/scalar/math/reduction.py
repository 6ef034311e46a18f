"""Reduction of an angle to a quarter turn, right for every finite argument.

Only the bits of 2/pi count that do not multiply the argument to whole turns. f32 computes in f64: arguments below
2^16 take whole turns off, larger ones use exact products of 24 and 29 bits, the two words of 2/pi selected by the size of the
argument. f64 reads four words of 2/pi from a table indexed by the exponent and uses exact products of two words.
"""

from __future__ import annotations

import math
import struct
from functools import cache

from graphc.codegen.scalar.math.polynomial import fast_two_sum, product_error, two_sum
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import f64, i32

_MAGIC = 1.5 * 2.0**52  # adding it leaves an integer in the last bits
_PI_2 = (math.pi / 2, 6.123233995736766e-17)
_HALF_PI = (26986075409 * 2.0**-34, 2.563344151594519e-12)  # pi/2 in 35 bits, and its rest
_SMALL = 2.0**16  # f32 arguments below it need no more of 2/pi
_TABLE_BITS = 1300
_ROWS = 61
# f32: an argument below each limit uses 2/pi without its first bits, whose products are whole turns.
_LIMITS = ((2.0**27, 0), (2.0**52, 4), (2.0**77, 29), (2.0**102, 54), (math.inf, 79))


def reduce_f32(size: Register) -> tuple[Register, Register]:
    """Quadrant (i32, modulo 4 in its last bits) and rest, as f64, of a non-negative f32. The rest is in [-pi/4, pi/4], or
    beyond by 2^-14 of itself.

    It is a function of its own with a branch: hardly any argument needs more of 2/pi than two words of pi/2 give. Which
    lanes stand beside an argument changes nothing about its result.
    """
    builder = size.builder
    parts = builder.rarely("gc_quarter_turns", size.value, (i32, f64), _is_large, _reduce_small, _reduce_large)
    return Register(builder, parts[0]), Register(builder, parts[1])


def _is_large(size: Register) -> Register:
    return size.ge(_SMALL)


def _reduce_small(size: Register) -> tuple[Register, Register]:
    """Both products with the number of quarter turns are exact, or as good as: it has 16 bits."""
    x = size.widened()
    shifted = x.fma(_words_from(0, (29,), False)[0], _MAGIC)
    turns = shifted - _MAGIC
    rest = turns.fma(-_HALF_PI[1], turns.fma(-_HALF_PI[0], x))
    return shifted.bits().to("trunc", i32), rest


def _reduce_large(size: Register) -> tuple[Register, Register]:
    """As ``reduce_f32``, for every finite argument, the rest within [-pi/4, pi/4]."""
    x = size.widened()
    conditions = [x.lt(limit) for limit, _ in _LIMITS[:-1]]
    words = [_words_from(start, (29, 29, 53), False) for _, start in _LIMITS]
    chosen = []
    for column in range(3):
        word = x.like(words[-1][column])
        for condition, row in zip(reversed(conditions), reversed(words[:-1]), strict=True):
            word = word.replace(condition, row[column])
        chosen.append(word)
    high, middle, low = chosen
    first, first_rest = _split_product(x, high)
    second, second_rest = _split_product(x, middle)
    third = (first_rest + second_rest) + _MAGIC
    rest = (first_rest - (third - _MAGIC)) + second_rest
    rest = x.fma(low, rest)
    quadrant = first.bits() + second.bits() + third.bits()
    return quadrant.to("trunc", i32), rest * _PI_2[0]


def _split_product(x: Register, word: Register) -> tuple[Register, Register]:
    """An exact product as a number that ends in its integral part, and its fraction."""
    shifted = x.fma(word, _MAGIC)
    return shifted, x.fma(word, -(shifted - _MAGIC))


def reduce_f64(size: Register) -> tuple[Register, Register, Register]:
    """Quadrant (i64) and the rest in [-pi/4, pi/4] in two words of a non-negative f64.

    The rest is right to a few 2^-106 of itself, also for the arguments nearest to a multiple of pi/2.
    """
    exponent = (size.bits() >> 52) - (1023 + 52)
    row = exponent.replace(exponent.lt(0), 0) >> 4
    x = (size.bits() - (row << (4 + 52))).floating()
    index = (row << 2).at_most(4 * _ROWS - 4)  # infinities and NaN stay in the table
    builder = size.builder
    words = [Register(builder, builder.load_table("graphc_two_over_pi", _table(), (index + column).value)).floating()
             for column in range(4)]
    whole = x * words[0]
    second = x * words[1]
    third = x * words[2]
    parts, quadrant = [], None
    for part in (residue_of_four(whole), product_error(x, words[0], whole), second):
        shifted = part + _MAGIC
        parts.append(part - (shifted - _MAGIC))
        quadrant = shifted.bits() if quadrant is None else quadrant + shifted.bits()
    total, error = two_sum(parts[0], parts[1])
    total, error_2 = two_sum(total, parts[2])
    shifted = total + _MAGIC
    quadrant = quadrant + shifted.bits()
    total = total - (shifted - _MAGIC)
    tail, tail_low = two_sum(product_error(x, words[1], second), third)
    tail_low = tail_low + x.fma(words[3], product_error(x, words[2], third))
    high, low = two_sum(total, tail)
    high, low = fast_two_sum(high, low + ((error + error_2) + tail_low))
    angle = high * _PI_2[0]
    angle_low = product_error(high, high.like(_PI_2[0]), angle) + high.fma(_PI_2[1], low * _PI_2[0])
    small = size.lt(0.5)
    return quadrant, angle.replace(small, size), angle_low.replace(small, 0.0)


def residue_of_four(x: Register) -> Register:
    """``x`` less the nearest multiple of 4, exactly."""
    return (x * 0.25).rounded().fma(-4.0, x)


@cache
def _two_over_pi() -> int:
    """2/pi times 2^1300, by Machin's formula in integers."""
    guard = _TABLE_BITS + 64
    one = 1 << (2 * guard)
    pi = 4 * (4 * _arctan_inverse(5, one) - _arctan_inverse(239, one))
    return ((2 * one << guard) // pi) >> (guard - _TABLE_BITS)


def _arctan_inverse(n: int, one: int) -> int:
    term, total, k = one // n, 0, 0
    while term:
        total += -(term // (2 * k + 1)) if k & 1 else term // (2 * k + 1)
        term //= n * n
        k += 1
    return total


def _words_from(start: int, widths: tuple[int, ...], scaled: bool) -> tuple[float, ...]:
    """2/pi without its first ``start`` bits of weight 2 and less, cut into words; ``scaled`` by 2^start."""
    words, position = [], start - 2
    for width in widths:
        position += width
        chunk = (_two_over_pi() >> (_TABLE_BITS - position)) & ((1 << width) - 1)
        words.append(math.ldexp(chunk, start * scaled - position))
    return tuple(words)


@cache
def _table() -> tuple[int, ...]:
    """Rows of four f64 words (as bits) of 2/pi times 2^(16 row), modulo 4."""
    entries = []
    for row in range(_ROWS):
        for word in _words_from(16 * row, (53, 53, 53, 53), True):
            entries.append(_bits(word))
    return tuple(entries)


def _bits(number: float) -> int:
    return struct.unpack("<q", struct.pack("<d", number))[0]
