"""Which line an error of a run names: compiled programs are shared by equal graphs, whose lines differ."""

from __future__ import annotations

from graphc.errors import GraphcError
from graphc.v1.plan import Request
from graphc.v1.trace import needed

_MARK = "\n  at "


def name_own_line(error: GraphcError, request: Request) -> None:
    """Where an error names a line of an equal graph, let it name the line with the same text that made this one."""
    before, mark, last = str(error).rpartition(_MARK)
    at, _, source = last.partition(": ")
    if not mark or not source or not error.args:
        return
    targets = [t.op for t in request.fetches if t not in request.fed] + list(request.targets)
    locations = {op.location for op in needed(targets, request.fed.__contains__, request.done)} - {None}
    if any(str(location) == at for location in locations):
        return
    same = [location for location in locations if location.source == source]
    if len(same) == 1:
        error.args = (f"{before}{mark}{same[0]}: {source}", *error.args[1:])
