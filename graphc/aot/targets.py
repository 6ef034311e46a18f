"""Names of the machines that files are made for."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compile import target_of
from graphc.errors import UsageError
from graphc.ir.gpu import Gpu
from graphc.ir.target import Target
from graphc.options import Options


def target_names(given: Sequence[str]) -> tuple[str, ...]:
    """The full names of targets, each once: ``cuda:sm_90,sm_80`` are two, and ``cuda`` is the GPU of this machine.

    Raises:
        UsageError: there is no such target. DeviceUnavailable: a GPU of this machine is meant, and there is none.
    """
    if isinstance(given, str):
        raise UsageError(f"targets={given!r} must be a list of names")
    found = []
    for text in given:
        kind = ""
        for part in text.split(","):
            kind = part.partition(":")[0] if ":" in part else kind
            found.append(target_of(Options(target=part if ":" in part or not kind else f"{kind}:{part}")).name)
    return tuple(dict.fromkeys(found))


def machines(targets: Sequence[str], options: Options) -> list[Target | Gpu]:
    """The descriptions of targets, each once; that of the options where there are none.

    Raises:
        UsageError: there is none of a name.
    """
    return [target_of(Options(target=name)) for name in target_names(targets)] or [target_of(options)]
