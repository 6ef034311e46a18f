"""A recorder that turns a sample line into a pure graph, with symbolic sizes if wanted."""

from __future__ import annotations

import numpy as np

from graphc.api.adopt import adopted
from graphc.api.lift import tensors_in
from graphc.api.recorder import RECORDERS
from graphc.api.tensor import Tensor
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, symbol
from graphc.ir.type import Type
from graphc.lib import shape as lib_shape
from graphc.lib.promote import as_node, literal_array
from tests.ops.sampling import Operands, leaves


class Tracing:
    """Records Nodes; floating operands made by the sample become inputs, integers stay constants."""

    is_eager, captures = False, True

    def __init__(self, symbolic: bool):
        self.symbolic, self.inputs, self.arrays, self.states = symbolic, [], [], {}

    def operand(self, array: np.ndarray):
        """An operand of the sample as an input of the graph; a leading size of 2 and more becomes a symbol."""
        kind = dt.as_dtype(array.dtype)
        if not kind.is_inexact:
            return array
        shape = tuple(symbol(f"n{d}") if self.symbolic and k == 0 and d > 1 else d for k, d in enumerate(array.shape))
        node = input_node(f"x{len(self.inputs)}", Type(kind, shape))
        self.inputs.append(node)
        self.arrays.append(array)
        return Tensor(self, node)

    def call(self, kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None,
             outputs=None):  # fmt: skip
        result = build(*[t.node for t in adopted(operands, self.convert, alike, groups)])
        made = [Tensor(self, n) for n in ([result] if isinstance(result, Node) else result)]
        return made[0] if len(made) == 1 else made

    def convert(self, value, dtype=None):
        if isinstance(value, Tensor):
            return value if not value.graph.is_eager else Tensor(self, const(value.array))
        if isinstance(value, (list, tuple)) and tensors_in(value):
            parts = [self.convert(v, dtype).node for v in value]
            return Tensor(self, lib_shape.stack(parts))
        return Tensor(self, as_node(literal_array(value, dtype)))

    def expect_creation(self):
        """Variables may be made."""

    def read_state(self, variable):
        """The value of a generator's state is a constant of the sample."""
        return self.states.get(variable) or Tensor(self, const(variable.as_tensor().array))

    def write_state(self, variable, value):
        self.states[variable] = value

    def draw(self, seed, kind="", blocks=None):
        return const(np.array([7, seed or 0], np.uint32)), const(np.uint64(1)), None


def traced(line, symbolic: bool, wide: bool, tf) -> tuple[Graph, list[np.ndarray]]:
    """The graph of a sample line over its floating operands, and those operands; ``wide``: all of them in f64."""
    recorder = Tracing(symbolic)
    scope = {"tf": tf, **Operands(line.text, recorder.operand, wide).scope()}
    text = line.text.replace("tf.float32", "tf.float64") if wide else line.text
    with RECORDERS.entering(recorder):
        found = leaves(eval(text, scope))
    outputs = tuple(x.node for x in found if isinstance(x, Tensor))
    return Graph("sample", tuple(recorder.inputs), outputs), recorder.arrays
