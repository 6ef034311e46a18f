"""The command line: compile, tune, run, inspect, bisect, repro, cache, doctor."""

from __future__ import annotations

import argparse
import importlib
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import graphc
from graphc import aot, v1
from graphc.compile import compile_graph, target_of
from graphc.errors import FormatError, GraphcError, Location, UsageError, located
from graphc.inspect import command as inspect
from graphc.inspect.bisect import bisect
from graphc.inspect.doctor import examine
from graphc.inspect.repro import repro
from graphc.inspect.sizes import unit
from graphc.inspect.text_model import read_text
from graphc.ir.graph import Graph
from graphc.ir.machine import DEFAULT
from graphc.ir.target import TARGETS
from graphc.options import INEXACT, Options
from graphc.runtime.cache import default_cache
from graphc.runtime.pool import default_threads


_KERAS = (".keras", ".h5")


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

    sub = command(
        "compile", _compile, "compile a model ahead of time: a .gc container; object, libraries, header and example for C"
    )
    _add_model(sub)
    sub.add_argument(
        "-o", "--output", required=True, metavar="OUT.gc", help="or a folder, for a file named after the model"
    )
    _add_values(sub)
    _add_target(sub)
    _add_c(sub)

    sub = command("tune", _tune, "measure schedules for a model on this machine, and compile it with those that are faster")
    _add_model(sub)
    sub.add_argument("-o", "--output", required=True, metavar="OUT.gc", help="as for compile")
    sub.add_argument(
        "--input", "-i", action="append", default=[], metavar="[NAME=]FILE.npy",
        help="an input to measure with, by name or in order; the others are random",
    )  # fmt: skip
    sub.add_argument(
        "--size", action="append", default=[], metavar="NAME.AXIS=SIZE",
        help="of an open dimension of an input, such as x.0=32",
    )  # fmt: skip
    sub.add_argument("--seconds", type=float, default=60.0, metavar="S", help="to measure at most (default: 60)")
    sub.add_argument("--threads", type=int, metavar="N", help="as GRAPHC_NUM_THREADS; default: all")
    _add_target(sub)

    sub = command("run", _run, "run a model on arrays")
    _add_model(sub)
    _add_feeds(sub)
    sub.add_argument("--output", "-o", metavar="FILE.npz", help="write the results there instead of printing them")

    sub = command("inspect", _inspect, "summarise a model and what it compiles to, or show one of its stages")
    _add_model(sub)
    _add_values(sub)
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
    _add_model(sub)
    _add_feeds(sub)
    sub.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")

    sub = command("repro", _repro, "write a Python program without the weights that bisects a model, for a report")
    _add_model(sub)
    _add_feeds(sub)
    sub.add_argument("-o", "--output", required=True, metavar="OUT.py")
    sub.add_argument("--pass", dest="until", metavar="PASS", help="stop after that pass; nothing is compiled")
    sub.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="FILE.gc; FILE.onnx; FILE.keras (or .h5) for what a Keras model predicts, FILE.keras:train for a step of its "
        "training; FILE.txt with the text of a graph; or FILE.py:NAME, where NAME is a Graph, v1 tensors and operations, or "
        "a function without arguments that returns them",
    )
    parser.add_argument("--weights", metavar="MODEL", help="for FILE.txt: the model that the text was printed from")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", choices=TARGETS, help="default: this machine")
    parser.add_argument("--fast-math", action="store_true", help="allow rewrites that change the last bits")


def _add_c(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threads", choices=("pool", "none"), default="pool",
        help="of programs in C: a pool that models share (default), or none, for machines without an operating system",
    )  # fmt: skip
    parser.add_argument(
        "--separate-weights", action="store_true", help="programs in C map OUT.weights instead of having the weights inside"
    )


def _add_values(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input", "-i", action="append", default=[], metavar="NAME=FILE.npy",
        help="for FILE.onnx: the value of an input on which what the model computes depends, such as a list of axes",
    )  # fmt: skip


def _add_feeds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input", "-i", action="append", default=[], metavar="[NAME=]FILE.npy",
        help="an input, by name or in order; or FILE.npz, with several by name",
    )  # fmt: skip
    parser.add_argument(
        "--random", type=_size, metavar="SIZE",
        help="fill inputs not given with seeded random numbers; SIZE for symbolic dimensions",
    )  # fmt: skip


