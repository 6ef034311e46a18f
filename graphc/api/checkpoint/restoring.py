"""A checkpoint and the objects that it is restored into: what belongs to what, and what became of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from graphc.api.checkpoint.object_graph import VALUE, object_graph_of
from graphc.api.checkpoint.trackable import children, variables_of
from graphc.api.variable import Variable
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.formats.bundle import BundleReader

_SHOWN = 20  # objects that a message lists
COUNTER = "save_counter"


class UnmatchedError(UsageError, AssertionError):
    """Values of a checkpoint and objects of the program do not belong together."""


class Restoration:
    """Gives variables the values of a checkpoint, also those that come later.

    Args:
        reader: the checkpoint; inside: answers with what is directly inside of the root object.
    """

    def __init__(self, reader: BundleReader, inside: Callable[[], Mapping]):
        self.reader, self._inside = reader, inside
        self._graph = object_graph_of(reader)
        self.restored: dict[str, Variable] = {}  # key in the checkpoint -> what has its value now

    def apply(self) -> None:
        """Restore what is there and was not restored; all of it, or nothing where something does not fit.

        Raises:
            ShapeError, DtypeError: variables do not fit; the message lists them. DataLossError: values are damaged.
        """
        pairs = self._by_name() if self._graph is None else self._by_object()
        new = {key: v for key, v in pairs.items() if self.restored.get(key) is not v and key in self.reader.entries}
        wrong, kinds = [], set()
        for key, variable in new.items():
            entry = self.reader.entries[key]
            has_shape = entry.shape == tuple(variable.type.shape)
            if not has_shape or entry.number != variable.dtype.as_datatype_enum:
                kinds.add(DtypeError if has_shape else ShapeError)
                stored = f"{entry.dtype.name}{list(entry.shape)}"
                own = f"{variable.dtype.name}{list(variable.type.shape)}"
                wrong.append((key, f"variable {variable.name} is {own}, but the checkpoint has {stored}"))
        if wrong:
            what = f"restore: checkpoint {self.reader.prefix!r} does not fit {len(wrong)} variables"
            kind = ShapeError if ShapeError in kinds else DtypeError
            raise kind(explain(f"{what}; nothing was restored", wrong[:_SHOWN]))
        values = {key: self.reader.read(key) for key in new}
        for key, variable in new.items():
            variable.assign(values[key])
            self.restored[key] = variable

    def _by_name(self) -> dict[str, Variable]:
        """For a checkpoint of a Saver: the variables by their own names."""
        return {v.name.partition(":")[0]: v for v in variables_of(self._inside())}

    def _by_object(self) -> dict[str, Variable]:
        """For a checkpoint of objects: those that are reached on the same ways here and there."""
        found: dict[str, Variable] = {}
        nodes, seen = self._graph.nodes, set()
        waiting = deque([(0, self._inside())] if len(nodes) else [])
        while waiting:
            number, inside = waiting.popleft()
            for child in nodes[number].children:
                value = inside.get(child.local_name)
                if value is None or (child.node_id, id(value)) in seen:
                    continue
                seen.add((child.node_id, id(value)))
                if isinstance(value, Variable):
                    keys = [a.checkpoint_key for a in nodes[child.node_id].attributes if a.name == VALUE]
                    found.update((key, value) for key in keys)
                    continue
                makes_more = getattr(value, "_restored_by", None)
                if makes_more is not None:
                    makes_more(self)  # it calls ``apply`` when it has made further variables
                waiting.append((child.node_id, children(value)))
        return found

    def unused(self) -> list[str]:
        """The values of the checkpoint that no variable has."""
        if self._graph is None:
            return [key for key in self.reader.entries if key not in self.restored]
        keys = [a.checkpoint_key for node in self._graph.nodes for a in node.attributes]
        return [key for key in keys if key not in self.restored]

    def unmatched(self) -> list[Variable]:
        """The variables of the program that have no value of the checkpoint."""
        done = {id(v) for v in self.restored.values()}
        counter = self._inside().get(COUNTER)
        return [v for v in variables_of(self._inside()) if id(v) not in done and v is not counter]


class LoadStatus:
    """What ``restore`` answers: tells whether the checkpoint and the program belong together."""

    def __init__(self, restoration: Restoration | None):
        self._restoration = restoration

    def assert_consumed(self) -> LoadStatus:
        """Refuse values that no variable has, and variables that have no value.

        Raises:
            UnmatchedError: the message lists them.
        """
        self.assert_existing_objects_matched()
        unused = self._restoration.unused()
        if unused:
            what = f"restore: {len(unused)} values of checkpoint {self._restoration.reader.prefix!r}"
            raise UnmatchedError(explain(f"{what} belong to no variable: {_listed(unused)}"))
        return self

    def assert_existing_objects_matched(self) -> LoadStatus:
        """Refuse variables that have no value of the checkpoint.

        Raises:
            UnmatchedError: the message lists them, or nothing was restored.
        """
        self._again()
        missing = self._restoration.unmatched()
        if missing:
            named = _listed([v.name for v in missing])
            what = f"restore: checkpoint {self._restoration.reader.prefix!r} has no value for {len(missing)} variables"
            raise UnmatchedError(explain(f"{what}: {named}; it has: {_listed(list(self._restoration.reader.entries))}"))
        return self

    def assert_nontrivial_match(self) -> LoadStatus:
        """Refuse a checkpoint of which no variable has a value.

        Raises:
            UnmatchedError: none has.
        """
        self._again()
        if not [key for key in self._restoration.restored if not key.startswith(f"{COUNTER}/")]:
            what = f"restore: no variable has a value of checkpoint {self._restoration.reader.prefix!r}"
            raise UnmatchedError(explain(f"{what}; it has: {_listed(list(self._restoration.reader.entries))}"))
        return self

    def expect_partial(self) -> LoadStatus:
        """Say that not all values need to be used."""
        return self

    def run_restore_ops(self, session=None) -> None:
        """Restore what has come since."""
        self._again()

    def initialize_or_restore(self, session=None) -> None:
        """Restore what has come since; other variables have their initial values."""
        if self._restoration is not None:
            self._restoration.apply()

    def _again(self) -> None:
        if self._restoration is None:
            raise UnmatchedError(explain("restore: there was no checkpoint to restore (the path is None)"))
        self._restoration.apply()


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
