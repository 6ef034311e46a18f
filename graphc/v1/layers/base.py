"""Layer: an object that makes its variables when it is first called, and shares them from then on."""

from __future__ import annotations

import inspect
import re
import weakref
from collections import Counter

import numpy as np

from graphc.api.operators import Composed, Operators
from graphc.api.shape import TensorShape
from graphc.api.structure import leaves
from graphc.errors import StateError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import initializers, ops
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.layers.input_spec import InputSpec, check_input, known_size
from graphc.v1.scope import VariableScope, get_variable, variable_scope

_COUNTS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # graph -> Counter of layers without a name


class Layer:
    """A layer. A class of one's own has ``call(inputs)``; ``build(input_shape)`` makes variables with ``add_weight``.

    Args:
        trainable: whether its variables are trained.
        name: of the layer, and of its variable scope (with a number where that is taken).
        dtype: of its variables; None takes that of the first input.

    Attributes:
        input_spec: an ``InputSpec`` that inputs must fit, or None.
        built: whether its variables exist.
    """

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        scope, self._reuse = kwargs.pop("_scope", None), kwargs.pop("_reuse", None)
        self.activity_regularizer = kwargs.pop("activity_regularizer", None)
        for ignored in ("autocast", "dynamic", "input_shape", "batch_input_shape"):
            kwargs.pop(ignored, None)
        if kwargs:
            raise UsageError(explain(f"{type(self).__name__}: there is no argument {', '.join(sorted(kwargs))}"))
        self.trainable, self.built = bool(trainable), False
        self.input_spec: InputSpec | None = None
        self._dtype = None if dtype is None else dt.as_dtype(dtype)
        self._trainable, self._fixed, self._losses, self._updates, self._calls = [], [], [], [], []
        self._scope: VariableScope | None = None
        self._ops_scope = ""
        self._first = None  # the input that the layer is being built for
        base = _snake(type(self).__name__)
        self._base_name = name.name if isinstance(name, VariableScope) else name or base
        self.name = name if isinstance(name, str) and name else _numbered(base)
        if scope:
            with variable_scope(scope) as found:
                self._keep(found)

    # ------------------------------------------------------------------------------------------- calling

    def build(self, input_shape) -> None:
        """Make variables; by default none."""
        self.built = True

    def call(self, inputs, **kwargs):
        """What the layer computes; by default its input."""
        return inputs

    def __call__(self, inputs, *args, **kwargs):
        scope = kwargs.pop("scope", None)
        self._open(scope)
        reuse = True if self.built else self._reuse
        with (variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as current,
              get_default_graph().name_scope(self._ops_scope)):  # fmt: skip
            inputs = _converted(inputs)
            if "scope" in inspect.signature(self.call).parameters:
                kwargs["scope"] = current
            check_input(self.name, self.input_spec, inputs)
            self._ensure_built(inputs)
            outputs = self.call(inputs, *args, **kwargs)
            if outputs is None:
                raise UsageError(explain(f"{self.name}: call() answered with None; it must return a tensor"))
            self._regularize_activity(outputs)
        self._calls.append((inputs, outputs))
        _add_new(GraphKeys.UPDATE_OPS, self.updates)
        return outputs

    def apply(self, inputs, *args, **kwargs):
        """Call the layer."""
        return self(inputs, *args, **kwargs)

    def _open(self, scope) -> None:
        """Choose the layer's variable scope, once."""
        if self._scope is not None:
            return
        if self._reuse:
            opened = variable_scope(scope if scope is not None else self._base_name)
        else:
            opened = variable_scope(scope, default_name=self._base_name)
        with opened as found:
            self._keep(found)

    def _keep(self, scope: VariableScope) -> None:
        self._scope, self._ops_scope = scope, scope.original_name_scope

    def _ensure_built(self, inputs) -> None:
        if self.built:
            return
        tensors = [t for t in leaves(inputs, composites=False) if isinstance(t, (Operators, Composed))]
        if self._dtype is None and tensors:
            self._dtype = tensors[0].dtype
        shapes = [t.shape for t in tensors]
        self._first = tensors[0] if tensors else None
        self.build(shapes[0] if len(shapes) == 1 else shapes)
        self.built, self._first = True, None
        check_input(self.name, self.input_spec, inputs)

    def _regularize_activity(self, outputs) -> None:
        if self.activity_regularizer is None:
            return
        with get_default_graph().name_scope("ActivityRegularizer"):
            for out in leaves(outputs):
                loss = self.activity_regularizer(out)
                examples = ops.cast(ops.shape(out)[0], loss.dtype)
                self.add_loss(ops.divide(loss, examples, name="truediv"))

    # ------------------------------------------------------------------------------------------ variables

    def add_weight(self, name, shape, dtype=None, initializer=None, regularizer=None, trainable=None, constraint=None,
                   use_resource=None, synchronization=None, aggregation=None, partitioner=None, **kwargs):  # fmt: skip
        """A variable of the layer, called ``scope/name``; an existing one where the scope reuses.

        Args:
            shape: known sizes.
            initializer: an initializer or the name of one; None takes that of the scope, or ``glorot_uniform``.
            regularizer: from the variable to a loss, which is added to the regularisation losses, once.
            trainable: None means True.
        """
        graph = get_default_graph()
        dtype = dt.as_dtype(dtype) if dtype is not None else self._dtype or dt.f32
        trained = trainable is not False and self.trainable
        self._open(None)
        before = set(graph.get_collection(GraphKeys.GLOBAL_VARIABLES))
        reuse = True if self.built else self._reuse
        with (variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False),
              graph.name_scope(self._ops_scope)):  # fmt: skip
            made = get_variable(name, shape, dtype, initializer_of(initializer), trainable=trained,
                                constraint=constraint, use_resource=use_resource, partitioner=partitioner)  # fmt: skip
            if regularizer is not None and made not in before:
                with graph.name_scope(f"{name}/Regularizer"):
                    loss = regularizer(made)
                if loss is not None:
                    self.add_loss(loss)
        kept = self._trainable if trained else self._fixed
        if not any(made is v for v in kept):
            kept.append(made)
        return made

    def add_variable(self, *args, **kwargs):
        """The older name of ``add_weight``."""
        return self.add_weight(*args, **kwargs)

    def add_loss(self, losses, inputs=None) -> None:
        """Count losses among the layer's and the graph's regularisation losses; functions are asked for theirs."""
        found = [loss() if callable(loss) else loss for loss in _flat(losses)]
        found = [ops.convert_to_tensor(loss) for loss in found if loss is not None]
        self._losses.extend(found)
        _add_new(GraphKeys.REGULARIZATION_LOSSES, found)

    def add_update(self, updates, inputs=None) -> None:
        """Count operations among the layer's updates, which are added to the graph's collection of these."""
        found = [update() if callable(update) else update for update in _flat(updates)]
        self._updates.extend(update for update in found if update is not None)

    @property
    def losses(self) -> list:
        """The losses that were added."""
        return list(self._losses)

    @property
    def updates(self) -> list:
        """The updates that were added; none where the layer is not trained."""
        return list(self._updates) if self.trainable else []

    def get_losses_for(self, inputs) -> list:
        """The losses."""
        return self.losses

    def get_updates_for(self, inputs) -> list:
        """The updates."""
        return self.updates

    @property
    def trainable_weights(self) -> list:
        """The variables that are trained."""
        return list(self._trainable) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list:
        """The variables that are not trained."""
        return list(self._fixed) if self.trainable else self._trainable + self._fixed

    @property
    def weights(self) -> list:
        """All variables."""
        return self.trainable_weights + self.non_trainable_weights

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def count_params(self) -> int:
        """How many numbers its variables hold.

        Raises:
            StateError: the layer is not built.
        """
        if not self.built:
            raise StateError(explain(f"count_params: layer {self.name} has no variables before it is called"))
        return sum(v.shape.num_elements() for v in self.weights)

    def size_of(self, input_shape, axis: int) -> int:
        """The size of an axis of the input, which variables need.

        Raises:
            ShapeError: it is not known.
        """
        return known_size(self.name, TensorShape(input_shape), axis, self._first)

    # --------------------------------------------------------------------------------------- what it is

    @property
    def dtype(self):
        """The dtype of its variables; None before it is known."""
        return self._dtype

    @property
    def scope_name(self) -> str:
        """The name of its variable scope.

        Raises:
            StateError: the layer was not called.
        """
        if self._scope is None:
            raise StateError(explain(f"scope_name: layer {self.name} has none before it is called"))
        return self._scope.name

    @property
    def graph(self):
        """The graph of its variables; None before it is called."""
        return self.weights[0].graph if self.weights else None

    @property
    def input(self):
        """What it was called with, once."""
        return self._only_call("input")[0]

    @property
    def output(self):
        """What its one call answered with."""
        return self._only_call("output")[1]

    @property
    def input_shape(self):
        """The shape of ``input``."""
        return self.input.shape

    @property
    def output_shape(self):
        """The shape of ``output``."""
        return self.output.shape

    def get_input_at(self, node_index: int):
        """What it was called with the ``node_index``-th time."""
        return self._call_at("get_input_at", node_index)[0]

    def get_output_at(self, node_index: int):
        """What its ``node_index``-th call answered with."""
        return self._call_at("get_output_at", node_index)[1]

    def _only_call(self, what: str) -> tuple:
        if len(self._calls) != 1:
            problem = f"was called {len(self._calls)} times" if self._calls else "was not called"
            raise StateError(explain(f"{what}: layer {self.name} {problem}; see get_{what}_at"))
        return self._calls[0]

    def _call_at(self, what: str, index: int) -> tuple:
        if not isinstance(index, int) or not 0 <= index < len(self._calls):
            problem = f"there is no call {index!r}; there were {len(self._calls)}"
            raise UsageError(explain(f"{what}: layer {self.name}: {problem}"))
        return self._calls[index]

    def __repr__(self):
        return f"<{type(self).__module__}.{type(self).__name__} {self.name}>"


