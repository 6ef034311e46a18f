"""``python -m graphc.keras PROGRAM ARGS``: runs a program that says ``import keras`` with graphc as its back end."""

from __future__ import annotations

import runpy
import sys

USAGE = "usage: python -m graphc.keras [-m MODULE | PROGRAM] [ARGUMENT ...]"


def main() -> int | None:
    from_module = sys.argv[1:2] == ["-m"]
    given = sys.argv[2:] if from_module else sys.argv[1:]
    if not given:
        print(USAGE, file=sys.stderr)
        return 2
    sys.argv = given
    if from_module:
        runpy.run_module(given[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(given[0], run_name="__main__")
    return None


if __name__ == "__main__":
    sys.exit(main())
