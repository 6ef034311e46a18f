"""Read a container: the graph it was made from, or a callable that needs no compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.aot.devices import asked_device, described, kind_of, listed
from graphc.aot.gpu_sections import serving, shares_in
from graphc.aot.shared import SharedModel, load_shared
from graphc.compile import RECORD, compile_graph, from_sections
from graphc.compile import load as load_artifact
from graphc.errors import DeviceUnavailable, FormatError, GraphcError, UsageError
from graphc.ir.dtype import as_dtype
from graphc.ir.gpu import CUDA, EMULATED
from graphc.ir.graph import Graph
from graphc.ir.machine import DEFAULT, Machine, machine_of
from graphc.ir.parser import parse
from graphc.options import ALLOWED, VERSION, Options
from graphc.runtime.container import Container
from graphc.runtime.executable import Executable
from graphc.runtime.gpus import CPU, device_number, expect_gpu, found_gpus, why_none
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
        shares: those of the targets whose code is under the name of another one.
        ptx: the target that there is PTX for, which drivers compile for newer GPUs; None without it.
    """

    container: Container
    path: str
    targets: tuple[str, ...]
    weights: dict
    fast_math: bool
    checks: bool
    allow: tuple[str, ...] = ()
    machine: Machine = DEFAULT
    shares: Mapping[str, str] = field(default_factory=dict)
    ptx: str | None = None

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
    allow = tuple(n for n in ALLOWED if n in allowed)
    return Model(container, str(path), tuple(targets), weights, manifest.get("fast_math") is True,
                 manifest.get("checks") is not False, allow, _machine(manifest, path), *shares_in(manifest, targets, container))  # fmt: skip


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


def load(path, entry: str | None = None, device: str | None = None) -> Executable | SharedModel:
    """A callable for the model in a container or shared library: one array per input, a tuple of arrays as the result.

    Native code that the device can run is used as it is; a container for other machines is compiled.

    Args:
        entry: the name of the function, for a library of several.
        device: ``cpu``, ``cuda:0`` (or another number) or ``cuda-emulated``; else the environment variable GRAPHC_DEVICE says it. Where
            nothing does, a container with code for GPUs runs on the first GPU, and without a GPU on the CPU if it has code for that.

    Raises:
        UsageError: there is no such function or device, or there are several functions and none is named.
        FormatError: the file is damaged, truncated or no model.
        OSError: it cannot be read.
        DeviceUnavailable: it is a library, or was compiled from a Program, for another machine; or the device is not there.
        CompileError: it holds no code for the device, and its graph cannot be compiled.
    """
    asked = asked_device(device)
    if _is_elf(path):
        if device is not None and kind_of(asked) != CPU:
            raise UsageError(f"device={device!r}: {path} is a shared library, which runs on the CPU; containers hold code for GPUs")
        return load_shared(path, entry)
    if entry is not None:
        raise UsageError(f"entry={entry!r} names a function of a library of several; {path} is a container, which has one")
    model = read(path)
    if asked is None:
        asked = _usual_device(model)
    if kind_of(asked) == CPU:
        return _on_cpu(model)
    target, there = _gpu_code(model, asked)
    options = Options(target=asked if kind_of(asked) == CUDA else target or EMULATED, fast_math=model.fast_math, checks=model.checks, allow=model.allow)
    if target is not None:
        return _loaded(model, model.shares.get(target, target), options)
    return _compiled(model, options, there)


def _usual_device(model: Model) -> str:
    """Where a model runs if nobody says where.

    Raises:
        DeviceUnavailable: it has code for GPUs alone, and there is none.
    """
    if not any(name.startswith(f"{CUDA}:") for name in model.targets):
        return CPU
    has_cpu_code = not {*run_by(host_target().name)}.isdisjoint(model.targets)
    gpus = found_gpus()
    if gpus and (serving(gpus[0].capability, model.targets, model.ptx) or not has_cpu_code):
        return f"{CUDA}:0"
    if has_cpu_code:
        return CPU
    advice = "; device='cpu' compiles its graph for the CPU" if model.has_graph else ""
    raise DeviceUnavailable(f"{model.path} holds code for {listed(model.targets, model.ptx)}, and there is no GPU: {why_none()}{advice}")


def _gpu_code(model: Model, device: str) -> tuple[str | None, str]:
    """The target whose code serves a device, if one does, and what the device is.

    Raises:
        DeviceUnavailable: the device is not there.
    """
    if kind_of(device) == EMULATED:
        return next((name for name in model.targets if name.startswith(f"{EMULATED}:")), None), device
    gpu = expect_gpu(device_number(device), device)
    return serving(gpu.capability, model.targets, model.ptx), described(gpu, device)


def _on_cpu(model: Model) -> Executable:
    host, options = host_target().name, Options(fast_math=model.fast_math, checks=model.checks, allow=model.allow)
    for target in run_by(host):
        if target in model.targets:
            container = model.container
            load_support({n.removeprefix(SUPPORT): container[n] for n in container.names if n.startswith(SUPPORT)})
            return _loaded(model, target, options)
    return _compiled(model, options, f"this machine ({host})")


def _loaded(model: Model, target: str, options: Options) -> Executable:
    """The code of a target as it is in the file."""
    try:
        return load_artifact(from_sections(model.container, target), replace(options, machine=model.machine))
    except GraphcError as error:
        if model.path in str(error):
            raise
        raise type(error)(f"{model.path}: the code for {target}: {error}") from error


def _compiled(model: Model, options: Options, there: str) -> Executable:
    """The graph compiled anew, where no code in the file fits; ``there`` says what is there instead."""
    made = listed(model.targets, model.ptx)
    if not model.has_graph:
        raise DeviceUnavailable(f"{model.path} was compiled from a program for {made}, whose code {there} cannot run, and holds no graph that could be "
                                "compiled anew")  # fmt: skip
    try:
        return compile_graph(model.graph, options)
    except GraphcError as error:
        raise type(error)(f"{model.path} holds code for {made}; compiling it anew for {there} failed: {error}") from error
