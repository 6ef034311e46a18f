"""The global step: the variable that counts how often a graph was trained."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.initializers import Zeros
from graphc.v1.logging import error
from graphc.v1.mode import executing_eagerly
from graphc.v1.scope import get_variable
from graphc.v1.variables import Variable


def create_global_step(graph=None) -> Variable:
    """A new int64 variable ``global_step``.

    Raises:
        UsageError: there is one already.
    """
    is_eager = graph is None and executing_eagerly()
    graph = graph if graph is not None else get_default_graph()
    if get_global_step(graph) is not None:
        raise UsageError(explain('create_global_step: "global_step" already exists; use get_or_create_global_step'))
    if is_eager:  # the default graph knows it, though it is not part of it
        made = get_variable("global_step", (), dt.i64, Zeros(), trainable=False)
        graph.add_to_collection(GraphKeys.GLOBAL_STEP, made)
        return made
    with graph.as_default(), graph.name_scope(None):
        keys = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP]
        return get_variable("global_step", (), dt.i64, Zeros(), trainable=False, collections=keys)


def get_global_step(graph=None):
    """The graph's step counter: of the collection, or a global variable called ``global_step``; None without one.

    Raises:
        DtypeError: what is found is no integer scalar.
    """
    graph = graph if graph is not None else get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        error("Multiple tensors in global_step collection.")
        return None
    if not found:
        every = graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
        found = [v for v in every if isinstance(v, Variable) and v.op.name == "global_step"][:1]
    if not found:
        return None
    assert_global_step(found[0])
    return found[0]


def get_or_create_global_step(graph=None):
    """The graph's step counter, made if there is none."""
    found = get_global_step(graph)
    return found if found is not None else create_global_step(graph)


def assert_global_step(global_step_tensor) -> None:
    """Refuse what cannot count steps.

    Raises:
        DtypeError: it is no scalar integer variable or tensor.
    """
    if not isinstance(global_step_tensor, Operators):
        raise DtypeError(explain(f'existing "global_step" must be a Variable or Tensor: {global_step_tensor!r}'))
    dtype, shape = global_step_tensor.dtype, global_step_tensor.shape
    if not dtype.is_integer:
        raise DtypeError(explain(f'existing "global_step" does not have integer type: {dtype.name}'))
    if shape.ndims != 0 and shape.is_fully_defined():
        raise DtypeError(explain(f'existing "global_step" is not scalar: {shape}'))


def global_step(sess, global_step_tensor) -> int:
    """The value of a step counter in a session."""
    if isinstance(global_step_tensor, Operators) and global_step_tensor.graph.is_eager:
        return int(global_step_tensor.numpy())
    return int(sess.run(global_step_tensor))
