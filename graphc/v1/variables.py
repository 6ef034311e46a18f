"""Variables: values that a session keeps, and the operations that read and change them."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.index import scatter
from graphc.v1.control import group
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.api.operators import Symbolic
from graphc.api.shape import DimensionShape, TensorShape
from graphc.v1.tensor import Read, Tensor, Write, session_for


class Variable(Symbolic):
    """A value that a session keeps from run to run.

    Args:
        initial_value: a tensor, a literal, or a function without arguments that makes one.
        trainable: whether optimizers change it by default.
        collections: names of collections; the global variables if None.
        name, dtype: ``dtype`` None takes the initial value's.

    Attributes:
        start: the Node that stands for its value at the start of a run.
        initializer: the operation that sets it to its initial value.

    Raises:
        ShapeError: a size of the initial value is not known.
    """

    def __init__(self, initial_value=None, trainable=True, collections=None, validate_shape=True, caching_device=None,
                 name=None, variable_def=None, dtype=None, expected_shape=None, import_scope=None, constraint=None,
                 use_resource=None, synchronization=None, aggregation=None, shape=None):  # fmt: skip
        graph = self.graph = get_default_graph()
        if initial_value is None:
            raise ShapeError(explain("Variable: an initial value is needed"))
        self.trainable, self.constraint = bool(trainable), constraint
        wanted = None if dtype is None else dt.as_dtype(dtype)
        with graph.control_dependencies(None), graph.name_scope(name or "Variable") as scope:
            full = scope[:-1]
            if callable(initial_value):
                with graph.name_scope("Initializer"):
                    initial_value = initial_value()
            self.initial_value = _converted(graph, initial_value, wanted, f"{full}/initial_value")
            if not self.initial_value.shape.is_fully_defined():
                what = f"Variable: {full} needs an initial value of known shape, not {self.initial_value.shape}"
                raise ShapeError(explain(what))
            self._build(full)
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self.trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(keys, self)

    def _build(self, full: str) -> None:
        graph, value = self.graph, self.initial_value
        shape = tuple(value.shape.as_list())
        self.dtype = value.dtype
        self.start: Node = graph.stand_in(full, value.dtype, shape)
        self.type = self.start.type
        self.op = graph.create("VariableV2", full, (), None, Read(self), [(value.dtype, self.start)])
        self.initializer = self._write("Assign", f"{full}/Assign", value, lambda new: new, False).op
        self._cached = graph.create("Identity", f"{full}/read", (self.op.outputs[0],), math.identity).outputs[0]

    def _write(self, kind: str, full_name: str, value: Tensor, build, uses_current: bool) -> Tensor:
        """An operation that sets the variable to ``build(current, value)`` or ``build(value)``."""
        if not value.shape.is_compatible_with(self.type.shape) and not uses_current:
            what = f"assign: variable {self.op.name} has shape {self.shape}, but the value has shape {value.shape}"
            raise ShapeError(explain(what, [(self.op.name, f"is variable   {self.op.location}")]))
        outputs = [(self.dtype, self.start)]
        return self.graph.create(kind, full_name, (value,), build, Write(self, uses_current), outputs).outputs[0]

    # ------------------------------------------------------------------------------------------ reading

    @property
    def name(self) -> str:
        return f"{self.op.name}:0"

    @property
    def shape(self) -> TensorShape:
        return DimensionShape(self.type.shape)

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.shape

    @property
    def device(self) -> str:
        return self.op.device

    def as_element(self) -> Tensor:
        """The tensor that is fetched and fed for this variable."""
        return self.op.outputs[0]

    def as_tensor(self) -> Tensor:
        """A read: of the value at the start of the run, or, inside ``control_dependencies``, after those operations."""
        return self.read_value() if self.graph.has_control else self._cached

    value = as_tensor

    def read_value(self) -> Tensor:
        """A new read operation, ordered by the current control dependencies."""
        full = self.graph.unique_name("ReadVariableOp")
        return self.graph.create("ReadVariableOp", full, (), None, Read(self), [(self.dtype, self.start)]).outputs[0]

    def initialized_value(self) -> Tensor:
        """The initial value, for initial values that depend on one another."""
        return self.initial_value

    def eval(self, session=None):
        """The value in ``session`` or the default one."""
        return session_for(self, session).run(self)

    # ------------------------------------------------------------------------------------------ writing

    def assign(self, value, use_locking=None, name=None, read_value=True) -> Tensor:
        """Set the value. Returns the new value as a Tensor."""
        return self._change("Assign", value, lambda new: new, False, name)

    def assign_add(self, delta, use_locking=None, name=None, read_value=True) -> Tensor:
        """Add to the value. Returns the new value as a Tensor."""
        return self._change("AssignAdd", delta, math.add, True, name)

    def assign_sub(self, delta, use_locking=None, name=None, read_value=True) -> Tensor:
        """Subtract from the value. Returns the new value as a Tensor."""
        return self._change("AssignSub", delta, math.subtract, True, name)

    def _change(self, kind: str, value, build, uses_current: bool, name=None) -> Tensor:
        full = self.graph.unique_name(name or kind)
        tensor = _converted(self.graph, value, self.dtype, f"{full}/value")
        if uses_current and tensor.node is not None:
            build(self.start, tensor.node)  # refuses what does not fit, at this line
        return self._write(kind, full, tensor, build, uses_current)

    def load(self, value, session=None) -> None:
        """Set the value in ``session`` or the default one."""
        session_for(self, session).run(self.initializer, {self.initializer.inputs[0]: value})

    def _scatter(self, kind: str, indices, updates, name=None) -> Tensor:
        full = self.graph.unique_name(name or f"Scatter{kind.capitalize()}")
        places = self.graph.convert(indices, None, f"{full}/indices")
        if not places.dtype.is_integer:
            raise DtypeError(explain(f"scatter: indices must be integers, but {places.name} is {places.dtype.name}"))
        values = _converted(self.graph, updates, self.dtype, f"{full}/updates")

        def build(current, i, u):
            return scatter(current, i, u, kind)

        if places.node is not None and values.node is not None:
            build(self.start, places.node, values.node)  # refuses what does not fit, at this line
        outputs = [(self.dtype, self.start)]
        return self.graph.create(f"Scatter{kind}", full, (places, values), build, Write(self, True), outputs).outputs[0]

    def __repr__(self):
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}_ref>"

    __str__ = __repr__


def _converted(graph, value, dtype, name) -> Tensor:
    """``value`` as a Tensor of ``dtype``.

    Raises:
        DtypeError: it is a tensor of another dtype, or does not fit.
    """
    tensor = graph.convert(value, dtype, name)
    if dtype is not None and tensor.dtype is not dtype:
        raise DtypeError(explain(f"{tensor.name} has dtype {tensor.dtype.name}, but {dtype.name} is needed"))
    return tensor


def _variable(op_name: str, ref) -> Variable:
    """``ref``, which must be a variable.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(ref, Variable):
        raise UsageError(explain(f"{op_name}: needs a variable, got {ref!r}"))
    return ref


