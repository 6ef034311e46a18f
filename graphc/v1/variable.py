"""Variable: a value that a session keeps from run to run."""

from __future__ import annotations

from graphc.api import variable as eager
from graphc.api.choices import VariableAggregation, VariableSynchronization
from graphc.api.operators import Operators, Symbolic
from graphc.api.shape import DimensionShape, TensorShape
from graphc.api.tensor import Reference
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib import math
from graphc.v1.assigning import Assignable, converted
from graphc.v1.creators import VariableType
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.initial_value import safe_initial
from graphc.v1.state import Flag
from graphc.v1.tensor import Initialised, Read, ReadOr, Tensor, session_for
from graphc.v1.variable_def import SaveSliceInfo, variable_def, variable_of


class Variable(Assignable, Symbolic, metaclass=VariableType):
    """A value that a session keeps from run to run.

    Args:
        initial_value: a tensor, a literal, or a function without arguments that makes one.
        trainable: whether optimizers change it by default; True if None.
        collections: names of collections; the global variables if None.
        caching_device: a device for the operation that reads it.
        name, dtype: ``dtype`` None takes the initial value's.
        variable_def: a VariableDef that tells which variable of the graph is meant; then all else is left out.
        expected_shape, shape: that of the initial value, checked if given.
        constraint: a function from the value that an optimizer would assign to the one that it does assign.

    Attributes:
        start: the Node that stands for its value at the start of a run.
        flag: stands for whether it has a value.
        initializer: the operation that sets it to its initial value.
        initial_value: the tensor that this takes.
        snapshot: the tensor that reads it where no control dependencies are open.

    Raises:
        ShapeError: a size of the initial value is not known, or it has another shape than is expected.
        DtypeError: it is of another dtype, or of strings. UsageError: there is no initial value.

    Example::

        w = tf.Variable(tf.zeros([3, 2]), name="w")
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            print(sess.run(w))
    """

    SaveSliceInfo = SaveSliceInfo

    def __init__(self, initial_value=None, trainable=None, collections=None, validate_shape=True, caching_device=None,
                 name=None, variable_def=None, dtype=None, expected_shape=None, import_scope=None, constraint=None,
                 use_resource=None, synchronization=VariableSynchronization.AUTO,
                 aggregation=VariableAggregation.NONE, shape=None):  # fmt: skip
        graph = self.graph = get_default_graph()
        if initial_value is None:
            raise UsageError(explain("Variable: an initial value is needed"))
        if constraint is not None and not callable(constraint):
            raise UsageError(explain(f"Variable: the constraint must be a function, got {constraint!r}"))
        if collections is not None and not isinstance(collections, (list, tuple, set, frozenset)):
            raise UsageError(explain(f"Variable: collections must be a list of names, got {collections!r}"))
        self.synchronization = synchronization or VariableSynchronization.AUTO
        self.aggregation = aggregation or VariableAggregation.NONE
        by_default = self.synchronization is not VariableSynchronization.ON_READ
        self.trainable, self.constraint = by_default if trainable is None else bool(trainable), constraint
        self._save_slice_info: SaveSliceInfo | None = None
        wanted = None if dtype is None else dt.as_dtype(dtype)
        with graph.control_dependencies(None), graph.name_scope(name or "Variable") as scope:
            full = scope[:-1]
            label = f"{full}/initial_value"
            if callable(initial_value) and not isinstance(initial_value, Operators):
                with graph.name_scope("Initializer"):
                    initial_value = initial_value()
                label = f"{full}/Initializer/initial_value"
            self.initial_value = converted(graph, initial_value, wanted, label)
            self._check_initial(full, shape if shape is not None else expected_shape)
            self._build(full, caching_device)
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self.trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(keys, self)

    def described(self) -> tuple:
        """What it is and the line that made it, for messages."""
        return f"is variable {self.op.name}", self.op.location

    def _check_initial(self, full: str, wanted) -> None:
        found = self.initial_value.shape
        if self.initial_value.dtype is dt.string:
            advice = "use a constant, a placeholder, or a value in Python"
            raise DtypeError(explain(f"Variable: {full} would hold strings, which a session cannot keep; {advice}"))
        if wanted is not None and not TensorShape(wanted).is_compatible_with(found):
            what = f"Variable: {full} shall have the shape {TensorShape(wanted)}, but its initial value has {found}"
            raise ShapeError(explain(what))
        if not found.is_fully_defined():
            advice = "use set_shape on the value; variables whose shape changes are not available"
            what = f"Variable: {full} needs an initial value of known shape, not {found}; {advice}"
            raise ShapeError(explain(what))

    def _build(self, full: str, caching_device) -> None:
        graph, value = self.graph, self.initial_value
        self.make_place(full, value.dtype, tuple(value.shape.as_list()))
        value = safe_initial(self, value)
        self.initializer = self._write("Assign", f"{full}/Assign", value, lambda new: new, False).op
        with graph.device(caching_device) if caching_device is not None else graph.colocate_with(self.op):
            read = graph.create("Identity", f"{full}/read", (self.op.outputs[0],), math.identity)
        self.snapshot = read.outputs[0]

    @classmethod
    def placed(cls, graph, full: str, dtype: dt.DType, shape: tuple, trainable: bool = True) -> "Variable":
        """A variable of a graph that is read from a file: ``from_proto`` adds how it is initialised and read."""
        variable = cls.__new__(cls)
        variable.graph, variable.trainable, variable.constraint = graph, trainable, None
        variable.initializer = variable.initial_value = variable.snapshot = variable._save_slice_info = None
        variable.synchronization, variable.aggregation = VariableSynchronization.AUTO, VariableAggregation.NONE
        variable.make_place(full, dtype, shape)
        return variable

    def make_place(self, full: str, dtype: dt.DType, shape: tuple) -> None:
        """Make the operation that stands for the variable."""
        graph = self.graph
        self.dtype = dtype
        self.start: Node = graph.stand_in(full, dtype, shape)
        self.type = self.start.type
        self.flag = Flag(self, input_node(graph.identifier(f"{full}_initialised"), Type(dt.b1, ())))
        self.op = graph.create("VariableV2", full, (), None, Read(self), [(dtype, self.start)])

    # ------------------------------------------------------------------------------------------ what it is

    @property
    def name(self) -> str:
        return f"{self.op.name}:0"

    _shared_name = property(lambda self: self.op.name)

    @property
    def shape(self) -> TensorShape:
        return DimensionShape(self.type.shape)

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.shape

    def set_shape(self, shape) -> None:
        """Check the shape, which is known.

        Raises:
            ShapeError: it is another one.
        """
        if not self.shape.is_compatible_with(shape):
            what = f"set_shape: variable {self.op.name} has shape {self.shape}, not {TensorShape(shape)}"
            raise ShapeError(explain(what))

    @property
    def device(self) -> str:
        return self.op.device

    def ref(self) -> Reference:
        """Something hashable that stands for this very variable."""
        return Reference(self)

    experimental_ref = ref

    def as_element(self) -> Tensor:
        """The tensor that is fetched and fed for this variable."""
        return self.op.outputs[0]

    _as_graph_element = as_element

    # ------------------------------------------------------------------------------------------ reading

    def as_tensor(self) -> Tensor:
        """A read: of the value at the start of the run, or, inside ``control_dependencies``, after those operations."""
        if self.graph.has_control or self.snapshot is None:
            return self._read("ReadVariableOp")
        return self.snapshot

    value = as_tensor

    def read_value(self) -> Tensor:
        """A new read operation, ordered by the current control dependencies."""
        return self._read("read")

    def _read(self, name: str) -> Tensor:
        full = self.graph.unique_name(name)
        return self.graph.create("ReadVariableOp", full, (), None, Read(self), [(self.dtype, self.start)]).outputs[0]

    def initialized_value(self) -> Tensor:
        """The value, or the initial value where it has none yet; for initial values that depend on one another."""
        graph = self.graph
        with graph.name_scope("cond"):
            full, outputs = graph.unique_name("Merge"), [(self.dtype, self.start)]
        operands = (self.initial_value,) if self.initializer is None else self.initializer.operands
        return graph.create("If", full, operands, math.identity, ReadOr(self), outputs).outputs[0]

    def is_initialized(self, name: str | None = None) -> Tensor:
        """Whether it has a value, a boolean tensor."""
        graph = self.graph
        full, outputs = graph.unique_name(name or "IsVariableInitialized"), [(dt.b1, self.flag.start)]
        return graph.create("IsVariableInitialized", full, (), None, Initialised(self), outputs).outputs[0]

    def eval(self, session=None):
        """The value in ``session`` or the default one."""
        return session_for(self, session).run(self)

    def load(self, value, session=None) -> None:
        """Set the value in ``session`` or the default one."""
        session_for(self, session).run(self.initializer, {self.initializer.operands[0]: value})

    # ------------------------------------------------------------------------------------------ saving

    def to_proto(self, export_scope: str | None = None):
        """A VariableDef that tells which variable of a graph this is; None if it is not in ``export_scope``."""
        return variable_def(self, export_scope)

    @staticmethod
    def from_proto(variable_def, import_scope: str | None = None) -> "Variable":
        """The variable of the default graph that a VariableDef means.

        Raises:
            UnknownNameError: the graph has none of that name. GraphError: something else has that name.
        """
        return variable_of(get_default_graph(), variable_def, import_scope)

    def _set_save_slice_info(self, save_slice_info: SaveSliceInfo) -> None:
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self) -> SaveSliceInfo | None:
        return self._save_slice_info

    def __repr__(self):
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}_ref>"

    __str__ = __repr__


VariableType.kinds = (Variable, eager.Variable)
