"""Recurrent cells of TensorFlow 1: plain, LSTM and GRU cells, and what cells have in common."""

from __future__ import annotations

from collections import namedtuple
from contextlib import contextmanager

from graphc.api.recurrent import node_function
from graphc.api.shape import TensorShape
from graphc.api.structure import leaves, pack
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import classic_cells
from graphc.v1.catalogue import SHARED
from graphc.v1.define import construct
from graphc.v1.initializers import Ones, Zeros
from graphc.v1.scope import VariableScope, get_variable, variable_scope
from graphc.v1.variables import Variable

_concat, _shape, _stack, _zeros = (SHARED.get(name) for name in ("concat", "shape", "stack", "zeros"))
_split, _convert = SHARED.get("split"), SHARED.get("convert_to_tensor")

_State = namedtuple("LSTMStateTuple", ("c", "h"))


class LSTMStateTuple(_State):
    """The cell state ``c`` and output ``h`` of an LSTM, or their sizes."""

    __slots__ = ()

    @property
    def dtype(self):
        """The dtype of both.

        Raises:
            UsageError: they differ.
        """
        if self.c.dtype is not self.h.dtype:
            raise UsageError(explain(f"LSTMStateTuple: c is {self.c.dtype.name}, h is {self.h.dtype.name}"))
        return self.c.dtype


class RNNCell:
    """A cell: ``output, new_state = cell(inputs, state)``.

    A class of one's own has ``call(inputs, state)``, ``state_size`` and ``output_size``; ``build(shape of inputs)``
    may make its variables.
    """

    def __init__(self, trainable=True, name=None, dtype=None, _reuse=None, **kwargs):
        if kwargs:
            raise UsageError(explain(f"{type(self).__name__}: there is no argument {', '.join(kwargs)}"))
        self.trainable, self.dtype, self.built = trainable, None if dtype is None else dt.as_dtype(dtype), False
        self._name, self._reuse, self._scope, self._variables = name, _reuse, None, []

    @property
    def state_size(self):
        """Size or sizes of the state."""
        raise UsageError(explain(f"{type(self).__name__} has no state_size"))

    @property
    def output_size(self):
        """Size of the output."""
        raise UsageError(explain(f"{type(self).__name__} has no output_size"))

    @property
    def name(self) -> str:
        """The name of its scope."""
        return self._name or _snake(type(self).__name__)

    def __call__(self, inputs, state, scope=None):
        with self.opened(scope):
            self.ensure_built(inputs)
            return self.call(inputs, state)

    def call(self, inputs, state):
        """One step.

        Raises:
            UsageError: the class has none.
        """
        raise UsageError(explain(f"{type(self).__name__}: a cell needs a method call(inputs, state)"))

    def build(self, inputs_shape) -> None:
        """Make variables; by default none."""

    def prepare(self, inputs) -> None:
        """Make variables before the cell is called in a loop; a class without ``build`` makes them in ``call``."""
        if type(self).build is not RNNCell.build:
            with self.opened(None):
                self.ensure_built(inputs)

    def ensure_built(self, inputs) -> None:
        """Make variables, if that has not been done."""
        if not self.built:
            first = leaves(inputs)[0]
            self.dtype = self.dtype or first.dtype
            self.build(first.shape)
            self.built = True

    @contextmanager
    def opened(self, scope):
        """The variable scope of the cell: ``scope``, or one of its name, found once."""
        if scope is None and self._scope is None:
            if self._name is not None:
                scope = self._name
            else:
                with variable_scope(None, default_name=self.name, reuse=None) as self._scope:
                    if self._reuse:
                        self._scope.reuse = self._reuse
                    yield self._scope
                return
        reuse = True if self.built and isinstance(self._scope, VariableScope) else self._reuse
        with variable_scope(self._scope if scope is None else scope, reuse=reuse) as found:
            self._scope = self._scope or found
            yield found

    def add_variable(self, name, shape, dtype=None, initializer=None, regularizer=None, trainable=None) -> Variable:
        """A variable of the cell."""
        dtype = dtype or self.dtype or dt.f32
        trainable = self.trainable if trainable is None else trainable
        made = get_variable(name, shape, dtype, initializer, regularizer, trainable)
        self._variables.append(made)
        return made

    add_weight = add_variable

    @property
    def variables(self) -> list:
        """Its variables."""
        return list(self._variables)

    weights = variables

    @property
    def trainable_variables(self) -> list:
        """Those that are trained."""
        return self.variables if self.trainable else []

    trainable_weights = trainable_variables

    def zero_state(self, batch_size, dtype):
        """A state of zeros for so many examples."""
        return pack(self.state_size, [zeros_of(batch_size, n, dtype) for n in leaves(self.state_size)])

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        """``zero_state`` for the examples and dtype of ``inputs``, or as given."""
        if inputs is not None:
            inputs = _convert(inputs)
            batch_size, dtype = _shape(inputs)[0], inputs.dtype
        if batch_size is None or dtype is None:
            raise UsageError(explain("get_initial_state: pass inputs, or batch_size and dtype"))
        return self.zero_state(batch_size, dtype)


