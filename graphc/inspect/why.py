"""What became of something that the user wrote, by the record of a compilation: from the line to kernels and buffers, with reasons."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from graphc.errors import UsageError
from graphc.inspect.instead import Rules, by_rule, in_place_of
from graphc.inspect.near import known_value
from graphc.inspect.show import WIDTH, columns
from graphc.ir.record import LOWERED, Record, RecordedGraph, RecordedPass, RecordedValue
from graphc.ir.recorded_lowering import RecordedLaunch, RecordedLowering
from graphc.ir.text import label_text

_MOST = 8  # lines that are shown of one kind
_NAMES = 3  # names in a row
_LEAST = 40  # letters of an operation that are shown before a long place

Name = tuple[str, str]  # the label of a graph, and a name in it
Graphs = Mapping[str, RecordedGraph]


def why(record: Record, name: str, sources: Mapping[str, str], code: Callable[[str], str] | None = None,
        measured: Mapping[str, str] | None = None) -> str:  # fmt: skip
    """What became of something: the line, the traced operations, each pass, kernels and buffers, with the reasons for them.

    Names of values stay the same over passes. Where one is gone, a rule says what it put in its place, or what read the
    value reads another one since; only where what read it is gone as well, the new values of the same line are shown.

    Args:
        record: with what lowering decided.
        name: a value of the traced graph, or the name of an output; ``FILE:LINE``; a name scope; or ``@KERNEL``.
        sources: the text of lines, by what messages call them, where it is known.
        code: what is to be said of the machine code of a kernel.
        measured: what is to be said of the time of each kernel, by its name.

    Raises:
        UsageError: nothing has that name.
    """
    stages = list(record.graphs())
    (_, traced), (_, lowered) = stages[0], stages[-1]
    wanted = _start(record, name, stages)
    places = sorted({_value(traced, n).location for n in wanted} - {""})
    lines = [f"{at:18s}  {sources.get(at, '')}".rstrip() for at in places[:_MOST]] or ["no line is known"]
    parts = [["line", *_indented(lines)], ["traced", *_shown(traced, wanted)]]
    followed, rows = _through(record, stages, wanted)
    parts.append(["passes that changed it", *(columns(rows) or ["  none"])])
    parts.append(["after the passes", *_shown(lowered, followed)])
    parts += _lowering(record, followed, lowered, code, measured or {})
    return "\n\n".join("\n".join(part) for part in parts)


def _value(graphs: Graphs, name: Name) -> RecordedValue:
    return graphs[name[0]].values[name[1]]


def _start(record: Record, name: str, stages: list[tuple[str, Graphs]]) -> list[Name]:
    """The traced values that are meant."""
    (_, traced), (_, lowered) = stages[0], stages[-1]
    every = [(label, n) for label, graph in traced.items() for n in graph.values]
    if name.startswith("@"):
        kernels = {x.kernel: None for x in record.lowering.launches}
        if name[1:] not in kernels:
            raise UsageError(f"no kernel {name[1:]!r}; this program has: {', '.join(kernels)}")
        inside = {(x.graph, n) for x in record.lowering.launches if x.kernel == name[1:] for n in x.values}
        places = {_value(lowered, n).location for n in inside} - {""}
        near = [n for n in every if n in inside or _value(traced, n).location in places]
        return [n for n in near if not inside.isdisjoint(_through(record, stages, [n])[0])]
    place = os.path.basename(name) if name.rpartition(":")[2].isdecimal() else name
    at = {n: _value(traced, n).location.partition(" ") for n in every}
    here = [n for n, (line, _, scope) in at.items() if line == place or scope == name or scope.startswith(f"{name}/")]
    if here:
        return here
    main, graph = next(iter(traced.items()))
    outputs = dict(zip(graph.names, graph.roots[len(graph.roots) - len(graph.names) :]))
    if name in outputs:
        return [(main, outputs[name])]
    inner = [n for n in every if n[0] != main and n[1] == name.removeprefix("%")]
    if inner and name.removeprefix("%") not in graph.values:
        return inner
    try:
        return [(main, known_value(graph.values, name, "the traced graph"))]
    except UsageError as error:
        raise UsageError(f"{error}; no output, scope or FILE:LINE is called so either") from None


# ------------------------------------------------------------------------------------------------- passes


def _through(record: Record, stages: list[tuple[str, Graphs]], wanted: Iterable[Name]) -> tuple[list[Name], list[tuple[str, str]]]:
    """What values became after all passes; and for each pass that changed one of them, what it did."""
    passes = {p.name: p for p in record.passes}
    followed, rows = list(wanted), []
    for (_, before), (stage, after) in zip(stages, stages[1:]):
        kept, said = {}, {}
        for name in followed:
            made, text = _after(name, before, after, passes.get(stage))
            kept.update(dict.fromkeys(made))
            if text:
                said[text] = None
        title = "lowering" if stage == LOWERED else stage
        rows += [(title if k == 0 else "", text) for k, text in enumerate(list(said)[:_MOST])]
        rows += [("", f"and {len(said) - _MOST} more")] if len(said) > _MOST else []
        followed = list(kept)
    return followed, rows


def _after(name: Name, before: Graphs, after: Graphs, run: RecordedPass | None) -> tuple[list[Name], str]:
    """What one value became in a stage, and how to say it; nothing is said where it stayed as it was."""
    label, own = name
    rules = run.rules if run is not None else {}
    old, new = _value(before, name), after[label].values.get(own) if label in after else None
    if new is not None:
        by = f", {by_rule(rules[name][1])}" if name in rules else ""
        return [name], f"%{label_text(own)}: {_difference(old, new)}{by}" if new.text != old.text else ""
    made, by = _instead(own, before[label], after[label], rules, label) if label in after else ([], "")
    if not made:
        made, by = _of_the_line(old, before, after), ", made of the same line"
    return made, f"%{label_text(own)} -> {_named(made)}{by}" if made else f"%{label_text(own)} is gone: nothing needs it"


def _instead(own: str, before: RecordedGraph, after: RecordedGraph, rules: Rules, label: str) -> tuple[list[Name], str]:
    """What is in the place of a value that is gone, and how that is known.

    Where all that read it are gone as well, what is in the place of these counts.
    """
    level, seen = [own], {own}
    while level:
        made, how = in_place_of(level, label, before, after, rules)
        if made:
            near = "" if level == [own] else f", as is %{label_text(level[0])}, which read it"
            return [(label, x) for x in made], f", {how}{near}"
        level = list(dict.fromkeys(r for n in level for r in before.readers.get(n, ()) if r not in after.values and r not in seen))
        seen.update(level)
    return [], ""


def _difference(old: RecordedValue, new: RecordedValue) -> str:
    if old.op != new.op:
        return f"is now {new.op}"
    return "other operands" if old.operands != new.operands else "other sizes or attributes"


def _of_the_line(old: RecordedValue, before: Graphs, after: Graphs) -> list[Name]:
    """The new values of a value's line, if possible those of the same operation."""
    new = [(label, n) for label, graph in after.items() for n in graph.values if label not in before or n not in before[label].values]
    new = [n for n in new if old.location and _value(after, n).location == old.location and _value(after, n).op != "const"]
    return [n for n in new if _value(after, n).op == old.op] or new