def _size(text: str) -> int:
    """An argument that must be a number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of elements, 0 or more")
    return int(text)


# ---------------------------------------------------------------------------------------------- models


def load_model(name: str, weights: str | None = None, values: list[str] | tuple = ()) -> Graph:
    """The graph meant by ``FILE.gc``, ``FILE.onnx``, ``FILE.keras[:train]``, ``FILE.txt`` (IR text) or ``FILE.py:NAME``.

    Args:
        weights: a model like ``name``, for the constants that a ``.txt`` refers to.
        values: ``NAME=FILE.npy`` for the inputs of an ONNX model whose values count.

    Raises:
        UsageError: the file or the name in it does not exist, or is nothing that can be compiled.
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith((".py", *_KERAS)):
        path, attribute = name, ""
    if path.endswith(".txt"):
        given = load_model(weights) if weights is not None else None
        return read_text(_read(path), given, path)
    if weights is not None:
        raise UsageError(f"--weights is for models in .txt files, which hold no weights; {path} has its own")
    if path.endswith(".onnx"):
        model = graphc.onnx.load(path)
        return model.trace(_named_arrays(values, [i.name for i in model.inputs])).graph
    if values:
        raise UsageError(f"--input gives values to models in .onnx files; {path} is none")
    if path.endswith(_KERAS):
        return _keras().graph_of(path, attribute)
    if not path.endswith(".py"):
        return aot.read(path).graph
    if not attribute:
        raise UsageError(f"say which model of {path} is meant: {path}:NAME")
    _read(path)  # says what is wrong with the file itself
    sys.path.insert(0, str(Path(path).resolve().parent))  # as Python does for a script
    v1.reset_default_graph()  # two models may be loaded in one command
    space = _guarded(lambda: runpy.run_path(path, run_name="graphc_model"), path)
    if attribute not in space:
        names = sorted(k for k, v in space.items() if isinstance(v, (Graph, v1.Tensor, v1.Operation)))
        raise UsageError(f"{path} defines no {attribute!r}" + (f"; it defines {', '.join(names)}" if names else ""))
    return as_graph(space[attribute], attribute, path)


def _keras():
    """What reads files of Keras models, imported when there is one: Keras is no part of graphc."""
    return importlib.import_module("graphc.keras.command")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not text: {error}") from None


def _guarded(call: Callable, path: str):
    """What the user's code answers; its errors become errors with a message."""
    try:
        return call()
    except GraphcError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} stopped with {type(error).__name__}: {error}{_where(error, path)}") from None


def _where(error: BaseException, path: str) -> str:
    """The last line of the user's file that led to an error."""
    if isinstance(error, SyntaxError):
        return ""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == Path(path)]
    return f"\n  at {Location(path, lines[-1])}: {Location(path, lines[-1]).source}" if lines else ""


def as_graph(model, name: str, path: str) -> Graph:
    """A Graph from a Graph, v1 tensors and operations, or a function without arguments that returns one of them.

    Tensors are compiled with the initial values of the variables. With an operation among them, such as a training
    step, variables become inputs, and their new values outputs.

    Raises:
        UsageError: it is something else, or the user's function in ``path`` failed.
    """
    if callable(model) and not isinstance(model, (Graph, v1.Tensor, v1.Operation)):
        model = _guarded(model, path)
    if isinstance(model, Graph):
        return model
    outputs = (
        list(model.values())
        if isinstance(model, dict)
        else list(model)
        if isinstance(model, (list, tuple))
        else [model]
    )
    if outputs and all(isinstance(t, (v1.Tensor, v1.Operation)) for t in outputs):
        with located(None):  # not the line of this program
            is_step = any(isinstance(t, v1.Operation) for t in outputs)
            return v1.step_graph(outputs, name=name) if is_step else v1.freeze_initial(model, name=name)
    raise UsageError(
        f"{name} is a {type(model).__name__}; a model is a Graph, v1 tensors and operations, or a function that "
        "returns them"
    )


# --------------------------------------------------------------------------------------------- commands


def _compile(options) -> None:
    if options.model.endswith(_KERAS):
        return _compile_keras(options)
    graph = load_model(options.model, options.weights, options.input)
    _export(graph, options, _settings(options), **_for_c(options))


def _export(graph: Graph, options, settings: Options, **for_c: bool) -> None:
    written = aot.export(graph, _container_path(options.output, options.model), settings, **for_c)
    _show_written(written)
    if len(written) == 1:
        print("nothing for programs in C: some of its operations run on the host, through Python")


def _compile_keras(options) -> None:
    if options.weights is not None or options.input:
        raise UsageError(f"--weights and --input are not for models in {' and '.join(_KERAS)} files")
    settings = Options(target=options.target, fast_math=options.fast_math)
    path = _container_path(options.output, options.model)
    written, why = _keras().compile_model(options.model, path, settings, **_for_c(options))
    _show_written(written)
    if why:
        print(f"no step of training: {why}")


