"""The command line: compile, run, inspect, cache, doctor."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graphc import aot, v1
from graphc.compile import compile_graph
from graphc.errors import GraphcError, UsageError
from graphc.inspect import show
from graphc.inspect.doctor import examine
from graphc.inspect.stages import Stages
from graphc.ir.dtype import as_dtype
from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.ir.target import TARGETS
from graphc.options import Options
from graphc.runtime.cache import default_cache


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for an error with a message, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options) or 0
    except GraphcError as error:
        print(f"graphc: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"graphc: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="graphc", description="A graph compiler: compile models, run and inspect them.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        sub.set_defaults(command=function)
        return sub

    sub = command("compile", _compile, "compile a model ahead of time: a .gc container, and object, shared library and C header")
    sub.add_argument("model", metavar="FILE.py:NAME", help="a Graph, a tensor or list of tensors, or a function without "
                     "arguments that returns one; or a .txt file of IR text")  # fmt: skip
    sub.add_argument("-o", "--output", required=True, metavar="OUT.gc")
    sub.add_argument("--target", choices=TARGETS, help="default: this machine")
    sub.add_argument("--fast-math", action="store_true", help="allow rewrites that change the last bits")

    sub = command("run", _run, "run a compiled or Python model on arrays")
    sub.add_argument("model", metavar="FILE.gc|FILE.py:NAME")
    sub.add_argument("--input", "-i", action="append", default=[], metavar="[NAME=]FILE.npy", help="an input, by name or in order")
    sub.add_argument("--random", type=int, metavar="SIZE", help="fill inputs not given with seeded random numbers; SIZE for symbolic dimensions")
    sub.add_argument("--output", "-o", metavar="FILE.npz", help="write the results there instead of printing them")

    sub = command("inspect", _inspect, "show the stages of a model as text")
    sub.add_argument("model", metavar="FILE.gc|FILE.py:NAME")
    sub.add_argument("--stage", metavar="STAGE", help="traced, optimised, program, llvm, asm, or the name of a pass (the graph after it)")
    sub.add_argument("--diff", metavar="PASS", help="what one pass changed")
    sub.add_argument("--kernel", metavar="KERNEL", help="one kernel")
    sub.add_argument("--as", dest="form", choices=("ir", "llvm", "asm"), default="ir", help="how to show the kernel (default: ir)")
    sub.add_argument("--memory", action="store_true", help="buffers, their places and lifetimes")
    sub.add_argument("--target", choices=TARGETS, help="default: this machine")

    sub = command("cache", _cache, "show or clear the cache of compiled programs")
    sub.add_argument("action", nargs="?", choices=("stats", "clear"), default="stats")

    command("doctor", _doctor, "check this installation and say what is missing")
    return parser


# ---------------------------------------------------------------------------------------------- models


def load_model(name: str) -> Graph:
    """The graph meant by ``FILE.gc``, ``FILE.txt`` (IR text) or ``FILE.py:NAME``.

    Raises:
        UsageError: the file or the name in it does not exist, or is nothing that can be compiled.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        path, attribute = name, ""
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path}")
    if path.endswith(".gc"):
        return aot.read(path).graph
    if path.endswith(".txt"):
        found = parse(Path(path).read_text())
        if not isinstance(found, Graph):
            raise UsageError(f"{path} holds a {type(found).__name__}, not a graph")
        return found
    if not attribute:
        raise UsageError(f"say which model of {path} is meant: {path}:NAME")
    space = runpy.run_path(path, run_name="graphc_model")
    if attribute not in space:
        names = sorted(k for k, v in space.items() if isinstance(v, (Graph, v1.Tensor)))
        raise UsageError(f"{path} defines no {attribute!r}" + (f"; it defines {', '.join(names)}" if names else ""))
    return as_graph(space[attribute], attribute)


def as_graph(model, name: str) -> Graph:
    """A Graph from a Graph, v1 tensors, or a function without arguments that returns one of them."""
    if callable(model) and not isinstance(model, (Graph, v1.Tensor)):
        model = model()
    if isinstance(model, Graph):
        return model
    outputs = list(model.values()) if isinstance(model, dict) else list(model) if isinstance(model, (list, tuple)) else [model]
    if outputs and all(isinstance(t, v1.Tensor) for t in outputs):
        return v1.freeze_initial(outputs, name=name)
    raise UsageError(f"{name} is a {type(model).__name__}; a model is a Graph, v1 tensors, or a function that returns them")


# --------------------------------------------------------------------------------------------- commands


def _compile(options) -> None:
    graph = load_model(options.model)
    settings = Options(target=options.target, fast_math=options.fast_math)
    for path in aot.export(graph, options.output, settings):
        print(f"wrote {path} ({path.stat().st_size} bytes)")


def _run(options) -> None:
    if options.model.endswith(".gc"):
        program = aot.load(options.model)
    else:
        program = compile_graph(load_model(options.model))
    arrays = _arrays(program.signature, options)
    results = dict(zip([p.name for p in program.signature.outputs], program(*arrays)))
    if options.output:
        np.savez(options.output, **results)
        print(f"wrote {options.output}")
        return
    for name, value in results.items():
        print(f"{name}: {as_dtype(value.dtype).name}{list(value.shape)}")
        print(np.array2string(value, threshold=200, edgeitems=3))


def _arrays(signature, options) -> list[np.ndarray]:
    given: dict[str, np.ndarray] = {}
    names = [p.name for p in signature.inputs]
    for text in options.input:
        name, equals, path = text.rpartition("=")
        if not equals:
            left = [n for n in names if n not in given]
            if not left:
                raise UsageError(f"more inputs than the model has ({len(names)})")
            name = left[0]
        if name not in names:
            raise UsageError(f"the model has no input {name!r}; it has {', '.join(names)}")
        try:
            given[name] = np.load(path, allow_pickle=False)
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from None
    rng = np.random.default_rng(0)
    for param in signature.inputs:
        if param.name not in given:
            if options.random is None:
                raise UsageError(f"input {param.name} ({param.type}) is missing; give --input {param.name}=FILE.npy or --random SIZE")
            shape = [d if isinstance(d, int) else options.random for d in param.type.shape]
            kind = param.type.dtype.kind
            values = rng.standard_normal(shape) if kind in "fc" else rng.integers(0, 2, shape)
            given[param.name] = np.asarray(values).astype(param.type.dtype.numpy)
    return [given[n] for n in names]


def _inspect(options) -> None:
    stages = Stages(load_model(options.model), Options(target=options.target))
    if options.diff:
        print(show.diff(stages, options.diff))
    elif options.kernel:
        print(stages.kernel_as(options.kernel, options.form))
    elif options.memory:
        print(show.memory(stages.program))
    elif options.stage:
        print(show.stage_text(stages, options.stage))
    else:
        print(show.overview(stages))


def _cache(options) -> None:
    cache = default_cache()
    stats = cache.stats()
    if options.action == "clear":
        cache.clear()
        print(f"removed {stats.entries} programs, {stats.bytes} bytes, from {stats.path}")
    elif stats.path is None:
        print("the cache is off")
    else:
        print(f"{stats.path}\n{stats.entries} programs, {stats.bytes / 1e6:.1f} of {stats.limit / 1e6:.0f} MB")


def _doctor(options) -> int:
    worst = 0
    for finding in examine():
        mark = {"ok": "ok  ", "note": "note", "bad": "BAD "}[finding.level]
        print(f"{mark}  {finding.what}")
        worst = max(worst, finding.level == "bad")
    return worst
