"""shuffle: elements in random order out of a buffer."""

from __future__ import annotations

import itertools
import random

import numpy as np

from graphc.api.data.block import Block, joined, values_of
from graphc.api.data.element import number_of
from graphc.api.data.flow import Flow
from graphc.api.data.mapping import Map, over
from graphc.api.data.stage import INFINITE, UNKNOWN, Run, Stage
from graphc.api.data.tensors import Numbers, Slices
from graphc.api.stream import SEEDS
from graphc.errors import InvalidArgumentError

_AT_ONCE = 4096  # numbers that are drawn at a time


def seeds(seed) -> tuple:
    """What decides the random numbers of a stage: its own seed and the program's; fresh ones where there is neither."""
    if seed is None and SEEDS.seed is None:
        return (random.SystemRandom().getrandbits(64),)
    key, counter = SEEDS.next(None if seed is None else int(seed))
    own = [0 if seed is None else int(seed) & 0xFFFFFFFF]
    return (*key.tolist(), *(own if seed is not None else [v & 0xFFFFFFFF for v in counter.tolist()]))


class Epochs:
    """Generators of random numbers, one for each iteration, decided by a seed."""

    def __init__(self, seed, reseeds: bool = True):
        self._entropy, self._reseeds = seeds(seed), reseeds
        self._count = itertools.count()

    def next(self) -> np.random.Generator:
        """The generator of the next iteration."""
        epoch = next(self._count) if self._reseeds else 0
        return np.random.default_rng([*self._entropy, epoch])


class Shuffle(Stage):
    """``shuffle``: each element is drawn from a buffer of the next ``buffer_size`` ones.

    Args:
        reshuffles: whether every iteration has another order.
    """

    kind, method = "_ShuffleDataset", "shuffle"

    def __init__(self, source: Stage, buffer_size, seed, reshuffles: bool):
        super().__init__(source.element_spec, (source,))
        count = number_of(self.method, "buffer_size", buffer_size)
        if count == UNKNOWN and source.size() == INFINITE:
            raise InvalidArgumentError(
                self.explain("a dataset without end cannot be shuffled as a whole; give buffer_size")
            )
        self.buffer_size = 1 << 62 if count == UNKNOWN else number_of(self.method, "buffer_size", buffer_size, 1)
        self.epochs = Epochs(seed, reshuffles)

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        draws = self.epochs.next()
        source, maps = self.inputs[0], []
        while (
            isinstance(source, Map) and source.function.is_pure and not source.workers
        ):  # which commute with any order
            maps.append(source)
            source = source.inputs[0]
        if isinstance(source, (Slices, Numbers)) and source.size() != INFINITE:
            flow = _OfPlaces(source, self.buffer_size, draws)
        else:
            source, maps = self.inputs[0], []
            flow = _OfRows(source.open(run), self.buffer_size, draws)
        for stage in maps[::-1]:
            flow = over(stage, flow, run)
        return flow


class _OfPlaces(Flow):
    """Shuffles the numbers of rows that can be looked up, instead of the rows."""

    def __init__(self, source: Slices | Numbers, size: int, draws: np.random.Generator):
        self._source, self._size, self._draws, self._count = source, size, draws, source.size()
        self._buffer: list[int] | None = None
        self._next = min(size, self._count)
        self._slots = Slots(draws.spawn(1)[0], max(self._next, 1))

    def pull(self, most: int) -> Block | None:
        if self._buffer is None:
            whole = self._size >= self._count
            self._buffer = self._rest(list(range(self._count))) if whole else list(range(self._next))
        incoming = min(most, self._count - self._next)
        if incoming:
            places = self._slots.exchanged(self._buffer, range(self._next, self._next + incoming))
            self._next += incoming
            if self._next == self._count:
                self._buffer = self._rest(self._buffer)
        else:
            places, self._buffer = self._buffer[:most], self._buffer[most:]
        return self._source.taken(places) if len(places) else None

    def _rest(self, places: list) -> np.ndarray:
        return self._draws.permutation(np.asarray(places, np.int64))


class Slots:
    """Random slots of a buffer, drawn many at a time, so that it does not matter how many are asked for at once."""

    def __init__(self, draws: np.random.Generator, size: int):
        self._draws, self._size, self._drawn = draws, size, []

    def exchanged(self, buffer: list | dict, incoming: range) -> list:
        """Take one out for each that comes in, which takes its place in the buffer."""
        while len(self._drawn) < len(incoming):
            self._drawn += self._draws.integers(0, self._size, _AT_ONCE).tolist()
        found = []
        for k, new in zip(self._drawn, incoming):
            found.append(buffer[k])
            buffer[k] = new
        del self._drawn[: len(incoming)]
        return found


class _OfRows(Flow):
    """Shuffles elements; array components lie in arrays of ``size`` rows."""

    def __init__(self, source: Flow, size: int, draws: np.random.Generator):
        self._source, self._size, self._draws = source, size, draws
        self._slots = Slots(draws.spawn(1)[0], size)
        self._buffer: Block | None = None
        self._is_over = False

    def pull(self, most: int) -> Block | None:
        if self._buffer is None and not self._is_over:
            self._fill()
        if not self._is_over:
            block = self._source.pull(most)
            if block is not None:
                return self._exchanged(block)
            self._is_over = True
            if self._buffer is not None:
                self._buffer = self._buffer.taken(self._draws.permutation(self._buffer.count))
        rest = self._buffer
        if rest is None:
            return None
        self._buffer = rest.part(most, rest.count) if most < rest.count else None
        return rest.part(0, most)

    def _fill(self) -> None:
        parts, have = [], 0
        while have < self._size:
            block = self._source.pull(min(self._size - have, 1 << 16))
            if block is None:
                self._is_over = True
                break
            parts.append(block)
            have += block.count
        if not parts:
            return
        whole = joined(parts)
        if self._is_over:
            self._buffer = whole.taken(self._draws.permutation(have))
        else:
            self._buffer = whole.with_columns([c if type(c) is list else np.array(c) for c in whole.columns])

    def _exchanged(self, block: Block) -> Block:
        buffer, size = self._buffer, self._buffer.count
        slots = _Itself()  # slot -> the number of what is in it now, where that changed
        taken = np.asarray(self._slots.exchanged(slots, range(size, size + block.count)))
        changed, now = np.array(list(slots)), np.array(list(slots.values())) - size
        columns = []
        for k, (mine, new) in enumerate(zip(buffer.columns, block.columns)):
            if type(mine) is not list and type(new) is not list and mine.shape[1:] == new.shape[1:]:
                out = mine.take(np.minimum(taken, size - 1), axis=0)
                fresh = np.flatnonzero(taken >= size)
                out[fresh] = new[taken[fresh] - size]
                mine[changed] = new[now]
            else:
                mine, new = _listed(mine), values_of(new)
                out = [mine[i] if i < size else new[i - size] for i in taken.tolist()]
                for at, i in zip(changed.tolist(), now.tolist()):
                    mine[at] = new[i]
                buffer.columns[k] = mine
            columns.append(out)
        return Block(block.count, columns)

    def close(self) -> None:
        self._source.close()


class _Itself(dict):
    """A dictionary in which every key that is not there stands for itself."""

    def __missing__(self, key):
        return key


def _listed(column) -> list:
    return column if type(column) is list else [np.array(column[k, ...]) for k in range(len(column))]
