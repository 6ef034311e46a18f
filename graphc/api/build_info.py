"""``tf.sysconfig``, ``tf.version`` and constants of the build, as programs print and compare them."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict

from graphc import options
from graphc.errors import UnavailableError, explain

_INTERFACE = "2.21.0"  # the version of TensorFlow whose names and meanings these are
VERSION = f"{_INTERFACE}+graphc.{options.VERSION}"  # programs ask whether it is at least 2
GIT_VERSION, COMPILER_VERSION = f"graphc-{options.VERSION}", f"Python {sys.version.split()[0]}, llvmlite"
CXX11_ABI_FLAG, MONOLITHIC_BUILD, CXX_VERSION = 0, 0, 0
GRAPH_DEF_VERSION, GRAPH_DEF_VERSION_MIN_CONSUMER, GRAPH_DEF_VERSION_MIN_PRODUCER = 2474, 0, 0
_FOLDER = os.path.dirname(os.path.abspath(options.__file__))


def get_lib() -> str:
    """The folder of the package."""
    return _FOLDER


def get_build_info() -> OrderedDict:
    """How the package was built: for the CPU."""
    return OrderedDict(is_cuda_build=False, is_rocm_build=False, is_tensorrt_build=False)


def _none(what: str):
    def refuse():
        raise UnavailableError(explain(f"sysconfig: there are no {what}: graphc has no operations written in C++"))

    refuse.__doc__ = f"There are no {what}.\n\n    Raises:\n        UnavailableError: always.\n    "
    return refuse


get_include, get_compile_flags, get_link_flags = _none("headers"), _none("compiler flags"), _none("linker flags")
