"""Characters and their encodings, with TensorFlow's treatment of malformed input."""

from __future__ import annotations

import codecs

from graphc.errors import InvalidArgumentError

OUTPUTS = {"UTF-8": "utf-8", "UTF-16-BE": "utf-16-be", "UTF-32-BE": "utf-32-be"}
ERRORS = ("strict", "replace", "ignore")
_LAST = 0x10FFFF


def codec_name(encoding: str) -> str:
    """Python's name of an encoding; UTF-16 and UTF-32 without a byte order are big-endian unless a mark says otherwise.

    Raises:
        LookupError: unknown.
    """
    name = codecs.lookup(OUTPUTS.get(encoding, encoding)).name
    return name


def decoded(text: bytes, encoding: str, errors: str, replacement: int, controls: bool) -> tuple[list[int], list[int]]:
    """Code points and the places of their first bytes.

    Args:
        errors: ``strict``, ``replace`` or ``ignore`` (leave malformed bytes out).
        replacement: the code point in place of malformed bytes and, if ``controls``, of control characters.

    Raises:
        InvalidArgumentError: malformed bytes, with ``strict``.
    """
    name, codes, offsets, at = codec_name(encoding), [], [], 0
    while at < len(text):
        broken = None
        try:
            good = text[at:].decode(name)
        except UnicodeDecodeError as error:
            if errors == "strict":
                raise InvalidArgumentError(f"malformed {encoding} at byte {at + error.start}") from None
            broken = error
            good = text[at : at + error.start].decode(name)
        for c in good:
            codes.append(ord(c))
            offsets.append(at)
            at += len(c.encode(name))
        if broken is not None:
            if errors == "replace":
                codes.append(replacement)
                offsets.append(at)
            at += broken.end - broken.start
    if controls:
        codes = [replacement if c < 32 else c for c in codes]
    return codes, offsets


def encoded(codes: list[int], encoding: str, errors: str, replacement: int) -> bytes:
    """Code points in UTF-8, UTF-16-BE or UTF-32-BE.

    Raises:
        InvalidArgumentError: one is none, with ``strict``.
    """
    good = []
    for c in codes:
        if 0 <= c <= _LAST and not 0xD800 <= c < 0xE000:
            good.append(c)
        elif errors == "strict":
            raise InvalidArgumentError(f"{c} is out of range for Unicode, or a surrogate")
        elif errors == "replace":
            good.append(replacement)
    return "".join(map(chr, good)).encode(OUTPUTS[encoding])


def transcoded(text: bytes, source: str, target: str, errors: str, replacement: int, controls: bool) -> bytes:
    """Bytes of one encoding in another."""
    return encoded(decoded(text, source, errors, replacement, controls)[0], target, errors, replacement)


def starts(text: bytes) -> list[int]:
    """Where the characters of a string in UTF-8 begin, and its length: every byte counts that continues none."""
    return [*(k for k, byte in enumerate(text) if byte & 0xC0 != 0x80), len(text)]