def initializer_of(value):
    """An initializer for one, its name, or None.

    Raises:
        UsageError: there is none of that name.
    """
    if not isinstance(value, str):
        return value
    if value not in initializers.__all__:
        what = f"layer: there is no initializer {value!r}; known are {', '.join(initializers.__all__)}"
        raise UsageError(explain(what))
    return getattr(initializers, value)()


def _snake(name: str) -> str:
    """``MaxPooling2D`` as ``max_pooling2d``."""
    found = re.sub(r"(?<=[^_])(?=[A-Z][a-z0-9])|(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return f"private{found}" if found.startswith("_") else found


def _numbered(base: str) -> str:
    """``base_1``, ``base_2``, ... for the layers of a graph that have no name."""
    counts = _COUNTS.setdefault(get_default_graph(), Counter())
    counts[base] += 1
    return f"{base}_{counts[base]}"


def _flat(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _converted(inputs):
    """Arrays, numbers and lists of them as tensors; what holds tensors stays as it is."""
    if isinstance(inputs, (Operators, np.ndarray)):
        return ops.convert_to_tensor(inputs)
    found = leaves(inputs, composites=False)
    numbers = all(isinstance(v, (bool, int, float, complex, np.generic, np.ndarray)) for v in found)
    return ops.convert_to_tensor(inputs) if found and numbers else inputs


def _add_new(key: str, elements) -> None:
    """Add to a collection what is not in it."""
    collection = get_default_graph().get_collection_ref(key)
    known = {id(e) for e in collection}
    collection.extend(e for e in elements if id(e) not in known)
