"""``tf.app``: reads the command line and runs a program's ``main``."""

from __future__ import annotations

import importlib
import sys

from graphc.errors import UnavailableError, UsageError, explain
from graphc.v1 import flags

__all__ = ["flags", "run"]


def _tolerant(argv):
    """What is left of a command line without the flags that are known; others stay in it."""
    return flags.FLAGS(sys.argv if argv is None else argv, known_only=True)


def run(main=None, argv=None) -> None:
    """Read the flags from ``argv`` (the command line if None), call ``main`` with the rest, and exit with its answer.

    Flags that are not defined are passed on to ``main``.

    Raises:
        UnavailableError: absl-py is not installed. UsageError: there is no ``main``.
    """
    main = main if main is not None else getattr(sys.modules.get("__main__"), "main", None)
    if not callable(main):
        raise UsageError(explain(f"tf.app.run: there is no function main to run, got {main!r}"))
    try:
        absl = importlib.import_module("absl.app")
    except ImportError as error:
        raise UnavailableError(explain(f"tf.app.run needs absl-py: pip install 'graphc[app]' ({error})")) from None
    absl.run(main=main, argv=argv, flags_parser=_tolerant)
