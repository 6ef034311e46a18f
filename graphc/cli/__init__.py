"""The command line: compile, tune, run, inspect, bisect, repro, cache, doctor."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from graphc.cli.pipe import reader_may_leave
from graphc.errors import GraphcError

_COMMANDS = {  # module of graphc.cli, imported when the command is called: name -> what it does
    "compile": "compile a model ahead of time: a .gc container; object, libraries, header and example for C",
    "tune": "measure schedules for a model on this machine, and compile it with those that are faster",
    "run": "run a model on arrays",
    "inspect": "summarise a model and what it compiles to, or show one of its stages",
    "bisect": "find the first pass that changes a result, or that the compiled program does",
    "repro": "write a Python program without the weights that bisects a model, for a report",
    "cache": "show or clear the cache of compiled programs",
    "doctor": "check this installation, or an ONNX model before it is used, and say what is missing",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for an error with a message, 2 for wrong usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with reader_may_leave():
            options = _parser(arguments[0] if arguments else "").parse_args(arguments)
            return options.command(options) or 0
    except GraphcError as error:
        return _fail(f"{type(error).__name__}: {error}")
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except Exception as error:  # a fault of graphc; whoever wants to report it asks for the traceback
        if os.environ.get("GRAPHC_TRACEBACK"):
            raise
        what = str(error).split("\n")[0]
        return _fail(f"internal error: {type(error).__name__}: {what} (GRAPHC_TRACEBACK=1 shows where)")


def _fail(message: str, status: int = 1) -> int:
    print(f"graphc: {message}", file=sys.stderr)
    return status


def _parser(called: str) -> argparse.ArgumentParser:
    """All commands by name, and the arguments of the one that is called."""
    parser = argparse.ArgumentParser(
        prog="graphc", description="A graph compiler: compile models, run and inspect them."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, help in _COMMANDS.items():
        sub = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        if name == called:
            module = importlib.import_module(f"graphc.cli.{name}")
            module.add_arguments(sub)
            sub.set_defaults(command=module.run)
    return parser