# ----------------------------------------------------------------------------------------------- lowering


def _lowering(record: Record, followed: list[Name], lowered: Graphs, code: Callable[[str], str] | None,
              measured: Mapping[str, str]) -> list[list[str]]:  # fmt: skip
    """The parts that tell of fusion, kernels and buffers."""
    known = record.lowering
    launches: dict[Name, list[RecordedLaunch]] = {}
    for launch in known.launches:
        for v in launch.values:
            launches.setdefault((launch.graph, v), []).append(launch)
    telling = [n for n in followed if _value(lowered, n).op not in ("input", "const")] or followed
    wanted = set(followed)
    apart = [
        f"%{label_text(a)} and %{label_text(b)}: {reason}"
        for label, fusion in known.graphs.items()
        for (a, b), reason in fusion.apart.items()
        if (label, a) in wanted or (label, b) in wanted
    ]
    fates = [(f"%{label_text(n[1])}", _fate(known, n, lowered, launches)) for n in telling[:_MOST]]
    more = [f"  and {len(telling) - _MOST} more"] if len(telling) > _MOST else []
    rows = [(kernel, what, measured.get(kernel, "")) for kernel, what in _kernels(followed, launches)]
    told = [f"{kernel}: {known.schedules[kernel]}" for kernel in dict.fromkeys(row[0] for row in rows) if kernel in known.schedules]
    parts = [
        ["fusion", *columns(fates), *more],
        ["not in one kernel", *_few(_indented(apart))],
        ["kernels", *(_few(columns(rows)) or ["  none: it needs no code of its own, or runs on the host"])],
        ["schedules", *_few(_indented(told))],
        ["code", *(_few(_indented(map(code, dict.fromkeys(kernel for kernel, *_ in rows)))) if code is not None else [])],
        ["memory", *_few(_indented(_buffers(known, telling)))],
    ]
    return [part for part in parts if len(part) > 1]


