"""The graph of TensorFlow 1: operations by name, scopes, collections, control dependencies, seeds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import contextmanager

from graphc.api.adopt import adopted
from graphc.api.check_numerics import check_recorder
from graphc.api.effect import Effect, any_token
from graphc.api.operators import Composed, Operators
from graphc.errors import DtypeError, GraphError, StateError, call_size, explain, here, scoped
from graphc.ir.dtype import DType
from graphc.ir.graph import input_node
from graphc.ir.node import Node, symbol
from graphc.ir.picture import bundle
from graphc.ir.type import Type
from graphc.lib import shape as lib_shape
from graphc.lib.promote import as_node, literal_array
from graphc.lib.random import key_of
from graphc.prims.running import RankUnknown
from graphc.v1.body import GraphBody, read_state, write_states
from graphc.v1.by_name import named_element
from graphc.v1.collected import Collected
from graphc.v1.conversion import converted_object
from graphc.v1.default import GRAPHS
from graphc.v1.display import picture, summary
from graphc.v1.graph_def.write import as_graph_def, node_def, versions
from graphc.v1.graph_keys import GraphKeys  # noqa: F401  also found here
from graphc.v1.infer import infer
from graphc.v1.override import checked_overrides, with_gradient
from graphc.v1.placement import Placement
from graphc.v1.tensor import Feed, Operation, Random, Tensor
from graphc.v1.trace import counter_node


@check_recorder
class Graph(Placement, Collected):
    """Operations under unique names, and what stands beside them.

    Attributes:
        version: grows when an operation that exists is changed; sessions plan anew then.
        seed: the graph-level random seed, or None.
        body: of the branch or loop that is being made, the innermost one; or None.
        creators: functions that make variables, outermost first.
    """

    is_eager = captures = False

    building_function = False

    def __init__(self):
        Placement.__init__(self)
        Collected.__init__(self)
        self._operations: list[Operation] = []
        self._by_name: dict[str, Operation] = {}
        self._taken: dict[str, int] = {}
        self._identifiers = {"random_step", "random_step_unseeded"}  # inputs that a session adds
        self._feed_names: dict[Tensor, str] = {}
        self._scope = ""
        self._control: list[Operation] = []
        self._unfeedable: set[Tensor] = set()
        self._unfetchable: set[Operation] = set()
        self._overridden: dict[str, Callable | None] = {}  # type of operation -> what differentiates it
        self.variable_scope = None
        self.creators: tuple = ()
        self.slices: dict[Tensor, Callable] = {}  # slices of variables -> what assigns to them
        self.body: GraphBody | None = None
        self._owners: dict[Operation, Operation] = {}
        self.variables: dict[str, object] = {}  # made by get_variable, by their full names
        self.partitioned: dict[str, object] = {}
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
        """Names inside begin with ``name/``; a trailing slash re-enters a scope, None or "" leaves all scopes.

        Gives the name of the scope with its slash, with which it can be entered again.

        Raises:
            GraphError: the name has characters that names cannot have.
        """
        before = self._scope
        if not name and (name is None or name == ""):
            self._scope = ""
        else:
            self.check_name(name)
            self._scope = name if name.endswith("/") else self.unique_name(name) + "/"
        try:
            with scoped(self._scope[:-1]):  # what is made inside says so in texts and pictures
                yield self._scope
        finally:
            self._scope = before

    def get_name_scope(self) -> str:
        """The current scope without its slash."""
        return self._scope[:-1]

    def check_name(self, name: str) -> None:
        """Refuse what cannot be a name.

        Raises:
            GraphError: it is no string, or has other characters.
        """
        if not isinstance(name, str) or not (_INNER_NAME if self._scope else _NAME).fullmatch(name):
            first = "" if self._scope else "; the first is a letter, a digit or ."
            raise GraphError(explain(f"{name!r} is not a valid name: letters, digits and . _ - / are allowed{first}"))

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

    def stand_in(self, name: str, dtype: DType, sizes: Iterable, shown: str | None = None) -> Node:
        """A Node of this dtype for building; each unknown size (None) is a fresh symbol.

        Args:
            shown: what messages call it; ``name`` if None.
        """
        shown = name if shown is None else shown
        name = self.identifier(name)
        shape = tuple(_size(name, k, shown) if d is None else d for k, d in enumerate(sizes))
        return input_node(name, Type(dtype, shape))

    def feed_names(self, tensor: Tensor, rank: int) -> tuple[str, tuple[Node, ...]]:
        """The name of the input that stands for a fed tensor, and a symbol for each of its sizes."""
        name = self._feed_names.get(tensor)
        if name is None:
            is_own = tensor.node is not None and tensor.node.op == "input" and isinstance(tensor.op.effect, Feed)
            own = f"{tensor.op.name}_{tensor.index}"
            name = self._feed_names[tensor] = tensor.node.attr("name") if is_own else self.identifier(own)
        return name, tuple(_size(name, k, tensor.op.name) for k in range(rank))

    def __str__(self):
        return summary(self)

    def _repr_html_(self) -> str:
        return picture(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return bundle(summary(self), self._repr_html_())

    # -------------------------------------------------------------------------------------- operations

    def create(
        self, type: str, name: str, inputs=(), build: Callable | None = None, effect=None, outputs=None
    ) -> Operation:
        """A new operation under the unique name ``name`` (see ``unique_name``).

        Args:
            outputs: pairs of dtype and (Node | sizes | None); inferred from ``build`` if None. A function answers with
                them where ``build`` must wait for a rank that a run finds out.

        Raises:
            StateError: the graph is finalized. GraphError: there is an operation of that name.
        """
        if self._finalized:
            self.check_not_finalized(f"{name} ({type})")
        if name in self._by_name:
            made = [(name, f"is {self._by_name[name].type}   {self._by_name[name].location}")]
            raise GraphError(explain(f"there is an operation called {name!r} already", made))
        if outputs is None or callable(outputs):
            outputs = self._inferred(build, effect, inputs, outputs) if build is not None else ()
        op = Operation(self, name, type, tuple(inputs), build, effect, len(self._operations), here())
        if self._control:
            op.control_inputs.extend(self._control)
        for k, (dtype, known) in enumerate(outputs):
            node = known
            if known is not None and not isinstance(known, Node):
                node = self.stand_in(f"{name}_{k}", dtype, known, f"{name}:{k}" if k else name)
            op.outputs.append(Tensor(op, k, dtype, node))
        if self._device != "" or self._colocated:
            self.place(op)  # a function that chooses a device looks at the whole operation
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

    def forget_since(self, count: int) -> None:
        """Take away the operations made after there were ``count``, which nothing else uses yet; names stay taken."""
        for op in self._operations[count:]:
            del self._by_name[op.name]
            self._owners.pop(op, None)
        del self._operations[count:]
        self.version += 1

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
        gradient = self._overridden.get(type) if self._overridden else None
        if gradient is not None:
            made = with_gradient(self, gradient, type, full, tensors, build, effect, outputs)
        else:
            op = self.create(type, full, tensors, build, effect, outputs)
            if isinstance(effect, Effect) and not op.outputs:
                return op
            made = op.outputs
        return made[0] if len(made) == 1 else made

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
        if isinstance(value, Composed):
            return self.convert(value.as_tensor())
        if isinstance(value, (list, tuple)) and _holds_tensors(value):
            like = dtype or next(v.dtype for v in _leaves(value) if isinstance(v, Operators))
            parts = [self.convert(v, like) for v in value]
            op = self.create("Pack", self.unique_name("packed"), parts, lambda *nodes: lib_shape.stack(list(nodes)))
            return op.outputs[0]
        if isinstance(value, Operation):
            raise DtypeError(explain(f"operation {value.name} has no value; pass one of its outputs"))
        if type(value).__module__ not in _KNOWN:
            found = converted_object(value, dtype, None)
            if found is not None:
                return self.convert(found, dtype)
        return self.constant(as_node(literal_array(value, dtype)), name)

    def constant(self, node: Node, name: str | None = None) -> Tensor:
        """A Const operation; ``name`` is a full name, made unique."""
        with self.name_scope(None):
            full = self.unique_name(name) if name else None
        full = full or self.unique_name("Const")
        return self.create("Const", full, (), lambda: node, outputs=[(node.dtype, node)]).outputs[0]

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False):
        """The operations as a GraphDef.

        Args:
            from_version: leave out the operations made before the graph had this ``num_operations()``.
            add_shapes: tell the shapes of all outputs as attributes ``_output_shapes``.

        Raises:
            UsageError: ``from_version`` is no number.
        """
        return as_graph_def(self, from_version, add_shapes)

    @property
    def graph_def_versions(self):
        """The VersionDef of its GraphDefs."""
        return versions()

    def node_def(self, op: Operation):
        """The NodeDef that has the name of an operation of this graph."""
        return node_def(op)

    def get_operations(self) -> list[Operation]:
        """All operations in the order they were made."""
        return list(self._operations)

    @property
    def operations(self) -> list[Operation]:
        """All operations in the order they were made."""
        return list(self._operations)

    def has_operation(self, name: str) -> bool:
        """Whether there is an operation of this name."""
        return name in self._by_name

    def num_operations(self) -> int:
        """How many operations there are."""
        return len(self._operations)

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation called ``name``.

        Raises:
            UnknownNameError: there is none. GraphError: that is no name of an operation.
        """
        found = self._by_name.get(name) if isinstance(name, str) else None
        return found or self.as_graph_element(self._text(name), allow_tensor=False)

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor called ``op:k``.

        Raises:
            UnknownNameError: there is none. GraphError: that is no name of a tensor.
        """
        return self.as_graph_element(self._text(name), allow_operation=False)

    @staticmethod
    def _text(name) -> str:
        if not isinstance(name, str):
            raise GraphError(explain(f"there is no tensor {name!r}: names are strings such as 'add:0'"))
        return name

    def as_graph_element(self, value, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation meant by a name, a Tensor, a Variable or an Operation.

        Raises:
            UnknownNameError: there is none of that name. GraphError: it is of another graph, or no name.
            DtypeError: it is something else, or not what is allowed.
        """
        if isinstance(value, (str, bytes)):
            name = value.decode() if isinstance(value, bytes) else value
            return named_element(self._by_name, name, allow_tensor, allow_operation)
        if isinstance(value, Operators) and not isinstance(value, Tensor) and hasattr(value, "as_element"):
            value = value.as_element()
        elif hasattr(value, "_as_graph_element"):
            value = value._as_graph_element()
        allowed = (Tensor,) * bool(allow_tensor) + (Operation,) * bool(allow_operation)
        if not isinstance(value, allowed):
            wanted = " or ".join(kind.__name__ for kind in allowed)
            what = f"{value!r} of type {type(value).__name__} is not an element of a graph (needed: {wanted})"
            raise DtypeError(explain(what))
        if value.graph is not self:
            what = "tf.Session(graph=...) runs that one; after tf.reset_default_graph() everything is to be made anew"
            raise GraphError(explain(f"{value.name} belongs to another graph: {what}"))
        return value

    def is_feedable(self, tensor) -> bool:
        """Whether a run may feed the tensor."""
        return tensor not in self._unfeedable

    def prevent_feeding(self, tensor) -> None:
        """Refuse to feed the tensor from now on."""
        self._unfeedable.add(self.as_graph_element(tensor, allow_operation=False))
        self.version += 1

    def is_fetchable(self, tensor_or_op) -> bool:
        """Whether a run may be asked for it."""
        return getattr(tensor_or_op, "op", tensor_or_op) not in self._unfetchable

    def prevent_fetching(self, op) -> None:
        """Refuse to fetch the operation and its results from now on."""
        self._unfetchable.add(self.as_graph_element(op, allow_tensor=False))
        self.version += 1

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
            parts = [p for c in control_inputs for p in (c.parts if isinstance(c, Composed) else (c,))]
            elements = [self.as_graph_element(p) for p in parts]
            ops = [e.op if isinstance(e, Tensor) else e for e in elements]
            self._control = before + [op for op in ops if op not in before]
        try:
            yield
        finally:
            self._control = before

    @contextmanager
    def gradient_override_map(self, op_type_map):
        """Operations of these types made inside are differentiated by functions of ``tf.RegisterGradient``.

        Args:
            op_type_map: from types of operations, such as ``Relu``, to names under which gradients are registered.

        Raises:
            UsageError: it is no dict of strings, or a gradient is not registered.
        """
        with self._overriding({**self._overridden, **checked_overrides(op_type_map)}):
            yield

    def plain_gradients(self):
        """Operations made inside are differentiated as they are."""
        return self._overriding({})

    @contextmanager
    def _overriding(self, wanted: dict):
        before, self._overridden = self._overridden, wanted
        try:
            yield
        finally:
            self._overridden = before

    @property
    def has_control(self) -> bool:
        """True inside ``control_dependencies``."""
        return bool(self._control)

    def finalize(self) -> None:
        """Forbid new operations."""
        self._finalized = True

    @property
    def finalized(self) -> bool:
        return self._finalized

    def draw(self, seed: int | None, kind: str = "", blocks: int | None = None) -> tuple[Node, Node, Random]:
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
            SEED if self.seed is None else self.seed, len(self._operations) if seed is None else seed
        ), seeded


_NAME, _INNER_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*"), re.compile(r"[A-Za-z0-9_.\\/>-]+")
_KNOWN = frozenset({"builtins", "numpy"})  # modules whose objects are literals
SEED = 87654321  # TensorFlow's graph seed where only an operation has one
_roots = [Graph()]


def get_default_graph() -> Graph:
    """The graph that new operations go into."""
    return GRAPHS.top or _roots[0]


def root_graph() -> Graph:
    """The graph that is the default one outside of all blocks."""
    return _roots[0]


def reset_default_graph() -> None:
    """A new empty default graph.

    Raises:
        StateError: inside ``with graph.as_default()``.
    """
    if GRAPHS.top is not None:
        advice = "leave 'with graph.as_default()' and 'with tf.Session()' first"
        raise StateError(explain(f"reset_default_graph: not inside of a with block that entered a graph; {advice}"))
    _roots[0] = Graph()


def _size(name: str, axis: int, shown: str) -> Node:
    """The symbol of a size, which messages call after the tensor that has it."""
    call_size(f"{name}_{axis}", f"{shown}.{axis}")
    return symbol(f"{name}_{axis}")


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
