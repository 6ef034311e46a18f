"""TensorFlow's messages as classes, made when first asked for: ``protos.GraphDef``, ``protos.DT_FLOAT``.

They are of a descriptor pool of their own, so that TensorFlow's or TensorBoard's may be in the same process.
"""

from __future__ import annotations

import functools
import importlib
import re
from types import MappingProxyType

from graphc.errors import UnavailableError
from graphc.formats.schema import graph, records, running, saving

PACKAGE = "tensorflow"
_SCALARS = (
    "double float int64 uint64 int32 fixed64 fixed32 bool string group message bytes uint32 enum sfixed32 "
    "sfixed64 sint32 sint64"
).split()
_NUMBERS = {name: number for number, name in enumerate(_SCALARS, 1)}
_OPTIONAL, _REPEATED = 1, 3
_FIELD = re.compile(r"(\d+) (\{(\w+):([\w.]+)\}|[\w.]+)(\*?)(!?)(\??) (\w+)(?: \((\w+)\))?")
_GOOGLE = {"google.Any": "any_pb2", "google.BoolValue": "wrappers_pb2"}


def _protobuf(module: str):
    try:
        return importlib.import_module(f"google.protobuf.{module}")
    except ImportError as error:
        what = f"TensorFlow's messages need protobuf: pip install protobuf ({error})"
        raise UnavailableError(what) from error


def entries() -> dict[str, list[str]]:
    """Full name of a message or (after ``enum``) of an enum -> its fields, as the tables have them."""
    found: dict[str, list[str]] = {}
    for table in (graph, saving, running, records):
        text = re.sub(r"\n\s+", " ", table.MESSAGES.strip())
        for line in text.splitlines():
            name, _, fields = line.partition(":")
            found[name] = [f for f in fields.strip().split(", ") if f]
    return found


class _File:
    """The descriptor of one file with all messages of the tables."""

    def __init__(self):
        self.proto = _protobuf("descriptor_pb2").FileDescriptorProto(
            name="graphc/messages.proto", package=PACKAGE, syntax="proto3"
        )
        self.proto.dependency.extend(["google/protobuf/any.proto", "google/protobuf/wrappers.proto"])
        self.messages: dict[str, object] = {}
        tables = entries()
        self.enums = {name.removeprefix("enum ") for name in tables if name.startswith("enum ")}
        for name, items in tables.items():
            if name.startswith("enum "):
                self._enum(name.removeprefix("enum "), items)
            else:
                self._message(name, items)

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
        else:
            field.type_name = f".{PACKAGE}.{kind}"
        field.type = _NUMBERS["enum" if kind in self.enums else "message"]

    def _map(self, message, full: str, field, key: str, value: str) -> None:
        name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
        entry = message.nested_type.add(name=name)
        entry.options.map_entry = True
        self._type(entry.field.add(name="key", number=1, label=_OPTIONAL), key)
        self._type(entry.field.add(name="value", number=2, label=_OPTIONAL), value)
        field.label, field.type = _REPEATED, _NUMBERS["message"]
        field.type_name = f".{PACKAGE}.{full}.{name}"


@functools.lru_cache(None)
def pool():
    """The descriptor pool of the messages."""
    made = _protobuf("descriptor_pool").DescriptorPool()
    for module in sorted(set(_GOOGLE.values())):
        made.AddSerializedFile(_protobuf(module).DESCRIPTOR.serialized_pb)
    made.AddSerializedFile(_File().proto.SerializeToString())
    return made


@functools.lru_cache(None)
def _file():
    return pool().FindFileByName("graphc/messages.proto")


@functools.lru_cache(None)
def names() -> tuple[str, ...]:
    """All public names: messages, enums and values of enums."""
    enums = _file().enum_types_by_name.values()
    return (
        *_file().message_types_by_name,
        *_file().enum_types_by_name,
        *(v.name for e in enums for v in e.values),
    )


@functools.lru_cache(None)
def _values() -> MappingProxyType:
    return MappingProxyType({v.name: v.number for e in _file().enum_types_by_name.values() for v in e.values})


def _made(name: str):
    messages, enums = _file().message_types_by_name, _file().enum_types_by_name
    if name in messages:
        return _protobuf("message_factory").GetMessageClass(messages[name])
    if name in enums:
        return _protobuf("internal.enum_type_wrapper").EnumTypeWrapper(enums[name])
    if name in _values():
        return _values()[name]
    raise AttributeError(f"module {__name__!r} has no message {name!r}")


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = _made(name)
    return made


def __dir__():
    return sorted({*globals(), *names()})
