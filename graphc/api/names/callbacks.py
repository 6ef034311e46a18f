"""Names of operations that call Python."""

from graphc.api import callbacks

FUNCTIONS = {
    "py_function": callbacks.py_function,
    "numpy_function": callbacks.numpy_function,
}
