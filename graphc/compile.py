"""Graph -> Executable: passes, lower, codegen, runtime in order; the pipeline on one page."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import os
import re
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from graphc.compile_placed import parts_of, placed
from graphc.errors import FormatError, InvalidArgumentError, ShapeError, UsageError, explain, located
from graphc.ir.blob import EMPTY, Blob
from graphc.ir.clock import POOL, Clock, Times, with_clock
from graphc.ir.data import Named
from graphc.ir.dtype import by_short
from graphc.ir.gpu import GPUS, Gpu
from graphc.ir.graph import Graph, close, input_node, needed
from graphc.ir.node import Node
from graphc.ir.kernel import Kernel
from graphc.ir.kernel_section import kernel_section
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.printer import program_text as program_as_text
from graphc.ir.program import Host, Program, fault_of, flat, missing_in, reasons_of
from graphc.ir.segments import segments
from graphc.ir.sizes import maker, symbols_in
from graphc.ir.steps_fault import steps_fault
from graphc.ir.target import TARGETS, Target
from graphc.ir.text import scalar_text
from graphc.ir.type import Type
from graphc.ir.writes import written_before_host
from graphc.options import ALLOWED, TF32, VERSION, Options
from graphc.passes.canonical import canonical
from graphc.passes.guards import drop_guards, number_lines, take_guards
from graphc.passes.nested import graphs_in
from graphc.prims.guard import location_of
from graphc.prims.table import row
from graphc.runtime import progress  # noqa: F401  shows long compilations
from graphc.runtime.cache import default_cache, digest_of
from graphc.runtime.device import Device
from graphc.runtime.executable import Executable, HostStep
from graphc.runtime.gpus import device_number, gpu_target
from graphc.runtime.host import host_target
from graphc.runtime.host_constants import constant_sections, constants_in
from graphc.runtime.host_graph import HostGraph
from graphc.runtime.library import Library
from graphc.runtime.portable_call import LateSizes
from graphc.runtime.stages import WATCHERS, stage
from graphc.runtime.support import load_support, missing, provide

_TEXT = 15_000  # characters of text that a kernel becomes, more or less
_MODULES, _GPU, _CUDA = "graphc.codegen.llvm.module", "graphc.compile_gpu", "graphc.runtime.cuda.compilers"
_LARGE = 16 << 20  # bytes of constants that are rather read from the file
RECORD = "record:"  # a section for each target, written by ``ir.recorder``
KERNELS = "kernels:"  # a section for each target: written by ``ir.kernel_section``, which only views read
SAME = "same:"  # a section for targets whose constants are those of another one, which it names
TIMES = "times:"  # of its passes, in entries of the cache: not in files, which are the same for the same model
LONG_SIZE = 1 << 14  # elements of a buffer from which a run may take some 50 microseconds


@dataclass(frozen=True)
class Artifact:
    """A compiled program as data.

    Attributes:
        program: the Program without kernels and constants: signature, buffers and steps.
        constants: what kernels read by its place.
        library: a shared library for ``target``.
        early: positions of inputs that are written before the last host step ends; any of them if None.
        record: what passes and lowering did, see ``ir.record``; empty if nothing noted it, or if the artifact was read from a file.
        times: the milliseconds of each pass; they are apart, as two compilations have one record but never the same times.
        kernels: what the library was made of; none if the artifact was read from a file, see ``ir.kernel_section``.
    """

    program: Program
    constants: Blob
    library: bytes
    target: str
    early: frozenset[int] | None = None
    record: bytes = b""
    times: tuple[float, ...] = ()
    kernels: tuple[Kernel, ...] = ()


@functools.cache
def _later(name: str):
    """A module of the compiler, imported when something must be compiled: a program of the cache needs none of them."""
    return importlib.import_module(name)


def target_of(options: Options) -> Target | Gpu:
    """The target description that the options ask for.

    Raises:
        UsageError: there is none of that name. DeviceUnavailable: ``cuda`` alone is asked for, and there is no GPU.
    """
    if options.target is None:
        return host_target()
    if not isinstance(options.target, str):
        raise UsageError(f"target={options.target!r} must be the name of a target, or None for this machine")
    found = TARGETS.get(options.target) or gpu_target(options.target)
    if found is None:
        raise UsageError(f"no target {options.target!r}; known: {', '.join((*TARGETS, *GPUS))}")
    return found


def device_at(options: Options) -> Device:
    """The device that programs of these options, which are for a GPU, run on.

    Raises:
        DeviceUnavailable: it is not there; the message says what is missing.
    """
    return _later(_GPU).device_for(target_of(options), device_number(options.target))


def scheduled_target(options: Options) -> Target | Gpu:
    """The target description with what schedules assume of the machine: what lowering wants."""
    target = replace(target_of(options), machine=options.machine)
    return replace(target, tf32=options.fast_math or TF32 in options.allow) if isinstance(target, Gpu) else target


def optimise(graph: Graph, options: Options = Options(), on_pass: Callable | None = None) -> Graph:
    """The graph after every pass; ``on_pass(pass, before, after)`` sees each step.

    Raises:
        UsageError: ``options.allow`` has another name than those of ``ALLOWED``; or the elements of a constant are not known.
    """
    for constant in (n for _, nodes in graphs_in(graph) for n in nodes if n.op == "const"):
        if isinstance(constant.attr("value"), Named):
            raise UsageError(explain(f"{graph.name} was read without its weights, to be looked at; it cannot be compiled"))
    unknown = [name for name in options.allow if name not in ALLOWED]
    if unknown:
        raise UsageError(explain(f"Options: allow={unknown} is none of {', '.join(ALLOWED)}"))
    made = _later("graphc.passes.pipeline")
    passes = made.pipeline(options.fast_math, options.allow)
    passes = passes if options.checks else [drop_guards if p is take_guards else p for p in passes]
    graph = canonical(graph)
    with stage("optimise", graph.name, len(graph.nodes) if WATCHERS else 0):
        return made.run(graph, [p for p in passes if made.pass_name(p) not in options.skip], on_pass)


def optimise_recorded(graph: Graph, options: Options, recorder, on_pass: Callable | None = None) -> Graph:
    """The graph after every pass; what they did is noted by an ``ir.recorder.Recorder``."""
    pass_name, watched = _later("graphc.passes.pipeline").pass_name, _later("graphc.rewrite.driver").watched

    def note(one: Callable, before: Graph, after: Graph) -> None:
        recorder.note(pass_name(one), before, after, replaced)
        replaced.clear()
        if on_pass is not None:
            on_pass(one, before, after)

    with watched() as replaced:
        return optimise(graph, options, note)


@dataclass(frozen=True)
class Lowered:
    """A graph as a Program, and how it came about: ``record`` and ``times`` are those of an ``Artifact``."""

    program: Program
    record: bytes = b""
    times: tuple[float, ...] = ()


def lower_recorded(graph: Graph, options: Options = Options(), on_pass: Callable | None = None) -> Lowered:
    """Passes and lowering, with a record of what they did."""
    (made,) = lower_for(graph, options, (target_of(options).name,), on_pass).values()
    return made


def lower_for(graph: Graph, options: Options, targets: Sequence[str], on_pass: Callable | None = None) -> dict[str, Lowered]:
    """The same for several targets, by their names; the passes run once."""
    recorder, found = _later("graphc.ir.recorder").Recorder(), {}
    optimised = optimise_recorded(graph, options, recorder, on_pass)
    for target in targets:
        notes = _later("graphc.ir.notes").Notes()
        program = lower_graph(optimised, replace(options, target=target), notes)
        recorder.note_lowering(notes, program)
        found[target] = Lowered(program, recorder.encoded(), recorder.times)
    return found


def trimmed(outputs: Sequence[Node]) -> tuple[Node, ...]:
    """The Nodes over control flow without the results that none of them needs."""
    return _later("graphc.passes.loops").drop_unused(close(Graph("trimmed", (), tuple(outputs)))).outputs


def requirements(outputs: Sequence[Node]) -> list[Node]:
    """What sizes of inputs must satisfy for some Nodes to be computed, as conditions over symbols."""
    nodes = needed(outputs)
    found = symbols_in(tuple([(n.type, *[v for _, v in n.attrs]) for n in nodes]))
    sizes = input_node("sizes", Type(by_short("u8"), tuple([s for s in found if maker(s) is None])))
    required = _later("graphc.passes.require").require(close(Graph("required", (sizes,), tuple(outputs))))
    return [r.condition for r in required.requires]


def lower_graph(graph: Graph, options: Options = Options(), notes=None) -> Program:
    """An optimised graph as a Program for the options' target; ``notes``: are told what was decided, see ``ir.notes``."""
    with stage("lower", graph.name, len(graph.nodes) if WATCHERS else 0), located(None):  # no user's line made an index
        return _later("graphc.lower.lower").lower(graph, scheduled_target(options), notes)


