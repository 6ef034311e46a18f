"""Which functions are the user's, and are converted when converted code calls them."""

from __future__ import annotations

import sys

_LIBRARIES = frozenset(
    """graphc numpy scipy pandas matplotlib PIL sklearn pytest _pytest IPython ipykernel tensorflow keras tqdm google
    llvmlite""".split()
) | getattr(sys, "stdlib_module_names", frozenset())


def is_library(thing) -> bool:
    """Whether a function, class or module belongs to a library that converts nothing."""
    name = getattr(thing, "__module__", None) or getattr(thing, "__name__", None)
    if type(thing) is type(sys):
        name = thing.__name__
    return isinstance(name, str) and name.partition(".")[0] in _LIBRARIES and name != "__main__"
