"""Where operations run: from the names of devices to the devices that are there, and which one is open."""

from __future__ import annotations

import functools
import os
from contextlib import AbstractContextManager, nullcontext

from graphc.api.device_names import canonical_device, device_parts
from graphc.api.recorder import Stack
from graphc.compile import device_at as _opened
from graphc.errors import DeviceUnavailable, explain
from graphc.ir.gpu import CUDA, EMULATED
from graphc.ir.parts import HOST
from graphc.options import Options
from graphc.runtime.device import Device
from graphc.runtime.gpus import CPU, found_gpus, host_compiler, named_device, why_none, why_not_emulated

_PREFIX = "/job:localhost/replica:0/task:0/device:"
_KINDS = {"CPU": CPU, "GPU": CUDA, "CUDA-EMULATED": EMULATED}
_PLAIN = Options()


class Places(Stack):
    """The devices that ``tf.device`` opened in this thread, as ``cpu:0``, ``cuda:0``, ``cuda-emulated:0``.

    Attributes:
        blocks: of ``with`` that are open, also those that change nothing.
    """

    def __init__(self):
        super().__init__()
        self.blocks: list[AbstractContextManager] = []


class _Scope(AbstractContextManager):
    """What ``tf.device`` answers: entered as often as one likes, in any thread, also within itself."""

    def __init__(self, place: str | None):
        self._place = place

    def __enter__(self) -> None:
        changes = self._place is not None and self._place != default_place()
        PLACES.blocks.append(PLACES.entering(self._place) if changes else nullcontext())
        PLACES.blocks[-1].__enter__()

    def __exit__(self, *raised) -> None:
        PLACES.blocks.pop().__exit__(*raised)


PLACES = Places()


class Seen:
    """Which GPUs the program wants to see: their numbers, or None for all; and whether another device may serve instead."""

    gpus: tuple[int, ...] | None = None
    soft = True


def visible_gpus() -> tuple[int, ...]:
    """The numbers of the GPUs that operations may use, in the order in which they are called ``GPU:0``, ``GPU:1``, ..."""
    return tuple(range(len(found_gpus()))) if Seen.gpus is None else Seen.gpus


def gpu_memory(number: int) -> int:
    """The bytes of memory of a GPU."""
    return found_gpus()[number].memory


def see_gpus(numbers: tuple[int, ...]) -> None:
    """Let operations use these GPUs alone, of those that are there."""
    Seen.gpus = tuple([n for n in numbers if 0 <= n < len(found_gpus())])


def place_of(name: str | None, soft: bool | None = None) -> str | None:
    """The device that a name means; None for one that says nothing of a device, or may be served by the default one.

    Args:
        name: such as ``/gpu:0``, ``/device:GPU:0``, ``/cpu:0``, ``/cuda-emulated:0``; jobs and tasks are passed over.
        soft: whether the default device serves instead of a GPU that is not there; as the program has set it if None.

    Raises:
        GraphError: it names no device. DeviceUnavailable: there is no such device; the message says what is missing.
    """
    kind, number = device_parts(canonical_device(name))[3:] if name else (None, None)
    if kind in (None, "TPU", "XLA_CPU", "XLA_GPU"):
        return None
    index = int(number) if number.isdigit() else 0
    if kind == "CPU":
        return HOST
    if kind == "CUDA-EMULATED":
        return _emulated(index)
    gpus = visible_gpus()
    if index < len(gpus):
        return f"{CUDA}:{gpus[index]}"
    if Seen.soft if soft is None else soft:
        return None
    raise DeviceUnavailable(explain(f"device: {name} is not there: {_why_not()}; allow soft placement to run on the CPU instead"))


def _why_not() -> str:
    """Why there is no GPU of a number."""
    gpus = visible_gpus()
    if gpus:
        return f"the GPUs to be seen are {', '.join(f'GPU:{k}' for k in range(len(gpus)))}"
    return "set_visible_devices left no GPU to be seen" if found_gpus() else why_none()


def can_emulate() -> bool:
    """Whether kernels for GPUs can be run on the CPU."""
    return host_compiler() is not None


def _emulated(index: int) -> str:
    if not can_emulate():
        raise DeviceUnavailable(explain(f"device: {EMULATED}:{index}: {why_not_emulated()}"))
    return f"{EMULATED}:{index}"


def chosen(kind: str, what: str) -> str:
    """The device of a choice made in one word, such as ``cuda-emulated``.

    Args:
        what: chose it, for messages.

    Raises:
        UsageError: there is no such word. DeviceUnavailable: there is no such device.
    """
    device = named_device(kind, what)
    word, _, number = device.partition(":")
    if word == CUDA and int(number) >= len(visible_gpus()):
        advice = f"choose {EMULATED} to run kernels for GPUs on the CPU"
        raise DeviceUnavailable(explain(f"{what}: GPU:{number} is not there: {_why_not()}; {advice}"))
    return place_of(f"/{device}")


@functools.lru_cache(None)
def _of_process(wanted: str) -> str:
    return chosen(wanted, f"environment variable GRAPHC_DEVICE={wanted}") if wanted else HOST


def home_place() -> str:
    """The device of this process: what the environment variable GRAPHC_DEVICE says, else the CPU."""
    return _of_process(os.environ.get("GRAPHC_DEVICE", ""))


def default_place() -> str:
    """The device of what names none: that of the innermost ``tf.device``, else that of the process."""
    return PLACES.top or home_place()


def options_for(place: str) -> Options:
    """How programs for a device are compiled."""
    return _PLAIN.at(place)


def device_at(place: str) -> Device | None:
    """The device that programs for a place run on; None for the host.

    Raises:
        DeviceUnavailable: it cannot be used; the message says what is missing.
    """
    return None if place == HOST else _opened(options_for(place))


def entering(name: str | None) -> AbstractContextManager:
    """``with`` block in which operations run on the device of this name; where it says nothing, nothing changes."""
    return _Scope(place_of(name))


def full_name(place: str) -> str:
    """The name of a device as tensors tell it."""
    kind, _, number = place.partition(":")
    if kind == CUDA and int(number) in visible_gpus():
        number = visible_gpus().index(int(number))
    return f"{_PREFIX}{next(k for k, v in _KINDS.items() if v == kind)}:{number}"
