"""Every stage of one compilation: the graph after each pass, the Program, LLVM IR and assembly."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from graphc.codegen.llvm.emit import kernel_text
from graphc.compile import emit, lower_graph, optimise_recorded, target_of
from graphc.compile_placed import parts_of
from graphc.errors import GraphcError, UsageError
from graphc.inspect.gpu_code import FORMS, GpuCode
from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import Kernel
from graphc.ir.node import Node
from graphc.ir.notes import Notes
from graphc.ir.program import Program
from graphc.ir.record import OPTIMISED, TRACED, Record
from graphc.ir.recorder import Recorder
from graphc.ir.target import Target
from graphc.options import Options
from graphc.passes.canonical import canonical
from graphc.passes.nested import graphs_in

_FUNCTION = re.compile(r'define .*?@("[^"]*"|[\w.$-]+)\(')
_LABEL = re.compile(r'("[^"]*"|[A-Za-z_][\w.$]*):')


@dataclass(frozen=True)
class PassRecord:
    """One run of one pass; a second run of ``simplify`` is called ``simplify.2``."""

    name: str
    before: Graph
    after: Graph
    seconds: float

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class _Optimisation:
    """What running the passes left; ``optimised`` is None where one of them failed."""

    passes: tuple[PassRecord, ...]
    optimised: Graph | None
    record: Record
    recorder: Recorder
    failure: GraphcError | None


class Stages:
    """Compiles a graph step by step and keeps what each step made; nothing is computed before it is asked for."""

    def __init__(self, graph: Graph, options: Options = Options()):
        self.graph = graph
        self.options = options

    @functools.cached_property
    def _optimisation(self) -> "_Optimisation":
        graphs: list[tuple[Graph, Graph]] = []
        recorder, optimised, failure = Recorder(), None, None
        try:
            optimised = optimise_recorded(self.graph, self.options, recorder, lambda _, *both: graphs.append(both))
        except GraphcError as error:
            failure = error
        record = Record.read(recorder.encoded(), recorder.times)
        passes = [PassRecord(p.name, *both, p.seconds) for p, both in zip(record.passes, graphs, strict=True)]
        return _Optimisation(tuple(passes), optimised, record, recorder, failure)

    @property
    def passes(self) -> tuple[PassRecord, ...]:
        """Each pass in order, with the graphs before and after it; those before the one that failed, if one did."""
        return self._optimisation.passes

    @property
    def failure(self) -> GraphcError | None:
        """What the pass raised that failed, if one did."""
        return self._optimisation.failure

    @property
    def optimised(self) -> Graph:
        """The graph after the last pass.

        Raises:
            GraphcError: a pass failed.
        """
        if self.failure is not None:
            raise self.failure
        return self._optimisation.optimised

    @property
    def record(self) -> Record:
        """What the passes did, as artefacts hold it; nothing is lowered for it."""
        return self._optimisation.record

    @functools.cached_property
    def whole_record(self) -> Record:
        """What passes and lowering did, as artefacts hold it."""
        recorder = self._optimisation.recorder
        recorder.note_lowering(self._lowering[1], self.program)
        return Record.read(recorder.encoded(), recorder.times)

    def at(self, stage: str) -> Graph:
        """The graph after a pass, or ``traced`` or ``optimised``.

        Raises:
            UsageError: no pass of that name ran.
        """
        if stage == OPTIMISED or not self.passes:
            return self.optimised
        return self.passes[0].before if stage == TRACED else self.find_pass(stage).after

    @functools.cached_property
    def target(self) -> Target | Gpu:
        return target_of(self.options)

    @functools.cached_property
    def _lowering(self) -> tuple[Program, Notes]:
        notes = Notes()
        return lower_graph(self.optimised, self.options, notes), notes

    @property
    def parts(self) -> str:
        """What runs on which device, where the graph names several; each part is compiled as a graph of its own."""
        found = parts_of(canonical(self.graph), self.options)
        return f"all of {self.graph.name} runs on one device\n" if found is None else str(found)

    @property
    def program(self) -> Program:
        """The lowered program with its kernels."""
        return self._lowering[0]

    @functools.cached_property
    def launched(self) -> dict[str, list[tuple[Node, ...]]]:
        """For every kernel, by name, the operations of the optimised graph that each launch of it computes."""
        return self._lowering[1].launched()

    @functools.cached_property
    def origins(self) -> dict[str, tuple[Node, ...]]:
        """For every kernel, by name, the operations of the optimised graph that all its launches compute."""
        return {name: tuple(dict.fromkeys(n for nodes in each for n in nodes)) for name, each in self.launched.items()}

    @functools.cached_property
    def llvm(self) -> str:
        """The module of the whole program.

        Raises:
            UsageError: it is for GPUs.
        """
        self._expect_cpu()
        return emit(self.program, self.options)

    @functools.cached_property
    def device_code(self) -> GpuCode:
        """The code of a program for GPUs.

        Raises:
            UsageError: it is for CPUs.
        """
        if not isinstance(self.target, Gpu):
            raise UsageError(f"the program is for {self.target.name}; {', '.join(FORMS)} are of GPUs: --target cuda:sm_90a")
        return GpuCode(self.program, self.target)

    def _expect_cpu(self) -> None:
        if isinstance(self.target, Gpu):
            raise UsageError(f"the program is for {self.target.name}, whose kernels are no LLVM IR; there are {', '.join(FORMS)}")

    @functools.cached_property
    def assembly(self) -> str:
        """The module of the whole program, as the assembler reads it."""
        return self._assembled(self.llvm)

    def _assembled(self, text: str) -> str:
        from graphc.runtime.jit import assembly  # imports LLVM: only when assembly is wanted

        return assembly(text, self.target)

    @property
    def sources(self) -> dict[str, str]:
        """The text of the user's lines, by what messages call them, where it can be read."""
        places = {n.location for _, nodes in graphs_in(self.graph) for n in nodes if n.location is not None}
        return {" ".join(str(at).split()): at.source for at in places}

    def code_lines(self, form: str) -> Callable[[str], str] | None:
        """Tells where a kernel stands in the ``llvm``, ``asm`` or ``cuda`` text of the program; None for ``loops``.

        Raises:
            UsageError: the form is of another target, or has no lines of the program.
        """
        if form == "loops":
            return None
        if form in FORMS:
            return self._device_lines(form)
        text, title = (self.llvm, "LLVM IR") if form == "llvm" else (self.assembly, "assembly")

        def told(kernel: str) -> str:
            places = [f"{begin} to {end}" for begin, end in function_lines(text, f"k_{kernel}")]
            where = f"lines {' and '.join(places)} of --stage {form}" if places else "the code of an equal kernel serves"
            return f"{title}: @k_{kernel}, {where}"

        return told

    def _device_lines(self, form: str) -> Callable[[str], str]:
        """As ``code_lines``, for a program for GPUs."""
        if form != "cuda":
            raise UsageError(f"--why tells the lines of llvm, asm and cuda; for {form} give --kernel")

        def told(kernel: str) -> str:
            place = self.device_code.lines(kernel)
            return f"CUDA C++: {kernel}, lines {place[0]} to {place[1]} of --stage cuda"

        return told

    def find_pass(self, name: str) -> PassRecord:
        """The record of one pass.

        Raises:
            UsageError: no pass of that name ran.
        """
        for record in self.passes:
            if record.name == name:
                return record
        raise UsageError(f"no pass {name!r}; these ran: {', '.join(r.name for r in self.passes)}")

    def kernel(self, name: str) -> Kernel:
        """One kernel of the program.

        Raises:
            UsageError: the program has none of that name.
        """
        for kernel in self.program.kernels:
            if kernel.name == name:
                return kernel
        raise UsageError(f"no kernel {name!r}; this program has: {', '.join(k.name for k in self.program.kernels)}")

    def schedule(self, name: str) -> str:
        """Why a kernel has its schedule; empty where nobody said."""
        return self.kernel(name).why

    def kernel_as(self, name: str, form: str) -> str:
        """One kernel as ``loops`` (its loop tree), ``llvm`` or ``asm``; of GPUs as ``cuda``, ``ptx``, ``sass`` or ``resources``.

        Raises:
            UsageError: there is no such kernel, or the form is of another kind of target.
        """
        kernel = self.kernel(name)
        if form == "loops":
            return str(kernel)
        if form in FORMS:
            return self.device_code.kernel_as(kernel, form)
        self._expect_cpu()
        text = kernel_text(kernel, self.target)
        return text if form == "llvm" else _functions(self._assembled(text), f"k_{name}")


def function_lines(text: str, symbol: str) -> list[tuple[int, int]]:
    """Where a kernel and its parallel loops stand in a module's LLVM IR or assembly: numbers of first and last lines, from 1."""
    found, begin = [], None
    for number, line in enumerate(text.splitlines(), 1):
        head = _FUNCTION.match(line) or _LABEL.match(line)
        if head is not None:
            name = head.group(1).strip('"')
            begin = number if name == symbol or re.fullmatch(re.escape(symbol) + r"_p[0-9]+", name) is not None else begin
        if begin is not None and (line == "}" or line.startswith(".Lfunc_end")):
            found.append((begin, number))
            begin = None
    return found


def _functions(assembly: str, symbol: str) -> str:
    """The parts of an assembly listing that belong to one kernel and its parallel loops."""
    lines = assembly.splitlines()
    kept = [line for begin, end in function_lines(assembly, symbol) for line in lines[begin - 1 : end]]
    return "\n".join(line for line in kept if not line.lstrip().startswith((".p2align", ".type", ".size", ".cfi")))
