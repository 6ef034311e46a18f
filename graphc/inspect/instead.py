"""What stands in the place of values that a pass removed, as the record knows it: by rules, and by who reads what since."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.record import RecordedGraph

Rules = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]  # as of RecordedPass


def in_place_of(names: list[str], label: str, before: RecordedGraph, after: RecordedGraph, rules: Rules) -> tuple[list[str], str]:
    """What took the place of values of one graph that are gone, and how that is known; nothing and no words where it is not.

    A rule tells it, else what reads another value in its place since and does the same as before.

    Args:
        label: of the graph, by which ``rules`` name it.
    """
    ruled = [rules[label, n] for n in names if (label, n) in rules and rules[label, n][0] in after.values]
    if ruled:
        return list(dict.fromkeys(x for x, _ in ruled)), by_rule(ruled[0][1])
    read = [x for n in names for x in _read_instead(n, before, after)]
    return list(dict.fromkeys(read)), "which is read instead" if read else ""


def by_rule(rules: tuple[str, ...]) -> str:
    """The names of rules in words."""
    return f"by the rule {' and '.join(rules)}"


def _read_instead(own: str, before: RecordedGraph, after: RecordedGraph) -> list[str]:
    """What those that read a value, and are still there and do the same, read in its place since."""
    pairs = [(before.values[n], after.values[n]) for n in before.readers.get(own, ()) if n in after.values]
    same = [(old.operands, new.operands) for old, new in pairs if old.op == new.op and len(old.operands) == len(new.operands)]
    same += [(before.roots, after.roots)] if len(before.roots) == len(after.roots) else []
    return [x for old, new in same for x, y in zip(new, old) if y == own]
