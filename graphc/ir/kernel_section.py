"""The kernels of a program as a section of a file: their text, deflated. Only views read it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from graphc.errors import FormatError
from graphc.ir.kernel import Kernel
from graphc.ir.parser import parse


def kernel_section(kernels: Iterable[Kernel]) -> bytes:
    """The content of a section."""
    return zlib.compress("\n".join(map(str, kernels)).encode())


def read_kernels(section) -> tuple[Kernel, ...]:
    """The kernels in the content of a section.

    Raises:
        FormatError: it is damaged.
    """
    try:
        return parse(zlib.decompress(section).decode() + "\nprogram @kernels {\n}\n").kernels
    except (UnicodeDecodeError, zlib.error) as error:
        raise FormatError(str(error)) from None