def emit(program: Program, options: Options = Options()) -> str:
    """LLVM IR text of a Program; CUDA C++ text for a GPU."""
    target = target_of(options)
    if isinstance(target, Gpu):
        return _later(_GPU).source_of(program, target)
    return _later(_MODULES).program_text(program, target_of(options), entry_name(program))


def entry_name(program: Program) -> str:
    """The name of a Program's entry function: its own, made an identifier."""
    return "gc_" + re.sub(r"\W", "_", program.name, flags=re.ASCII)


def build(
    graph: Graph, options: Options = Options(), on_pass: Callable | None = None, begin: Callable | None = None
) -> Artifact:
    """Compile a graph to data, without looking at the cache; ``begin``: see ``assemble``."""
    with stage("compile", graph.name):
        made = lower_recorded(graph, options, on_pass)
        return assemble(made.program, options, begin, made.record, made.times)


def assemble(
    program: Program, options: Options = Options(), begin: Callable | None = None, record: bytes = b"",
    times: tuple[float, ...] = (), clock: Clock | None = None,
) -> Artifact:  # fmt: skip
    """A lowered Program as native code.

    Args:
        record, times: of how it came about, as in ``Artifact``.
        begin: called with the Artifact, still without its library, while threads make machine code.
        clock: of a program made by ``with_clock``.
    """
    target, characters = target_of(options), 0
    artifact = without_code(program, target.name, record, times)
    if isinstance(target, Gpu):
        if begin is not None:
            begin(artifact)
        with stage("machine code", program.name, characters=_TEXT * len(program.kernels)), located(None):
            return replace(artifact, library=_later(_GPU).image_of(program, target))
    from graphc.runtime.elf import link_shared  # what follows is needed only when something must be compiled
    from graphc.runtime.jit import Batch

    waiting = missing() if target == host_target() else None
    with Batch(target) as batch:
        if waiting is not None:
            batch.add(*waiting.module)
        with stage("emit", program.name, characters=_TEXT * len(program.kernels)), located(None):
            for text in _later(_MODULES).program_modules(program, target, entry_name(program), clock=clock):
                batch.add(text)
                characters += len(text)
        if begin is not None:
            begin(artifact)
        with stage("machine code", program.name, characters=characters):
            objects = batch.objects()
    if waiting is not None:
        provide(waiting, objects.pop(0))
    exports = entry_points(program) + ([POOL] if clock is not None and clock.parts else [])
    return replace(artifact, library=link_shared(objects, exports=exports))


