"""Every stage of one compilation: the graph after each pass, the Program, LLVM IR and assembly."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from graphc.codegen.llvm.emit import kernel_text
from graphc.compile import emit, lower_graph, optimise_recorded, scheduled_target, target_of
from graphc.errors import UsageError
from graphc.inspect.origins import origins
from graphc.ir.graph import Graph
from graphc.ir.kernel import Kernel
from graphc.ir.node import Node
from graphc.ir.program import Program
from graphc.ir.record import Record
from graphc.ir.target import Target
from graphc.options import Options

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


class Stages:
    """Compiles a graph step by step and keeps what each step made; nothing is computed before it is asked for."""

    def __init__(self, graph: Graph, options: Options = Options()):
        self.graph = graph
        self.options = options

    @functools.cached_property
    def _optimisation(self) -> tuple[tuple[PassRecord, ...], Graph, Record]:
        graphs: list[tuple[Graph, Graph]] = []
        optimised, section = optimise_recorded(self.graph, self.options, lambda _, *both: graphs.append(both))
        record = Record.read(section)
        passes = [PassRecord(p.name, *both, p.seconds) for p, both in zip(record.passes, graphs, strict=True)]
        return tuple(passes), optimised, record

    @property
    def passes(self) -> tuple[PassRecord, ...]:
        """Each pass in order, with the graphs before and after it."""
        return self._optimisation[0]

    @property
    def optimised(self) -> Graph:
        """The graph after the last pass."""
        return self._optimisation[1]

    @property
    def record(self) -> Record:
        """What the passes did, as artefacts hold it."""
        return self._optimisation[2]

    @functools.cached_property
    def target(self) -> Target:
        return target_of(self.options)

    @functools.cached_property
    def _lowering(self) -> tuple[Program, dict[str, Node]]:
        made: dict[str, Node] = {}
        return lower_graph(self.optimised, self.options, made), made

    @property
    def program(self) -> Program:
        """The lowered program with its kernels."""
        return self._lowering[0]

    @property
    def held(self) -> dict[str, Node]:
        """The Node of the optimised graph that each buffer, by name, is made for."""
        return self._lowering[1]

    @functools.cached_property
    def launched(self) -> dict[str, list[tuple[Node, ...]]]:
        """For every kernel, by name, the operations of the optimised graph that each launch of it computes."""
        return origins(self.optimised, scheduled_target(self.options))

    @functools.cached_property
    def origins(self) -> dict[str, tuple[Node, ...]]:
        """For every kernel, by name, the operations of the optimised graph that all its launches compute."""
        return {name: tuple(dict.fromkeys(n for nodes in each for n in nodes)) for name, each in self.launched.items()}

    @functools.cached_property
    def llvm(self) -> str:
        """The module of the whole program."""
        return emit(self.program, self.options)

    @functools.cached_property
    def assembly(self) -> str:
        """The module of the whole program, as the assembler reads it."""
        return self._assembled(self.llvm)

    def _assembled(self, text: str) -> str:
        from graphc.runtime.jit import assembly  # imports LLVM: only when assembly is wanted

        return assembly(text, self.target)

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

    def kernel_as(self, name: str, form: str) -> str:
        """One kernel as ``ir`` (its loop tree), ``llvm`` or ``asm``."""
        kernel = self.kernel(name)
        if form == "ir":
            return str(kernel)
        text = kernel_text(kernel, self.target)
        return text if form == "llvm" else _functions(self._assembled(text), f"k_{name}")


def _functions(assembly: str, symbol: str) -> str:
    """The parts of an assembly listing that belong to one kernel and its parallel loops."""
    kept: list[str] = []
    inside = False
    for line in assembly.splitlines():
        label = _LABEL.match(line)
        if label is not None:
            name = label.group(1).strip('"')
            inside = name == symbol or re.fullmatch(re.escape(symbol) + r"_p[0-9]+", name) is not None
        if inside and not line.lstrip().startswith((".p2align", ".type", ".size", ".cfi")):
            kept.append(line)
        if line.startswith(".Lfunc_end"):
            inside = False
    return "\n".join(kept)
