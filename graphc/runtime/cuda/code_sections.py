"""Sections of containers beside a program for GPUs, which only views read: what its functions need, and its PTX."""

from __future__ import annotations

import zlib

from graphc.runtime.container import Container
from graphc.runtime.cuda.reports import Resources

RESOURCES, TEXT = "resources:", "ptx:"


def read_needs(container: Container, name: str, arch: str) -> tuple[str, dict[str, Resources]] | None:
    """The compiler of the code for an arch, and what each function needs; None where a file tells nothing of it.

    Raises:
        FormatError: the section is damaged.
    """
    section = RESOURCES + name
    if section not in container:
        return None
    found = container.json(section)
    try:
        one = found[arch]
        functions = [Resources(**row) for row in one["functions"]]
        numbers = [v for f in functions for v in (f.registers or 0, f.stack, f.spill_stores, f.spill_loads, f.shared)]
        if not isinstance(one["compiler"], str) or any(type(f.name) is not str for f in functions) or any(type(v) is not int for v in numbers):
            raise ValueError("names must be texts and needs be numbers")
        return one["compiler"], {f.name: f for f in functions}
    except (KeyError, TypeError, ValueError) as error:
        raise container.error(f"section '{section}': {type(error).__name__}: {error}") from None


def read_text(container: Container, name: str) -> str | None:
    """The PTX of a program; None where a file has none.

    Raises:
        FormatError: the section is damaged.
    """
    section = TEXT + name
    if section not in container:
        return None
    try:
        return zlib.decompress(container[section]).decode()
    except (UnicodeDecodeError, zlib.error) as error:
        raise container.error(f"section '{section}': {error}") from None
