"""The fast way into the function of a shared library: through the support library, where that is at hand."""

from __future__ import annotations

import _ctypes
import ctypes
from collections.abc import Callable

import numpy as np

from graphc.ir.program import Signature
from graphc.runtime.executable import Executable, call_path
from graphc.runtime.library import Library
from graphc.runtime.support import load_support, missing


def fast_call(library: ctypes.CDLL, name: str, signature: Signature, explain: Callable[[int], Exception]) -> Callable | None:
    """A callable for the function ``name`` of a library, as fast as that of a program compiled in this process.

    None where the support library would have to be compiled first: what calls a shared library needs no compiler.

    Args:
        explain: makes the exception for a nonzero code.
    """
    if missing() is not None or call_path() != "native":
        return None
    functions = _Functions(library, name, load_support().library)
    place = np.array([_ctypes.dlsym(library._handle, name)], np.int64)
    return Executable(name, signature, functions, place, release_gil=True, explain_failure=explain).bind()


class _Functions:
    """The functions of a library as a program compiled in this process has them, which is given its constants: their place
    holds the address of the library's own function.
    """

    def __init__(self, library: ctypes.CDLL, name: str, support: Library):
        self._library, self._name, self._support = library, name, support

    def address(self, symbol: str) -> int:
        if symbol == self._name:
            return self._support.address("gc_call_alone")
        return _ctypes.dlsym(self._library._handle, symbol)
