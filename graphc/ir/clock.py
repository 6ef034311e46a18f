"""What a timed program writes down while it runs, in an output of its own: when, how often, and for how long its steps ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from graphc.ir.dtype import i64
from graphc.ir.program import Buffer, Host, Launch, Param, Program, Repeat, flat
from graphc.ir.segments import segments
from graphc.ir.type import Type

NAME = "clock"
POOL = "gc_clock_pool"  # a word of a library whose parallel loops are looked into: the address of the pool's ``gc_parallel``
EVENTS, PARTS, COST, LAST, BEGINS = range(5)
"""Words of the output: how many events and parts there were, what a look at the clock takes, the latest one; begins of segments."""
BEGIN = -1  # in place of a step: native code begins
_LONG = 1 << 16  # events of a program with loops
_SPLITS = 64  # parts of a launch


@dataclass(frozen=True)
class Clock:
    """The layout of the output, in words of 64 bits. Times are nanoseconds of ``time.perf_counter_ns``.

    Attributes:
        segments: native segments, each with a word for its latest begin.
        steps: all steps of the program, inner ones included, each with two words: runs, and nanoseconds of all together.
        events: of these there is room for so many: step (or BEGIN), time at its end.
        parts: likewise, of parts of parallel loops: thread, begin, end. 0: parallel loops are not looked into.
    """

    segments: int
    steps: int
    events: int = 0
    parts: int = 0

    @property
    def totals(self) -> int:
        """The first word of the first step."""
        return BEGINS + self.segments

    @property
    def first_event(self) -> int:
        return self.totals + 2 * self.steps

    @property
    def first_part(self) -> int:
        return self.first_event + 2 * self.events

    @property
    def words(self) -> int:
        return self.first_part + 3 * self.parts


def with_clock(program: Program, detailed: bool = False) -> tuple[Program, Clock]:
    """The program with one more output, its last, that generated code fills as the Clock says.

    Args:
        detailed: with events and parts.
    """
    steps = list(flat(program.steps))
    natives = sum(isinstance(item, int) for item in segments(program))
    launches = sum(isinstance(s, Launch) for s in steps)
    loops = any(isinstance(s, Repeat) for s in steps)
    events, parts = (_LONG, _LONG) if loops else (len(steps) + natives, _SPLITS * launches)
    clock = Clock(natives, len(steps), *((events, parts) if detailed else ()))
    type, signature = Type(i64, (clock.words,)), program.signature
    buffer = Buffer(NAME, type, ("output", len(signature.outputs)))
    outputs = (*signature.outputs, Param(NAME, type))
    return replace(program, signature=replace(signature, outputs=outputs), buffers=(*program.buffers, buffer)), clock


@dataclass(frozen=True, eq=False)
class Times:
    """What one run wrote.

    Attributes:
        hosts: when each step that runs on the host began, by its number.
        end: when the run had ended.
    """

    program: Program
    clock: Clock
    words: np.ndarray
    hosts: Mapping[int, int]
    end: int

    def __post_init__(self):
        if not self.clock.segments:  # no native code ran that could have written
            object.__setattr__(self, "words", np.zeros_like(self.words))

    @property
    def cost(self) -> int:
        """Nanoseconds that one look at the clock takes, which are within the time of each step."""
        return int(self.words[COST])

    @property
    def runs(self) -> np.ndarray:
        """How often each native step ran."""
        return self._totals[:, 0]

    @property
    def nanoseconds(self) -> np.ndarray:
        """How long each step ran in all; loops and branches have what their inner steps do not."""
        found = self._totals[:, 1].copy()
        for number, (begin, end) in self.host_spans.items():
            found[number] = end - begin
        return found

    @property
    def events(self) -> np.ndarray:
        """Rows of (step or BEGIN, time of its end), as many as there was room for."""
        first, count = self.clock.first_event, min(int(self.words[EVENTS]), self.clock.events)
        return self.words[first : first + 2 * count].reshape(count, 2)

    @property
    def parts(self) -> np.ndarray:
        """Rows of (thread, begin, end), as many as there was room for."""
        first, count = self.clock.first_part, min(int(self.words[PARTS]), self.clock.parts)
        return self.words[first : first + 3 * count].reshape(count, 3)

    @property
    def is_complete(self) -> bool:
        """Whether there was room for all events and parts."""
        return bool(self.words[EVENTS] <= self.clock.events and self.words[PARTS] <= self.clock.parts)

    @property
    def _totals(self) -> np.ndarray:
        return self.words[self.clock.totals : self.clock.first_event].reshape(-1, 2)

    @cached_property
    def _spans(self) -> list[tuple[int, int, int]]:
        """(number, begin, end) of every outer step."""
        begins = [int(t) for t in self.words[BEGINS : self.clock.totals]]
        outer, native, number = self.program.steps, 0, 0
        now = self.hosts[0] if outer and isinstance(outer[0], Host) else begins[0] if begins else self.end
        found: list[tuple[int, int, int]] = []
        for k, step in enumerate(outer):
            begin, inner = now, number + sum(1 for _ in flat((step,)))
            if isinstance(step, Host):
                after = outer[k + 1] if k + 1 < len(outer) else None
                now = self.end if after is None else self.hosts[inner] if isinstance(after, Host) else begins[native]
            else:
                if not k or isinstance(outer[k - 1], Host):
                    begin, native = begins[native], native + 1
                now = begin + int(self._totals[number:inner, 1].sum())
            found.append((number, begin, now))
            number = inner
        return found

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Begin and end of every outer step of the program, in order."""
        return [(begin, end) for _, begin, end in self._spans]

    @property
    def host_spans(self) -> dict[int, tuple[int, int]]:
        """Begin and end of the steps that run on the host, by their numbers."""
        return {n: (begin, end) for (n, begin, end), s in zip(self._spans, self.program.steps) if isinstance(s, Host)}