def without_code(program: Program, target: str, record: bytes = b"", times: tuple[float, ...] = ()) -> Artifact:
    """A lowered Program as it is before its kernels are compiled."""
    held = replace(program, kernels=(), constants=EMPTY)
    return Artifact(held, program.constants, b"", target, written_before_host(program), record, times, program.kernels)


def entry_points(program: Program) -> list[str]:
    """Names of the functions that a compiled Program exports."""
    parts, entry = segments(program), entry_name(program)
    natives = [f"{entry}_{k}" for k in parts if isinstance(k, int)] if len(parts) > 1 else [entry]
    return [*natives, f"{entry}_arena", f"{entry}_shapes"]


# ---------------------------------------------------------------------------------------------- artifacts


def sections(artifact: Artifact) -> dict[str, object]:
    """An artifact as named sections of a container."""
    target = artifact.target
    blobs: dict = {}
    text = program_as_text(artifact.program, blobs)
    return {
        f"program:{target}": text,
        **constant_sections(blobs, target),
        **({} if artifact.early is None else {f"early:{target}": sorted(artifact.early)}),
        **({RECORD + target: artifact.record} if artifact.record else {}),
        **({KERNELS + target: kernel_section(artifact.kernels)} if artifact.record else {}),
        **({TIMES + target: list(artifact.times)} if artifact.times else {}),
        f"constants:{target}": artifact.constants,
        f"library:{target}": artifact.library,
    }


