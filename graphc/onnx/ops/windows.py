"""Attributes of windows that slide over spatial axes: sizes, strides, dilations and what is added around."""

from __future__ import annotations

from graphc.errors import FormatError
from graphc.lib.window import same_padding
from graphc.onnx.call import Call

AUTOMATIC = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


def numbers(call: Call, name: str, count: int, default: int, least: int) -> tuple[int, ...]:
    """An attribute with one number for each spatial axis.

    Raises:
        FormatError: it has another number of them, or one is too small.
    """
    found = call.ints(name, [])
    found = tuple(found) if found else (default,) * count
    if len(found) != count or any(v < least for v in found):
        raise FormatError(f"{call.op}: attribute {name!r} must be {count} numbers from {least} on, it is {list(found)}")
    return found


def strides_of(call: Call, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How far windows are apart, and how far the elements of a window, along each spatial axis."""
    return numbers(call, "strides", count, 1, 1), numbers(call, "dilations", count, 1, 1)


def pads_of(call: Call, count: int) -> tuple[int, ...]:
    """What ``pads`` adds before each spatial axis, then after each."""
    return numbers(call, "pads", 2 * count, 0, 0)


def kernel_shape(call: Call, count: int) -> tuple[int, ...]:
    """The sizes of a window, which must be given.

    Raises:
        FormatError: they are missing, not one for each spatial axis, or not positive.
    """
    found = call.ints("kernel_shape")
    if len(found) != count or any(k < 1 for k in found):
        raise FormatError(f"{call.op}: kernel_shape {found} does not fit {count} spatial axes")
    return tuple(found)


def paddings(call: Call, sizes, reaches, stride) -> tuple[list, list]:
    """What is added before and after each spatial axis, by ``pads`` or as ``auto_pad`` says.

    Args:
        sizes: of the spatial axes; reaches: of the window along them.
    """
    way, count = call.choice("auto_pad", *AUTOMATIC), len(stride)
    if way in ("NOTSET", "VALID"):
        given = pads_of(call, count) if way == "NOTSET" else (0,) * (2 * count)
        return list(given[:count]), list(given[count:])
    pairs = [same_padding(n, k, s) for n, k, s in zip(sizes, reaches, stride)]
    pairs = pairs if way == "SAME_UPPER" else [(b, a) for a, b in pairs]
    return [a for a, _ in pairs], [b for _, b in pairs]
