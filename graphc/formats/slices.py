"""Parts of partitioned variables in checkpoints: what part of which shape, and the keys under which they are stored."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.errors import UsageError, explain


@dataclass(frozen=True)
class Slice:
    """A box inside a tensor.

    Attributes:
        starts, lengths: one each for every axis; the length is -1 for the whole axis.
    """

    starts: tuple[int, ...]
    lengths: tuple[int, ...]

    def place(self, shape: tuple[int, ...]) -> tuple[slice, ...] | None:
        """The box as an index into an array of ``shape``, or None where it does not fit into it."""
        if len(shape) != len(self.starts):
            return None
        ends = [d if n < 0 else s + n for s, n, d in zip(self.starts, self.lengths, shape)]
        if any(not 0 <= s <= e <= d for s, e, d in zip(self.starts, ends, shape)):
            return None
        return tuple(slice(s, e) for s, e in zip(self.starts, ends))

    @classmethod
    def parse(cls, text: str) -> tuple[tuple[int, ...], Slice]:
        """The full shape and the box of a text such as ``"4 3 0,2:-"``: sizes, then start and length of every axis.

        Raises:
            UsageError: the text is no such thing.
        """
        try:
            *sizes, boxes = text.split(" ")
            pairs = [(0, -1) if box == "-" else tuple(map(int, box.split(","))) for box in boxes.split(":")]
            shape, (starts, lengths) = tuple(map(int, sizes)), zip(*pairs)
            found = cls(starts, lengths)
        except ValueError:
            raise UsageError(explain(f"{text!r} does not describe a slice, such as '4 3 0,2:-'")) from None
        if found.place(shape) is None:
            raise UsageError(explain(f"the slice {text!r} does not fit into its shape"))
        return shape, found


def slice_key(name: str, part: Slice) -> bytes:
    """The key of a part: 0, name, rank, starts and lengths in a code that sorts as its values do."""
    out = b"\0" + _string(name.encode()) + _number(len(part.starts))
    return out + b"".join(_signed(start) + _signed(length) for start, length in zip(part.starts, part.lengths))


def _string(text: bytes) -> bytes:
    marked = b"".join({0: b"\0\xff", 255: b"\xff\0"}.get(byte, bytes([byte])) for byte in text)
    return marked + b"\0\1"


def _number(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _signed(value: int) -> bytes:
    size = (value if value >= 0 else ~value).bit_length() // 7 + 1
    header = (1 << size) - 1 << 7 * size
    return (value % (1 << 8 * size) ^ header).to_bytes(size, "big")
