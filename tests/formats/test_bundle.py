"""Tensor bundles: what TensorFlow wrote is read, what is written is what TensorFlow writes, and damage is noticed."""

import base64
import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphc.errors import (
    DataLossError, DtypeError, GraphcError, NotFoundError, ResourceExhaustedError, ShapeError, StateError, UsageError,
)  # fmt: skip
from graphc.formats import atomic, crc32c, table
from graphc.formats.bundle import BundleReader, data_file, index_file
from graphc.formats.bundle_writer import BundleWriter
from graphc.formats.slices import Slice, slice_key
from graphc.ir import dtype as dt

DATA = Path(__file__).parent / "data"
KINDS = [d for d in dt.ALL if d is not dt.string]
STRINGS = np.array([[b"ab", b""], [b"\x00\xff", b"c" * 200]], object)


def value(kind) -> np.ndarray:
    array = np.arange(6).reshape(2, 3)
    return (array - 1j * array if kind.is_complex else array).astype(kind.numpy)


def unpacked(name: str, folder) -> str:
    """The files of a checkpoint that TensorFlow 2.21 made; its prefix."""
    files = json.loads((DATA / name).read_text())
    for file, content in files.items():
        (Path(folder) / file).write_bytes(base64.b64decode(content))
    return str(Path(folder) / next(f for f in files if f.endswith(".index")).removesuffix(".index"))


@pytest.fixture
def saved(tmp_path) -> str:
    return unpacked("saver.json", tmp_path)


def files_of(prefix: str) -> dict[str, bytes]:
    folder = os.path.dirname(prefix)
    return {name: Path(folder, name).read_bytes() for name in sorted(os.listdir(folder))}


def contents(prefix: str) -> dict:
    reader = BundleReader(prefix)
    return {name: reader.read(name) for name in reader.entries}


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())


# ------------------------------------------------------------------------------------------------ tables


def test_table_of_many_blocks():
    draw = random.Random(1)
    items = {draw.randbytes(draw.randrange(1, 9)): draw.randbytes(draw.randrange(300)) for _ in range(4000)}
    assert list(table.decode(table.encode(sorted(items.items())), "x").items()) == sorted(items.items())
    assert table.decode(table.encode([]), "x") == {}


def test_table_refuses_disorder():
    with pytest.raises(UsageError, match="does not come after"):
        table.encode([(b"b", b""), (b"a", b"")])


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 1 << 32, (1 << 64) - 1])
def test_varint(number):
    assert table.read_number(table.varint(number), 0) == (number, len(table.varint(number)))


def test_varint_that_does_not_end():
    assert table.read_number(b"\xff" * 20, 0)[0] == -1
    assert table.read_number(b"\x80", 0)[0] == -1


def test_compressed_blocks_are_refused(saved):
    content = bytearray(Path(index_file(saved)).read_bytes())
    places, _ = table.read_number(content, len(content) - 48)  # the block of filters begins where the data ends
    content[places - 5] = 1
    content[places - 4 : places] = crc32c.masked(bytes(content[: places - 4])).to_bytes(4, "little")
    with pytest.raises(DataLossError, match="compressed.*not supported"):
        table.decode(bytes(content), "x")


# ------------------------------------------------------------------------------------ TensorFlow's files


def test_reads_what_tensorflow_wrote(saved):
    reader = BundleReader(saved)
    for kind in (d for d in KINDS if d.kind != "e"):
        found = reader.read(f"kinds/{kind.name}")
        assert equal(found, value(kind)), kind
    assert equal(reader.read("kinds/string"), STRINGS)
    assert reader.read("scalar_string")[()] == b"one"
    assert reader.read("empty").shape == (0, 3)
    assert reader.read("scalar")[()] == 7.5


def test_reads_parts(saved):
    whole = np.arange(300, dtype=np.float32).reshape(100, 3)
    reader = BundleReader(saved)
    assert [s.starts[0] for s in reader.entry("parts").slices] == [0, 34, 67]
    assert equal(reader.read("parts"), whole)
    out = np.empty((50, 2), np.float32)
    reader.copy_to("parts", out, Slice((20, 1), (50, 2)))  # across the stored parts
    assert equal(out, whole[20:70, 1:3])


