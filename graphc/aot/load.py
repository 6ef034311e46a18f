"""Read a container: the graph it was made from, or a callable that needs no compiler."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphc.aot.shared import SharedModel, load_shared
from graphc.compile import RECORD, compile_graph, from_sections
from graphc.compile import load as load_artifact
from graphc.errors import DeviceUnavailable, FormatError, GraphcError, UsageError
from graphc.ir.dtype import as_dtype
from graphc.ir.graph import Graph
from graphc.ir.machine import DEFAULT, Machine, machine_of
from graphc.ir.parser import parse
from graphc.options import INEXACT, VERSION, Options
from graphc.runtime.container import Container
from graphc.runtime.executable import Executable
from graphc.runtime.host import host_target, run_by
from graphc.runtime.support import load_support

FORMAT = 1
SUPPORT = "support:"  # a section with the process-wide support library, so that loading never has to compile it


@dataclass(frozen=True)
class Model:
    """The content of a container, read and checked.

    Attributes:
        targets: names of the machines that it holds code for.
        fast_math, checks, allow: how its graph was compiled.
        machine: what schedules assumed of the machine.
    """

    container: Container
    path: str
    targets: tuple[str, ...]
    weights: dict
    fast_math: bool
    checks: bool
    allow: tuple[str, ...] = ()
    machine: Machine = DEFAULT

    @property
    def graph(self) -> Graph:
        """The graph with its weights, as it was before any pass. The weights are views of the mapped file until used.

        Raises:
            UsageError: there is none, as it was compiled from a Program.
            FormatError: text or weights do not fit together.
        """
        if not self.has_graph:
            raise UsageError(f"{self.path} was compiled from a program: it has machine code for {', '.join(self.targets)}, and no graph")
        text, blobs = self.container.text("graph"), self.blobs()
        try:
            found = parse(text, blobs)
        except FormatError as error:
            raise FormatError(f"{self.path}: section 'graph': {error}") from None
        if not isinstance(found, Graph):
            raise FormatError(f"{self.path}: the section 'graph' holds a {type(found).__name__}")
        return found

    @property
    def has_graph(self) -> bool:
        """Whether it was compiled from a graph; what was compiled from a Program has machine code alone."""
        return "graph" in self.container

    def blobs(self) -> dict[str, np.ndarray]:
        """The large constants by digest: read-only views, aligned to 64 bytes.

        Raises:
            FormatError: an entry of the manifest does not fit the section.
        """
        section = self.container["weights"]
        found = {}
        for digest, entry in self.weights.items():
            try:
                begin, size = int(entry["offset"]), int(entry["bytes"])
                if begin < 0 or size < 0 or begin + size > len(section):
                    raise ValueError(f"bytes {begin} to {begin + size} lie outside the section of {len(section)} bytes")
                raw = section[begin : begin + size]
                found[digest] = np.frombuffer(raw, as_dtype(entry["dtype"]).numpy).reshape(entry["shape"])
            except (KeyError, OverflowError, TypeError, ValueError) as error:
                raise FormatError(f"{self.path}: weight {digest}: {error}") from None
        return found


def read(path) -> Model:
    """Open and verify a container.

    Raises:
        FormatError: it is damaged, truncated or no model.
        OSError: it cannot be read.
    """
    container = Container.open(path)
    if "manifest" not in container and any(name.startswith(RECORD) for name in container.names):
        raise FormatError(f"{path} is an entry of the cache: its code and record can be looked at by graphc inspect, but it holds no "
                          "graph with its weights to compile or run; name the model itself")  # fmt: skip
    if "manifest" not in container:
        raise FormatError(
            f"{path} is a container, but holds no model; it has {', '.join(container.names) or 'nothing'}"
        )
    manifest = container.json("manifest")
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise FormatError(f"{path}: the manifest of this container is not that of a model")
    if manifest["format"] != FORMAT:
        raise FormatError(
            f"{path}: graphc {manifest.get('graphc')} wrote format {manifest['format']!r}, and this version of graphc, {VERSION}, reads format {FORMAT}; "
            "load it with that version, or write it again with this one"
        )
    targets, weights = manifest.get("targets"), manifest.get("weights")
    if not isinstance(targets, list) or not all(isinstance(t, str) for t in targets) or not isinstance(weights, dict):
        raise FormatError(f"{path}: the manifest must list targets and weights")
    allowed = manifest.get("allow", [])
    if not isinstance(allowed, list):
        raise FormatError(f"{path}: 'allow' in the manifest must list names")
    allow = tuple(n for n in INEXACT if n in allowed)
    return Model(container, str(path), tuple(targets), weights, manifest.get("fast_math") is True,
                 manifest.get("checks") is not False, allow, _machine(manifest, path))  # fmt: skip


def _machine(manifest: dict, path) -> Machine:
    changes = manifest.get("machine", {})
    try:
        if isinstance(changes, dict):
            return machine_of(changes)
    except UsageError as error:
        raise FormatError(f"{path}: the manifest of this container: {error}") from None
    raise FormatError(f"{path}: the machine in the manifest must be numbers by name")


def _is_elf(path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def load(path, entry: str | None = None) -> Executable | SharedModel:
    """A callable for the model in a container or shared library: one array per input, a tuple of arrays as the result.

    Native code that this machine can run is used as it is; a container for other machines is compiled.

    Args:
        entry: the name of the function, for a library of several.

    Raises:
        UsageError: there is no such function, or there are several and none is named.
        FormatError: the file is damaged, truncated or no model.
        OSError: it cannot be read.
        DeviceUnavailable: it is a library, or was compiled from a Program, for another machine.
        CompileError: it holds no code for this machine, and its graph cannot be compiled.
    """
    if _is_elf(path):
        return load_shared(path, entry)
    if entry is not None:
        raise UsageError(f"entry={entry!r} names a function of a library of several; {path} is a container, which has one")
    model = read(path)
    host, options = host_target().name, Options(fast_math=model.fast_math, checks=model.checks, allow=model.allow)
    for target in run_by(host):
        if target in model.targets:
            container = model.container
            load_support({n.removeprefix(SUPPORT): container[n] for n in container.names if n.startswith(SUPPORT)})
            try:
                return load_artifact(from_sections(container, target), replace(options, machine=model.machine))
            except GraphcError as error:
                if str(path) in str(error):
                    raise
                raise type(error)(f"{path}: the code for {target}: {error}") from error
    if not model.has_graph:
        raise DeviceUnavailable(f"{path} was compiled from a program for {', '.join(model.targets) or 'no machine'}, whose code this machine ({host}) "
                                "cannot run, and holds no graph that could be compiled anew")  # fmt: skip
    try:
        return compile_graph(model.graph, options)
    except GraphcError as error:
        made = ", ".join(model.targets) or "no machine"
        raise type(error)(f"{path} holds code for {made}; compiling it anew for {host} failed: {error}") from error