def zeros_of(batch_size, size, dtype):
    """Zeros for so many examples."""
    sizes = (
        size.as_list() if isinstance(size, TensorShape) else list(size) if isinstance(size, (list, tuple)) else [size]
    )
    return _zeros(_stack([_convert(n, dt.i32) if isinstance(n, int) else n for n in (batch_size, *sizes)]), dtype)


def _snake(name: str) -> str:
    found = "".join(
        f"_{c.lower()}"
        if c.isupper() and k and (not name[k - 1].isupper() or name[k + 1 : k + 2].islower())
        else c.lower()
        for k, c in enumerate(name)
    )
    return found


def depth_of(cell: str, inputs_shape) -> int:
    """The known last size of a cell's inputs.

    Raises:
        ShapeError: it is not known.
    """
    shape = TensorShape(inputs_shape)
    if not shape.ndims or shape.as_list()[-1] is None:
        advice = "inputs are [batch, size], those of dynamic_rnn [batch, time, size]"
        raise ShapeError(explain(f"{cell}: needs inputs with a known last size, not shape {shape}; {advice}"))
    return shape.as_list()[-1]


class PlannedCell(RNNCell):
    """A cell that is known as a function of Nodes, so that the products with its inputs are computed before the loop.

    Attributes:
        plan: name of the function in ``lib.classic_cells``.
    """

    plan = ""

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None, trainable=True):
        super().__init__(trainable, name, dtype, reuse)
        self._num_units, self._named = int(num_units), {}
        known = activation is None or isinstance(activation, str)
        self._settings = {"activation": activation or "tanh" if known else node_function(activation)}

    @property
    def state_size(self):
        return self._num_units

    @property
    def output_size(self):
        return self._num_units

    def keep(self, argument: str, name: str, shape, initializer=None) -> None:
        """Make a variable that is this argument of the function."""
        self._named[argument] = self.add_variable(name, shape, initializer=initializer)

    def states_of(self, state) -> list:
        """The function's states."""
        return leaves(state)

    def state_like(self, states: list, like):
        """The state that they are, in the structure of another one."""
        return pack(like, states)

    def call(self, inputs, state):
        return self._run(classic_cells.one_step, inputs, state, {})

    def sequence(self, inputs, state, lengths, backwards: bool):
        """Outputs of all rows [rows, batch, ...] and the last state."""
        return self._run(classic_cells.all_steps, inputs, state, {"lengths": lengths, "backwards": backwards})

    def _run(self, function, inputs, state, more: dict):
        arguments = {
            "plan": self.plan, "inputs": inputs, "states": self.states_of(state), "weights": list(self._named.values()),
            "names": tuple(self._named), "settings": self._settings, **more,
        }  # fmt: skip
        groups = {"inputs": 0, "states": 0, "weights": 0, "lengths": 1}
        output, *states = construct("RNN", self.name, function, arguments, groups, ("states", "weights"))
        return output, self.state_like(states, state)


