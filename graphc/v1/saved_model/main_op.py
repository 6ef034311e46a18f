"""Operations to run after a SavedModel has been loaded."""

from __future__ import annotations

from graphc.v1.control import control_dependencies, group
from graphc.v1.graph import get_default_graph
from graphc.v1.variables import global_variables_initializer, local_variables_initializer

_TABLES = "table_initializer"


def main_op():
    """An operation that initialises variables and tables."""
    with control_dependencies([global_variables_initializer(), local_variables_initializer()]):
        return _initialised_tables()


def main_op_with_restore(restore_op_name):
    """An operation that initialises variables and tables and then runs the one that restores the variables.

    Args:
        restore_op_name: its name in the default graph.
    """
    with control_dependencies([main_op()]):
        return group(get_default_graph().get_operation_by_name(restore_op_name))


def _initialised_tables():
    return group(*get_default_graph().get_collection(_TABLES), name="init_all_tables")
