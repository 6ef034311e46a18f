"""The graph of TensorFlow 1: operations by name, scopes, collections, control dependencies, seeds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import contextmanager

from graphc.api.adopt import adopted
from graphc.api.effect import Effect, any_token
from graphc.api.operators import Operators
from graphc.errors import DtypeError, GraphError, StateError, explain, here
from graphc.ir.dtype import DType
from graphc.ir.graph import input_node
from graphc.ir.node import Node, symbol
from graphc.ir.type import Type
from graphc.lib import shape as lib_shape
from graphc.lib.promote import as_node, literal_array
from graphc.lib.random import key_of
from graphc.prims.running import RankUnknown
from graphc.v1.body import GraphBody, read_state, write_states
from graphc.v1.default import GRAPHS
from graphc.v1.device import canonical_device
from graphc.v1.infer import infer
from graphc.v1.tensor import Operation, Random, Tensor
from graphc.v1.trace import counter_node


class GraphKeys:
    """Names of the collections everybody uses."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MODEL_VARIABLES = "model_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    LOSSES = "losses"
    UPDATE_OPS = "update_ops"
    GLOBAL_STEP = "global_step"
    SUMMARIES = "summaries"
    TRAIN_OP = "train_op"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    SUMMARY_OP = "summary_op"
    TABLE_INITIALIZERS = "table_initializer"
    QUEUE_RUNNERS = "queue_runners"
    SAVERS = "savers"
    METRIC_VARIABLES = "metric_variables"
    EVAL_STEP = "eval_step"
    ASSET_FILEPATHS = "asset_filepaths"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"


