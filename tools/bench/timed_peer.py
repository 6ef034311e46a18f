"""How one side of a comparison answers: names of workloads come in, one a line, and seconds go out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator


def answer(workloads: dict[str, Callable]) -> None:
    """Answer until there are no more lines.

    Args:
        workloads: by name a function of the module that the command line names, which gives seconds again and again.
    """
    module = importlib.import_module(sys.argv[1])
    running: dict[str, Iterator[float]] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name not in running:
            running[name] = workloads[name](module)
        print(next(running[name]), flush=True)
