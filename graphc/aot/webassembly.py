"""What a program for WebAssembly has beside its object: a module to load, and the JavaScript that runs it."""

from __future__ import annotations

from graphc.aot.signature import SUFFIX, signature_bytes
from graphc.aot.standalone import public_names
from graphc.codegen.javascript import javascript_text
from graphc.ir.program import Program, reasons_of
from graphc.ir.target import Target


def webassembly_files(code: bytes, program: Program, target: Target, name: str, stem: str, separate: bool) -> dict[str, list[bytes]]:
    """The pieces of ``STEM.wasm`` and ``STEM.mjs`` by their names.

    Args:
        code: the object of the program, with its constants unless these are separate.

    Raises:
        CompileError: the object cannot be linked.
    """
    from graphc.runtime.wasm_link import link_module  # what only a compilation needs is imported when one happens

    exports = [public for public in public_names(name, False, separate) if public != name + SUFFIX]
    said = signature_bytes(program, target, name).decode()
    script = javascript_text(program.signature, name, stem, said, program.checks, reasons_of(program), separate)
    return {f"{stem}.wasm": link_module(code, exports, [name + SUFFIX]), f"{stem}.mjs": [script.encode()]}
