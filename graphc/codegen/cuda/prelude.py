"""The hand-written device functions: which files of ``prelude`` define the names that a text uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("prelude")
_NAME = re.compile(r"\b(?:gc|GC)_\w+")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DEFINED = re.compile(r"(?:struct|class|using|#define)\s[^;{(=]*?\b((?:gc|GC)_\w+)|\b(gc_\w+)\s*\(")


@dataclass(frozen=True)
class Part:
    """One file: its text, the names that it defines, and all that it mentions."""

    name: str
    text: str
    defined: frozenset[str]
    mentioned: frozenset[str]


@cache
def parts() -> tuple[Part, ...]:
    """Every file of the prelude, by name."""
    return tuple([_part(path.stem, path.read_text()) for path in sorted(_FOLDER.glob("*.cuh"))])


def _part(name: str, text: str) -> Part:
    bare = _COMMENT.sub("", text)
    found = [a or b for a, b in _DEFINED.findall(_outside_bodies(bare))]
    return Part(name, text, frozenset(found), frozenset(_NAME.findall(bare)))


def _outside_bodies(text: str) -> str:
    """The text without what stands in braces."""
    depth, kept = 0, []
    for piece in re.split(r"([{}])", text):
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
            kept.append(";")
        elif depth == 0:
            kept.append(piece)
    return "".join(kept)


def defined_names() -> frozenset[str]:
    """Every name that the prelude defines."""
    return frozenset().union(*[part.defined for part in parts()])


def prelude_of(text: str) -> str:
    """The files that define what a text mentions, and what these need, each before its users."""
    chosen: list[Part] = []

    def add(names: frozenset[str]) -> None:
        for part in parts():
            if part.defined & names and part not in waiting:
                waiting.append(part)
                add(part.mentioned)
                chosen.append(part)

    waiting: list[Part] = []
    add(frozenset(_NAME.findall(text)))
    return "\n".join([part.text for part in chosen])
