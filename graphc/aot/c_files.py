"""The files for programs in C, for one target: objects, libraries, weights, header and examples of one program or of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graphc.aot.names import c_name
from graphc.aot.standalone import constants_name, public_names, standalone_text, weights_header
from graphc.aot.webassembly import webassembly_files
from graphc.codegen.example import example_text
from graphc.codegen.header import header_text
from graphc.errors import UsageError
from graphc.ir.program import Program, reasons_of
from graphc.ir.target import Target

OBJECT, STATIC, SHARED = ".o", ".a", ".so"
_LINKED = ("x86_64", "aarch64", "riscv64")  # machines that the linker knows


def endings(target: Target) -> tuple[str, ...]:
    """Of the files with machine code that are made for a target. One with a shared library has native code in containers too."""
    return (OBJECT, STATIC, SHARED) if target.triple.split("-")[0] in _LINKED else (OBJECT, STATIC)


@dataclass(frozen=True)
class CFiles:
    """How files for programs in C are made.

    Attributes:
        target: the machine that they are for.
        threads: whether programs run large loops on several threads, if the target has any.
        separate_weights: whether they are given their weights as a file.
    """

    target: Target
    threads: bool = True
    separate_weights: bool = False

    def pieces(self, programs: Mapping[str, Program], stem: str) -> dict[str, list]:
        """The pieces of every file by its name.

        Args:
            programs: by the stems of their own files: object, weights, example. None has host steps.
            stem: of the header and the libraries, which are those of all programs.

        Raises:
            CompileError: a program cannot be compiled. UsageError: functions of two would have the same name.
        """
        from graphc.runtime.elf import link_shared  # what only a compilation needs is imported when one happens
        from graphc.runtime.elf_archive import archive

        names = {own: c_name(Path(f"{own}.gc")) for own in programs}
        public, made = self._public(names), endings(self.target)
        weights = {own: weights_header(program.constants.view) for own, program in programs.items() if self.separate_weights}
        objects = {own + OBJECT: self._object(program, names[own], weights.get(own)) for own, program in programs.items()}
        files: dict[str, list] = {name: [code] for name, code in objects.items()}
        files |= {f"{own}.weights": [begin, programs[own].constants.view] for own, begin in weights.items()}
        if STATIC in made:
            files[stem + STATIC] = archive(objects)
        if SHARED in made:
            files[stem + SHARED] = [link_shared(list(objects.values()), exports=public)]
        files[f"{stem}.h"] = ["\n".join([self._header(program, names[own]) for own, program in programs.items()]).encode()]
        for own, program in programs.items():
            if self.target.is_wasm:
                files |= webassembly_files(objects[own + OBJECT], program, self.target, names[own], own, self.separate_weights)
            else:
                example = example_text(program.signature, names[own], own, self.separate_weights, stem, self.target)
                files[f"{own}_main.c"] = [example.encode()]
        return files

    @property
    def _has_threads(self) -> bool:
        return self.threads and self.target.threads

    def _public(self, names: Mapping[str, str]) -> list[str]:
        """All that the programs offer; the macros of the header are these names in capitals."""
        taken: dict[str, str] = {}
        public = [(own, n) for own, name in names.items() for n in public_names(name, self._has_threads, self.separate_weights)]
        for own, name in public:
            other = taken.setdefault(name.upper(), own)
            if other != own:
                raise UsageError(f"{other} and {own} cannot be in one library: the name {name} is needed by both; rename one of them")
        return [name for _, name in public]

    def _header(self, program: Program, name: str) -> str:
        checks, reasons = program.checks, reasons_of(program)
        return header_text(program.signature, name, checks, reasons, self._has_threads, self.separate_weights, self.target)

    def _object(self, program: Program, name: str, weights: bytes | None) -> bytes:
        """The object of one program; ``weights``: the header of the file with them, None where they go into the object."""
        from graphc.runtime.elf_embed import embed
        from graphc.runtime.jit import compile_object
        from graphc.runtime.wasm_embed import fill

        code = compile_object(standalone_text(program, self.target, name, self._has_threads, weights), self.target)
        put = fill if self.target.is_wasm else embed
        return put(code, constants_name(name), program.constants.view) if weights is None else code
