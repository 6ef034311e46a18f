"""take, skip, shard, repeat, concatenate, zip and enumerate: which elements come, in blocks throughout."""

from __future__ import annotations

import numpy as np

from graphc.api.data.block import Block, joined
from graphc.api.data.element import common_spec
from graphc.api.data.flow import Flow
from graphc.api.data.stage import INFINITE, UNKNOWN, Run, Stage
from graphc.api.data.tensors import Numbers
from graphc.errors import InvalidArgumentError, UsageError, explain


class Take(Stage):
    """``take``: the first elements; all for -1."""

    kind, method = "_TakeDataset", "take"

    def __init__(self, source: Stage, count: int):
        super().__init__(source.element_spec, (source,))
        self.count = count

    def size(self) -> int:
        count = self.inputs[0].size()
        if self.count < 0 or self.count == 0:
            return 0 if self.count == 0 else count
        return self.count if count == INFINITE else min(count, self.count) if count >= 0 else UNKNOWN

    def open(self, run: Run) -> Flow:
        source = self.inputs[0].open(run)
        return source if self.count < 0 else _Taking(source, self.count)


class _Taking(Flow):
    def __init__(self, source: Flow, count: int):
        self._source, self._left = source, count

    def pull(self, most: int) -> Block | None:
        if not self._left:
            return None
        block = self._source.pull(min(most, self._left))
        if block is None:
            self._left = 0
        else:
            self._left -= block.count
        return block

    def close(self) -> None:
        self._source.close()


class Skip(Stage):
    """``skip``: without the first elements; nothing is left for -1."""

    kind, method = "_SkipDataset", "skip"

    def __init__(self, source: Stage, count: int):
        super().__init__(source.element_spec, (source,))
        self.count = count

    def size(self) -> int:
        count = self.inputs[0].size()
        if self.count < 0:
            return 0
        return max(count - self.count, 0) if count >= 0 else count

    def open(self, run: Run) -> Flow:
        return _Skipping(self.inputs[0].open(run), self.count)


class _Skipping(Flow):
    def __init__(self, source: Flow, count: int):
        self._source, self._left = source, count

    def pull(self, most: int) -> Block | None:
        if self._left < 0:
            return None
        if self._left and hasattr(self._source, "skip"):
            self._left -= self._source.skip(self._left)
            if self._left:
                return None
        while self._left:
            block = self._source.pull(min(self._left, 1024))
            if block is None:
                self._left = 0
                return None
            self._left -= block.count
        return self._source.pull(most)

    def close(self) -> None:
        self._source.close()


class Shard(Stage):
    """``shard``: every ``shards``-th element, from that at ``index`` on."""

    kind, method = "_ShardDataset", "shard"

    def __init__(self, source: Stage, shards: int, index: int):
        if shards < 1 or not 0 <= index < shards:
            what = f"shard: index {index} must be in [0, {shards}) and num_shards positive"
            raise InvalidArgumentError(explain(what))
        super().__init__(source.element_spec, (source,))
        self.shards, self.index = shards, index

    def size(self) -> int:
        count = self.inputs[0].size()
        return len(range(self.index, count, self.shards)) if count >= 0 else count

    def open(self, run: Run) -> Flow:
        return _Sharding(self.inputs[0].open(run), self.shards, self.index)


class _Sharding(Flow):
    def __init__(self, source: Flow, shards: int, index: int):
        self._source, self._shards, self._wanted, self._at = source, shards, index, 0

    def pull(self, most: int) -> Block | None:
        while True:
            block = self._source.pull(self._wanted - self._at + 1 + (most - 1) * self._shards)
            if block is None:
                return None
            places = np.arange(self._wanted - self._at, block.count, self._shards)
            self._at += block.count
            self._wanted += self._shards * len(places)
            if len(places):
                return block.taken(places)

    def close(self) -> None:
        self._source.close()


