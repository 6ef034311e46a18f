"""What passes and lowering decided, and why, as rows of names and of numbers of sentences: few sentences serve many values."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.inspect.instead import by_rule, in_place_of
from graphc.inspect.page.tables import Numbered
from graphc.inspect.why import fate
from graphc.ir.record import Record, RecordedGraph

_UNTOLD = ("input", "const")  # what fusion makes of these is known by what they are


class Decisions:
    """The decisions of one compilation.

    Attributes:
        sentences: reasons, in the order in which they were met.
        replaced: for each pass, and for lowering after the last of them: [label of the graph, value, names of those in its
            place, sentence] each. A value that has its own name there was written anew by a rule.
    """

    def __init__(self, record: Record):
        """Of a record that has what lowering decided."""
        self.sentences = Numbered()
        self._lowering = record.lowering
        self._computed = {(x.graph, name) for x in record.lowering.launches for name in x.values}
        numbers = {p.name: k for k, p in enumerate(record.passes)}
        self.replaced: list[list[list]] = [[] for _ in (*record.passes, "lowering")]
        stages = record.graphs()
        _, graphs = next(stages)
        for stage, after in stages:
            number = numbers.get(stage, len(numbers))
            rules = record.passes[number].rules if stage in numbers else {}
            for label in graphs:
                if label in after and after[label] is not graphs[label]:
                    self.replaced[number] += self._replaced(label, graphs[label], after[label], rules)
            graphs = after
        self._lowered = graphs

    def _replaced(self, label: str, before: RecordedGraph, after: RecordedGraph, rules: Mapping) -> list[list]:
        found = []
        for own, value in before.values.items():
            if own not in after.values:
                made, how = in_place_of([own], label, before, after, rules)
                found += [[label, own, made, self.sentences(how)]] if made else []
            elif (label, own) in rules and value.text != after.values[own].text:
                found.append([label, own, [own], self.sentences(by_rule(rules[label, own][1]))])
        return found

    def of_graph(self, label: str, names: list[str]) -> dict[str, list]:
        """What fusion made of the values of a graph after the passes.

        Returns:
            ``fate``: for each name a sentence, -1 for inputs, constants, and what lowering left out. ``apart``: [sentence,
            position, position] of values that are not in one kernel.
        """
        position = {name: k for k, name in enumerate(names)}
        there = self._lowered[label].values if label in self._lowered else {}
        pairs = self._lowering.graphs[label].apart if label in self._lowering.graphs else {}
        return {
            "fate": [self._fate(label, name, there[name].op) if name in there else -1 for name in names],
            "apart": [
                [self.sentences(why), position[a], position[b]] for (a, b), why in pairs.items() if a in position and b in position
            ],
        }

    def _fate(self, label: str, name: str, op: str) -> int:
        if op in _UNTOLD:
            return -1
        return self.sentences(fate(self._lowering, label, name, op, (label, name) in self._computed))

    def of_memory(self) -> dict[str, list]:
        """``over`` and ``separate``: [buffer, other buffer, sentence] where one has the memory of another, and where it has not."""
        return {"over": self._rows(self._lowering.memory), "separate": self._rows(self._lowering.separate)}

    def _rows(self, pairs: Mapping[tuple[str, str], str]) -> list[list]:
        return [[own, other, self.sentences(why)] for (own, other), why in pairs.items()]