class BasicRNNCell(PlannedCell):
    """``output = new_state = activation([inputs, state] @ kernel + bias)``."""

    plan = "basic"

    def build(self, inputs_shape) -> None:
        height = depth_of("BasicRNNCell", inputs_shape) + self._num_units
        self.keep("kernel", "kernel", (height, self._num_units))
        self.keep("bias", "bias", (self._num_units,), Zeros())


class GRUCell(PlannedCell):
    """A gated recurrent unit.

    Args:
        num_units: size of the state.
        activation: of the candidate; tanh by default.
        kernel_initializer, bias_initializer: of all weights; biases of the gates are 1 and others 0 by default.
    """

    plan = "gru"

    def __init__(self, num_units, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None,
                 name=None, dtype=None, trainable=True):  # fmt: skip
        super().__init__(num_units, activation, reuse, name, dtype, trainable)
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def build(self, inputs_shape) -> None:
        units, first = self._num_units, self._bias_initializer
        height = depth_of("GRUCell", inputs_shape) + units
        self.keep("gates_kernel", "gates/kernel", (height, 2 * units), self._kernel_initializer)
        self.keep("gates_bias", "gates/bias", (2 * units,), Ones() if first is None else first)
        self.keep("candidate_kernel", "candidate/kernel", (height, units), self._kernel_initializer)
        self.keep("candidate_bias", "candidate/bias", (units,), Zeros() if first is None else first)


class LSTMCell(PlannedCell):
    """A long short-term memory cell; its gates are the columns input, candidate, forget, output of the weights.

    Args:
        num_units: size of the cell state.
        use_peepholes: whether the gates see the cell state.
        cell_clip: largest size of an element of the cell state; None for any.
        initializer: of the weights.
        num_proj: size of the output, to which it is projected; None for no projection.
        proj_clip: largest size of an element of the projection; None for any.
        forget_bias: added to the forget gate.
        state_is_tuple: the state is an LSTMStateTuple instead of one tensor with both side by side.
        activation: tanh by default.
        num_unit_shards, num_proj_shards: without effect.
    """

    plan = "lstm"

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, proj_clip=None,
                 num_unit_shards=None, num_proj_shards=None, forget_bias=1.0, state_is_tuple=True, activation=None,
                 reuse=None, name=None, dtype=None, trainable=True):  # fmt: skip
        super().__init__(num_units, activation, reuse, name, dtype, trainable)
        self._settings |= {"forget_bias": forget_bias, "cell_clip": cell_clip, "proj_clip": proj_clip}
        self._peepholes, self._initializer, self._num_proj = use_peepholes, initializer, num_proj
        self._is_tuple = state_is_tuple

    @property
    def state_size(self):
        sizes = LSTMStateTuple(self._num_units, self.output_size)
        return sizes if self._is_tuple else sum(sizes)

    @property
    def output_size(self):
        return self._num_proj or self._num_units

    def build(self, inputs_shape) -> None:
        units = self._num_units
        height = depth_of("LSTMCell", inputs_shape) + self.output_size
        self.keep("kernel", "kernel", (height, 4 * units), self._initializer)
        self.keep("bias", "bias", (4 * units,), Zeros())
        if self._peepholes:
            for gate in "fio":
                self.keep(f"w_{gate}", f"w_{gate}_diag", (units,), self._initializer)
        if self._num_proj is not None:
            self.keep("projection", "projection/kernel", (units, self._num_proj), self._initializer)

    def states_of(self, state) -> list:
        return leaves(state) if self._is_tuple else _split(state, [self._num_units, self.output_size], 1)

    def state_like(self, states: list, like):
        return LSTMStateTuple(*states) if self._is_tuple else _concat(states, 1)


class BasicLSTMCell(LSTMCell):
    """``LSTMCell`` without its extras."""

    def __init__(self, num_units, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, name=None,
                 dtype=None, trainable=True):  # fmt: skip
        super().__init__(num_units, forget_bias=forget_bias, state_is_tuple=state_is_tuple, activation=activation,
                         reuse=reuse, name=name, dtype=dtype, trainable=trainable)  # fmt: skip
