"""cache: elements kept in memory after the first iteration to its end."""

from __future__ import annotations

import threading

from graphc.api.data.block import Block
from graphc.api.data.flow import Flow, OfBlocks
from graphc.api.data.stage import Run, Stage


class Cache(Stage):
    """``cache`` without a file."""

    kind, method = "_CacheDataset", "cache"

    def __init__(self, source: Stage):
        super().__init__(source.element_spec, (source,))
        self._blocks: list[Block] | None = None
        self._lock = threading.Lock()

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        blocks = self._blocks
        return _Filling(self, self.inputs[0].open(run)) if blocks is None else OfBlocks(blocks)

    def filled(self, blocks: list[Block]) -> None:
        """An iteration has come to its end: keep what it gave."""
        with self._lock:
            if self._blocks is None:
                self._blocks = blocks


class _Filling(Flow):
    def __init__(self, stage: Cache, source: Flow):
        self._stage, self._source, self._blocks = stage, source, []

    def pull(self, most: int) -> Block | None:
        if self._blocks is None:
            return None
        block = self._source.pull(most)
        if block is not None:
            self._blocks.append(block)
            return block
        self._stage.filled(self._blocks)
        self._blocks = None
        return None

    def close(self) -> None:
        self._source.close()
