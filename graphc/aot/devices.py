"""Which device a loaded model runs on, and which code of a file serves it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from graphc.errors import UsageError
from graphc.ir.gpu import CUDA, EMULATED
from graphc.runtime.gpus import FoundGpu

CPU = "cpu"
_VARIABLE = "GRAPHC_DEVICE"


def asked_device(device: str | None) -> str | None:
    """The device that an argument names, or else the environment; None where neither does.

    Raises:
        UsageError: it is no name of a device.
    """
    said = device if device is not None else os.environ.get(_VARIABLE) or None
    if said is None:
        return None
    kind, _, number = said.partition(":")
    if kind not in (CPU, CUDA, EMULATED) or (number and not number.isdecimal()):
        by = "device" if device is not None else f"environment variable {_VARIABLE}"
        raise UsageError(f"{by}: must be {CPU}, {CUDA} or {EMULATED}, maybe with a number as in {CUDA}:1, got {said!r}")
    return f"{kind}:{int(number or 0)}"


def kind_of(device: str) -> str:
    """The kind in the name of a device."""
    return device.partition(":")[0]


def described(gpu: FoundGpu, device: str) -> str:
    """A GPU in words."""
    return f"{device} ({gpu.name}, compute capability {'.'.join(map(str, gpu.capability))})"


def listed(targets: Sequence[str], text: str | None) -> str:
    """The targets of a file in words; ``text`` is the one that there is PTX for."""
    names = ", ".join(targets) or "no machine"
    return f"{names}, and by PTX for GPUs newer than {text.partition(':')[2]}" if text is not None else names
