"""Names of devices, and what several of them say together."""

from __future__ import annotations

import functools
import re

from graphc.errors import GraphError, explain

_FORM = re.compile(
    r"(?:/job:(\w+))?(?:/replica:(\w+))?(?:/task:(\w+))?(?:/job:(\w+))?"
    r"(?:/?(?:device:)?(cpu|gpu|CPU|GPU|XLA_CPU|XLA_GPU|TPU|tpu|cuda-emulated|CUDA-EMULATED|cuda|CUDA)?(?::(\d+|\*))?)"
)
_PARTS = ("job", "replica", "task")


@functools.lru_cache(256)
def device_parts(name: str) -> tuple | None:
    """Job, replica, task, kind, number, each None where the name does not say; None where it names no device."""
    found = _FORM.fullmatch(re.sub("/+", "/", name).rstrip("/"))  # programs join parts with one slash too many
    if not found:
        return None
    job, replica, task, late_job, kind, number = found.groups()
    kind = "GPU" if kind in ("cuda", "CUDA") else kind
    return job or late_job, replica, task, kind and kind.upper(), number if number != "*" or kind else None


def canonical_device(name: str) -> str:
    """``/cpu:0`` and ``/device:CPU:0`` as ``/device:CPU:0``; jobs, replicas and tasks stay in front.

    Raises:
        GraphError: it names no device.
    """
    parts = device_parts(name) if isinstance(name, str) else None
    if parts is None:
        raise GraphError(explain(f"{name!r} is not a device; names look like '/cpu:0' or '/device:GPU:0'"))
    *where, kind, number = parts
    return device_text((*where, kind, (number or "0") if kind else None))


def merged_device(outer: str, inner: str) -> str:
    """The device that two canonical names say together; the inner one counts where both say something."""
    if not inner or not outer:
        return inner or outer
    a, b = device_parts(outer), device_parts(inner)
    device = b[3:] if b[3] else a[3:]
    return device_text((*(y if y is not None else x for x, y in zip(a[:3], b[:3])), *device))


def device_text(parts: tuple) -> str:
    """The canonical name of job, replica, task, kind and number, as ``device_parts`` answers with."""
    where = "".join(f"/{label}:{value}" for label, value in zip(_PARTS, parts) if value is not None)
    return f"{where}/device:{parts[3]}:{parts[4]}" if parts[3] else where
