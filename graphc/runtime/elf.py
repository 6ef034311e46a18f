"""Linking relocatable objects to one ELF shared object, without any outside tool.

Made for our own code: symbols that are not exported are bound inside the file, imported functions are called through
one stub and one slot each, and the loader binds everything at once (no lazy binding, no symbol versions).
"""

from __future__ import annotations

import struct

from graphc.errors import CompileError
from graphc.runtime import elf_relocations as relocations
from graphc.runtime.elf_image import GLOBAL_FUNCTION, GLOBAL_OBJECT, DynamicSymbol, Image
from graphc.runtime.elf_object import EXEC, MACHINES, UNDEFINED, WEAK, WRITE, Object, Section, Symbol, read_object

_LOCAL = 0


def link_shared(objects: list[bytes], exports: list[str], needed=("libc.so.6",)) -> bytes:
    """Link relocatable objects for x86-64, aarch64 or riscv64 Linux to a shared object.

    Args:
        exports: names that others may look up; everything else stays hidden.
        needed: libraries to load with it, in which undefined names are found.

    Raises:
        CompileError: an object is damaged or needs what this linker does not know, a name is defined twice, or an
            exported name is not defined.
    """
    parts = [read_object(data) for data in objects]
    machines = {part.machine for part in parts}
    if len(machines) != 1:
        raise CompileError(f"cannot link objects for {', '.join(sorted(MACHINES[m] for m in machines)) or 'no machine'} to one file")
    number = machines.pop()
    return _Linker(number, parts, list(exports), tuple(needed)).link()


