"""RE2's regular expressions by means of Python's ``re``: patterns, whole matches and replacement."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from graphc.errors import InvalidArgumentError
from graphc.prims.automaton import Automaton, TooLarge, is_simple

# What stands in brackets for the names of POSIX classes and of the most used Unicode properties.
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7f", "blank": "\\t ", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_UNICODE = {"L": "(?u:[^\\W\\d_])", "N": "(?u:\\d)", "Nd": "(?u:\\d)"}


@functools.lru_cache(256)
def compiled(pattern: str) -> re.Pattern:
    """A pattern of RE2 over characters.

    Raises:
        InvalidArgumentError: it is none, or uses what Python's ``re`` has not.
    """
    try:
        return re.compile(_translated(pattern), re.ASCII)
    except (re.error, KeyError) as error:
        raise InvalidArgumentError(f"invalid pattern {pattern!r}: {error}") from None


def _translated(pattern: str) -> str:
    out, at, inside = [], 0, False
    while at < len(pattern):
        c = pattern[at]
        property_ = re.compile(r"\\p(?:\{(\w+)\}|(\w))").match(pattern, at)
        if property_ and not inside:
            piece, at = _UNICODE[property_[1] or property_[2]], property_.end()
        elif c == "\\":
            piece = pattern[at : at + 2]
            piece, at = {"\\z": "\\Z", "\\C": "."}.get(piece, piece), at + 2
        elif inside and pattern.startswith("[:", at) and ":]" in pattern[at:]:
            end = pattern.index(":]", at)
            piece, at = _POSIX[pattern[at + 2 : end]], end + 2
        elif c == "[" and not inside:
            opened = re.compile(r"\[\^?\]?").match(pattern, at)
            piece, at, inside = opened[0].replace("]", "\\]"), opened.end(), True
        else:
            piece, at = c, at + 1
            if c == "[":
                piece = "\\["
            elif c == "]":
                inside = False
            elif c == "$" and not inside and "(?m" not in pattern:
                piece = "\\Z"  # Python's $ would also match before a newline at the end
        out.append(piece)
    return "".join(out)


@functools.lru_cache(64)
def _whole(pattern: str) -> Callable[[str], object]:
    """Says of a text whether all of it is a match, in time linear in its length.

    Raises:
        InvalidArgumentError: see ``compiled``; also patterns that are too large.
    """
    known = compiled(pattern)
    if is_simple(known.pattern):
        return known.fullmatch
    try:
        return Automaton(known.pattern).matches
    except TooLarge as error:
        raise InvalidArgumentError(f"invalid pattern {pattern!r}: {error}") from None


def full_match(pattern: str) -> Callable[[bytes], bool]:
    """Whether all of a string in UTF-8 is a match."""
    whole = _whole(pattern)

    def matches(text: bytes) -> bool:
        try:
            return bool(whole(text.decode()))
        except UnicodeDecodeError:
            return False

    return matches


def replacement(pattern: str, rewrite: str, every: bool) -> Callable[[bytes], bytes]:
    r"""A string with its matches, or the first one, replaced; ``\1`` in ``rewrite`` is the first group."""
    search = compiled(pattern)
    pieces = re.split(r"\\([0-9\\])", rewrite)
    wrong = any("\\" in p for p in pieces[::2]) or any(p != "\\" and int(p) > search.groups for p in pieces[1::2])

    def written(match: re.Match) -> str:
        found = [p if k % 2 == 0 or p == "\\" else match[int(p)] or "" for k, p in enumerate(pieces)]
        return "".join(found)

    def replaced(text: bytes) -> bytes:
        text = text.decode("utf-8", "surrogateescape")
        out, at, last = [], 0, -1
        for match in search.finditer(text):
            if match.start() == match.end() == last:  # RE2 finds nothing empty right after a match
                continue
            out += [text[at : match.start()], written(match)]
            at = last = match.end()
            if not every:
                break
        return "".join([*out, text[at:]]).encode("utf-8", "surrogateescape")

    return (lambda text: text) if wrong else replaced
