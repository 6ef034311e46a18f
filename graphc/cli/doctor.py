"""``graphc doctor``: whether this installation is sound, or what of an ONNX model cannot be compiled."""

from __future__ import annotations

import argparse

import graphc
from graphc.inspect.doctor import examine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("model", nargs="?", metavar="MODEL.onnx", help="what cannot be compiled, and what runs on the host")


def run(options) -> int:
    """Print what is found; the exit status is 1 where something is wrong."""
    worst = 0
    findings = graphc.onnx.examine(options.model) if options.model else ((f.level, f.what) for f in examine())
    for level, what in findings:
        print(f"{dict(ok='ok  ', note='note', bad='BAD ')[level]}  {what}")
        worst = max(worst, level == "bad")
    return worst
