"""Which device a loaded model runs on, and which code of a file serves it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from graphc.runtime.gpus import FoundGpu, named_device

_VARIABLE = "GRAPHC_DEVICE"


def asked_device(device: str | None) -> str | None:
    """The device that an argument names, or else the environment; None where neither does.

    Raises:
        UsageError: it is no name of a device.
    """
    said = device if device is not None else os.environ.get(_VARIABLE) or None
    if said is None:
        return None
    return named_device(said, "device" if device is not None else f"environment variable {_VARIABLE}")


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
