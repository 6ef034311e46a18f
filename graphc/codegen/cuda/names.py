"""Names of an IR as identifiers of C++."""

from __future__ import annotations

import re

from graphc.ir.symbols import is_identifier

_WORD = re.compile(r"[A-Za-z_]\w*")


class Names:
    """Identifiers of one kernel, each for one name of the IR."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], str] = {}
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}

    def of(self, name: str, kind: str = "variable") -> str:
        """The identifier for a name, which things of two kinds may share in the IR; the name itself where it is one."""
        found = self._of.get((kind, name))
        if found is None:
            plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
            if not is_identifier(plain):
                plain = f"v_{plain.lstrip('_')}"
            found = plain
            number = 1
            while found in self._used:
                number += 1
                found = f"{plain}_{number}"
            self._used.add(found)
            self._of[kind, name] = found
        return found

    def fresh(self, stem: str) -> str:
        """An identifier that nothing has: the stem and a number."""
        while True:
            number = self._counts.get(stem, 0)
            self._counts[stem] = number + 1
            if f"{stem}{number}" not in self._used:
                self._used.add(f"{stem}{number}")
                return f"{stem}{number}"


def needed(lines: list[str], used: set[str]) -> list[str]:
    """Statements without the constants that no later one mentions, beside those that are used elsewhere."""
    used, kept = set(used), []
    for line in reversed(lines):
        head, equals, _ = line.partition(" = ")
        if equals and head.lstrip().startswith("const ") and head.rsplit(" ", 1)[1] not in used:
            continue
        used.update(_WORD.findall(line))
        kept.append(line)
    return kept[::-1]
