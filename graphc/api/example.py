"""TensorFlow's record messages: Example, SequenceExample and what they are made of, to bytes and back."""

from __future__ import annotations

import operator

import numpy as np

from graphc.errors import UsageError, explain
from graphc.prims import wire


class Message:
    """What all messages have in common. Two are equal if their contents are.

    Keyword arguments of the constructor are the fields.
    """

    FIELDS: tuple[str, ...] = ()

    def __init__(self, **fields):
        for name, value in fields.items():
            if name not in self.FIELDS:
                raise UsageError(explain(f"{type(self).__name__} has no field {name!r}, only {', '.join(self.FIELDS)}"))
            if value is not None:
                self._assign(name, value)

    def _assign(self, name: str, value) -> None:
        raise NotImplementedError

    def SerializeToString(self, deterministic: bool | None = None) -> bytes:  # noqa: N802  protobuf's names
        """The message as bytes; maps are sorted by key."""
        raise NotImplementedError

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        """Add the fields of a serialised message.

        Raises:
            DataLossError: it is damaged.
        """
        raise NotImplementedError

    def Clear(self) -> None:  # noqa: N802
        """Make it empty."""
        self.__init__()

    def ParseFromString(self, serialized: bytes) -> int:  # noqa: N802
        """Become a serialised message."""
        self.Clear()
        return self.MergeFromString(serialized)

    @classmethod
    def FromString(cls, serialized: bytes):  # noqa: N802
        """The message of these bytes."""
        made = cls()
        made.MergeFromString(serialized)
        return made

    def CopyFrom(self, other) -> None:  # noqa: N802
        """Become equal to another message."""
        self.ParseFromString(other.SerializeToString())

    def MergeFrom(self, other) -> None:  # noqa: N802
        """Add the fields of another message."""
        self.MergeFromString(other.SerializeToString())

    def ByteSize(self) -> int:  # noqa: N802
        """How many bytes it takes."""
        return len(self.SerializeToString())

    def __eq__(self, other):
        return type(other) is type(self) and other.SerializeToString() == self.SerializeToString()

    __hash__ = None

    def lines(self) -> list[str]:
        """The text form, line by line."""
        raise NotImplementedError

    def __str__(self):
        return "".join(f"{line}\n" for line in self.lines())

    __repr__ = __str__


def _block(name: str, lines: list[str]) -> list[str]:
    return [f"{name} {{", *(f"  {line}" for line in lines), "}"]


# ------------------------------------------------------------------------------------------ lists of values


class _Values(Message):
    """A message with one repeated field, ``value``, a list."""

    FIELDS = ("value",)
    KIND = 0

    def __init__(self, **fields):
        self.value = []
        super().__init__(**fields)

    def _assign(self, name: str, value) -> None:
        self.value = [self.checked(v) for v in value]

    @staticmethod
    def checked(value):
        """One value as the list holds it; TypeError for another type."""
        raise NotImplementedError

    def content(self) -> bytes:
        """The Feature that holds this list."""
        return wire.feature(self.KIND, [self.checked(v) for v in self.value])

    def SerializeToString(self, deterministic=None) -> bytes:  # noqa: N802
        return wire.joined(self.content(), self.KIND)

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        self.value += wire.feature_values(wire.field(self.KIND, serialized))[1]
        return len(serialized)

    def lines(self) -> list[str]:
        return [f"value: {self.shown(self.checked(v))}" for v in self.value]

    shown = staticmethod(str)


class BytesList(_Values):
    """Strings of bytes."""

    KIND = wire.BYTES_LIST

    @staticmethod
    def checked(value) -> bytes:
        if not isinstance(value, bytes):
            raise TypeError(explain(f"BytesList: {value!r} is {type(value).__name__}, expected bytes"))
        return bytes(value)

    @staticmethod
    def shown(value: bytes) -> str:
        special = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
        return '"' + "".join(special.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in value) + '"'


class FloatList(_Values):
    """Numbers, of float32."""

    KIND = wire.FLOAT_LIST

    @staticmethod
    def checked(value) -> float:
        if isinstance(value, (str, bytes)):
            raise TypeError(explain(f"FloatList: {value!r} is {type(value).__name__}, expected a number"))
        with np.errstate(over="ignore"):
            return float(np.float32(value))

    @staticmethod
    def shown(value: float) -> str:
        return str(np.float32(value)).removesuffix(".0")


class Int64List(_Values):
    """Integers of 64 bits."""

    KIND = wire.INT64_LIST

    @staticmethod
    def checked(value) -> int:
        try:
            whole = operator.index(value)
        except TypeError:
            raise TypeError(explain(f"Int64List: {value!r} is {type(value).__name__}, expected an integer")) from None
        if not -(1 << 63) <= whole < 1 << 63:
            raise UsageError(explain(f"Int64List: {value} does not fit 64 bits"))
        return int(whole)


