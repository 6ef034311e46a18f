"""The public names: every row and function of the catalogue at its place, for each front door."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from types import ModuleType

from graphc import autodiff
from graphc.api.absent import AbsentError, instead_of
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.names import TABLES
from graphc.api.op import Late, Op
from graphc.errors import UsageError, explain


def catalogue() -> dict[str, object]:
    """Public name without ``tf.`` -> its row (an Op), or the function, class or value itself."""
    return joined((table.__name__, vars(table)) for table in TABLES)


def joined(tables: Iterable[tuple[str, Mapping]]) -> dict[str, object]:
    """The names of tables (their name, and their ``ROWS`` and ``FUNCTIONS``) in one.

    Raises:
        UsageError: a name is claimed twice.
    """
    found: dict[str, object] = {}
    owners: dict[str, str] = {}
    for owner, table in tables:
        claims = [(name, row) for row in table.get("ROWS", ()) for name in row.names.split()]
        for name, entry in [*claims, *table.get("FUNCTIONS", {}).items()]:
            if name in found:
                raise UsageError(explain(f"{name}: claimed by {owners[name]} and by {owner}"))
            found[name], owners[name] = entry, owner
    return found


class Namespace(ModuleType):
    """A module whose members are looked up when they are first used, such as ``graphc.math``."""

    def __init__(self, name: str, doc: str, member: Callable, listed: list[str]):
        super().__init__(name, doc)
        self.__dict__.update(_member=member, _listed=listed, __path__=[])

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        value = self.__dict__[name] = self._member(name)
        return value

    def __dir__(self):
        return sorted(self._listed)


class Names:
    """The names of one front door.

    Args:
        package: what the names live in, such as ``graphc``.
        fallback: recorder of operations without tensor operands.
        entries: public name -> row, function or value.
        lift: makes the public function of a row.
        missing: answers with the error for a name that is not there: of its namespace, the name, and what there is.
    """

    def __init__(self, package: str, fallback: Callable, entries: Mapping[str, object], lift: Callable = lift,
                 missing: Callable | None = None):  # fmt: skip
        self._missing = missing
        self.package, self._fallback, self._entries, self._lift = package, fallback, dict(entries), lift
        self._lifted: dict[Op, Callable] = {}
        self._spaces: dict[str, Namespace] = {}

    def get(self, name: str):
        """The function, class, value or namespace of this name.

        Raises:
            AttributeError: there is none.
        """
        entry = self._entries.get(name)
        if isinstance(entry, Op):
            if entry not in self._lifted:
                self._lifted[entry] = public = self._lift(entry, self._fallback)
                public.__module__ = self.package
            return self._lifted[entry]
        if isinstance(entry, Late):
            return getattr(importlib.import_module(entry.module), entry.name)
        if name in self._entries:
            return entry
        if name in self._spaces:
            return self._spaces[name]
        inside = self.below(name)
        if not inside and self._missing is not None:
            where, _, own = name.rpartition(".")
            raise self._missing(where, own, self.below(where))
        if not inside:
            instead = instead_of(name)
            if instead is not None:
                raise AbsentError(explain(instead))
            near = difflib.get_close_matches(name, list(self._entries), 1, 0.8)
            known = "docs/ops.md lists what exists, TensorFlow 1's names are in graphc.v1"
            hint = f"did you mean {near[0]!r}?" if near else known
            raise AttributeError(f"module {self.package!r} has no attribute {name!r}; {hint}")
        doc = f"TensorFlow's ``tf.{name}``: {', '.join(inside)}."
        space = Namespace(f"{self.package}.{name}", doc, lambda member: self.get(f"{name}.{member}"), inside)
        self._spaces[name] = space
        if not _is_file(space.__name__):
            sys.modules[space.__name__] = space
        return space

    def below(self, name: str = "") -> list[str]:
        """The members of a namespace."""
        prefix = f"{name}." if name else ""
        return sorted({n[len(prefix) :].partition(".")[0] for n in self._entries if n.startswith(prefix)})


def _is_file(module: str) -> bool:
    """Whether a file is imported under that name."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # below a file
        return False


PUBLIC = Names("graphc", eager, catalogue())

for _name in PUBLIC.below("autodiff"):  # the package of that name holds the public members too
    setattr(autodiff, _name, PUBLIC.get(f"autodiff.{_name}"))
