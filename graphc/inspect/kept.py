"""What a file holds of a compilation: every stage of it, without compiling anything."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from graphc.compile import KERNELS, RECORD, TIMES, from_sections
from graphc.errors import FormatError, UsageError
from graphc.inspect.gpu_code import GpuCode
from graphc.inspect.kept_gpu_code import KeptGpuCode
from graphc.inspect.stages import PassRecord, Stages
from graphc.inspect.values import named_nodes
from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel_section import read_kernels
from graphc.ir.machine import machine_of
from graphc.ir.node import Node
from graphc.ir.parser import parse
from graphc.ir.program import Program
from graphc.ir.record import LOWERED, OPTIMISED, TRACED, Record
from graphc.options import Options
from graphc.runtime.container import Container
from graphc.runtime.host import host_target, run_by


class Kept(Stages):
    """The stages of a compilation as a model's container, or an entry of the cache, holds them.

    Weights are not read: in these graphs large constants are known by their names only, so they are for looking at, and
    must not be compiled or run.
    """

    def __init__(self, container: Container, path: str, target: str):
        self.path = path
        self._container = container
        self._holder = _shares(container).get(target, target)
        self.has_program = KERNELS + self._holder in container
        self.options = _options(container, target)

    @functools.cached_property
    def graph(self) -> Graph:
        return self._parsed(TRACED)

    @functools.cached_property
    def optimised(self) -> Graph:
        return self._parsed(OPTIMISED)

    failure = None

    @functools.cached_property
    def record(self) -> Record:
        name = TIMES + self._holder
        times = self._container.json(name) if name in self._container else []
        if not isinstance(times, list) or not all(type(ms) in (int, float) for ms in times):
            raise self._container.error(f"section '{name}' must list milliseconds")
        return self._read(RECORD, lambda section: Record.read(section, times))

    @property
    def whole_record(self) -> Record:
        return self.record

    @functools.cached_property
    def passes(self) -> tuple[PassRecord, ...]:
        graphs = [self.graph]
        for one in self.record.passes:
            graphs.append(self.at(one.name) if one.changed else graphs[-1])
        return tuple([PassRecord(p.name, a, b, p.seconds) for p, a, b in zip(self.record.passes, graphs, graphs[1:])])

    def at(self, stage: str) -> Graph:
        if stage == TRACED:
            return self.graph
        return self.optimised if stage == OPTIMISED else self._parsed(stage)

    def _parsed(self, stage: str) -> Graph:
        text = "\n".join(self.record.at(stage))
        return self._read(RECORD, lambda _: parse(text, named=True))

    @functools.cached_property
    def program(self) -> Program:
        artifact = from_sections(self._container, self._holder)
        kernels = self._read(KERNELS, read_kernels)
        return replace(artifact.program, kernels=kernels, constants=artifact.constants)

    def _read(self, section: str, read: Callable):
        """What ``read`` makes of a section; its errors name the file."""
        try:
            return read(self._container[section + self._holder])
        except FormatError as error:
            raise self._container.error(f"section '{section}{self._holder}': {error}") from None

    @functools.cached_property
    def launched(self) -> dict[str, list[tuple[Node, ...]]]:
        """As in Stages; nothing where the file was written before such things were noted."""
        found: dict[str, list[tuple[Node, ...]]] = {}
        values = named_nodes(self.record.at(LOWERED)) if self.record.lowering is not None else {}
        for launch in self.record.lowering.launches if values else ():
            found.setdefault(launch.kernel, []).append(tuple([values[launch.graph][name] for name in launch.values]))
        return found

    def schedule(self, name: str) -> str:
        return self.record.lowering.schedules.get(name, "") if self.record.lowering is not None else ""

    @property
    def code_size(self) -> int:
        """Bytes of the machine code in the file."""
        return len(self._container[f"library:{self._holder}"])

    @functools.cached_property
    def device_code(self) -> GpuCode:
        if not isinstance(self.target, Gpu) or self.target.is_emulated:
            return super().device_code
        has_text = _manifest(self._container).get("ptx") == self.target.name
        return KeptGpuCode(self.program, self.target, self._container, self._holder, has_text)


def kept(path, target: str | None = None, fast_math: bool = False) -> Kept | None:
    """What a file holds of a compilation; None where it holds no such one.

    Args:
        target: that it was compiled for; by default what this machine runs, the best first, else the first there is.
        fast_math: whether it must have been compiled with it.

    Raises:
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    container = Container.open(path)
    name = _best(_targets(container), target)
    found = None if name is None else Kept(container, str(path), name)
    return None if found is None or (fast_math and not found.options.fast_math) else found


def shown_target(path) -> str | None:
    """The target that views of a file are for where none is named; None where it was compiled for none.

    Raises:
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    return _best(targets_in(path), None)


def _best(there: list[str], target: str | None) -> str | None:
    wanted = [target] if target is not None else [*run_by(host_target().name), *there]
    return next((name for name in wanted if name in there), None)


def targets_in(path) -> list[str]:
    """The targets that a file was compiled for.

    Raises:
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    return _targets(Container.open(path))


def _targets(container: Container) -> list[str]:
    own = [name.removeprefix(RECORD) for name in container.names if name.startswith(RECORD)]
    return [*own, *[name for name, holder in _shares(container).items() if holder in own]]


def _manifest(container: Container) -> dict:
    found = container.json("manifest") if "manifest" in container else {}
    return found if isinstance(found, dict) else {}


def _shares(container: Container) -> dict[str, str]:
    """The targets whose code is under the name of another one."""
    found = _manifest(container).get("shares", {})
    return found if isinstance(found, dict) and all(isinstance(holder, str) for holder in found.values()) else {}


def _options(container: Container, target: str) -> Options:
    """How the file says that its program was compiled, as far as views need it."""
    said = container.json("manifest" if "manifest" in container else "key")
    try:
        changes = said.get("machine", {})
        if isinstance(changes, str):  # of a cache's entry, as ``Machine`` prints
            changes = {name: int(value) for name, _, value in (word.partition("=") for word in changes.split())}
        return Options(target=target, fast_math=said.get("fast_math") in (True, "True"), machine=machine_of(changes))
    except (AttributeError, TypeError, UsageError, ValueError) as error:
        raise container.error(f"how it was compiled cannot be read: {error}") from None
