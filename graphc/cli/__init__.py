"""The command line: compile, tune, run, inspect, bisect, repro, cache, doctor."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import graphc
from graphc.cli import compile, page, profile, run, tune
from graphc.cli.arguments import add_model, graph_of, graph_to_run, settings_of
from graphc.cli.arrays import add_feeds, arrays_for
from graphc.errors import GraphcError
from graphc.inspect import command as inspect
from graphc.inspect.bisect import bisect
from graphc.inspect.doctor import examine
from graphc.inspect.repro import repro
from graphc.inspect.sizes import unit
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.runtime.cache import default_cache


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for an error with a message, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        status = options.command(options) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing complains at exit
        return 1
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="graphc", description="A graph compiler: compile models, run and inspect them."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        sub.set_defaults(command=function)
        return sub

    compile.add_arguments(
        command(
            "compile", compile.run,
            "compile a model ahead of time: a .gc container; object, libraries, header and example for C",
        )
    )  # fmt: skip
    tune.add_arguments(
        command("tune", tune.tune, "measure schedules for a model on this machine, and compile it with those that are faster")
    )
    run.add_arguments(command("run", run.run, "run a model on arrays"))

    sub = command("inspect", _inspect, "summarise a model and what it compiles to, or show one of its stages")
    add_model(sub)
    profile.add_arguments(sub)
    page.add_arguments(sub)
    inspect.add_arguments(sub)

    _add_comparisons(command)

    sub = command("cache", _cache, "show or clear the cache of compiled programs")
    sub.add_argument("action", nargs="?", choices=("stats", "clear"), default="stats")

    sub = command(
        "doctor", _doctor, "check this installation, or an ONNX model before it is used, and say what is missing"
    )
    sub.add_argument("model", nargs="?", metavar="MODEL.onnx", help="what cannot be compiled, and what runs on the host")
    return parser


def _add_comparisons(command: Callable) -> None:
    sub = command("bisect", _bisect, "find the first pass that changes a result, or that the compiled program does")
    add_model(sub)
    add_feeds(sub)
    sub.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")

    sub = command("repro", _repro, "write a Python program without the weights that bisects a model, for a report")
    add_model(sub)
    add_feeds(sub)
    sub.add_argument("-o", "--output", required=True, metavar="OUT.py")
    sub.add_argument("--pass", dest="until", metavar="PASS", help="stop after that pass; nothing is compiled")
    sub.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")


def _inspect(options) -> int:
    page.check(options)
    profile.check(options)
    inspect.check(options)
    if options.profile:
        profile.show(options)
        return 0
    if options.html:
        page.show(options)
        return 0

    def load(name: str) -> tuple[Graph, Options]:
        weights = options.weights if options.other is None or name.endswith(".txt") else None
        named = argparse.Namespace(**{**vars(options), "model": name, "weights": weights})
        return graph_of(named, options.input), settings_of(named)

    return inspect.inspect(options, load)


def _bisect(options) -> int:
    graph, settings, arrays = _to_compare(options)
    verdict = bisect(graph, arrays, settings)
    print(verdict)
    return int(verdict.culprit is not None)


def _repro(options) -> None:
    graph, settings, arrays = _to_compare(options)
    Path(options.output).write_text(repro(graph, arrays, settings, options.until), encoding="utf-8")
    print(f"wrote {options.output}; python {options.output} exits with status 1 where a result is changed")


def _to_compare(options) -> tuple[Graph, Options, list[np.ndarray]]:
    """A model as a graph, how to compile it, and what to run it on."""
    graph, texts = graph_to_run(options)
    inputs = [(x.attr("name"), x.type) for x in graph.inputs]
    options.target = None  # it is run, so for this machine
    return graph, replace(settings_of(options), cache=False), arrays_for(inputs, texts, options)


def _cache(options) -> None:
    cache = default_cache()
    stats = cache.stats()
    if stats.path is None:
        print("the cache is off")
    elif options.action == "clear":
        cache.clear()
        print(f"removed {stats.entries} programs, {unit(stats.bytes)}, from {stats.path}")
    else:
        print(f"{stats.path}\n{stats.entries} programs, {unit(stats.bytes)} of {unit(stats.limit)}")


def _doctor(options) -> int:
    worst = 0
    findings = graphc.onnx.examine(options.model) if options.model else ((f.level, f.what) for f in examine())
    for level, what in findings:
        print(f"{dict(ok='ok  ', note='note', bad='BAD ')[level]}  {what}")
        worst = max(worst, level == "bad")
    return worst
