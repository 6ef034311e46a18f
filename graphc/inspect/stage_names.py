"""The names of stages, as ``--stage`` and ``--diff`` take them."""

from __future__ import annotations

from graphc.errors import UsageError
from graphc.inspect.near import unknown
from graphc.ir.record import OPTIMISED, TRACED, Record

CODE = ("parts", "program", "llvm", "asm", "cuda", "ptx", "sass")  # the stages behind the graphs


def known_stage(record: Record, name: str) -> str:
    """The name of a stage that is a graph, if there is one of that name.

    Raises:
        UsageError: there is none; the message names the one that is most like it.
    """
    names = [TRACED, OPTIMISED, *(p.name for p in record.passes)]
    if name in CODE:
        raise UsageError(f"stage {name} is no graph; graphs are {TRACED}, {OPTIMISED}, and after each pass {', '.join(names[2:])}")
    if name not in names:
        raise unknown("stage", name, [*names, *CODE], "there are")
    return name


def span(record: Record, text: str) -> tuple[str, str, str, str]:
    """What ``--diff`` compares: the stages before and after a pass, or those that ``A..B`` names.

    Returns:
        Both stages, and what they are called in a title.

    Raises:
        UsageError: there is no such pass or stage.
    """
    before, dots, after = text.partition("..")
    if dots:
        a, b = known_stage(record, before or TRACED), known_stage(record, after or OPTIMISED)
        return a, b, a, b
    names = [p.name for p in record.passes]
    if text not in names:
        raise unknown("pass", text, names, "these ran")
    return record.before(text), text, f"before {text}", f"after {text}"
