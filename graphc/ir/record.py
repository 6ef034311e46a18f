"""The record of a compilation, read: which passes ran, and the graph's text after each of them.

``ir.recorder`` writes it, always and small: no weights, and of each pass only the lines that it made different.
"""

from __future__ import annotations

import difflib
import functools
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphc.errors import FormatError, UsageError
from graphc.ir.recorded_lowering import RecordedLowering, text_of as _text
from graphc.ir.text import label_text

FORMAT = 2
_FIRST = 1  # with times in it, and without rules and what lowering decided
TRACED = "traced"  # the stage before the first pass
OPTIMISED = "optimised"  # the stage after the last pass
LOWERED = "lowered"  # what was lowered: the optimised graph without what means nothing to code
NESTED = "\0"  # stands in attributes for a graph, whose label is listed beside them


@dataclass(frozen=True)
class RecordedPass:
    """One run of one pass; a second run of ``simplify`` is called ``simplify.2``.

    Attributes:
        before, after: how many Nodes the graph had; those of graphs inside it are not counted.
        changed: whether anything of it or of a graph inside it became different.
        seconds: that the pass took, with checking what it made; None where that was not kept.
        rules: (graph, name) of a value that a rule replaced -> the name of what stands in its place, and the names of the rules.
    """

    name: str
    before: int
    after: int
    changed: bool
    seconds: float | None
    rules: dict[tuple[str, str], tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class RecordedValue:
    """One value at one stage.

    Attributes:
        text: its line in the text of the graph, without the user's line.
        op: the operation; ``input`` for inputs, which have no line of their own.
        operands: names of values.
        location: the user's line and the scopes around it, as in messages; empty where it is not known.
    """

    text: str
    op: str
    operands: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class RecordedGraph:
    """One graph at one stage.

    Attributes:
        values: by name, inputs first, then operands before what is made of them.
        roots: names of what must be computed: what makes sizes known, then the outputs.
        names: of the outputs.
    """

    values: dict[str, RecordedValue]
    roots: tuple[str, ...]
    names: tuple[str, ...]

    @functools.cached_property
    def readers(self) -> dict[str, list[str]]:
        """By name of a value, the names of those that read it."""
        found: dict[str, list[str]] = {}
        for name, value in self.values.items():
            for x in dict.fromkeys(value.operands):
                found.setdefault(x, []).append(name)
        return found


class Record:
    """What happened to a graph while it was compiled.

    Attributes:
        passes: a ``RecordedPass`` each, in order.
        lowering: what lowering decided; None where that was not noted.
    """

    def __init__(self, content: dict, times: Sequence[float] = ()):
        self._content = content
        names, sizes = [s["name"] for s in content["stages"]], [len(g.order(m)) for g, m in self._replayed()]
        self._stages = {name: k for k, name in enumerate(names)}
        ran = len(names) - (names[-1:] == [LOWERED])
        times = [ms / 1e3 for ms in times] if len(times) == ran - 1 else [None] * ran
        steps = zip(names[1:ran], sizes, sizes[1:], content["stages"][1:], times)
        self.passes = tuple([RecordedPass(n, a, b, "graphs" in s, t, self._rules(s)) for n, a, b, s, t in steps])
        self.lowering = RecordedLowering.read(content["lowering"]) if "lowering" in content else None
        if self.lowering is not None:
            graphs, main = list(self._replayed())[-1]
            self.lowering.check({label: graphs.names(label) for label in graphs.used(main)})

    @staticmethod
    def read(section, times: Sequence[float] = ()) -> "Record":
        """The record in the content of a section.

        Args:
            times: milliseconds of each pass, where they were kept beside it.

        Raises:
            FormatError: it is damaged, or of another format.
        """
        try:
            content = json.loads(zlib.decompress(section))
            version = content["format"]
            if version in (_FIRST, FORMAT):
                return Record(content, times) if version == FORMAT else Record({**content, "rules": []}, content["times"][1:])
        except (zlib.error, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the record of the compilation is damaged: {type(error).__name__}: {error}") from None
        raise FormatError(f"the record has format {version}; this version of graphc reads up to format {FORMAT}")

    def _rules(self, stage: dict) -> dict:
        names, found = list(map(_text, self._content["rules"])), {}
        for label, change in stage.get("graphs", {}).items():
            for old, new, *numbers in change.get("rules", ()):
                found[label, _text(old)] = _text(new), tuple([names[k] for k in numbers])
        return found

    def at(self, stage: str, locations: bool = True) -> list[str]:
        """The lines of the graph's text after a pass; of ``traced`` before the first, of ``optimised`` after the last.

        They read back as the graph that it was. A value has one name in all stages.

        Raises:
            UsageError: no pass of that name ran.
        """
        number = self._number(stage)
        for k, (graphs, main) in enumerate(self._replayed()):
            if k == number:
                return graphs.text(main, locations)
        raise AssertionError(stage)

    def texts(self) -> Iterator[list[str]]:
        """The lines of the graph's text before the first pass and after each, without locations."""
        lines: list[str] = []
        for stage, (graphs, main) in zip(self._content["stages"], self._replayed()):
            lines = graphs.text(main, locations=False) if "graphs" in stage or "main" in stage else lines
            yield lines

    def diff(self, a: str, b: str) -> list[str]:
        """What became different from stage ``a`` to stage ``b``, as a unified diff without locations."""
        before, after = self.at(a, locations=False), self.at(b, locations=False)
        return list(difflib.unified_diff(before, after, a, b, lineterm="", n=2))

    def graphs(self) -> Iterator[tuple[str, dict[str, RecordedGraph]]]:
        """Every stage that differs from the one before it, by name, and the graphs at it by label, the outermost first."""
        found: dict[str, RecordedGraph] = {}
        for (graphs, main), name, stage in zip(self._replayed(), self._stages, self._content["stages"]):
            changed = stage.get("graphs", {})
            if changed or name in (TRACED, LOWERED):
                labels = graphs.used(main)
                found = {x: graphs.recorded(x) if x in changed or x not in found else found[x] for x in labels}
                yield name, found

    def before(self, name: str) -> str:
        """The stage that a pass started from."""
        return [*self._stages][self._number(name) - 1]

    def _number(self, stage: str) -> int:
        number = len(self.passes) if stage == OPTIMISED else self._stages.get(stage)
        if number is None:
            raise UsageError(f"no pass {stage!r}; these ran: {', '.join(p.name for p in self.passes)}")
        return number

    def _replayed(self) -> Iterator[tuple["_Graphs", str]]:
        """The graphs and the label of the outermost at each stage, in order; the graphs change from one to the next."""
        graphs, main = _Graphs(self._content["types"], self._content["comments"]), ""
        for stage in self._content["stages"]:
            main = stage.get("main", main)
            for label, change in stage.get("graphs", {}).items():
                graphs.change(label, change)
                graphs.order(label)  # fails for what is damaged
            yield graphs, main


class _Graphs:
    """Graphs by label, each as its lines by name."""

    def __init__(self, types: list[str], comments: list[str]):
        self._types, self._comments = types, comments
        self._frames: dict[str, dict] = {}
        self._lines: dict[str, dict[str, list]] = {}

    def change(self, label: str, change: dict) -> None:
        """Put in what a stage made different in one graph."""
        self._frames.setdefault(label, {}).update((k, v) for k, v in change.items() if k != "nodes")
        lines = self._lines.setdefault(label, {})
        for line in change.get("nodes", ()):
            self._line(line, True)  # fails for what is damaged
            lines[line[0]] = line

    def order(self, label: str) -> list[str]:
        """The names of the values that the outputs of a graph need, operands first, as ``ir.order.toposort`` has them."""
        frame, lines = self._frames[label], self._lines[label]
        inputs = set(frame["inputs"])
        order, done, opened, stack = [], set(), set(), frame["roots"][::-1]
        while stack:
            name = stack[-1]
            if name not in done:
                operands = () if name in inputs else lines[name][6:]
                waiting = [x for x in operands if x not in done]
                if waiting:
                    opened.add(name)
                    if not opened.isdisjoint(waiting):
                        raise ValueError(f"{name} needs itself")
                    stack += waiting[::-1]
                    continue
                done.add(name)
                order.append(name)
            stack.pop()
        return order

    def text(self, main: str, locations: bool) -> list[str]:
        """The lines of a graph, those of the graphs that it uses before them."""
        written, result, stack = set(), [], [(main, None)]
        while stack:
            label, names = stack.pop()
            if label in written:
                continue
            if names is None:
                inputs = set(self._frames[label]["inputs"])
                names = [n for n in self.order(label) if n not in inputs]
                used = dict.fromkeys(x for n in names for x in self._lines[label][n][5])
                stack.append((label, names))
                stack += [(x, None) for x in reversed(used) if x not in written]
                continue
            written.add(label)
            frame = self._frames[label]
            body = [self._line(self._lines[label][n], locations) for n in names]
            result += [*([""] if result else []), frame["head"], *body, *frame["tail"]]
        return result

    def used(self, main: str) -> list[str]:
        """The labels of a graph and of all inside it, the outermost first."""
        found, stack = {}, [main]
        while stack:
            label = stack.pop()
            if label not in found:
                found[label] = None
                inputs = self._frames[label]["inputs"]
                stack += [x for n in self.order(label) if n not in inputs for x in self._lines[label][n][5]]
        return list(found)

    def names(self, label: str) -> set[str]:
        """The names of the values of a graph as it is now."""
        return {*self._frames[label]["inputs"], *self.order(label)}

    def recorded(self, label: str) -> RecordedGraph:
        """One graph as it is now."""
        frame, lines = self._frames[label], self._lines[label]
        values = {name: RecordedValue(f"  %{label_text(name)} (input)", "input", (), "") for name in frame["inputs"]}
        for name in self.order(label):
            if name not in values:
                line = lines[name]
                location = self._comments[line[3]].removeprefix("  # ")
                values[name] = RecordedValue(self._line(line, False), line[1], tuple(line[6:]), location)
        return RecordedGraph(values, tuple(frame["roots"]), tuple(frame.get("names", ())))

    def _line(self, line: list, locations: bool) -> str:
        name, op, type, comment, attributes, labels, *operands = line
        for label in labels:
            attributes = attributes.replace(NESTED, "@" + label_text(label), 1)
        inside = [*("%" + label_text(x) for x in operands), *([attributes] if attributes else [])]
        tail = self._comments[comment] if locations else ""
        return f"  %{label_text(name)}: {self._types[type]} = {op}({', '.join(inside)}){tail}"
