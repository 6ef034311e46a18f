"""Names of C functions."""

from __future__ import annotations

import re
from pathlib import Path

from graphc.codegen.example import OWN_NAMES

_RESERVED = frozenset(
    """
    alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const constexpr
    continue decltype default delete do double else enum explicit export extern false float for friend goto if
    inline int long mutable namespace new noexcept not nullptr operator or private protected public
    register restrict return short signed sizeof static struct switch template this throw true try typedef
    typename union unsigned using virtual void volatile while xor
    """.split()
)


def c_name(path: Path) -> str:
    """The name of the C function for a model in a file: its stem, made an identifier."""
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    taken = name in _RESERVED or OWN_NAMES.fullmatch(name)
    return name if name[:1].isalpha() and not taken else f"model_{name}"
