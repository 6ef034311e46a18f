"""RE2's regular expressions by means of Python's ``re``: patterns, whole matches, replacement and tokens."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from graphc.errors import InvalidArgumentError
from graphc.prims.automaton import Automaton, TooLarge, is_simple, ways_of

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


def searched(pattern: str) -> re.Pattern:
    """A pattern to look for anywhere in a text, in time at most quadratic in its length.

    Raises:
        InvalidArgumentError: see ``compiled``; also patterns that could take far longer.
    """
    known = compiled(pattern)
    if not all(is_simple(way) for way in ways_of(known.pattern)):
        what = "repeats without end more than once, which may take very long to look for"
        raise InvalidArgumentError(f"pattern {pattern!r} {what}")
    return known


def tokens(patterns: tuple[str, ...], between: bool, least: int, mark: bool) -> Callable[[bytes], list[bytes]]:
    """The matches in a string of the one pattern, or what is ``between`` the matches of all, of ``least`` characters.

    ``mark`` puts the characters 2 and 3 around them.
    """
    known = [searched(p) for p in patterns]

    def matches(text: str) -> list[str]:
        found, at = [], 0
        while (match := known[0].search(text, at)) is not None:
            is_long = match.end() - match.start() >= least
            at = match.end() if is_long else match.start() + 1
            if is_long:
                found.append(match[0])
        return found

    def rests(text: str) -> list[str]:
        found = [text]
        for pattern in known:
            found = [piece for whole in found for piece in _rests(pattern, whole) if len(piece) >= least]
        return found

    def cut(text: bytes) -> list[bytes]:
        found = (rests if between else matches)(text.decode("utf-8", "surrogateescape"))
        found = ["\2", *found, "\3"] if mark else found
        return [t.encode("utf-8", "surrogateescape") for t in found]

    return cut


def _rests(pattern: re.Pattern, text: str) -> list[str]:
    """What is between the matches that are not empty."""
    ends = [0, *(k for m in pattern.finditer(text) if m[0] for k in m.span()), len(text)]
    return [text[a:b] for a, b in zip(ends[::2], ends[1::2])]
