"""Collections of a graph: lists of anything under names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphc.errors import GraphError, StateError, UsageError, explain


class Collected:
    """The part of a Graph that keeps collections."""

    def __init__(self):
        self._collections: dict[object, list] = {}
        self._finalized = False

    def finalize(self) -> None:
        """Forbid new operations and new members of collections."""
        self._finalized = True

    @property
    def finalized(self) -> bool:
        """Whether the graph is finalized."""
        return self._finalized

    def check_not_finalized(self, what: str) -> None:
        """Refuse ``what`` in a finalized graph.

        Raises:
            StateError: the graph is finalized.
        """
        if self._finalized:
            advice = "make all operations before finalize(), MonitoredSession and Supervisor"
            raise StateError(explain(f"{what}: the graph is finalized and cannot be changed; {advice}"))

    def add_to_collection(self, name, value) -> None:
        """Append to the collection ``name``.

        Raises:
            StateError: the graph is finalized.
        """
        if self._finalized:
            self.check_not_finalized(f"add_to_collection({name!r})")
        self.get_collection_ref(name).append(value)

    def add_to_collections(self, names, value) -> None:
        """Append to several collections, to each once; ``names`` may be a single one."""
        single = isinstance(names, (str, bytes)) or not isinstance(names, Iterable)
        for name in (names,) if single else dict.fromkeys(names):
            self.add_to_collection(name, value)

    def get_collection(self, name, scope: str | None = None) -> list:
        """A copy of the collection; with ``scope``, what has a name that matches it from the beginning."""
        found = list(self._collections.get(name, ()))
        if scope is None or scope == "":
            return found
        try:
            wanted = re.compile(scope)
        except (TypeError, re.error):
            raise GraphError(explain(f"get_collection: scope {scope!r} is no regular expression")) from None
        return [v for v in found if wanted.match(str(getattr(v, "name", "")))]

    def get_collection_ref(self, name) -> list:
        """The collection itself, made if there is none: what is added to the list is added to the collection."""
        try:
            return self._collections.setdefault(name, [])
        except TypeError:
            raise UsageError(explain(f"a collection needs a name that can be a key, got {name!r}")) from None

    def clear_collection(self, name) -> None:
        """Forget the members of a collection.

        Raises:
            StateError: the graph is finalized.
        """
        self.check_not_finalized(f"clear_collection({name!r})")
        self._collections.pop(name, None)

    def get_all_collection_keys(self) -> list[str]:
        """The names of all collections, those that are strings."""
        return [k for k in self._collections if isinstance(k, str)]

    @property
    def collections(self) -> list:
        """The names of all collections."""
        return list(self._collections)