def from_sections(container, target: str) -> Artifact:
    """The artifact for ``target`` that ``sections`` wrote.

    Raises:
        FormatError: the container holds none, or its program text is damaged.
    """
    text, blobs = container.text(f"program:{target}"), constants_in(container, target)
    try:
        program = parse(text, blobs)
    except FormatError as error:
        raise container.error(f"section 'program:{target}': {error}") from None
    if not isinstance(program, Program):
        raise container.error(f"section 'program:{target}' holds a {type(program).__name__}")
    holder = container.text(SAME + target) if SAME + target in container else target
    constants = container[f"constants:{holder}"]
    fault = fault_of(program.signature) or missing_in(program, len(constants)) or (steps_fault(program) if target in GPUS else "")
    if fault:
        raise container.error(f"section 'program:{target}': {fault}")
    early = _early(container, target, len(program.signature.inputs)) if f"early:{target}" in container else None
    return Artifact(program, Blob.of(constants), container[f"library:{target}"], target, early)


def _early(container, target: str, inputs: int) -> frozenset[int]:
    found = container.json(f"early:{target}")
    if not isinstance(found, list) or any(type(k) is not int or not 0 <= k < inputs for k in found):
        raise container.error(f"section 'early:{target}' must list positions of the {inputs} inputs")
    return frozenset(found)


@dataclass(frozen=True)
class Timed:
    """A program that looks at the clock between its steps.

    Attributes:
        executable: computes what that of ``compile_graph`` does, and one output more, which ``times`` reads.
        program: as it is without clocks.
        made: the optimised Node that each of its buffers holds.
    """

    executable: Executable
    program: Program
    made: dict
    clock: Clock

    def times(self, words: np.ndarray, hosts: dict[int, int], end: int) -> Times:
        """What a run wrote: its last output, when its host steps began as ``mark`` was told, and when the run had ended."""
        return Times(self.program, self.clock, words, hosts, end)


def load_timed(
    graph: Graph, mark: Callable[[int], None], options: Options = Options(), detailed: bool = False,
    optimised: Graph | None = None,
) -> Timed:  # fmt: skip
    """Compile a graph so that its runs tell how long their steps take; the kernels are those of ``compile_graph``.

    Args:
        mark: called with the number of each step that runs on the host, when it begins.
        detailed: with single events, and the parts of parallel loops.
        optimised: what ``optimise`` made of the graph, where that is known.
    """
    notes = _later("graphc.ir.notes").Notes()
    with stage("compile", graph.name):
        program = lower_graph(optimised or optimise(graph, options), options, notes)
        timed, clock = with_clock(program, detailed)
        made = {name: node for name, (of, node) in notes.holds.items() if of is notes.graph}
        return Timed(load(assemble(timed, options, clock=clock), options, mark), program, made, clock)


def load(
    artifact: Artifact, options: Options = Options(), mark: Callable[[int], None] | None = None, lines: tuple[str, ...] = ()
) -> Executable:
    """A callable for an artifact made for this machine; ``options`` are for what its host steps call.

    Args:
        mark: called with the number of each host step when it begins.
        lines: the user's lines that numbers in the artifact stand for.
    """
    program = artifact.program
    buffers = {b.name: b for b in program.buffers}
    numbers = iter([k for k, step in enumerate(flat(program.steps)) if isinstance(step, Host)])
    parts = [
        _host_step(item, buffers, options, mark and functools.partial(mark, next(numbers))) if isinstance(item, Host) else item
        for item in segments(program)
    ]  # fmt: skip
    kept = artifact if reasons_of(program) else replace(artifact, library=b"", constants=EMPTY, record=b"", times=(), kernels=())  # for other lines, see compile_graph
    explain, late = functools.partial(_refusal, kept, lines), _late_sizes(program)
    target = target_of(options)
    if isinstance(target, Gpu):
        hosts = [part for part in parts if not isinstance(part, int)]
        number = device_number(options.target)
        return _later(_GPU).executable(entry_name(program), program, target, artifact.library, artifact.constants.view, hosts, explain, late, number)
    support = load_support()  # defines the thread pool that the library uses
    library = Library(artifact.library)
    if mark is not None and POOL in library:
        ctypes.c_void_p.from_address(library.address(POOL)).value = support.library.address("gc_parallel")
    host_steps = parts if len(parts) > 1 else None
    return Executable(
        entry_name(program), program.signature, library, artifact.constants.view, host_steps, release_gil=_may_take_long(program),
        explain_failure=explain, late=late, early=artifact.early,
    )  # fmt: skip