class _Linker:
    """The state of one link: which symbol means what, and where everything goes."""

    def __init__(self, number: int, parts: list[Object], exports: list[str], needed: tuple[str, ...]):
        self.number = number
        self.machine = relocations.BY_NUMBER[number]
        self.exports = exports
        self.needed = needed
        self.defined = _definitions(parts)
        self.sections = self._used_sections(parts)
        self.slots: dict[object, int] = {}  # symbol key -> index in the global offset table
        self.stubs: dict[str, int] = {}  # imported name -> index of its stub
        self.imports: dict[str, Symbol] = {}
        self.uppers: dict[tuple[int, int], tuple] = {}  # (section, offset) -> (look, symbol, addend) that a lower part needs
        self.words: list = []  # (section, offset, symbol, addend) of 64-bit addresses
        missing = [name for name in exports if name not in self.defined]
        if missing:
            raise CompileError(f"cannot export {', '.join(missing)}: not defined in any of the {len(parts)} objects")

    def link(self) -> bytes:
        for section in self.sections:
            for offset, kind, symbol, addend in section.relocations:
                self._prepare(section, offset, kind, symbol, addend)
        got = Section(".got", WRITE, 8, 8 * len(self.slots), bytearray(8 * len(self.slots)))
        stub_bytes = self.machine.stub_size * len(self.stubs)
        stubs = Section(".plt", EXEC, 16, stub_bytes, bytearray(stub_bytes))
        symbols = [DynamicSymbol(name, None, s.binding << 4, 0) for name, s in self.imports.items()]
        symbols += [_exported(name, self.defined[name]) for name in self.exports]
        sections = [*self.sections, stubs, got]
        count = len(self.slots) + len(self.words)
        image = Image(self.number, self.machine.page, self.machine.abi, self.needed, symbols, sections, count)
        image.place()
        self._write_stubs(stubs, got)
        for section in self.sections:
            for offset, kind, symbol, addend in section.relocations:
                self._apply(section, offset, kind, symbol, addend, stubs, got)
        return image.encode(self._loader_relocations(image, got))

    def _used_sections(self, parts: list[Object]) -> list[Section]:
        found = {}
        for part in parts:
            for section in part.sections:
                found[id(section)] = section
        return list(found.values())

    def _resolve(self, symbol: Symbol) -> Symbol | None:
        """The definition meant by a reference; None where it is imported."""
        if symbol.binding == _LOCAL:
            return symbol
        return self.defined.get(symbol.name)

    def _kind(self, section: Section, number: int, symbol: Symbol) -> relocations.Kind:
        kind = self.machine.kinds.get(number)
        if kind is None:
            what = f"relocation type {number} of {self.machine.name} against {symbol.name or 'a section'!r} in {section.name}"
            raise CompileError(f"{what} is not known to the linker")
        return kind

    def _import(self, symbol: Symbol) -> None:
        before = self.imports.get(symbol.name)
        if before is None or before.binding == WEAK:
            self.imports[symbol.name] = symbol

    def _slot(self, symbol: Symbol) -> int:
        target = self._resolve(symbol)
        return self.slots.setdefault(symbol.name if target is None else target, len(self.slots))

    def _prepare(self, section: Section, offset: int, number: int, symbol: Symbol, addend: int) -> None:
        """Note which imports, slots, stubs and loader relocations one relocation asks for."""
        kind = self._kind(section, number, symbol)
        what = f"relocation {kind.name} against {symbol.name!r} in {section.name}"
        imported = self._resolve(symbol) is None
        if imported:
            self._import(symbol)
        if number in self.machine.uppers:
            self.uppers[id(section), offset] = kind.look, symbol, addend
        if kind.look == relocations.WORD:
            if not section.flags & WRITE:
                raise CompileError(f"{what}: the section is read-only, so the loader cannot write there")
            self.words.append((section, offset, symbol, addend))
        elif kind.look == relocations.GOT:
            self._slot(symbol)
        elif kind.look == relocations.CALL and imported:
            self._slot(symbol)
            self.stubs.setdefault(symbol.name, len(self.stubs))
        elif imported:
            raise CompileError(
                f"{what}: the symbol is not defined in any object, and an imported one must be reached through the offset table"
            )

    def _write_stubs(self, stubs: Section, got: Section) -> None:
        size = self.machine.stub_size
        for name, index in self.stubs.items():
            code = self.machine.stub(stubs.address + size * index, got.address + 8 * self.slots[name])
            stubs.data[size * index : size * (index + 1)] = code

    def _apply(self, section: Section, offset: int, number: int, symbol: Symbol, addend: int, stubs: Section, got: Section) -> None:
        kind, place = self._kind(section, number, symbol), section.address + offset
        if kind.look == relocations.WORD:
            return
        look = kind.look
        if look == relocations.PAIR:
            upper = self.uppers.get((id(symbol.section), symbol.value))
            if upper is None:
                raise CompileError(f"relocation {kind.name} in {section.name}: {symbol.name!r} is no instruction with the upper bits")
            place = symbol.address
            look, symbol, addend = upper
        kind.patch(section.data, offset, self._value(look, symbol, stubs, got) + addend, place)

    def _value(self, look: str, symbol: Symbol, stubs: Section, got: Section) -> int:
        """The address that a relocation means, without its addend."""
        target = self._resolve(symbol)
        if look == relocations.GOT:
            return got.address + 8 * self._slot(symbol)
        if target is None:
            return stubs.address + self.machine.stub_size * self.stubs[symbol.name]
        return target.address

    def _loader_relocations(self, image: Image, got: Section) -> bytes:
        """What is left for the loader: addresses inside this file, moved, and addresses of imports."""
        entries = []
        for key, index in self.slots.items():
            place = got.address + 8 * index
            if isinstance(key, str):
                entries.append((place, image.symbol_index(key) << 32 | self.machine.glob_dat, 0))
            else:
                entries.append((place, self.machine.relative, key.address))
        for section, offset, symbol, addend in self.words:
            place, target = section.address + offset, self._resolve(symbol)
            if target is None:
                entries.append((place, image.symbol_index(symbol.name) << 32 | self.machine.absolute, addend))
            else:
                entries.append((place, self.machine.relative, target.address + addend))
        return b"".join(struct.pack("<QQq", *entry) for entry in entries)


def _exported(name: str, symbol: Symbol) -> DynamicSymbol:
    is_code = symbol.section is not None and symbol.section.flags & EXEC
    return DynamicSymbol(name, symbol, GLOBAL_FUNCTION if is_code else GLOBAL_OBJECT, symbol.size)


def _definitions(parts: list[Object]) -> dict[str, Symbol]:
    """The one definition of each global name: a strong one if there is any, else the first weak one."""
    defined: dict[str, Symbol] = {}
    for part in parts:
        for symbol in part.symbols:
            if symbol.binding == _LOCAL or symbol.index == UNDEFINED or not symbol.name:
                continue
            before = defined.get(symbol.name)
            if before is None or (before.binding == WEAK and symbol.binding != WEAK):
                defined[symbol.name] = symbol
            elif before.binding != WEAK and symbol.binding != WEAK:
                raise CompileError(f"{symbol.name!r} is defined in two of the objects to be linked")
    return defined
