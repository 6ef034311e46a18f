"""Model: an ONNX model that runs, can be looked at, and can be differentiated; ``load`` makes one of a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from collections.abc import Sequence as Values

from graphc.api.variable import Variable
from graphc.errors import GraphcError, UsageError, with_line
from graphc.formats.onnx_check import check_model
from graphc.formats.onnx_file import OnnxFile, read_model
from graphc.ir.graph import Graph
from graphc.onnx import ops  # noqa: F401  fills the registry
from graphc.onnx.feeds import feeds_of
from graphc.onnx.programs import Programs
from graphc.onnx.report import Problem
from graphc.onnx.signature import signature_of
from graphc.onnx.stand_ins import any_value
from graphc.onnx.traces import Traced, Traces
from graphc.onnx.training import Training
from graphc.options import INEXACT, Options

INFERENCE = Options(allow=INEXACT)


class Model:
    """An ONNX model, made by ``graphc.onnx.load``.

    Attributes:
        name: of the file, for messages.
        inputs, outputs: what it takes and answers with: objects with ``name``, ``dtype``, ``shape`` (ints, names of
            symbolic sizes, None where unknown) and ``kind``.
        metadata: what the file says of itself besides the graph, text by name.
        file: the OnnxFile that was read. options: how it is compiled.
        signature: all that it takes, also inputs that have initialisers. traces: its Graphs for kinds of calls.
    """

    def __init__(self, file: OnnxFile, name: str, options: Options = INFERENCE):
        self.file, self.name, self.options = file, name, options
        self.signature = signature_of(file.model.graph)
        self.inputs, self.outputs = self.signature.inputs, self.signature.outputs
        self.metadata = {p.key: p.value for p in file.model.metadata_props}
        self.traces = Traces(file, name, self.signature)
        self._programs = Programs(self.traces, options)
        self._training: Training | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<onnx model {self.name}: {', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))}>"

    def __reduce__(self):
        if self.is_changed:
            what = "a model whose variables have been changed cannot be copied; graphc.onnx.export writes it"
            raise UsageError(f"{self.name}: {what}")
        return Model, (self.file, self.name, self.options)

    # ---------------------------------------------------------------------------------------------- running

    def run(self, inputs: Values | Mapping[str, object], outputs: Values[str] | None = None) -> list:
        """The outputs for arrays of the inputs.

        Args:
            inputs: arrays in the order of ``inputs``, or by name; a list of arrays for a sequence, None for an optional
                input without a value.
            outputs: names of the outputs that are wanted; by default all.

        Returns:
            For each output an array, a list of arrays (a sequence), or None (an empty optional).

        Raises:
            FeedError: an input is missing or unknown. DtypeError, ShapeError: an array does not fit.
        """
        if self._programs.quick is not None and outputs is None and self._training is None:
            found = self._run_quickly(inputs)
            if found is not None:
                return found
        with with_line():  # also tells of a lack of memory
            feeds = feeds_of(self.name, self.signature, inputs)
            found = self._training.run(feeds) if self.is_changed else self._programs.run(feeds)
        return found if outputs is None else [found[k] for k in self._positions(outputs)]

    def _run_quickly(self, inputs) -> list | None:
        """The outputs, where one program serves every call; None where something about the inputs is unusual."""
        names, call = self._programs.quick
        try:
            if len(inputs) == len(names):
                return list(call(*inputs) if isinstance(inputs, (list, tuple)) else call(*[inputs[n] for n in names]))
        except (GraphcError, KeyError, TypeError, AttributeError, ValueError, MemoryError):
            pass  # the thorough way says what is wrong
        return None

    def _positions(self, names: Values[str]) -> list[int]:
        known = [o.name for o in self.outputs]
        if isinstance(names, str):
            raise UsageError(f"{self.name}: give the names of outputs as a list, not {names!r}")
        for name in names:
            if name not in known:
                raise UsageError(f"{self.name} has no output {name!r}; it has {', '.join(known)}")
        return [known.index(name) for name in names]

    # --------------------------------------------------------------------------------------------- training

    @property
    def training(self) -> Training:
        """Its variables and the traces with them."""
        if self._training is None:
            with self._lock:
                self._training = self._training or Training(self)
        return self._training

    @property
    def is_changed(self) -> bool:
        """Whether a variable was assigned to, so that the weights are not those of the file; makes no variables."""
        return self._training is not None and self._training.is_changed

    @property
    def variables(self) -> dict[str, Variable]:
        """A Variable for each initialiser or constant of floats, by name, made when they are first asked for.

        ``run`` and calls use their values. Those of scalars, of running moments and of what only says how to compute are
        not trainable.
        """
        return self.training.variables

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those that optimizers change."""
        return tuple(v for v in self.variables.values() if v.trainable)

    def __call__(self, *args, **kwargs):
        """The outputs for tensors, as tensors, which tapes record and functions trace.

        Args:
            args, kwargs: tensors or arrays, in the order of ``inputs`` or by name.

        Returns:
            The tensor if there is one output, else a list; for a sequence a list of tensors.

        Raises:
            FeedError: an input is missing or unknown. DtypeError, ShapeError: a tensor does not fit. UsageError: an input or
            output is not an ordinary tensor, or what is computed depends on the value of a tensor that is not known yet.
        """
        return self.training(args, kwargs)

    # ---------------------------------------------------------------------------------------------- tracing

    @property
    def graph(self) -> Graph:
        """The Graph that the model becomes, sizes symbolic.

        Raises:
            UsageError: it depends on the values of some inputs, or on how long a sequence is; see ``trace``.
            UnimplementedError: parts of it are not supported; the message lists all of them.
        """
        return self.trace().graph

    def trace(self, inputs: Mapping[str, object] | Values | None = None) -> Traced:
        """The trace that serves a call with these inputs; those not given are tensors of the declared types.

        Args:
            inputs: arrays in the order of ``inputs``, or by name.

        Raises:
            UsageError: what is computed depends on the value or the sizes of an input that is not given, or such an input
            declares no type. UnimplementedError: parts of the model are not supported; the message lists all of them.
        """
        given = inputs if isinstance(inputs, Mapping) else dict(zip([i.name for i in self.inputs], inputs or ()))
        feeds = feeds_of(self.name, self.signature, given, optional=True)
        rest = {item.name: any_value(self.name, item) for item in self.inputs if item.name not in given}
        feeds |= rest
        return self.traces.trace({name: feeds[name] for name in self.signature.by_name if name in feeds}, frozenset(rest))

    def problems(self) -> list[Problem]:
        """Everything in the model that is not supported; empty if there is nothing."""
        return self.traces.problems()


def load(source, *, folder: str | os.PathLike | None = None, options: Options = INFERENCE) -> Model:
    """An ONNX model from a file.

    Args:
        source: a path, the bytes of a model, or a ``ModelProto`` of the ``onnx`` package.
        folder: where files of external data lie, for a model that is no file itself.
        options: how to compile it. By default, what changes last bits and serves inference is allowed: normalisation is
            folded into weights, and sums take the order of the layout; ``Options()`` follows the model to the bit.

    Raises:
        FormatError: the file is damaged, or no ONNX model; the message says where.
        UsageError: ``source`` or ``options`` is something else.
        OSError: it cannot be read.
    """
    if not isinstance(options, Options):
        raise UsageError(f"options must be graphc.Options, not {type(options).__name__}")
    file = read_model(source, folder=folder)
    check_model(file)
    return Model(file, file.name, options)
