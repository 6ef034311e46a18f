"""Read a container: the graph it was made from, or a callable that needs no compiler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.compile import compile_graph, from_sections
from graphc.compile import load as load_artifact
from graphc.errors import FormatError, GraphcError
from graphc.ir.dtype import as_dtype
from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.options import Options
from graphc.runtime.container import Container
from graphc.runtime.executable import Executable
from graphc.runtime.host import host_target


@dataclass(frozen=True)
class Model:
    """The content of a container, read and checked."""

    container: Container
    manifest: dict
    path: str

    @property
    def graph(self) -> Graph:
        """The graph with its weights, as it was before any pass.

        Raises:
            FormatError: text or weights do not fit together.
        """
        blobs = {}
        weights = self.container["weights"]
        for digest, entry in self.manifest["weights"].items():
            try:
                begin, size = int(entry["offset"]), int(entry["bytes"])
                raw = weights[begin : begin + size]
                if begin < 0 or len(raw) != size:
                    raise ValueError("it lies outside its section")
                blobs[digest] = np.frombuffer(raw, as_dtype(entry["dtype"]).numpy).reshape(entry["shape"])
            except (KeyError, TypeError, ValueError) as error:
                raise FormatError(f"{self.path}: weight {digest}: {error}") from None
        return parse(self.container.text("graph"), blobs)


def read(path) -> Model:
    """Open and verify a container.

    Raises:
        FormatError: it is damaged, truncated or no model.
    """
    container = Container.open(path)
    manifest = container.json("manifest")
    if not isinstance(manifest, dict) or not {"format", "targets", "weights"} <= manifest.keys():
        raise FormatError(f"{path} is a container but holds no model")
    if manifest["format"] != 1:
        raise FormatError(f"{path} has format {manifest['format']}; this version of graphc reads format 1")
    return Model(container, manifest, str(path))


def load(path) -> Executable:
    """A callable for the model in a container: one array per input, a tuple of arrays as the result.

    Native code for this machine is used as it is; for another machine the graph in the container is compiled.

    Raises:
        FormatError: the file is damaged, truncated or no model.
    """
    model = read(path)
    target = host_target().name
    if target in model.manifest["targets"]:
        return load_artifact(from_sections(model.container, target))
    try:
        return compile_graph(model.graph, Options(fast_math=bool(model.manifest.get("fast_math"))))
    except GraphcError as error:
        made = ", ".join(model.manifest["targets"])
        error.add_note(f"{path} holds code for {made}; it was compiled anew for {target}")
        raise
