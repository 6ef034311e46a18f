"""Code for GPUs in containers: what is there for which archs, and which device runs what."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphc.compile import SAME, Lowered, sections, without_code
from graphc.ir.gpu import CUDA, GPUS, Gpu
from graphc.runtime.container import Container
from graphc.runtime.cuda.code_sections import RESOURCES, TEXT


@dataclass(frozen=True)
class DeviceCode:
    """A program for some CUDA devices.

    Attributes:
        gpus: those that it has machine code for; in files it is under the name of the first.
        needs: what its functions need by the compilers' reports, by arch.
        text: the GPU that ``ptx`` is for, which the driver compiles for devices that are newer; None without it.
        fatbin: all of it in one file; empty without kernels.
    """

    lowered: Lowered
    gpus: tuple[Gpu, ...]
    needs: Mapping[str, dict]
    text: Gpu | None
    ptx: bytes = b""
    fatbin: bytes = b""

    @property
    def name(self) -> str:
        """The name of its sections."""
        return self.gpus[0].name

    def sections(self, written: dict[str, str]) -> dict[str, object]:
        """The sections of a container: those of all programs, what its functions need, and its PTX.

        Args:
            written: the names of programs whose constants are in the container, by the digest of these; added to.
        """
        artifact = without_code(self.lowered.program, self.name, self.lowered.record)
        found = {**sections(artifact), f"library:{self.name}": self.fatbin, RESOURCES + self.name: dict(self.needs)}
        holder = written.setdefault(artifact.constants.digest, self.name)
        if holder != self.name:
            del found[f"constants:{self.name}"]
            found[SAME + self.name] = holder
        return found | ({TEXT + self.name: zlib.compress(self.ptx)} if self.ptx else {})


def serving(capability: tuple[int, int], there: Iterable[str], text: str | None) -> str | None:
    """Which of the targets that a file has code for serves a device; None if none does.

    It is that of the device's very arch, else the newest of its generation that is not newer than the device, else PTX.

    Args:
        there: names of targets. text: the one that there is PTX for.
    """
    known = [GPUS[name] for name in there if name.startswith(f"{CUDA}:") and name in GPUS]
    fitting = [gpu for gpu in known if gpu.runs_on(capability)]
    if fitting:
        return max(fitting, key=lambda gpu: (gpu.capability, gpu.is_exact)).name
    return next((gpu.name for gpu in known if gpu.name == text and gpu.capability <= capability), None)


def shares_in(manifest: dict, targets: Sequence[str], container: Container) -> tuple[dict[str, str], str | None]:
    """The targets in a container whose code is under the name of another one, and the target that it has PTX for.

    Raises:
        FormatError: the manifest says something else.
    """
    found, text = manifest.get("shares", {}), manifest.get("ptx")
    is_named = isinstance(found, dict) and all(name in targets and isinstance(holder, str) and holder in targets for name, holder in found.items())
    if not is_named or (text is not None and text not in targets):
        raise container.error("'shares' and 'ptx' in the manifest must name targets of the file")
    return found, text
