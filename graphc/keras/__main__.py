"""``python -m graphc.keras PROGRAM ARGS``: runs a program that says ``import keras`` with graphc as its back end."""

from __future__ import annotations

import os
import runpy
import sys

USAGE = "usage: python -m graphc.keras [-m MODULE | PROGRAM] [ARGUMENT ...]"


def main() -> int | None:
    from_module = sys.argv[1:2] == ["-m"]
    given = sys.argv[2:] if from_module else sys.argv[1:]
    if given[:1] in (["-h"], ["--help"]):
        print(__doc__, USAGE, sep="\n\n")
        return 0
    if not given:
        print(USAGE, file=sys.stderr)
        return 2
    if not from_module and not os.path.exists(given[0]):
        print(f"graphc.keras: there is no program {given[0]}\n{USAGE}", file=sys.stderr)
        return 2
    sys.argv = given
    if from_module:
        runpy.run_module(given[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(given[0]))  # where Python looks first when it runs a program
        runpy.run_path(given[0], run_name="__main__")
    return None


if __name__ == "__main__":
    sys.exit(main())
