"""What CUDA's compilers say about a text, as errors: their lines, with the kernel's text around them."""

from __future__ import annotations

import re

from graphc.errors import CompileError, DeviceUnavailable
from graphc.runtime.cuda.kernel_text import enclosing

_AT = re.compile(r"^\S*?\((\d+)\): (?:catastrophic )?error\b")
_ERRORS = 3  # that are shown with their text
_AROUND = 3  # lines before and after
_LINES = 20  # of a log without places in the text


def compile_error(compiler: str, source: str, arch: str, name: str, log: str) -> CompileError:
    """The error for a text that a compiler refuses.

    Args:
        compiler: what it is called. name: of the program. log: what it said.
    """
    head = f"{compiler} cannot compile {name} for {arch}:"
    lines = log.strip().splitlines()
    places = [(k, int(found[1])) for k, line in enumerate(lines) if (found := _AT.match(line))]
    if not places:
        told = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()] or lines
        return CompileError("\n".join([head, *(f"  {line.strip()}" for line in told[:_LINES])]))
    text = source.splitlines()
    shown = [head]
    for k, number in places[:_ERRORS]:
        kernel = enclosing(source, number)
        shown.append(f"  {lines[k]}" + (f", in kernel {kernel}" if kernel else ""))
        first = max(number - _AROUND, 1)
        for at, line in enumerate(text[first - 1 : number + _AROUND], first):
            shown.append(f"  {'>' if at == number else ' '} {at:5d}  {line}".rstrip())
    if len(places) > _ERRORS:
        shown.append(f"  and {len(places) - _ERRORS} more errors")
    return CompileError("\n".join(shown))


def unknown_arch(compiler: str, arch: str, archs: tuple[str, ...]) -> DeviceUnavailable:
    """The error for an arch that a compiler does not know.

    Args:
        archs: those that it knows.
    """
    numbers = [int(re.sub(r"\D", "", one)) for one in (arch, *archs) if re.search(r"\d", one)]
    is_old = len(numbers) > 1 and numbers[0] < min(numbers[1:])
    advice = "pip install 'graphc[cuda12]' brings a compiler for older devices" if is_old else "a newer compiler may know it"
    return DeviceUnavailable(f"{compiler} makes no code for {arch}, only for {', '.join(archs)}; {advice}")