def _fate(known: RecordedLowering, name: Name, lowered: Graphs, launches: Mapping[Name, list[RecordedLaunch]]) -> str:
    label, own = name
    said, readers = fate(known, label, own, _value(lowered, name).op, name in launches), {}
    if label in known.graphs and own in known.graphs[label].arrays:
        reading = (x for reader in lowered[label].readers.get(own, ()) for x in launches.get((label, reader), ()))
        readers = dict.fromkeys(x.kernel for x in reading if x not in launches.get(name, ()))
    return said + (f" ({_list(readers)})" if readers else "")


def fate(known: RecordedLowering, label: str, own: str, op: str, is_computed: bool) -> str:
    """What fusion made of a value of the lowered graph of that label, and why.

    Args:
        op: the operation.
        is_computed: whether a launch of a kernel computes it.
    """
    fusion = known.graphs.get(label)
    if fusion is None:
        return "in a graph that runs on the host"
    if own in fusion.arrays:
        return f"an array: {fusion.arrays[own]}"
    if own in fusion.inline:
        return f"no array: {fusion.inline[own]}"
    if op in ("input", "const", "item"):
        return {"input": "an input", "const": "a constant", "item": "one of several results"}[op]
    return "no array: it stays in registers of its kernel" if is_computed else "no array"


def _kernels(followed: list[Name], launches: Mapping[Name, list[RecordedLaunch]]) -> list[tuple[str, str]]:
    """For each launch that computes something of it, the kernel and what that computes."""
    rows, wanted = [], set(followed)
    for launch in dict.fromkeys(x for name in followed for x in launches.get(name, ())):
        values = [(launch.graph, v) for v in launch.values]
        others = [v for v in values if v not in wanted]
        beside = f", with {_named(others)}" if others else ""
        rows.append((launch.kernel, f"computes {_named([v for v in values if v in wanted])}{beside}"))
    return rows


def _buffers(known: RecordedLowering, followed: list[Name]) -> list[str]:
    wanted = set(followed)
    held = [(buffer, of[1]) for buffer, of in known.holds.items() if of in wanted]
    return [f"{buffer}, which holds %{label_text(own)}, {x}" for buffer, own in held for x in decisions(known, buffer)]


def decisions(known: RecordedLowering, buffer: str) -> list[str]:
    """Why a buffer has the memory of another one, and why it has not that of others that one could think of."""
    over = [f"over {other}: {reason}" for (own, other), reason in known.memory.items() if own == buffer]
    return over + [f"not over {other}: {reason}" for (own, other), reason in known.separate.items() if own == buffer]


# -------------------------------------------------------------------------------------------------- lines


def _named(names: list[Name]) -> str:
    return _list([f"%{label_text(own)}" for _, own in names])


def _list(texts: Iterable[str]) -> str:
    texts = list(texts)
    return ", ".join(texts[:_NAMES]) + (f" and {len(texts) - _NAMES} more" if len(texts) > _NAMES else "")


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _few(lines: list[str]) -> list[str]:
    return [*lines[:_MOST], *([f"  and {len(lines) - _MOST} more"] if len(lines) > _MOST else [])]


def _shown(graphs: Graphs, wanted: Iterable[Name]) -> list[str]:
    values = [_value(graphs, n) for n in wanted]
    return _few([_fitted(v.text, v.location) for v in values]) or ["  nothing: other operations compute it"]


def _fitted(text: str, location: str) -> str:
    """A line of a graph's text without its last attributes where it is too long; the user's line at its end stays."""
    place = f"  # {location}" if location else ""
    if len(text + place) <= WIDTH:
        return text + place
    return text[: max(_LEAST, WIDTH - 3 - len(place))] + "..." + place