def assign(ref: Variable, value, validate_shape=None, use_locking=None, name=None) -> Tensor:
    """Set a variable. Returns the new value."""
    return _variable("assign", ref).assign(value, name=name)


def assign_add(ref: Variable, value, use_locking=None, name=None) -> Tensor:
    """Add to a variable. Returns the new value."""
    return _variable("assign_add", ref).assign_add(value, name=name)


def assign_sub(ref: Variable, value, use_locking=None, name=None) -> Tensor:
    """Subtract from a variable. Returns the new value."""
    return _variable("assign_sub", ref).assign_sub(value, name=name)


def scatter_update(ref: Variable, indices, updates, use_locking=True, name=None) -> Tensor:
    """Set rows of a variable. Returns the new value."""
    return _variable("scatter_update", ref)._scatter("set", indices, updates, name)


def scatter_add(ref: Variable, indices, updates, use_locking=False, name=None) -> Tensor:
    """Add to rows of a variable. Returns the new value."""
    return _variable("scatter_add", ref)._scatter("add", indices, updates, name)


def scatter_sub(ref: Variable, indices, updates, use_locking=False, name=None) -> Tensor:
    """Subtract from rows of a variable. Returns the new value."""
    negative = -_variable("scatter_sub", ref).graph.convert(updates, ref.dtype)
    return ref._scatter("add", indices, negative, name)


def global_variables(scope=None) -> list:
    """The variables that are kept and shared: all but local ones."""
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def model_variables(scope=None) -> list:
    """The variables of the collection of those that a model's predictions need."""
    return get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES, scope)


def moving_average_variables(scope=None) -> list:
    """The variables that have moving averages."""
    return get_default_graph().get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def all_variables() -> list:
    """The old name of ``global_variables``."""
    return global_variables()


def local_variables(scope=None) -> list:
    """The variables of the collection of local ones."""
    return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def trainable_variables(scope=None) -> list:
    """The variables that optimizers change by default."""
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def variables_initializer(var_list, name="init"):
    """An operation that sets the variables to their initial values."""
    given = [var_list] if isinstance(var_list, Variable) else var_list
    return group(*[_variable("variables_initializer", v).initializer for v in given], name=name)


def global_variables_initializer():
    """An operation that initialises all global variables."""
    return variables_initializer(global_variables())


def initialize_all_variables():
    """The old name of ``global_variables_initializer``."""
    return global_variables_initializer()


def local_variables_initializer():
    """An operation that initialises all local variables."""
    return variables_initializer(local_variables(), name="init_local")


def initialize_variables(var_list, name="init"):
    """The old name of ``variables_initializer``."""
    return variables_initializer(var_list, name)