def test_writes_the_very_bytes_of_tensorflow(saved, tmp_path):
    reader = BundleReader(saved)
    own = str(tmp_path / "own" / "model.ckpt-7")
    with BundleWriter(own) as writer:
        for name, entry in reader.entries.items():
            array = reader.read(name)
            for part in entry.slices:
                writer.add(name, array[part.place(array.shape)], part, array.shape)
            if not entry.slices:
                writer.add(name, array)
    for file in (index_file, data_file):
        assert Path(file(own)).read_bytes() == Path(file(saved)).read_bytes()


def test_keys_of_parts_sort_as_their_numbers():
    numbers = [0, 1, 63, 64, 8191, 8192, 1 << 20, 1 << 34, 1 << 55, 1 << 60, (1 << 62) - 1]
    keys = [slice_key("w", Slice((n,), (-1,))) for n in numbers]
    assert keys == sorted(keys)
    assert slice_key("a\0b", Slice((), ())) == b"\0a\0\xffb\0\1\0"


@pytest.mark.parametrize("text", ["", "4 3", "4 0,5", "a 0,1", "4 3 0,2", "4 -1,2"])
def test_descriptions_of_parts(text):
    with pytest.raises(UsageError):
        Slice.parse(text)
    assert Slice.parse("4 3 0,2:-") == ((4, 3), Slice((0, 0), (2, -1)))


# ----------------------------------------------------------------------------------------- round trips


def test_round_trip(tmp_path):
    prefix = str(tmp_path / "deep" / "er" / "m")
    big = np.random.default_rng(0).normal(size=(700, 1001))
    values = {f"k/{d.name}": value(d) for d in KINDS}
    values |= {"s": STRINGS, "big": big, "t": big.T, "empty": big[:0], "": None}
    with BundleWriter(prefix, alignment=64) as writer:
        for name, array in values.items():
            if name:
                writer.add(name, array)
    reader = BundleReader(prefix)
    assert sorted(values)[1:] == list(reader.entries)
    assert all(equal(reader.read(n), a) for n, a in values.items() if n)
    assert all(entry.offset % 64 == 0 for entry in reader.entries.values())
    assert sorted(os.listdir(os.path.dirname(prefix))) == ["m.data-00000-of-00001", "m.index"]


def test_several_data_files(tmp_path):
    """As a distributed job of TensorFlow leaves them: entries refer to the file by number."""
    from graphc.formats import protos

    for shard in range(3):
        (tmp_path / f"m.data-{shard:05d}-of-00003").write_bytes(np.full(4, shard, np.int32).tobytes())
    header = protos.BundleHeaderProto(num_shards=3)
    header.version.producer = 1
    items = [(b"", header)]
    for shard in range(3):
        crc = crc32c.masked(np.full(4, shard, np.int32))
        entry = protos.BundleEntryProto(dtype=3, shard_id=shard, size=16, crc32c=crc)
        entry.shape.dim.add(size=4)
        items.append((b"t%d" % shard, entry))
    (tmp_path / "m.index").write_bytes(table.encode((k, v.SerializeToString()) for k, v in items))
    assert {n: a.tolist() for n, a in contents(str(tmp_path / "m")).items()} == {f"t{k}": [k] * 4 for k in range(3)}
    (tmp_path / "m.data-00001-of-00003").unlink()
    reader = BundleReader(str(tmp_path / "m"))
    assert reader.read("t0").tolist() == [0] * 4
    with pytest.raises(NotFoundError, match="m.data-00001-of-00003"):
        reader.read("t1")