def _for_c(options) -> dict[str, bool]:
    return {"threads": options.threads == "pool", "separate_weights": options.separate_weights}


def _show_written(paths) -> None:
    for path in paths:
        print(f"wrote {path} ({unit(path.stat().st_size)})")


def _settings(options) -> Options:
    """How to compile the model that is named: ONNX and Keras models are for inference, a container tells how it was compiled."""
    settings = Options(target=options.target, fast_math=options.fast_math)
    if options.model.endswith((".onnx", *_KERAS)):
        return replace(settings, allow=INEXACT)
    if not options.model.endswith(".gc"):
        return settings
    model = aot.read(options.model)
    machine = model.machine if target_of(settings).name in model.targets else DEFAULT
    fast = options.fast_math or model.fast_math
    return replace(settings, fast_math=fast, allow=model.allow, checks=model.checks, machine=machine)


def _tune(options) -> None:
    if options.threads is not None:
        if options.threads < 1:
            raise UsageError(f"--threads {options.threads}: there must be 1 or more")
        os.environ["GRAPHC_NUM_THREADS"] = str(options.threads)  # read when the first program is loaded
    aot.check_path(_container_path(options.output, options.model))
    is_onnx = options.model.endswith(".onnx")
    graph = load_model(options.model, options.weights, options.input if is_onnx else ())
    names = [x.attr("name") for x in graph.inputs]
    texts = _texts_for(graph, options.input) if is_onnx else options.input
    settings = _settings(options)
    threads = default_threads()
    print(f"measuring {graph.name} for {target_of(settings).name} on {threads} thread{'s' if threads > 1 else ''}", flush=True)
    with located(None):
        tuning = aot.tune(graph, settings, _named_arrays(texts, names), _sizes(options.size), options.seconds, on_trial=_show_trial)
    _show_tuning(tuning, options)
    _export(graph, options, replace(settings, machine=tuning.machine))


def _sizes(texts: list[str]) -> dict[str, int]:
    """What ``NAME=SIZE`` texts say."""
    sizes: dict[str, int] = {}
    for text in texts:
        name, equals, size = text.rpartition("=")
        if not (equals and name and size.isdecimal()):
            raise UsageError(f"--size {text}: give NAME=SIZE, such as x.0=32")
        if name in sizes:
            raise UsageError(f"size {name} is given twice")
        sizes[name] = int(size)
    return sizes


def _show_trial(trial: aot.Trial) -> None:
    """One line of the table; values that change no kernel are none."""
    if trial.ratio is not None:
        value = "" if trial.value is None else trial.value
        print(f"  {trial.name:12}  {value!s:>13}  {trial.ratio:6.3f}{'  kept' if trial.kept else ''}", flush=True)


def _show_tuning(tuning: aot.Tuning, options) -> None:
    """What measuring came to."""
    needed = f"{tuning.noise:.1%}"
    if tuning.left:
        print(f"no time was left for {tuning.left} values: --seconds {options.seconds:g} is the limit")
    if all(trial.ratio is None for trial in tuning.trials):
        print("no value that was tried changes a kernel: there is nothing to choose")
    elif tuning.ratio == 1.0:
        print(f"nothing is faster by more than {needed}, which is noise: the model of the machine is as good as it gets")
    else:
        print(f"kept {tuning.machine}: {tuning.ratio:.3f} times as fast, where {needed} is noise; all results have the same bits")


def _container_path(output: str, model: str) -> Path:
    """Where the container goes: ``output`` itself, or a file in it, if that is (or looks like) a folder."""
    path = Path(output)
    if not (output.endswith(("/", os.sep)) or path.is_dir() or (model.endswith((".onnx", *_KERAS)) and not path.suffix)):
        return path
    path.mkdir(parents=True, exist_ok=True)
    stem = Path(model.rpartition(":")[2] if ".py:" in model else model).stem
    return path / f"{stem}.gc"


def _run(options) -> None:
    if options.model.endswith(".onnx"):
        return _show_values(_run_onnx(options), options)
    if options.model.endswith(".gc") and options.weights is None:
        program = aot.load(options.model)
    else:
        program = compile_graph(load_model(options.model, options.weights))
    arrays = _arrays([(p.name, p.type) for p in program.signature.inputs], options.input, options)
    with located(None):
        values = program(*arrays)
    _show_values([(p.name, v) for p, v in zip(program.signature.outputs, values)], options)


