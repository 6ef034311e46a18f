"""What of a model cannot be compiled, as text: one line for each kind of problem."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something of a model that graphc cannot do: which operator of which domain, why, at which node."""

    operator: str
    why: str
    node: str


def report(name: str, problems: Sequence[Problem]) -> str:
    """All problems of a model as one message.

    Args:
        name: of the model.
    """
    operators = {p.operator for p in problems}
    first = f"{name}: {_counted(problems)} of {_counted(operators, 'operator')} cannot be compiled"
    return "\n  ".join([first, *kinds_of(problems)])


def kinds_of(problems: Sequence[Problem]) -> list[str]:
    """A line for each kind of problem: the operator, how many nodes and which, why."""
    kinds: dict[tuple, list[str]] = {}
    for p in problems:
        kinds.setdefault((p.operator, p.why), []).append(p.node)
    lines = []
    for (operator, why), nodes in kinds.items():
        shown = ", ".join(nodes[:3]) + (f" and {len(nodes) - 3} more" if len(nodes) > 3 else "")
        lines.append(f"{operator} ({_counted(nodes)}: {shown}): {why.removeprefix(operator + ': ')}")
    return lines


def _counted(items: Collection, what: str = "node") -> str:
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"