def test_misuse(tmp_path):
    prefix = str(tmp_path / "m")
    with pytest.raises(UsageError, match="given twice"), BundleWriter(prefix) as writer:
        writer.add("a", np.zeros(3))
        writer.add("a", np.zeros(3))
    with pytest.raises(DtypeError, match="no data type|not a data type"), BundleWriter(prefix) as writer:
        writer.add("a", np.zeros(3, "M8[s]"))
    with pytest.raises(DtypeError, match="5 of type int"), BundleWriter(prefix) as writer:
        writer.add("a", np.array([5], object))
    assert os.listdir(tmp_path) == []
    with BundleWriter(prefix) as writer:
        writer.add("a", np.zeros(3))
    reader = BundleReader(prefix)
    with pytest.raises(NotFoundError, match="no tensor 'b'"):
        reader.read("b")
    with pytest.raises(ShapeError, match=r"float64\[4\] does not fit"):
        reader.copy_to("a", np.zeros(4))


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("m.index", UsageError, "pass the prefix .*m'"),
        ("m.data-00000-of-00001", UsageError, "pass the prefix .*m', not the file"),
        ("", UsageError, "is a folder"),
        ("n", NotFoundError, "in that folder there are: m"),
        ("n", ValueError, "there is no checkpoint"),
        ("old", UsageError, "version 1"),
        (None, UsageError, "must be a string"),
    ],
)
def test_what_is_no_prefix(tmp_path, name, kind, words):
    (tmp_path / "old").write_bytes(b"")
    with BundleWriter(str(tmp_path / "m")) as writer:
        writer.add("a", np.zeros(3))
    with pytest.raises(kind, match=words):
        BundleReader(None if name is None else str(tmp_path / name) if name else str(tmp_path))


# -------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("file", [index_file, data_file])
def test_every_changed_byte_is_noticed(saved, file):
    draw, path = random.Random(2), file(saved)
    good, reader = Path(path).read_bytes(), BundleReader(saved)
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << draw.randrange(8)
        Path(path).write_bytes(bad)
        with pytest.raises(DataLossError, match="damaged|check sum|compressed") as caught:
            if file is index_file:
                BundleReader(saved)
            else:
                reader._maps.clear()
                holds = {name: e.offset <= at < e.offset + e.size for name, e in reader.entries.items()}
                for name in sorted(reader.entries, key=holds.get, reverse=True):  # the tensor with the byte first
                    reader.verify(name)
        assert os.path.basename(path) in str(caught.value)
    Path(path).write_bytes(good)
    assert equal(BundleReader(saved).read("kinds/string"), STRINGS)


def test_damage_is_named(saved):
    entry = BundleReader(saved).entry("kinds/float64")
    good = bytearray(Path(data_file(saved)).read_bytes())
    good[entry.offset + 5] ^= 4
    Path(data_file(saved)).write_bytes(good)
    with pytest.raises(DataLossError, match=rf"'kinds/float64' \(48 bytes from byte {entry.offset}\) is damaged"):
        BundleReader(saved).read("kinds/float64")
    assert equal(BundleReader(saved).read("kinds/float32"), value(dt.f32))


@pytest.mark.parametrize("file", [index_file, data_file])
def test_every_truncation_is_noticed(saved, file):
    good = Path(file(saved)).read_bytes()
    for length in range(0, len(good), 7):
        Path(file(saved)).write_bytes(good[:length])
        with pytest.raises(DataLossError):
            contents(saved)


def test_random_indexes_never_crash(tmp_path):
    """Blocks with right check sums and any content: refused, or read as something."""
    draw = random.Random(3)
    (tmp_path / "m.data-00000-of-00001").write_bytes(bytes(64))
    for _ in range(300):
        items = {draw.randbytes(draw.randrange(3)): draw.randbytes(draw.randrange(40)) for _ in range(3)}
        header = [(b"", b"\x08\x01\x1a\x02\x08\x01")] if draw.random() < 0.8 else []
        content = dict(header) | {k: v for k, v in items.items() if k}
        (tmp_path / "m.index").write_bytes(table.encode(sorted(content.items())))
        try:
            contents(str(tmp_path / "m"))
        except GraphcError:
            pass


# ------------------------------------------------------------------------------------------ interruption


def write(prefix: str, number: int) -> None:
    with BundleWriter(prefix) as writer:
        writer.add("number", np.array(number))
        writer.add("filled", np.full(300_000, number, np.int64))


def number_of(prefix: str) -> int:
    found = contents(prefix)
    assert (found["filled"] == found["number"]).all()
    return int(found["number"])


