"""Names of devices, and what several of them say together."""

from __future__ import annotations

import functools
import re

from graphc.errors import GraphError, explain

_FORM = re.compile(
    r"(?:/job:(\w+))?(?:/replica:(\w+))?(?:/task:(\w+))?(?:/job:(\w+))?"
    r"(?:/?(?:device:)?(cpu|gpu|CPU|GPU|XLA_CPU|XLA_GPU|TPU|tpu)?(?::(\d+|\*))?)"
)
_PARTS = ("job", "replica", "task")


@functools.lru_cache(256)
def _parts(name: str) -> tuple | None:
    """Job, replica, task, kind, number, each None where the name does not say; None where it names no device."""
    found = _FORM.fullmatch(re.sub("/+", "/", name).rstrip("/"))  # programs join parts with one slash too many
    if not found:
        return None
    job, replica, task, late_job, kind, number = found.groups()
    return job or late_job, replica, task, kind and kind.upper(), number if number != "*" or kind else None


def canonical_device(name: str) -> str:
    """``/cpu:0`` and ``/device:CPU:0`` as ``/device:CPU:0``; jobs, replicas and tasks stay in front.

    Raises:
        GraphError: it names no device.
    """
    parts = _parts(name) if isinstance(name, str) else None
    if parts is None:
        raise GraphError(explain(f"{name!r} is not a device; names look like '/cpu:0' or '/device:GPU:0'"))
    *where, kind, number = parts
    return _text((*where, kind, (number or "0") if kind else None))


def merged_device(outer: str, inner: str) -> str:
    """The device that two canonical names say together; the inner one counts where both say something."""
    if not inner or not outer:
        return inner or outer
    a, b = _parts(outer), _parts(inner)
    device = b[3:] if b[3] else a[3:]
    return _text((*(y if y is not None else x for x, y in zip(a[:3], b[:3])), *device))


def _text(parts: tuple) -> str:
    where = "".join(f"/{label}:{value}" for label, value in zip(_PARTS, parts) if value is not None)
    return f"{where}/device:{parts[3]}:{parts[4]}" if parts[3] else where


class DeviceSpec:
    """A device by its parts, each None where nothing is said.

    Args:
        job, replica, task: of a cluster; device_type: such as ``CPU``; device_index: which of them.
    """

    def __init__(self, job=None, replica=None, task=None, device_type=None, device_index=None):
        self.job, self.replica, self.task = job, replica, task
        self.device_type = None if device_type is None else str(device_type).upper()
        self.device_index = device_index

    @classmethod
    def from_string(cls, spec: str) -> "DeviceSpec":
        """The parts of a name such as ``/job:ps/device:CPU:0``.

        Raises:
            GraphError: it names no device.
        """
        canonical_device(spec)
        job, replica, task, kind, number = _parts(spec)
        index = int(number) if number not in (None, "*") else None
        numbers = [None if n is None else int(n) if n.isdigit() else n for n in (replica, task)]
        return cls(job, *numbers, kind, index)

    def parse_from_string(self, spec: str) -> "DeviceSpec":
        """Take the parts of a name."""
        vars(self).update(vars(self.from_string(spec)))
        return self

    def merge_from(self, dev: "DeviceSpec") -> None:
        """Take the parts that ``dev`` has."""
        vars(self).update((k, v) for k, v in vars(dev).items() if v is not None)

    def to_string(self) -> str:
        """The name of the device."""
        where = _text((self.job, self.replica, self.task, None, None))
        index = "*" if self.device_index is None else self.device_index
        return f"{where}/device:{self.device_type}:{index}" if self.device_type else where

    def __eq__(self, other):
        return isinstance(other, DeviceSpec) and vars(self) == vars(other)

    def __hash__(self):
        return hash(self.to_string())

    def __repr__(self):
        return f"<tf.DeviceSpec {self.to_string()!r}>"