def _run_onnx(options) -> list[tuple[str, np.ndarray]]:
    """The outputs of an ONNX model with their names; those of a sequence one by one."""
    model = graphc.onnx.load(options.model)
    given = _named_arrays(options.input, [i.name for i in model.inputs])
    rng = np.random.default_rng(0)
    for item in model.inputs:
        if item.name in given or item.kind == "optional":
            continue
        if not _can_be_random(item):
            raise UsageError(f"input {item} is missing; give --input {item.name}=FILE.npy (--random has no value of its type)")
        if options.random is None:
            raise UsageError(f"input {item} is missing; give --input {item.name}=FILE.npy or --random SIZE")
        shape = [d if isinstance(d, int) else options.random for d in item.shape]
        given[item.name] = aot.random_array(rng, shape, item.element.carrier).astype(item.element.numpy)
    with located(None):
        values = model.run(given)
    named = []
    for item, value in zip(model.outputs, values):
        parts = value if isinstance(value, list) else [] if value is None else None
        named += [(item.name, value)] if parts is None else [(f"{item.name}.{k}", v) for k, v in enumerate(parts)]
    return named


def _can_be_random(item) -> bool:
    return item.kind == "tensor" and item.shape is not None and item.element is not None and item.element.name != "string"


def _show_values(named: list[tuple[str, np.ndarray]], options) -> None:
    if options.output:
        aot.write_arrays(Path(options.output), named)
        print(f"wrote {options.output}")
        return
    for name, value in named:
        print(f"{name}: {'string' if value.dtype == object else value.dtype.name}{list(value.shape)}")
        print(np.array2string(value, threshold=200, edgeitems=3))


def _named_arrays(texts: list[str] | tuple, names: list[str]) -> dict[str, np.ndarray]:
    """The arrays that texts mean, by the names of inputs: ``[NAME=]FILE.npy``, in order without a name, or ``FILE.npz``."""
    given: dict[str, np.ndarray] = {}
    for text in texts:
        name, equals, path = text.rpartition("=")
        if not equals and path.endswith(".npz"):
            given.update(_several(path, [n for n in names if n not in given]))
            continue
        if not equals:
            left = [n for n in names if n not in given]
            if not left:
                raise UsageError(f"more inputs than the model has ({len(names)})")
            name = left[0]
        if name not in names:
            raise UsageError(f"the model has no input {name!r}; it has {', '.join(names)}")
        if name in given:
            raise UsageError(f"input {name} is given twice")
        given[name] = _load_array(path)
    return given


def _arrays(inputs: list[tuple], texts: list[str], options) -> list[np.ndarray]:
    """One array for each of the inputs, which are (name, Type): those that texts name, and random ones."""
    given = _named_arrays(texts, [name for name, _ in inputs])
    rng = np.random.default_rng(0)
    for name, type in inputs:
        if name in given:
            continue
        if options.random is None or type.dtype.kind == "s":
            is_open = any(not isinstance(d, int) for d in type.shape)
            drawn = " or --random SIZE" + (", for the sizes that are open" if is_open else "") if type.dtype.kind != "s" else ""
            how = f"give --input {name}=FILE.npy{drawn}"
            raise UsageError(f"input {name} ({type}) is missing; {how}")
        shape = [d if isinstance(d, int) else options.random for d in type.shape]
        given[name] = aot.random_array(rng, shape, type.dtype)
    return [given[name] for name, _ in inputs]


def _several(path: str, names: list[str]) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file that have one of these names; others are passed over."""
    held = aot.read_arrays(path)
    found = {name: held[name] for name in names if name in held}
    if not found:
        raise UsageError(f"{path} holds {', '.join(held) or 'nothing'}; the inputs that are not given are {', '.join(names)}")
    return found


def _load_array(path: str) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FormatError(f"{path} is no .npy file: {error}") from None
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path} holds {', '.join(array.files)}; give one array, as an .npy file")
    return array


def _inspect(options) -> int:
    inspect.check(options)
    found = inspect.recorded_view(options)
    if found is not None:
        print(found)
        return 0
    return inspect.inspect(options, load_model(options.model, options.weights, options.input), _settings(options))


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
    is_onnx = options.model.endswith(".onnx")
    graph = load_model(options.model, options.weights, options.input if is_onnx else ())
    inputs = [(x.attr("name"), x.type) for x in graph.inputs]
    texts = _texts_for(graph, options.input) if is_onnx else options.input
    options.target = None  # it is run, so for this machine
    return graph, replace(_settings(options), cache=False), _arrays(inputs, texts, options)


def _texts_for(graph: Graph, texts: list[str]) -> list[str]:
    """Those of the ``NAME=FILE.npy`` for an ONNX model that are still inputs of its graph; others have become a part of it."""
    names = [x.attr("name") for x in graph.inputs]
    return [t for t in texts if t.partition("=")[0] in names]


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
