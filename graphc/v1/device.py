"""Names of devices."""

from __future__ import annotations

import re

from graphc.errors import GraphError, explain


def canonical_device(name: str) -> str:
    """``/cpu:0`` and ``/device:CPU:0`` as ``/device:CPU:0``; jobs, replicas and tasks stay in front.

    Raises:
        GraphError: it names no device.
    """
    found = isinstance(name, str) and re.fullmatch(
        r"((?:/(?:job|replica|task):\w+)*)/?(?:device:)?(cpu|gpu|CPU|GPU|XLA_CPU|XLA_GPU)?(?::(\d+|\*))?", name
    )
    if not found:
        raise GraphError(explain(f"{name!r} is not a device; names look like '/cpu:0' or '/device:GPU:0'"))
    where, kind, number = found.groups()
    return f"{where}/device:{kind.upper()}:{number or 0}" if kind else where
