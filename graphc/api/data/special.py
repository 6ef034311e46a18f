"""unique, ignore_errors, with_options and a promised size or spec."""

from __future__ import annotations

import logging

from graphc.api.data.block import Block
from graphc.api.data.element import leaves
from graphc.api.data.flow import Flow
from graphc.api.data.stage import UNKNOWN, Run, Stage
from graphc.errors import DtypeError, StateError, explain
from graphc.ir import dtype as dt

_log = logging.getLogger("graphc")


class Unique(Stage):
    """``unique``: elements that did not come before."""

    kind, method = "_UniqueDataset", "unique"

    def __init__(self, source: Stage):
        super().__init__(source.element_spec, (source,))
        for spec in leaves(source.element_spec):
            if getattr(spec, "dtype", None) not in (dt.i32, dt.i64, dt.string):
                raise DtypeError(explain(f"unique: only int32, int64 and string elements can be compared, not {spec}"))

    def size(self) -> int:
        return 0 if self.inputs[0].size() == 0 else UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Distinct(self.inputs[0].open(run))


class _Distinct(Flow):
    def __init__(self, source: Flow):
        self._source, self._seen = source, set()

    def pull(self, most: int) -> Block | None:
        while (block := self._source.pull(most)) is not None:
            places = []
            for k, row in enumerate(block.rows()):
                key = tuple([(v.shape, tuple(v.reshape(-1).tolist())) for v in row])
                if key not in self._seen:
                    self._seen.add(key)
                    places.append(k)
            if places:
                return block if len(places) == block.count else block.taken(places)
        return None

    def close(self) -> None:
        self._source.close()


class IgnoreErrors(Stage):
    """``ignore_errors``: without the elements that could not be made."""

    kind, method = "_IgnoreErrorsDataset", "ignore_errors"

    def __init__(self, source: Stage, log_warning: bool):
        super().__init__(source.element_spec, (source,))
        self.log_warning = bool(log_warning)

    def open(self, run: Run) -> Flow:
        return _Ignoring(self.inputs[0].open(run), self.log_warning)


class _Ignoring(Flow):
    def __init__(self, source: Flow, log_warning: bool):
        self._source, self._log = source, log_warning

    def pull(self, most: int) -> Block | None:
        while True:
            try:
                return self._source.pull(most)
            except Exception as error:  # whatever it is, the next element may be made
                if self._log:
                    _log.warning("ignore_errors: %s", error)

    def close(self) -> None:
        self._source.close()


class WithOptions(Stage):
    """``with_options``: the same elements, made as the options say."""

    kind, method = "_OptionsDataset", "with_options"

    def __init__(self, source: Stage, options):
        super().__init__(source.element_spec, (source,))
        self.options = options

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        return self.inputs[0].open(run)


class Promised(Stage):
    """A dataset of which something is promised: how many elements it has, or a narrower spec."""

    kind = "_AssertCardinalityDataset"

    def __init__(self, source: Stage, count: int | None = None, element_spec=None):
        super().__init__(source.element_spec if element_spec is None else element_spec, (source,))
        self.count = count

    def size(self) -> int:
        return self.inputs[0].size() if self.count is None else self.count

    def open(self, run: Run) -> Flow:
        source = self.inputs[0].open(run)
        return source if self.count is None else _Counted(self, source)


class _Counted(Flow):
    def __init__(self, stage: Promised, source: Flow):
        self._stage, self._source, self._seen = stage, source, 0

    def pull(self, most: int) -> Block | None:
        block = self._source.pull(most)
        wanted = self._stage.count
        self._seen += 0 if block is None else block.count
        wrong = self._seen > wanted >= 0 or (block is None and self._seen != wanted and wanted != UNKNOWN)
        if wrong:
            there = "at least " if block is not None else ""
            what = f"the dataset was said to have {wanted} elements but has {there}{self._seen}"
            raise StateError(self._stage.explain(what))
        return block

    def close(self) -> None:
        self._source.close()