def _refusal(artifact: Artifact, lines: tuple[str, ...], code: int) -> Exception:
    """The error for sizes or values that a Program refused."""
    program = artifact.program
    if code <= len(program.checks):
        check = program.checks[code - 1]
        return ShapeError(explain(f"{check.message} (for the sizes given, {scalar_text(check.condition)} does not hold)", (), check.location))
    place = code - len(program.checks) - 2
    if place < 0:
        return ShapeError(explain("the sizes given make a value of more than 64 TiB"))
    message, line = reasons_of(program)[place]
    line = lines[int(line)] if lines else line
    error = InvalidArgumentError(explain(message, (), location_of(line)))
    error.reason = message, line  # for who knows better which line that is
    return error


def _may_take_long(program: Program) -> bool:
    """True if a run may take longer than handing the interpreter to another thread costs."""
    return any(type(b.type.size) is not int or b.type.size > LONG_SIZE for b in program.buffers)


def _late_sizes(program: Program) -> LateSizes | None:
    known = symbols_in(tuple([p.type for p in program.signature.inputs]))
    if len(known) == len(program.signature.symbols):
        return None
    return LateSizes(tuple([c.condition for c in program.checks]), tuple([(b.type, b.place) for b in program.buffers]))


def _host_step(step: Host, buffers: dict, options: Options, begun: Callable[[], None] | None) -> HostStep:
    args = tuple((buffers[n].type, buffers[n].place) for n in step.args)
    results = tuple((buffers[n].type, buffers[n].place) for n in step.results)
    attrs = tuple([(k, _host_graph(v, options) if isinstance(v, Graph) else v) for k, v in step.attrs if k != "sizes"])
    function = row(step.op).numpy
    if begun is not None:
        function = functools.partial(_told, begun, function)
    return HostStep(function, args, results, step.op, step.location, attrs)


def _told(begun: Callable[[], None], function: Callable, *args, **attrs):
    """What the function answers, after telling that it begins."""
    begun()
    return function(*args, **attrs)


def _host_graph(graph: Graph, options: Options) -> HostGraph:
    alone, sizes = _later("graphc.passes.standalone").standalone(graph)
    types = (tuple([x.type for x in graph.inputs]), tuple([y.type for y in graph.outputs]))
    return HostGraph(functools.partial(compile_graph, alone, options), *types, sizes)


# ------------------------------------------------------------------------------------------------- caching


_COMPILER = ("ir", "prims", "rewrite", "passes", "lower", "codegen", "runtime")