class Feature(Message):
    """One list of values: ``bytes_list``, ``float_list`` or ``int64_list``; the one that was set last."""

    FIELDS = ("bytes_list", "float_list", "int64_list")
    _CLASSES = dict(zip(FIELDS, (BytesList, FloatList, Int64List)))

    def __init__(self, **fields):
        self._lists, self._set = {}, None
        super().__init__(**fields)

    def _assign(self, name: str, value) -> None:
        kind = self._CLASSES[name]
        if isinstance(value, dict):
            value = kind(**value)
        if type(value) is not kind:
            raise TypeError(explain(f"Feature: {name} must be a {kind.__name__}, not {type(value).__name__}"))
        self._lists, self._set = {name: kind(value=value.value)}, name

    def __getattr__(self, name: str):
        if name not in Feature._CLASSES:
            raise AttributeError(f"Feature has no attribute {name!r}")
        if name not in self._lists:
            self._lists[name] = self._CLASSES[name]()
        return self._lists[name]

    def WhichOneof(self, group: str = "kind") -> str | None:  # noqa: N802
        """The name of the list that it holds."""
        filled = [name for name, values in self._lists.items() if values.value and name != self._set]
        return filled[-1] if filled else self._set

    def HasField(self, name: str) -> bool:  # noqa: N802
        """Whether it holds this list."""
        return self.WhichOneof() == name

    def SerializeToString(self, deterministic=None) -> bytes:  # noqa: N802
        name = self.WhichOneof()
        return self._lists[name].content() if name else b""

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        kind, values = wire.feature_values(serialized)
        if kind is not None:
            name = self.FIELDS[kind - 1]
            before = self._lists[name].value if self.WhichOneof() == name else []
            self._assign(name, self._CLASSES[name](value=before + values))
        return len(serialized)

    def lines(self) -> list[str]:
        name = self.WhichOneof()
        return _block(name, self._lists[name].lines()) if name else []


# ------------------------------------------------------------------------------------------ maps and records


class _Made(dict):
    """A map that makes the message of a key when it is first asked for."""

    def __init__(self, kind: type):
        super().__init__()
        self.kind = kind

    def __missing__(self, key: str):
        self[key] = self.kind()
        return self[key]


class _Map(Message):
    """A message with one map from text to messages."""

    OF: type

    def __init__(self, **fields):
        setattr(self, self.FIELDS[0], _Made(self.OF))
        super().__init__(**fields)

    @property
    def _entries(self) -> _Made:
        return getattr(self, self.FIELDS[0])

    def _assign(self, name: str, value) -> None:
        for key, message in dict(value).items():
            if type(message) is not self.OF:
                what = f"{type(self).__name__}: {key!r} must be a {self.OF.__name__}, not {type(message).__name__}"
                raise TypeError(explain(what))
            self._entries[key] = message

    def SerializeToString(self, deterministic=None) -> bytes:  # noqa: N802
        return wire.mapping((key, self._entries[key].SerializeToString()) for key in sorted(self._entries))

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        for key, data in wire.entries(serialized).items():
            self._entries[key] = self.OF.FromString(data)
        return len(serialized)

    def lines(self) -> list[str]:
        return [line for key in sorted(self._entries) for line in self._entry(key)]

    def _entry(self, key: str) -> list[str]:
        shown = BytesList.shown(key.encode())
        return _block(self.FIELDS[0], [f"key: {shown}", *_block("value", self._entries[key].lines())])


class FeatureList(Message):
    """A sequence of Features, ``feature``, a list."""

    FIELDS = ("feature",)

    def __init__(self, **fields):
        self.feature = []
        super().__init__(**fields)

    def _assign(self, name: str, value) -> None:
        self.feature = list(value)

    def SerializeToString(self, deterministic=None) -> bytes:  # noqa: N802
        return b"".join(wire.field(1, f.SerializeToString()) for f in self.feature)

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        self.feature += [Feature.FromString(v) for n, _, v in wire.fields(serialized) if n == 1]
        return len(serialized)

    def lines(self) -> list[str]:
        return [line for f in self.feature for line in _block("feature", f.lines())]


class Features(_Map):
    """Features by name, ``feature``."""

    FIELDS, OF = ("feature",), Feature


class FeatureLists(_Map):
    """Feature lists by name, ``feature_list``."""

    FIELDS, OF = ("feature_list",), FeatureList


class _Record(Message):
    """A message of messages, numbered from 1."""

    PARTS: tuple[type, ...] = ()

    def __init__(self, **fields):
        for name, kind in zip(self.FIELDS, self.PARTS):
            setattr(self, name, kind())
        self._given = {name for name, value in fields.items() if value is not None}
        super().__init__(**fields)

    def _assign(self, name: str, value) -> None:
        kind = self.PARTS[self.FIELDS.index(name)]
        if type(value) is not kind:
            raise TypeError(
                explain(f"{type(self).__name__}: {name} must be {kind.__name__}, not {type(value).__name__}")
            )
        setattr(self, name, value)

    def _present(self) -> list[tuple[int, str, bytes]]:
        parts = [(k, name, getattr(self, name).SerializeToString()) for k, name in enumerate(self.FIELDS, 1)]
        return [(k, name, data) for k, name, data in parts if data or name in self._given]

    def SerializeToString(self, deterministic=None) -> bytes:  # noqa: N802
        return b"".join(wire.field(k, data) for k, _, data in self._present())

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        for number, kind, data in wire.fields(serialized):
            if kind == wire.BYTES and number <= len(self.FIELDS):
                name = self.FIELDS[number - 1]
                self._given.add(name)
                getattr(self, name).MergeFromString(data)
        return len(serialized)

    def HasField(self, name: str) -> bool:  # noqa: N802
        """Whether the field was set."""
        return any(name == n for _, n, _ in self._present())

    def lines(self) -> list[str]:
        return [line for _, name, _ in self._present() for line in _block(name, getattr(self, name).lines())]


class Example(_Record):
    """One record of named features."""

    FIELDS, PARTS = ("features",), (Features,)


class SequenceExample(_Record):
    """One record of features of the whole, ``context``, and of sequences, ``feature_lists``."""

    FIELDS, PARTS = ("context", "feature_lists"), (Features, FeatureLists)
