"""Cuts the values of large tensors out of a model's bytes, so that protobuf parses the rest and they stay in the file.

A walk over the tags of what can hold tensors; what is shorter than a tensor worth cutting is not looked into.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.errors import FormatError, explain
from graphc.formats.varint import read_varint, varint

SMALLEST = 4096  # bytes of values that are worth to be left in the file
DEEPEST = 100  # messages inside of messages, as protobuf has it
_PAYLOAD = 536870911 << 3  # the tag of TensorProto.payload
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION, _TRAINING = range(8)
# what to look into: of a kind of message, the tag of a field of bytes -> the kind of message that these are
_INSIDE = tuple(
    {number << 3 | 2: kind for number, kind in fields.items()}
    for fields in (
        {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
        {1: _NODE, 5: _TENSOR, 15: _SPARSE},
        {5: _ATTRIBUTE},
        {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
        {},
        {1: _TENSOR, 2: _TENSOR},
        {7: _NODE, 11: _ATTRIBUTE},
        {1: _GRAPH, 2: _GRAPH},
    )
)
_VALUES = {9 << 3 | 2: "raw_data", 4 << 3 | 2: "float_data", 10 << 3 | 2: "double_data"}  # little-endian as they are


@dataclass(frozen=True)
class Piece:
    """Values that stay in the file: where they begin, how many bytes they are, the field that held them."""

    offset: int
    size: int
    field: str


@dataclass
class _Open:
    """A message that the walk is in.

    Attributes:
        kind: of the message; ``tag`` and ``start``: of its field; ``end``: where its bytes end.
        kept: where what is not yet taken over begins; ``parts``: what is taken over, ``size`` bytes.
    """

    kind: int
    tag: bytes
    end: int
    kept: int
    parts: list
    size: int = 0
    cut: bool = False

    def take(self, data: memoryview, until: int) -> None:
        """Take over what lies before ``until``."""
        if until > self.kept:
            self.add(data[self.kept : until])
        self.kept = until

    def add(self, part) -> None:
        """Put bytes behind what is taken over."""
        self.parts.append(part)
        self.size += len(part)


def cut(data: memoryview, name: str) -> tuple[bytes, list[Piece]]:
    """The bytes of a ModelProto without the values of large tensors, and where these are.

    In their place a tensor has a ``payload``, the number of its piece.

    Args:
        data: the file.
        name: what errors call it.

    Raises:
        FormatError: a message ends before its fields do, or a tag is none.
    """
    pieces: list[Piece] = []
    stack = [_Open(_MODEL, b"", len(data), 0, [])]
    at = 0
    while True:
        frame = stack[-1]
        at = _walk(data, at, frame, stack, pieces, name)
        if len(stack) == 1 and stack[0] is frame:
            frame.take(data, frame.end)
            return b"".join(frame.parts), pieces
        if stack[-1] is frame:  # it ended
            frame.take(data, frame.end)
            stack.pop()
            above = stack[-1]
            above.parts += [frame.tag, varint(frame.size), *frame.parts]
            above.size += len(frame.tag) + len(varint(frame.size)) + frame.size
            above.kept = at


def _walk(data: memoryview, at: int, frame: _Open, stack: list, pieces: list, name: str) -> int:
    """Go on in a message until it ends or until one inside of it is entered, which is put on the stack."""
    end, inside, values = frame.end, _INSIDE[frame.kind], _VALUES if frame.kind == _TENSOR else ()
    while at < end:
        start = at
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = _number(data, start, end, name)
        wire = tag & 7
        if wire == 2:
            length, at = (data[at], at + 1) if at < end and data[at] < 128 else _number(data, at, end, name)
            if length > end - at:
                raise _truncated(name, start, f"a field of {length} bytes where {end - at} are left")
            if length >= SMALLEST:
                if tag in inside:
                    if len(stack) > DEEPEST:
                        raise FormatError(explain(f"{name}: graphs are nested deeper than {DEEPEST} messages"))
                    frame.take(data, start)
                    stack.append(_Open(inside[tag], varint(tag), at + length, at, []))
                    return at
                if tag in values and not frame.cut:
                    frame.take(data, start)
                    frame.add(varint(_PAYLOAD) + varint(len(pieces)))
                    pieces.append(Piece(at, length, values[tag]))
                    frame.kept, frame.cut = at + length, True
            at += length
        elif wire == 0:
            _, at = _number(data, at, end, name)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            if at > end:
                raise _truncated(name, start, "a number that is not there whole")
        elif wire in (6, 7):
            raise _truncated(name, start, f"a tag with wire type {wire}, which does not exist")
    return end


def _number(data: memoryview, at: int, end: int, name: str) -> tuple[int, int]:
    """The number that stands at a place, and the place after it."""
    number, after = read_varint(data, at, end)
    if number < 0:
        raise _truncated(name, at, "a number that does not end")
    return number & 0xFFFFFFFFFFFFFFFF, after


def _truncated(name: str, at: int, what: str) -> FormatError:
    return FormatError(explain(f"{name}: no ONNX model, or a damaged or truncated one: at byte {at} begins {what}"))