@functools.cache
def build_digest(folders: tuple[str, ...] = _COMPILER) -> str:
    """Names the compiler itself: its version, and the sizes and times of its files, so that a changed compiler starts anew."""
    root = Path(__file__).parent
    found = hashlib.sha256(VERSION.encode())
    for folder in folders:
        for path, _, files in sorted(os.walk(root / folder)):
            for file in sorted(files):
                if file.endswith((".py", ".ll", ".cuh", ".hpp", ".cpp")):
                    status = os.stat(os.path.join(path, file))
                    found.update(f"{folder}/{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def key_parts(graph: Graph, options: Options) -> dict[str, str]:
    """Everything that a compiled program depends on, by name."""
    return {"graph": graph_text(graph, locations=False), **option_parts(options)}


def option_parts(options: Options) -> dict[str, str]:
    target = target_of(options)
    is_cuda = isinstance(target, Gpu) and not target.is_emulated
    return {
        "target": target.name,
        **({"CUDA compiler": _later(_CUDA).identity_here()} if is_cuda else {}),
        "fast_math": str(options.fast_math),
        "allow": " ".join(sorted(options.allow)),
        "skip": " ".join(options.skip),
        "checks": str(options.checks),
        "machine": str(options.machine),
        "version": VERSION,
        "compiler": build_digest(),
    }


_loaded: weakref.WeakValueDictionary[tuple, Executable] = weakref.WeakValueDictionary()
_refusing: weakref.WeakValueDictionary[str, Artifact] = weakref.WeakValueDictionary()  # loaded once for each set of lines
_lock = threading.Lock()


def compile_graph(graph: Graph, options: Options = Options(), on_pass: Callable | None = None) -> Executable:
    """Compile a graph for this machine, or find it: in this process, in the cache on disk, else by running the pipeline.

    Args:
        graph: the graph to compile; its input and output types may have symbolic dimensions.
        on_pass: sees every pass (and therefore makes the pipeline run).

    Returns:
        An Executable: called with one array per input, it returns a tuple of arrays.

    Raises:
        CompileError: a stage could not produce its result; the message names the operation and the user's line.
    """
    graph = canonical(graph)
    if (pieces := parts_of(graph, options)) is not None:
        return placed(pieces, options, functools.partial(compile_graph, on_pass=on_pass))
    numbered, lines = number_lines(graph)
    parts = key_parts(numbered, options)
    digest = digest_of(parts)
    with _lock:
        key = digest, lines, device_number(options.target)
        if on_pass is None and (found := _loaded.get(key)) is not None:
            return found
        artifact = _refusing.get(digest) if on_pass is None and lines else None
        artifact = _with_lines(artifact or _artifact(numbered, options, on_pass, parts, digest), graph)
        made = load(artifact, options, lines=lines)
        if not has_callbacks(graph):  # which two graphs of one text may have different ones of
            _loaded[key] = made
            if lines:
                _refusing[digest] = artifact
        return made


def _artifact(graph: Graph, options: Options, on_pass, parts: dict, digest: str) -> Artifact:
    target = target_of(options).name
    keep = options.cache and not has_callbacks(graph)
    cache = default_cache()
    if keep and on_pass is None:
        entry = cache.get(digest)
        if entry is not None:
            try:
                return from_sections(entry, target)
            except FormatError:
                pass  # whole, but not what is written today: it is made anew and written over
    if not keep:
        return build(graph, options, on_pass)
    with cache.draft(digest, parts) as draft:

        def begin(artifact: Artifact) -> None:
            made = sections(artifact)
            draft.begin(made)
            for name in tuple(made)[:-1]:  # the library, still to be made, is the last
                draft.add(made[name])

        artifact = build(graph, options, on_pass, begin)
        draft.add(artifact.library)
        if draft.keep() and len(artifact.constants) >= _LARGE and (entry := draft.kept()) is not None:
            return from_sections(entry, target)  # weights are mapped then instead of held
    return artifact


def _with_lines(artifact: Artifact, graph: Graph) -> Artifact:
    """An artifact whose inputs and outputs know the lines of the graph that asked for it, not those of an equal one."""
    signature = artifact.program.signature
    inputs, outputs = (
        tuple(replace(param, location=node.location) for param, node in zip(params, nodes))
        for params, nodes in ((signature.inputs, graph.inputs), (signature.outputs, graph.outputs))
    )
    signature = replace(signature, inputs=inputs, outputs=outputs)
    return replace(artifact, program=replace(artifact.program, signature=signature))


def cached(graph: Graph, options: Options = Options()) -> tuple[str, Path | None]:
    """The digest under which the cache keeps what the graph compiles to, and the file where it is kept already."""
    numbered, _ = number_lines(canonical(graph))
    digest = digest_of(key_parts(numbered, options))
    return digest, default_cache().find(digest)


def has_callbacks(graph: Graph) -> bool:
    """True if the graph, or one inside it, calls Python functions that no file can hold: those that are not registered."""
    every = (n for _, nodes in graphs_in(graph) for n in nodes)
    return any(n.op in ("host", "python") and not isinstance(n.attr("callback"), str) for n in every)
