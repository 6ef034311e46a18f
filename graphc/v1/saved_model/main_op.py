"""Operations to run after a SavedModel has been loaded."""

from __future__ import annotations

from graphc.v1.control import group
from graphc.v1.graph import get_default_graph
from graphc.v1.tensor import Write
from graphc.v1.variables import (
    global_variables, global_variables_initializer, local_variables_initializer, variables_initializer,
)  # fmt: skip

_TABLES = "table_initializer"


def main_op():
    """An operation that initialises variables and tables."""
    tables = get_default_graph().get_collection(_TABLES)
    return group(global_variables_initializer(), local_variables_initializer(), *tables, name="init_all_tables")


def main_op_with_restore(restore_op_name):
    """An operation that runs the one that restores variables, and initialises all else.

    Args:
        restore_op_name: its name in the default graph.

    Raises:
        UnknownNameError: there is none of that name.
    """
    graph = get_default_graph()
    restore = graph.get_operation_by_name(restore_op_name)
    restored, seen, waiting = set(), {restore}, [restore]
    while waiting:
        op = waiting.pop()
        if isinstance(op.effect, Write):
            restored.add(op.effect.variable)
        new = [c for c in op.control_inputs if c not in seen]
        seen.update(new)
        waiting += new
    others = [v for v in global_variables() if v not in restored]
    tables = graph.get_collection(_TABLES)
    return group(restore, variables_initializer(others), local_variables_initializer(), *tables, name="init_all_tables")