class Graph:
    """Operations under unique names, and what stands beside them.

    Attributes:
        version: grows when an operation that exists is changed; sessions plan anew then.
        seed: the graph-level random seed, or None.
        body: of the branch or loop that is being made, the innermost one; or None.
    """

    is_eager = captures = False

    def __init__(self):
        self._operations: list[Operation] = []
        self._by_name: dict[str, Operation] = {}
        self._taken: dict[str, int] = {}
        self._identifiers = {"random_step", "random_step_unseeded"}  # inputs that a session adds
        self._feed_names: dict[Tensor, str] = {}
        self._scope = ""
        self._control: list[Operation] = []
        self._device = ""
        self._collections: dict[str, list] = {}
        self._finalized = False
        self.variable_scope = None
        self.body: GraphBody | None = None
        self._owners: dict[Operation, Operation] = {}
        self.variables: dict[str, object] = {}
        self.scope_counts: dict[str, int] = {}
        self.version = 0
        self.seed: int | None = None

    # ------------------------------------------------------------------------------------------- names

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """``scope/name``, with ``_1``, ``_2``, ... where it is taken (upper and lower case count as one).

        A name with a trailing slash is that of a scope and is taken as it is.
        """
        if name.endswith("/"):
            return name[:-1]
        full = self._scope + name
        key = full.lower()
        count = self._taken.get(key, 0)
        if mark_as_used:
            self._taken[key] = count + 1
        if not count:
            return full
        candidate = f"{full}_{count}"
        while candidate.lower() in self._taken:
            count += 1
            candidate = f"{full}_{count}"
        if mark_as_used:
            self._taken[key] = count + 1
            self._taken[candidate.lower()] = 1
        return candidate

    @contextmanager
    def name_scope(self, name: str | None):
        """Names inside begin with ``name/``; a trailing slash re-enters a scope, None leaves all scopes."""
        before = self._scope
        if not name:
            self._scope = ""
        else:
            self.check_name(name)
            self._scope = name if name.endswith("/") else self.unique_name(name) + "/"
        try:
            yield self._scope
        finally:
            self._scope = before

    def get_name_scope(self) -> str:
        """The current scope without its slash."""
        return self._scope[:-1]

    @staticmethod
    def check_name(name: str) -> None:
        """Refuse what cannot be a name.

        Raises:
            GraphError: it is no string, or has other characters.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", name):
            raise GraphError(explain(f"{name!r} is not a valid name: letters, digits and . _ - / are allowed"))

    def identifier(self, name: str) -> str:
        """``name`` as a fresh identifier of IR text."""
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
        plain = plain if plain[:1].isalpha() else f"v{plain}"
        candidate, count = plain, 0
        while candidate in self._identifiers:
            count += 1
            candidate = f"{plain}_{count}"
        self._identifiers.add(candidate)
        return candidate

    def stand_in(self, name: str, dtype: DType, sizes: Iterable) -> Node:
        """A Node of this dtype for building; each unknown size (None) is a fresh symbol."""
        name = self.identifier(name)
        shape = tuple(symbol(f"{name}_{k}") if d is None else d for k, d in enumerate(sizes))
        return input_node(name, Type(dtype, shape))

    def feed_names(self, tensor: Tensor, rank: int) -> tuple[str, tuple[Node, ...]]:
        """The name of the input that stands for a fed tensor, and a symbol for each of its sizes."""
        name = self._feed_names.get(tensor)
        if name is None:
            is_own = tensor.node is not None and tensor.node.op == "input"
            name = self._feed_names[tensor] = tensor.node.attr("name") if is_own else self.identifier(tensor.op.name)
        return name, tuple(symbol(f"{name}_{k}") for k in range(rank))

    # -------------------------------------------------------------------------------------- operations

    def create(
        self, type: str, name: str, inputs=(), build: Callable | None = None, effect=None, outputs=None
    ) -> Operation:
        """A new operation under the unique name ``name`` (see ``unique_name``).

        Args:
            outputs: pairs of dtype and (Node | sizes | None); inferred from ``build`` if None. A function answers with
                them where ``build`` must wait for a rank that a run finds out.

        Raises:
            StateError: the graph is finalized.
        """
        if self._finalized:
            raise StateError(explain(f"{name}: the graph is finalized and cannot be changed"))
        if outputs is None or callable(outputs):
            outputs = self._inferred(build, effect, inputs, outputs) if build is not None else []
        op = Operation(self, name, type, tuple(inputs), build, effect, len(self._operations), here())
        op.control_inputs.extend(c for c in self._control)
        op.device = self._device
        for k, (dtype, known) in enumerate(outputs):
            node = known if known is None or isinstance(known, Node) else self.stand_in(f"{name}_{k}", dtype, known)
            op.outputs.append(Tensor(op, k, dtype, node))
        self._operations.append(op)
        self._by_name[name] = op
        return op

    def _inferred(self, build: Callable, effect, inputs, unless: Callable | None) -> list:
        """The outputs that ``build`` makes, or ``unless()`` while it cannot."""
        try:
            return infer(_without_token(build) if isinstance(effect, Effect) else build, inputs)
        except RankUnknown:
            if unless is None:
                raise
            return unless()

    def own(self, operations: Iterable[Operation], owner: Operation) -> None:
        """Operations of a body belong to the branch or loop that it is part of."""
        self._owners.update((op, owner) for op in operations)

    def outermost(self, op: Operation) -> Operation:
        """The operation that is in no body and that ``op`` belongs to; itself, if it is in none."""
        while op in self._owners:
            op = self._owners[op]
        return op

    def call(
        self,
        type: str,
        default_name: str,
        build,
        operands,
        labels,
        name=None,
        alike=True,
        groups=None,
        effect=None,
        outputs=None,
    ):
        """An operation on operands, literals among them made constants.

        Args:
            labels: the operands' names, for those constants.
            alike: whether literals adopt the dtype of the first tensor; ``groups``: a number for each operand, to adopt
                only within a group.

        Returns:
            The output Tensor, or a list of several.
        """
        if name is not None:
            self.check_name(name)
        full = self.unique_name(name or default_name)
        names = iter(labels)
        tensors = adopted(operands, lambda x, dtype: self.convert(x, dtype, f"{full}/{next(names)}"), alike, groups)
        op = self.create(type, full, tensors, build, effect, outputs)
        if isinstance(effect, Effect) and not op.outputs:
            return op
        return op.outputs[0] if len(op.outputs) == 1 else op.outputs

    def convert(self, value, dtype: DType | None = None, name: str | None = None) -> Tensor:
        """``value`` as a Tensor of this graph; ``name`` is a full name for a constant.

        Raises:
            GraphError: it belongs to another graph.
            DtypeError: it does not fit ``dtype``.
        """
        if isinstance(value, Operators) and value.graph.is_eager:
            value, dtype = value.numpy(), None  # it has a dtype of its own
        if isinstance(value, Operators):
            if value.graph is not self:
                raise GraphError(explain(f"{value.name} belongs to another graph than the operation that uses it"))
            return value if isinstance(value, Tensor) else value.as_tensor()
        if isinstance(value, (list, tuple)) and _holds_tensors(value):
            like = dtype or next(v.dtype for v in _leaves(value) if isinstance(v, Operators))
            parts = [self.convert(v, like) for v in value]
            op = self.create("Pack", self.unique_name("packed"), parts, lambda *nodes: lib_shape.stack(list(nodes)))
            return op.outputs[0]
        if isinstance(value, Operation):
            raise DtypeError(explain(f"operation {value.name} has no value; pass one of its outputs"))
        return self.constant(as_node(literal_array(value, dtype)), name)

    def constant(self, node: Node, name: str | None = None) -> Tensor:
        """A Const operation; ``name`` is a full name, made unique."""
        with self.name_scope(None):
            full = self.unique_name(name) if name else None
        full = full or self.unique_name("Const")
        return self.create("Const", full, (), lambda: node, outputs=[(node.dtype, node)]).outputs[0]

    def get_operations(self) -> list[Operation]:
        """All operations in the order they were made."""
        return list(self._operations)

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation called ``name``.

        Raises:
            GraphError: there is none.
        """
        op = self._by_name.get(name)
        if op is None:
            raise GraphError(explain(f"there is no operation {name!r} in the graph"))
        return op

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor called ``op:k``.

        Raises:
            GraphError: there is none.
        """
        op_name, _, index = name.partition(":") if isinstance(name, str) else ("", "", "")
        op = self._by_name.get(op_name)
        if op is None or not index.isdigit() or int(index) >= len(op.outputs):
            raise GraphError(explain(f"there is no tensor {name!r} in the graph (names look like 'add:0')"))
        return op.outputs[int(index)]

    def as_graph_element(self, value, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation meant by a name, a Tensor, a Variable or an Operation.

        Raises:
            GraphError: it is of another graph, or there is none of that name.
            DtypeError: it is something else.
        """
        if isinstance(value, str):
            if ":" in value:
                return self.get_tensor_by_name(value)
            return self.get_operation_by_name(value)
        if isinstance(value, Operators) and not isinstance(value, Tensor):
            value = value.as_element()
        if not isinstance(value, (Tensor, Operation)):
            raise DtypeError(explain(f"{value!r} of type {type(value).__name__} is not an element of a graph"))
        if value.graph is not self:
            raise GraphError(explain(f"{value.name} belongs to another graph"))
        return value

    # ------------------------------------------------------------------------------------------ scopes

    @contextmanager
    def as_default(self):
        """Operations made inside go into this graph."""
        with GRAPHS.entering(self):
            yield self

    @contextmanager
    def control_dependencies(self, control_inputs):
        """Operations made inside run after ``control_inputs``; None forgets the outer ones."""
        before = self._control
        if control_inputs is None:
            self._control = []
        else:
            if isinstance(control_inputs, (Operators, Operation)) or not isinstance(control_inputs, Iterable):
                what = f"control_dependencies: needs a list of operations and tensors, got {control_inputs!r}"
                raise GraphError(explain(what))
            elements = [self.as_graph_element(c) for c in control_inputs]
            ops = [e.op if isinstance(e, Tensor) else e for e in elements]
            self._control = before + [op for op in ops if op not in before]
        try:
            yield
        finally:
            self._control = before

    @property
    def has_control(self) -> bool:
        """True inside ``control_dependencies``."""
        return bool(self._control)

    @contextmanager
    def device(self, device_name):
        """Operations made inside are marked with a device; None marks them with none."""
        before = self._device
        self._device = "" if device_name is None or callable(device_name) else canonical_device(device_name)
        try:
            yield
        finally:
            self._device = before

    def finalize(self) -> None:
        """Forbid new operations."""
        self._finalized = True

    @property
    def finalized(self) -> bool:
        return self._finalized

    # ------------------------------------------------------------------------------------- collections

    def add_to_collection(self, name: str, value) -> None:
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names, value) -> None:
        for name in (names,) if isinstance(names, str) else names:
            self.add_to_collection(name, value)

    def get_collection(self, name: str, scope: str | None = None) -> list:
        """A copy of the collection; with ``scope``, what has a name that matches it from the beginning."""
        found = list(self._collections.get(name, ()))
        if scope is None or scope == "":
            return found
        try:
            wanted = re.compile(scope)
        except (TypeError, re.error):
            raise GraphError(explain(f"get_collection: scope {scope!r} is no regular expression")) from None
        return [v for v in found if wanted.match(getattr(v, "name", ""))]

    def get_collection_ref(self, name: str) -> list:
        return self._collections.setdefault(name, [])

    def get_all_collection_keys(self) -> list[str]:
        return [k for k, v in self._collections.items() if v]

    def draw(self, seed: int | None) -> tuple[Node, Node, Random]:
        """The key and counter of a new random operation, and its effect on a session."""
        key, seeded = self.stream(seed)
        return key, counter_node(seeded), Random(seeded)

    def open_body(self) -> GraphBody:
        """The recorder of a function that becomes a branch or the body of a loop."""
        return GraphBody(self)

    def read_state(self, variable) -> Tensor:
        """The value of a variable as the next operation sees it."""
        return read_state(variable)

    def write_states(self, variables, values, results) -> list[Tensor]:
        """Give variables new values; ``results`` as they are known after that."""
        return write_states(self, variables, values, results)

    def stream(self, seed: int | None) -> tuple[Node, bool]:
        """The key of a new random operation, and whether a seed (its own or the graph's) decides its numbers."""
        seeded = not (seed is None and self.seed is None)
        return key_of(
            _SEED if self.seed is None else self.seed, len(self._operations) if seed is None else seed
        ), seeded


_SEED = 87654321  # TensorFlow's graph seed where only an operation has one
_roots = [Graph()]


def get_default_graph() -> Graph:
    """The graph that new operations go into."""
    return GRAPHS.top or _roots[0]


def reset_default_graph() -> None:
    """A new empty default graph.

    Raises:
        StateError: inside ``with graph.as_default()``.
    """
    if GRAPHS.top is not None:
        raise StateError(explain("reset_default_graph: not inside 'with graph.as_default()'"))
    _roots[0] = Graph()


def _without_token(build: Callable) -> Callable:
    return lambda *nodes: build(any_token(), *nodes)[1:]


def _leaves(value):
    for v in value:
        if isinstance(v, (list, tuple)):
            yield from _leaves(v)
        else:
            yield v


def _holds_tensors(value) -> bool:
    return any(isinstance(v, Operators) for v in _leaves(value))
