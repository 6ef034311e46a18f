"""Views of a record: they need the record of a compilation only, so nothing is compiled for them; and where it is found."""

from __future__ import annotations

from graphc.inspect.show import columns
from graphc.inspect.sizes import Sizes, unit
from graphc.inspect.stage_names import span
from graphc.inspect.values import held_bytes, operation_counts
from graphc.ir.record import OPTIMISED, TRACED, Record


def diff(record: Record, text: str) -> str:
    """What one pass changed, or all passes between two stages ``A..B``, as a unified diff of the graph's text.

    A value has the same name in all stages.

    Raises:
        UsageError: no pass of that name ran.
    """
    a, b, before, after = span(record, text)
    lines = record.diff(a, b)
    if not lines:
        return _nothing(record, text)
    return "\n".join([f"--- {before}", f"+++ {after}", *lines[2:]])


def statistics(record: Record, text: str) -> str:
    """How many lines of ``diff`` are gone and new, and of which operations there are more or fewer.

    Raises:
        UsageError: no pass of that name ran.
    """
    a, b, before, after = span(record, text)
    changed = record.diff(a, b)[2:]
    if not changed:
        return _nothing(record, text)
    gone, new = (sum(line.startswith(sign) for line in changed) for sign in "-+")
    counts = [operation_counts(record.at(stage, locations=False)) for stage in (a, b)]
    ops = sorted({op for op in counts[0] | counts[1] if counts[0][op] != counts[1][op]})
    rows = [(op, str(counts[0][op]), str(counts[1][op]), f"{counts[1][op] - counts[0][op]:+d}") for op in ops]
    table = columns([("operation", before, after, ""), *rows], right=(1, 2, 3)) if rows else ["  as many of each operation"]
    return "\n".join([f"{gone} lines gone, {new} new", *table])


def _nothing(record: Record, text: str) -> str:
    changing = [p.name for p in record.passes if p.changed]
    others = f"these passes did: {', '.join(changing)}" if changing else "no pass did"
    return f"{f'{TRACED}..{OPTIMISED}' if text == '..' else text} changed nothing; {others}"


def passes(record: Record, sizes: Sizes, every: bool = False) -> str:
    """What each pass did: nodes and bytes before and after it, and its time if that was kept.

    Bytes are those of all results of operations, each as an array of its own: what a pass leaves to be computed, not what
    will be in memory, where fusion and reuse leave much less.

    Args:
        every: show those that changed nothing too.
    """
    held = _bytes_after(record, sizes)
    rows = [
        (p.name, str(p.before), str(p.after), _change(p), unit(a), unit(b), _time([p]))
        for p, a, b in zip(record.passes, held, held[1:])
        if every or p.changed
    ]
    hidden = [p for p in record.passes if not p.changed] if not every else []
    if hidden:
        rows.append((f"{len(hidden)} without effect", *[""] * 5, _time(hidden)))
    if record.passes:
        first, last = record.passes[0].before, record.passes[-1].after
        change = f"{last - first:+d}" if first != last else ""
        rows.append(("together", str(first), str(last), change, unit(held[0]), unit(held[-1]), _time(record.passes)))
    is_timed = any(p.seconds is not None for p in record.passes)
    head = (f"passes{sizes.condition}", "before", "after", "nodes", "bytes before", "after", "time" if is_timed else "")
    advice = ["", "--all shows those without effect too"] if hidden else []
    named = [head, *(("  " + name, *rest) for name, *rest in rows)]
    return "\n".join([*columns(named, right=(1, 2, 3, 4, 5, 6), indent=""), *advice])


def _time(runs) -> str:
    """How long passes took; empty where that was not kept."""
    return "" if any(p.seconds is None for p in runs) else f"{sum(p.seconds for p in runs) * 1e3:.1f} ms"


def _bytes_after(record: Record, sizes: Sizes) -> list[int]:
    """The bytes of all results, before the first pass and after each."""
    found = [held_bytes(record.at(TRACED, locations=False), sizes)] if record.passes else []
    for one in record.passes:
        found.append(held_bytes(record.at(one.name, locations=False), sizes) if one.changed else found[-1])
    return found


def _change(run) -> str:
    """By how many nodes a pass changed the graph; empty where it did not."""
    return "" if not run.changed else f"{run.after - run.before:+d}" if run.after != run.before else "changed"
