"""The compiled programs of a model: one for each kind of call, kept here and, for other processes, in the cache."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from graphc.compile import compile_graph
from graphc.compile_sources import recall, remember
from graphc.errors import ShapeError, UnimplementedError
from graphc.onnx.feeds import Feed, arrays_of
from graphc.onnx.results import Results
from graphc.onnx.traces import Traces
from graphc.options import Options

_FRONT = ("formats", "lib", "onnx")  # whose code decides what graph a model becomes


class Programs:
    """Finds the program that serves a call, or makes it.

    Attributes:
        quick: where one program serves every call, the names of the inputs and what takes their arrays; else None.
    """

    def __init__(self, traces: Traces, options: Options):
        self.traces, self.options = traces, options
        self.quick: tuple[tuple[str, ...], Callable] | None = None
        self._by_key: dict[tuple, tuple] = {}
        self._is_exact = False  # whether each kind of sizes needs a program of its own
        self._has_exact = False  # whether some do
        self._lock = threading.Lock()

    def run(self, feeds: dict[str, Feed]) -> list:
        """The values of all outputs.

        Raises:
            ShapeError: the sizes of feeds do not fit. UnimplementedError: parts of the model are not supported.
        """
        if not self._is_exact and not self._is_refused(feeds):
            try:
                return _called(feeds, self._program(feeds))
            except (ShapeError, UnimplementedError):
                if not self.traces.has_open_sizes(feeds):
                    raise
        return _called(feeds, self._program(feeds, exact=True))

    def _is_refused(self, feeds: dict[str, Feed]) -> bool:
        """Whether there is a program for these very sizes, as the one for all sizes refused them."""
        return self._has_exact and self.traces.key(feeds, True) in self._by_key

    def _program(self, feeds: dict[str, Feed], exact: bool = False) -> tuple:
        """What serves a call, as does every call of the same key.

        Args:
            exact: for these very sizes, as what serves all sizes cannot be made, or refuses these.
        """
        found = self._by_key.get(self.traces.key(feeds, exact))
        if found is None:
            with self._lock:
                found = self._recalled(feeds, exact) or self._made(feeds, exact)
                self._by_key[self.traces.key(feeds, exact)] = found  # which inputs count by value may have become known
                self._has_exact |= exact
                if not exact:
                    self._find_quick(*found)
        return found

    def _made(self, feeds: dict[str, Feed], exact: bool) -> tuple:
        traces = self.traces
        known = traces.by_value | traces.by_shape
        try:
            traced, run = self._compiled(feeds, exact)
        except (ShapeError, UnimplementedError):
            self._is_exact = not exact and traces.has_open_sizes(feeds)  # of no use for other sizes either
            raise
        if self._digest is not None:
            if known != traces.by_value | traces.by_shape:
                note = {"by_value": sorted(traces.by_value), "by_shape": sorted(traces.by_shape)}
                remember(self._source("inputs"), _FRONT, self.options, note, None)
            note = {"fed": traced.fed, "results": [r.as_json() for r in traced.results]}
            remember(self._source(repr(traces.key(feeds, exact))), _FRONT, self.options, note, traced.graph)
        return run, traced.fed, traced.results

    def _compiled(self, feeds: dict[str, Feed], exact: bool) -> tuple:
        try:
            traced = self.traces.trace(feeds, exact=exact)
            return traced, compile_graph(traced.graph, self.options)
        except RecursionError:  # formulas are short where sizes are known
            what = "formulas of symbolic sizes or of indices are nested too deeply to be compiled"
            raise UnimplementedError(f"{self.traces.name}: {what}") from None

    def _recalled(self, feeds: dict[str, Feed], exact: bool) -> tuple | None:
        """The program as another process has left it in the cache."""
        if self._digest is None:
            return None
        traces = self.traces
        known = recall(self._source("inputs"), _FRONT, self.options)
        if known is not None:
            traces.by_value |= set(known[1]["by_value"]) & set(feeds)
            traces.by_shape |= set(known[1].get("by_shape", ())) & set(feeds)
        found = recall(self._source(repr(traces.key(feeds, exact))), _FRONT, self.options)
        if found is None:
            return None
        run, note = found
        return run, tuple(note["fed"]), tuple(Results.from_json(r) for r in note["results"])

    def _source(self, call: str) -> dict[str, str]:
        return {"model": self._digest, "call": call}

    @functools.cached_property
    def _digest(self) -> str | None:
        """A digest of all that the model is made of."""
        return self.traces.file.digest()

    def _find_quick(self, run, fed: tuple[str, ...], results: tuple[Results, ...]) -> None:
        """Remember a program that serves every call: it takes and gives plain arrays of a known number of axes."""
        inputs = self.traces.signature.inputs
        plain = all(i.kind == "tensor" and i.shape is not None and i.element is not None and not i.element.is_narrow
                    and i.element.name != "string" for i in inputs)  # fmt: skip
        whole = not self.traces.by_value and fed == tuple(i.name for i in inputs)
        if plain and whole and all(r.is_plain for r in results):
            self.quick = fed, run.bind()


def _called(feeds: dict[str, Feed], program: tuple) -> list:
    run, fed, results = program
    arrays = iter(run(*arrays_of(feeds, fed)))
    return [r.value(arrays) for r in results]
