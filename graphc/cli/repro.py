"""``graphc repro``: a Python program that bisects a model without its weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphc.cli import bisect
from graphc.inspect.repro import repro


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    bisect.add_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="OUT.py")
    parser.add_argument("--pass", dest="until", metavar="PASS", help="stop after that pass; nothing is compiled")


def run(options) -> None:
    """Write the program."""
    Path(options.output).write_text(repro(*bisect.to_compare(options), options.until), encoding="utf-8")
    print(f"wrote {options.output}; python {options.output} exits with status 1 where a result is changed")