class Repeat(Stage):
    """``repeat``: all elements ``count`` times; for ever for None or -1."""

    kind, method = "_RepeatDataset", "repeat"

    def __init__(self, source: Stage, count: int):
        super().__init__(source.element_spec, (source,))
        self.count = count

    def size(self) -> int:
        count = self.inputs[0].size()
        if self.count == 0 or count == 0:
            return 0
        if self.count < 0:
            return INFINITE
        return count * self.count if count >= 0 else count

    def open(self, run: Run) -> Flow:
        return _Repeating(self.inputs[0], run, self.count)


class _Repeating(Flow):
    def __init__(self, source: Stage, run: Run, count: int):
        self._stage, self._run, self._left, self._flow, self._is_empty = source, run, count, None, True

    def pull(self, most: int) -> Block | None:
        while self._left:
            if self._flow is None:
                self._flow, self._is_empty = self._stage.open(self._run), True
            block = self._flow.pull(most)
            if block is not None:
                self._is_empty = False
                return block
            self._flow.close()
            self._flow = None
            self._left -= 1
            if self._is_empty and self._left < 0:
                self._left = 0
        return None

    def close(self) -> None:
        if self._flow is not None:
            self._flow.close()


class Concatenate(Stage):
    """``concatenate``: one dataset after the other."""

    kind, method = "_ConcatenateDataset", "concatenate"

    def __init__(self, first: Stage, second: Stage):
        super().__init__(common_spec(self.method, [first.element_spec, second.element_spec]), (first, second))

    def size(self) -> int:
        counts = [i.size() for i in self.inputs]
        if INFINITE in counts:
            return INFINITE
        return UNKNOWN if UNKNOWN in counts else sum(counts)

    def open(self, run: Run) -> Flow:
        return _Following(self.inputs, run)


class _Following(Flow):
    def __init__(self, stages: tuple, run: Run):
        self._stages, self._run, self._flow = list(stages), run, None

    def pull(self, most: int) -> Block | None:
        while True:
            if self._flow is None:
                if not self._stages:
                    return None
                self._flow = self._stages.pop(0).open(self._run)
            block = self._flow.pull(most)
            if block is not None:
                return block
            self._flow.close()
            self._flow = None

    def close(self) -> None:
        if self._flow is not None:
            self._flow.close()


class Zip(Stage):
    """``zip``: the elements of several datasets side by side, as long as all have some.

    Args:
        stages: in the order of the leaves; ``pack`` makes the structure of their specs.
    """

    kind, method = "_ZipDataset", "zip"

    def __init__(self, stages: list, element_spec):
        if not stages:
            raise UsageError(explain("zip: needs one dataset at least"))
        super().__init__(element_spec, tuple(stages))

    def size(self) -> int:
        counts = [i.size() for i in self.inputs]
        if UNKNOWN in counts:
            return UNKNOWN
        return min([c for c in counts if c != INFINITE], default=INFINITE)

    def open(self, run: Run) -> Flow:
        return _Zipping([i.open(run) for i in self.inputs])


class _Zipping(Flow):
    def __init__(self, flows: list):
        self._flows, self._kept, self._is_over = flows, [None] * len(flows), False

    def pull(self, most: int) -> Block | None:
        if self._is_over:
            return None
        found = []
        for k, flow in enumerate(self._flows):
            block = self._kept[k]
            self._kept[k] = None
            if block is None:
                block = flow.pull(most)
            if block is None:
                self._is_over = True
                self.close()
                return None
            if block.count > most:
                self._kept[k], block = block.part(most, block.count), block.part(0, most)
            found.append(block)
            most = block.count
        for k, block in enumerate(found):
            if block.count > most:
                rest = block.part(most, block.count)
                self._kept[k] = rest if self._kept[k] is None else joined([rest, self._kept[k]])
                found[k] = block.part(0, most)
        return Block(most, [c for block in found for c in block.columns])

    def close(self) -> None:
        for flow in self._flows:
            flow.close()


def enumerated(source: Stage, start: int) -> Stage:
    """``enumerate``: pairs of a number and the element."""
    numbers = Numbers(start, None, 1)
    return Zip([numbers, source], (numbers.element_spec, source.element_spec))
