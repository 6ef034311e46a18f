"""Protobuf messages made of tables of text: descriptors in a pool of their own, classes made when first asked for."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Mapping
from types import MappingProxyType

from graphc.errors import UnavailableError

_SCALARS = (
    "double float int64 uint64 int32 fixed64 fixed32 bool string group message bytes uint32 enum sfixed32 "
    "sfixed64 sint32 sint64"
).split()
_NUMBERS = {name: number for number, name in enumerate(_SCALARS, 1)}
_OPTIONAL, _REPEATED = 1, 3
_FIELD = re.compile(r"(\d+) (\{(\w+):([\w.]+)\}|[\w.]+)(\*?)(!?)(\??) (\w+)(?: \((\w+)\))?")
_GOOGLE = {"google.Any": "any", "google.BoolValue": "wrappers"}


class Messages:
    """The messages of one package.

    Args:
        package: the name of the protobuf package.
        tables: texts as ``graphc.formats.schema`` describes them.
        whose: what an error calls them.
        install: what ``pip install`` takes to have protobuf.
    """

    def __init__(self, package: str, tables: tuple[str, ...], whose: str, install: str = "protobuf"):
        self.package, self.tables, self.whose, self.install = package, tables, whose, install

    def get(self, name: str):
        """The class of a message, an enum, or the number of an enum's value; AttributeError if there is none."""
        messages, enums = self._file.message_types_by_name, self._file.enum_types_by_name
        if name in messages:
            return self._protobuf("message_factory").GetMessageClass(messages[name])
        if name in enums:
            return self._protobuf("internal.enum_type_wrapper").EnumTypeWrapper(enums[name])
        if name in self._values:
            return self._values[name]
        raise AttributeError(f"{self.whose} have no message {name!r}")

    @functools.cached_property
    def pool(self):
        """The descriptor pool of the messages."""
        made = self._protobuf("descriptor_pool").DescriptorPool()
        file = _File(self._protobuf("descriptor_pb2"), self.package, self.tables).proto
        for path in file.dependency:
            module = path.removeprefix("google/protobuf/").removesuffix(".proto")
            made.AddSerializedFile(self._protobuf(f"{module}_pb2").DESCRIPTOR.serialized_pb)
        made.AddSerializedFile(file.SerializeToString())
        return made

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """All public names: messages, enums and values of enums."""
        return (*self._file.message_types_by_name, *self._file.enum_types_by_name, *self._values)

    @functools.cached_property
    def _file(self):
        return self.pool.FindFileByName(_file_name(self.package))

    @functools.cached_property
    def _values(self) -> Mapping[str, int]:
        enums = self._file.enum_types_by_name.values()
        return MappingProxyType({v.name: v.number for e in enums for v in e.values})

    def _protobuf(self, module: str):
        try:
            return importlib.import_module(f"google.protobuf.{module}")
        except ImportError as error:
            what = f"{self.whose} need protobuf: pip install {self.install} ({error})"
            raise UnavailableError(what) from error


def _file_name(package: str) -> str:
    return f"graphc/{package}.proto"


def entries(tables: tuple[str, ...]) -> dict[str, list[str]]:
    """Full name of a message or (after ``enum``) of an enum -> its fields, as the tables have them."""
    found: dict[str, list[str]] = {}
    for table in tables:
        text = re.sub(r"\n\s+", " ", table.strip())
        for line in text.splitlines():
            name, _, fields = line.partition(":")
            found[name] = [f for f in fields.strip().split(", ") if f]
    return found


class _File:
    """The descriptor of one file with all messages of the tables."""

    def __init__(self, descriptors, package: str, tables: tuple[str, ...]):
        self.package = package
        self.proto = descriptors.FileDescriptorProto(name=_file_name(package), package=package, syntax="proto3")
        self.messages: dict[str, object] = {}
        found = entries(tables)
        self.enums = {name.removeprefix("enum ") for name in found if name.startswith("enum ")}
        for name, items in found.items():
            if not name.startswith("enum "):
                self._message(name, items)
        for name, items in found.items():
            if name.startswith("enum "):
                self._enum(name.removeprefix("enum "), items)
        self.proto.dependency.sort()

    def _enum(self, full: str, items: list[str]) -> None:
        outer, _, name = full.rpartition(".")
        made = self._parent(outer).enum_type.add(name=name)
        for item in items:
            number, value = item.split(" ")
            made.value.add(name=value, number=int(number))
        if len({v.number for v in made.value}) < len(made.value):
            made.options.allow_alias = True

    def _parent(self, outer: str):
        return self.messages[outer] if outer else self.proto

    def _message(self, full: str, items: list[str]) -> None:
        outer, _, name = full.rpartition(".")
        parent = self._parent(outer)
        made = self.messages[full] = (parent.nested_type if outer else parent.message_type).add(name=name)
        for item in items:
            number, kind, key, value, star, unpacked, optional, field_name, group = _FIELD.fullmatch(item).groups()
            field = made.field.add(name=field_name, number=int(number), label=_REPEATED if star else _OPTIONAL)
            if key:
                self._map(made, full, field, key, value)
            else:
                self._type(field, kind)
            if unpacked:
                field.options.packed = False
            if group:
                field.oneof_index = self._oneof(made, group)
        for item, field in zip(items, made.field):
            if "? " in item:  # such a field is the only one of a group, and these come last
                field.proto3_optional = True
                field.oneof_index = self._oneof(made, f"_{field.name}")

    def _oneof(self, message, group: str) -> int:
        names = [o.name for o in message.oneof_decl]
        if group not in names:
            message.oneof_decl.add(name=group)
            names.append(group)
        return names.index(group)

    def _type(self, field, kind: str) -> None:
        if kind in _NUMBERS:
            field.type = _NUMBERS[kind]
            return
        if kind in _GOOGLE:
            field.type_name = f".google.protobuf.{kind.removeprefix('google.')}"
            path = f"google/protobuf/{_GOOGLE[kind]}.proto"
            if path not in self.proto.dependency:
                self.proto.dependency.append(path)
        else:
            field.type_name = f".{self.package}.{kind}"
        field.type = _NUMBERS["enum" if kind in self.enums else "message"]

    def _map(self, message, full: str, field, key: str, value: str) -> None:
        name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
        entry = message.nested_type.add(name=name)
        entry.options.map_entry = True
        self._type(entry.field.add(name="key", number=1, label=_OPTIONAL), key)
        self._type(entry.field.add(name="value", number=2, label=_OPTIONAL), value)
        field.label, field.type = _REPEATED, _NUMBERS["message"]
        field.type_name = f".{self.package}.{full}.{name}"
