"""Session: runs parts of a graph. Every distinct run is traced and compiled once and then only called."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graphc.api.places import HOST, Seen, default_place, device_at, full_name, gpu_memory, visible_gpus
from graphc.api.places import chosen as chosen_place
from graphc.api.profiler import watch_runs
from graphc.errors import DeviceUnavailable, FeedError, GraphcWarning, StateError, UsageError, explain
from graphc.v1 import logging
from graphc.v1.config import is_message, run_timeout, settings
from graphc.v1.default import GRAPHS, SESSIONS
from graphc.v1.feeds import as_mapping, resolve_keys
from graphc.v1.fetches import frozen, resolve
from graphc.v1.graph import Graph, get_default_graph
from graphc.v1.partial_run import PartialRuns
from graphc.v1.plan import Request
from graphc.v1.profile import profiled_run
from graphc.v1.runner import Runner
from graphc.v1.state import State
from graphc.v1.step_times import traced_run
from graphc.v1.tensor import Tensor
from graphc.v1.trace import needed

_CALLS_KEPT = 4096
_FEEDS = object()  # stands between fetches and keys of feeds


def _check_target(what: str, target: str) -> None:
    if target.startswith(("grpc://", "grpc+")):
        raise DeviceUnavailable(explain(f"{what}: {target!r} is a server; sessions on servers are not supported yet"))
    if target not in ("", "local"):
        raise DeviceUnavailable(explain(f"{what}: there is no way to reach {target!r}; only this machine runs"))


def _log_placement(request: Request, state: State) -> None:
    """Log the device of every operation of a run."""
    fed = set(request.fed)
    for op in needed([t.op for t in request.fetches if t not in fed] + list(request.targets), fed.__contains__):
        logging.info("%s: (%s): %s", op.name, op.type, full_name(state.place(op) or state.home))


@dataclass(frozen=True)
class Device:
    """A device as ``list_devices`` tells of it."""

    name: str
    device_type: str
    memory_limit_bytes: int
    incarnation: int


class Session:
    """Runs operations of a graph and holds the values of its variables.

    Args:
        target: empty or ``local``: there is only this machine.
        graph: the graph; the default graph if None.
        config: a ConfigProto; ``graphc.v1.config`` says what of it has a meaning.
        device: what operations run on that name no device: ``cpu``, ``cuda`` (also ``cuda:1``) or ``cuda-emulated``; that of
            the process if None, see ``docs/cuda.md``.

    Raises:
        DeviceUnavailable: another target, or a device that is not there. UsageError: ``graph`` is no Graph, ``config`` is no
            ConfigProto, ``device`` is no such word.

    Example::

        x = tf.placeholder(tf.float32, [None, 2])
        with tf.Session() as sess:
            print(sess.run(tf.reduce_sum(x, axis=1), feed_dict={x: [[1, 2], [3, 4]]}))
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config=None, device: str | None = None):
        if not isinstance(target, str):
            raise UsageError(explain(f"Session: the target must be a string, got {target!r}; pass graph=... by name"))
        _check_target("Session", target)
        if graph is not None and not isinstance(graph, Graph):
            raise UsageError(explain(f"Session: graph must be a tf.Graph, got {graph!r}"))
        self._graph = graph if graph is not None else get_default_graph()
        self.config, self.sess_str = config, target
        chosen = settings(config)
        chosen.apply()
        home = default_place() if device is None else chosen_place(device, "Session: device")
        device_at(home)  # to know now whether it is there
        self.state = State(home, Seen.soft and chosen.soft)
        self.state.timeout, self._logs_placement = chosen.timeout, chosen.log_placement
        self._closed = False
        self._version = self._graph.version
        self._calls: dict = {}  # (fetch, *keys of feed_dict) -> function of the values
        self._list_calls: dict = {}  # the same for flat lists of fetches
        self._runners: dict = {}
        self._scopes: list = []

    @property
    def graph(self) -> Graph:
        return self._graph

    @property
    def is_closed(self) -> bool:
        """Whether every further run is refused."""
        return self._closed

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """The values of ``fetches``, given the values in ``feed_dict``.

        Args:
            fetches: a tensor, variable, operation or name, or a list, tuple or dict of such, nested at will.
            feed_dict: from placeholders (and any other tensors) to numbers, nested lists or arrays.
            options: RunOptions: how long to wait for queues, and whether to trace.
            run_metadata: RunMetadata that a traced run fills with the times of its steps.

        Returns:
            The structure of ``fetches`` with an array for every tensor (a NumPy scalar if it is of rank 0), None for
            every operation.

        Raises:
            FeedError: a value is missing or unknown. ShapeError, DtypeError: a value or an operation does not fit.
            GraphError: something of another graph. StateError: the session is closed, a variable is uninitialised.
        """
        if options is not None or run_metadata is not None:
            return self._run_watched(fetches, {} if feed_dict is None else as_mapping(feed_dict), options, run_metadata)
        if self._version == self._graph.version:
            try:
                if type(fetches) is list:
                    key = (*fetches, _FEEDS, *feed_dict) if feed_dict else (*fetches, _FEEDS)
                    call = self._list_calls[key]
                else:
                    call = self._calls[(fetches, *feed_dict) if feed_dict else (fetches,)]
            except (KeyError, TypeError, ValueError):
                pass
            else:
                return call(*feed_dict.values()) if feed_dict else call()
        return self._run(fetches, {} if feed_dict is None else as_mapping(feed_dict))

    def _run(self, fetches, feeds: Mapping):
        keys = tuple(feeds)
        call = self._runner(fetches, keys).call
        out = call(*feeds.values())
        if len(self._calls) + len(self._list_calls) >= _CALLS_KEPT:
            self._calls.clear()
            self._list_calls.clear()
        if type(fetches) is list:
            if not any(isinstance(f, (list, tuple, dict)) for f in fetches):
                self._list_calls[(*fetches, _FEEDS, *keys)] = call
        elif not isinstance(fetches, (tuple, dict)):
            self._calls[(fetches, *keys)] = call
        return out

    def _run_watched(self, fetches, feeds: Mapping, options, run_metadata):
        timeout = run_timeout(options)
        if run_metadata is not None and not is_message(run_metadata, "RunMetadata"):
            raise UsageError(explain(f"run: run_metadata must be a tf.RunMetadata, got {run_metadata!r}"))
        runner, values = self._runner(fetches, tuple(feeds)), tuple(feeds.values())
        is_traced = options is not None and run_metadata is not None and options.trace_level != options.NO_TRACE
        if is_traced:
            out = traced_run(runner, values, timeout, run_metadata)
        else:
            out = runner.run(values, timeout)
        return runner.answer(out)

    def _runner(self, fetches, keys: tuple) -> Runner:
        if self._closed:
            raise StateError(explain("run: the session is closed; make a new one, or run inside its 'with' block"))
        if self._version != self._graph.version:
            self._forget_runs()
        key = (frozen(fetches), keys)
        found = self._runners.get(key) if key[0] is not None else None
        if found is None:
            tensors, operations, rebuild = resolve(self._graph, fetches)
            request = Request(tuple(tensors), tuple(operations), resolve_keys(self._graph, keys), rebuild)
            if self._logs_placement:
                _log_placement(request, self.state)
            found = Runner(request, self.state, isinstance(fetches, (Tensor, str)) and len(tensors) == 1)
            if key[0] is not None:
                found = self._runners.setdefault(key, found)  # another thread may have been faster
                if self._closed:
                    found.close()
        return found

    def _forget_runs(self) -> None:
        self._calls.clear()
        self._list_calls.clear()
        self._runners.clear()
        self._version = self._graph.version

    def make_callable(self, fetches, feed_list=None, accept_options=False) -> Callable:
        """A function of the values for ``feed_list`` that answers with ``fetches``: the fastest way to run.

        Args:
            accept_options: whether the function takes ``options`` and ``run_metadata`` as keywords.
        """
        if not isinstance(feed_list, (list, tuple, type(None))):
            raise UsageError(explain(f"make_callable: feed_list must be a list of tensors, got {feed_list!r}"))
        keys = tuple(feed_list or ())
        call = self._runner(fetches, keys).call
        if not accept_options:
            return call

        def with_options(*values, options=None, run_metadata=None):
            if options is None and run_metadata is None:
                return call(*values)
            if len(values) != len(keys):
                raise FeedError(explain(f"make_callable: {len(values)} values for {len(keys)} fed tensors"))
            return self._run_watched(fetches, dict(zip(keys, values)), options, run_metadata)

        return with_options

    def partial_run_setup(self, fetches, feeds=None) -> str:
        """Announce a run that is made in parts, each with some of the feeds and fetches.

        Args:
            fetches, feeds: all that any of the parts will ask for and give.

        Returns:
            A handle for ``partial_run``.

        Raises:
            FeedError, GraphError, DtypeError: as ``run``. StateError: the session is closed.
        """
        self._check_open("partial_run_setup")
        return self._partial.setup(fetches, feeds)

    def partial_run(self, handle: str, fetches, feed_dict=None):
        """Go on with a run in parts: whatever can be computed is computed once.

        Args:
            handle: what ``partial_run_setup`` answered.
            fetches, feed_dict: some of those announced, each of which once.

        Raises:
            UsageError: there is no such handle. FeedError: something was not announced, is fed or fetched twice, or
                needs what was not fed yet.
        """
        self._check_open("partial_run")
        return self._partial.run(handle, fetches, {} if feed_dict is None else as_mapping(feed_dict))

    @functools.cached_property
    def _partial(self) -> PartialRuns:
        return PartialRuns(self._graph, self.state)

    def _check_open(self, what: str) -> None:
        if self._closed:
            raise StateError(explain(f"{what}: the session is closed; make a new one, or run inside its 'with' block"))

    @property
    def graph_def(self):
        """The graph as a GraphDef message."""
        return self._graph.as_graph_def()

    def list_devices(self) -> list[Device]:
        """The devices that can be used: this machine's processor, and the GPUs that the program sees."""
        self._check_open("list_devices")
        gpus = [Device(full_name(f"cuda:{k}"), "GPU", gpu_memory(k), k + 2) for k in visible_gpus()]
        return [Device(full_name(HOST), "CPU", 256 << 20, 1), *gpus]

    @staticmethod
    def reset(target: str, containers=None, config=None) -> None:
        """Forget what sessions share on a server: here every session has its own values, so there is nothing.

        Raises:
            DeviceUnavailable: another target than this machine.
        """
        _check_target("Session.reset", target)

    def as_default(self):
        """``with`` block in which this session runs what names no session."""
        return SESSIONS.entering(self)

    def close(self) -> None:
        """Forget all values; every later run is refused."""
        self._closed = True
        for runner in list(self._runners.values()):
            runner.close()
        self._forget_runs()
        self.state.clear()

    def __enter__(self) -> "Session":
        scopes = (GRAPHS.entering(self._graph), SESSIONS.entering(self))
        for scope in scopes:
            scope.__enter__()
        self._scopes.append(scopes)
        return self

    def __exit__(self, *error) -> None:
        if not self._scopes:
            raise StateError(explain("__exit__: the session was not entered"))
        for scope in reversed(self._scopes.pop()):
            scope.__exit__(None, None, None)
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from its making to its closing."""

    def __init__(self, target: str = "", graph: Graph | None = None, config=None, device: str | None = None):
        super().__init__(target, graph, config, device)
        if any(isinstance(s, InteractiveSession) for s in SESSIONS.entered):
            what = "an interactive session is active already; close() it to free what it holds"
            warnings.warn(f"InteractiveSession: {what}", GraphcWarning, stacklevel=2)
        SESSIONS.enter(self)
        if graph is not None:
            GRAPHS.enter(graph)

    def close(self) -> None:
        """Close the session and make it the default no longer."""
        if not self._closed:
            super().close()
            SESSIONS.leave(self)
            if GRAPHS.top is self._graph:
                GRAPHS.entered.pop()


watch_runs(Session, "run", profiled_run)
