"""Views of a record: they need the record of a compilation only, so nothing is compiled for them; and where it is found."""

from __future__ import annotations

from graphc.compile import RECORD, TIMES
from graphc.errors import UsageError
from graphc.ir.record import OPTIMISED, TRACED, Record
from graphc.runtime.container import Container


def record_in(path, target: str, fast_math: bool = False) -> Record | None:
    """The record in a model's container or in an entry of the cache; None if it holds none of such a compilation.

    Args:
        fast_math: whether it must have been compiled with it.

    Raises:
        FormatError: the file or its record is damaged.
        OSError: it cannot be read.
    """
    container = Container.open(path)
    if fast_math and not ("manifest" in container and container.json("manifest").get("fast_math")):
        return None
    if RECORD + target not in container:
        return None
    times = container.json(TIMES + target) if TIMES + target in container else []
    if not isinstance(times, list) or not all(type(ms) in (int, float) for ms in times):
        raise container.error(f"section '{TIMES}{target}' must list milliseconds")
    return Record.read(container[RECORD + target], times)


def graph_after(record: Record, name: str) -> str:
    """The text of the graph after a pass, or of ``traced`` or ``optimised``; it can be edited and compiled again.

    Raises:
        UsageError: there is no such stage.
    """
    names = [p.name for p in record.passes]
    if name not in (TRACED, OPTIMISED, *names):
        raise UsageError(f"no stage {name!r}; there are {TRACED}, {OPTIMISED}, and after each pass {', '.join(names)}")
    return "\n".join(record.at(name)) + "\n"


def diff(record: Record, name: str) -> str:
    """What one pass changed, as a unified diff of the graph's text. A value has the same name before and after.

    Raises:
        UsageError: no pass of that name ran.
    """
    lines = record.diff(record.before(name), name)
    if not lines:
        changing = [p.name for p in record.passes if p.changed]
        return f"{name} changed nothing; these passes did: {', '.join(changing) or 'none'}"
    return "\n".join([f"--- before {name}", f"+++ after {name}", *lines[2:]])