CALLS = ("write", "fsync", "replace", "link", "open")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failure_at_any_call_leaves_a_checkpoint(tmp_path, monkeypatch, code):
    prefix = str(tmp_path / "m")
    write(prefix, 0)
    for number in range(1, 60):
        before, left = number_of(prefix), [number]
        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(atomic.os, name, _failing(getattr(os, name), left, code))
            try:
                write(prefix, number)
                failed = False
            except ResourceExhaustedError as error:
                assert code == errno.ENOSPC and "no space is left on the disk" in str(error)
                failed = True
            except StateError as error:
                assert code == errno.EIO and "m" in str(error)
                failed = True
        assert number_of(prefix) in (before, number)
        assert not [n for n in os.listdir(tmp_path) if n.startswith(".tmp")]
        if not failed and left[0] > 0:
            break
    else:
        pytest.fail("the calls do not end")
    assert sorted(os.listdir(tmp_path)) == ["m.data-00000-of-00001", "m.index"]


def _failing(function, left: list, code: int):
    """The function until it was called so often, with all others; then it fails."""

    def call(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(code, os.strerror(code))
        return function(*args, **kwargs)

    return call




def test_a_kill_at_any_call_leaves_a_checkpoint(tmp_path):
    """A child is killed before its first call, the next before its second, ...; each writes over what is there."""
    prefix = str(tmp_path / "m")
    write(prefix, 0)
    script = """
import os, sys
sys.path[:0] = {paths!r}
import numpy as np
from test_bundle import CALLS, number_of, write
allowed, before = 0, 0
while True:
    allowed += 1
    child = os.fork()
    if child == 0:
        left = [allowed]
        def dying(function):
            def call(*args, **kwargs):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), 9)
                return function(*args, **kwargs)
            return call
        for name in CALLS + ("remove",):
            setattr(os, name, dying(getattr(os, name)))
        write(sys.argv[1], allowed)
        os._exit(0 if left[0] > 0 else 1)
    status = os.waitpid(child, 0)[1]
    now = number_of(sys.argv[1])
    assert now in (before, allowed), (allowed, before, now)
    before = now
    if status == 0:
        break
print(allowed)
""".format(paths=[str(Path(__file__).parent), str(Path(__file__).parents[2])])
    out = subprocess.run([sys.executable, "-c", script, prefix], capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    calls = int(out.stdout)
    assert calls > 12 and number_of(prefix) == calls


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_a_real_limit(tmp_path):
    prefix = str(tmp_path / "m")
    write(prefix, 1)
    script = """
import resource, signal, sys
sys.path[:0] = {paths!r}
from test_bundle import write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000))
try:
    write(sys.argv[1], 2)
except Exception as error:
    print(type(error).__name__, error)
""".format(paths=[str(Path(__file__).parent), str(Path(__file__).parents[2])])
    out = subprocess.run([sys.executable, "-c", script, prefix], capture_output=True, text=True, timeout=60)
    assert out.stdout.startswith("ResourceExhaustedError save: ") and "unchanged" in out.stdout, out.stderr
    assert number_of(prefix) == 1
    assert sorted(os.listdir(tmp_path)) == ["m.data-00000-of-00001", "m.index"]


def test_without_second_names_for_files(tmp_path, monkeypatch):
    prefix = str(tmp_path / "m")

    def refused(*args):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refused)
    for number in range(4):
        write(prefix, number)
        assert number_of(prefix) == number
        assert len(os.listdir(tmp_path)) == 2


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GraphcError, match="file"):
        write(str(tmp_path / "file" / "m"), 1)


def test_abandoned_files_are_removed(tmp_path):
    script = "import os; print(os.getpid())"
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    old, new = tmp_path / f"{atomic.TEMPORARY}1", tmp_path / f"{atomic.TEMPORARY}2"
    own, gone = tmp_path / f"{atomic._mine()}{os.getpid()}-x", tmp_path / f"{atomic._mine()}{dead.stdout.strip()}-x"
    for path in (old, new, own, gone):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    write(str(tmp_path / "m"), 1)
    assert [path.exists() for path in (old, new, own, gone)] == [False, True, True, False]
