"""Damaged containers in number: each is refused with a message that names its file, or is the model it was.

python tools/fuzz_containers.py --mutants 20000
python tools/fuzz_containers.py --mutants 500 --seed 7 --keep /tmp/found
python tools/fuzz_containers.py --only 1234          # one mutant, here, with its traceback

A mutant is raw, where bytes of the file are changed, or sealed, where what the sections say is changed and every checksum
made anew, so that the checks behind the checksums have to notice. A raw one must be refused. A sealed one may be another
legal model: then it is read and loaded, and its graph verified. Machine code is never changed in a sealed one: nothing can
tell wrong code from right code, and a file with fitting checksums is trusted as much as a program is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the path comes first)

import graphc.v1 as tf  # noqa: E402
from graphc import aot  # noqa: E402
from graphc.aot.container import container  # noqa: E402
from graphc.aot.gpu_sections import DeviceCode  # noqa: E402
from graphc.compile import compile_graph, from_sections, lower_for  # noqa: E402
from graphc.errors import FormatError, GraphcError  # noqa: E402
from graphc.ir import dtype as dt  # noqa: E402
from graphc.ir.gpu import GPUS  # noqa: E402
from graphc.ir.graph import Graph, input_node  # noqa: E402
from graphc.ir.target import TARGETS  # noqa: E402
from graphc.ir.type import Type  # noqa: E402
from graphc.ir.verify import verify_graph  # noqa: E402
from graphc.options import Options  # noqa: E402
from graphc.prims.table import apply  # noqa: E402
from graphc.runtime.cache import default_cache  # noqa: E402
from graphc.runtime.container import Container, encode  # noqa: E402
from graphc.runtime.cuda.code_sections import read_needs, read_text  # noqa: E402
from graphc.runtime.cuda.reports import Resources  # noqa: E402
from graphc.runtime.host import runs_here  # noqa: E402

CHUNK = 250  # mutants of one child process, which a native crash takes with it
SECONDS = 10  # that one mutant may take
MEMORY = 4 << 30  # bytes of address space beyond those of a fresh child
EXTREME = (-1, 0, 1, 2, 7, 63, 255, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**31), -(2**63), 10**30)
CODE = b"\x7fELF"  # how sections of machine code begin
_NUMBER = re.compile(r"(?<![\w#'.])-?\d+(?![\w.])")
_HEADER, _CHECKED = 64, 32  # bytes of the header, and those of it before the checksum


# ----------------------------------------------------------------------------------------------- models


def make_models(folder: Path) -> None:
    """Containers of a few models, and cached programs of two of them: the files that mutants are made of."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default() as graph:
        a, b = (tf.placeholder(tf.float32, [None, 4], name=name) for name in "ab")
        y = tf.reshape(a, [-1, 3]) + b[:, :3] * 2.0
        aot.save(tf.freeze(tf.Session(graph=graph), [a, b], [y]), folder / "sizes.gc")
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 96], name="x")
        weights = [tf.constant(rng.standard_normal((96, 96)).astype(np.float32)) for _ in range(2)]
        y = tf.nn.relu(tf.matmul(tf.nn.relu(tf.matmul(x, weights[0])), weights[1]))
        frozen = tf.freeze(tf.Session(graph=graph), [x], [y])
        aot.save(frozen, folder / "weights.gc")
        compile_graph(frozen)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        w = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
        step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(tf.square(tf.matmul(x, w))))
        graph = tf.step_graph(step, name="step")
        aot.save(graph, folder / "step.gc")
        compile_graph(graph)
    x = input_node("x", Type(dt.f64, (3, 3)))
    graph = Graph("host", (x,), (apply("cholesky", apply("add", x, x)),))
    aot.save(graph, folder / "host.gc")
    _make_gpu_model(folder / "gpu.gc")
    other = "x86-64" if os.uname().machine == "aarch64" else "aarch64"
    aot.save(graph, folder / "elsewhere.gc", Options(target=other))
    for k, path in enumerate(sorted(default_cache().path.glob("**/*.gc"))[:3]):
        (folder / f"cached{k}.gc").write_bytes(path.read_bytes())


def _make_gpu_model(path: Path) -> None:
    """A container with code for GPUs; what stands in the place of machine code is never run."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 8], name="x")
        summed = tf.scan(lambda a, row: a * 0.5 + row, x, initializer=tf.zeros([8]))
        _, grown = tf.while_loop(lambda k, v: tf.reduce_sum(v) < 9.0, lambda k, v: (k + 1, v * 2.0), (tf.constant(0), x))
        frozen = tf.freeze(tf.Session(graph=graph), [x], [summed, tf.cond(tf.reduce_max(x) > 0.5, lambda: grown, lambda: x)])
    one, other = lower_for(frozen, Options(), ("cuda:sm_80", "cuda:sm_90")).values()
    gpus = tuple([GPUS["cuda:sm_80"], GPUS["cuda:sm_90"]])
    needs = {gpu.arch: {"compiler": "none", "functions": [asdict(Resources(k.name, 32)) for k in one.program.kernels]} for gpu in gpus}
    assert str(one.program) == str(other.program), "there are products in it now, whose blocks depend on the GPU"
    code = DeviceCode(one, gpus, needs, gpus[1], b".version 9.0\n" * 20, CODE + bytes(200))
    path.write_bytes(b"".join(container(frozen, {}, Options(), [code])))


# ---------------------------------------------------------------------------------------------- mutants


def mutant(files: dict[str, bytes], seed: int) -> tuple[str, str, bytes]:
    """The mutant of a seed: the file that it is made of, what was done to it (``raw`` or ``sealed`` first), and its bytes."""
    rng = random.Random(seed)
    name = rng.choice(sorted(files))
    content, other = files[name], files[rng.choice(sorted(files))]
    while True:
        change = rng.choice(_RAW) if rng.random() < 0.4 else rng.choice(_SEALED)
        made = change(content, other, rng)
        if made is not None and made != content:
            return name, f"{'raw' if change in _RAW else 'sealed'} {change.__name__.strip('_')}", made


def _flip(content: bytes, other: bytes, rng: random.Random) -> bytes:
    made = bytearray(content)
    begin, size = _region(content, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        made[begin + rng.randrange(size)] ^= 1 << rng.randrange(8)
    return bytes(made)


def _cut(content: bytes, other: bytes, rng: random.Random) -> bytes:
    begin, size = _region(content, rng)
    return content[: begin + rng.randrange(size)]


def _grow(content: bytes, other: bytes, rng: random.Random) -> bytes:
    return content + rng.choice((b"\0", bytes(64), content[-64:], other))


def _splice(content: bytes, other: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + other[rng.choice((at, rng.randrange(len(other)))) :]


def _exchange(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """Two pieces of the file in each other's place."""
    size = rng.choice((1, 8, 64, 512))
    a, b = sorted(rng.sample(range(0, len(content) - size, 1), 2))
    b = max(b, a + size)
    return content[:a] + content[b : b + size] + content[a + size : b] + content[a : a + size] + content[b + size :]


def _length(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """An extreme number in a field of header or table."""
    made = bytearray(content)
    _write_field(made, rng)
    return bytes(made)


def _sealed_length(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """The same, with the checksum over header and table made anew."""
    made = bytearray(content)
    (table,) = struct.unpack_from("<Q", made, 24)
    _write_field(made, rng)
    _seal(made, table)
    return bytes(made)


def _sections(change):
    """A change of the sections by name, which answers False where there is nothing to change."""

    def made(content: bytes, other: bytes, rng: random.Random) -> bytes | None:
        opened, foreign = (Container.parse(x) for x in (content, other))
        sections = {name: bytes(opened[name]) for name in opened.names}
        soft = [name for name in sections if not sections[name].startswith(CODE)]
        if change(sections, soft, {n: bytes(foreign[n]) for n in foreign.names}, rng) is False:
            return None
        return b"".join(encode(sections))

    made.__name__ = change.__name__
    return made


@_sections
def _sealed_flip(sections, soft, foreign, rng):
    name = rng.choice(soft)
    if not sections[name]:
        return False
    raw = bytearray(sections[name])
    for _ in range(rng.choice((1, 1, 4))):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    sections[name] = bytes(raw)


@_sections
def _sealed_cut(sections, soft, foreign, rng):
    name = rng.choice(soft)
    raw = sections[name]
    sections[name] = raw[: rng.randrange(len(raw))] if raw and rng.random() < 0.8 else raw + raw[:100]


@_sections
def _sealed_swap(sections, soft, foreign, rng):
    a, b = rng.choice(soft), rng.choice(soft)
    sections[a], sections[b] = sections[b], sections[a]


@_sections
def _sealed_drop(sections, soft, foreign, rng):
    del sections[rng.choice(sorted(sections))]


@_sections
def _sealed_graft(sections, soft, foreign, rng):
    """A section of another file in the place of the one of that name."""
    common = [name for name in soft if name in foreign and foreign[name] != sections[name]]
    if not common:
        return False
    name = rng.choice(common)
    sections[name] = foreign[name]


@_sections
def _sealed_number(sections, soft, foreign, rng):
    """Extreme numbers in text."""
    name = rng.choice(_texts(soft))
    text = sections[name].decode()
    found = list(_NUMBER.finditer(text))
    if not found:
        return False
    for match in sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 2)))), key=lambda m: -m.start()):
        text = text[: match.start()] + str(rng.choice(EXTREME)) + text[match.end() :]
    sections[name] = text.encode()


@_sections
def _sealed_shape(sections, soft, foreign, rng):
    """Another shape where a type stands: products that overflow, huge ranks, sizes below 0."""
    name = rng.choice([n for n in soft if n == "graph" or n.startswith("program:")] or _texts(soft))
    text = sections[name].decode()
    found = list(re.finditer(r"(?<=\w)\[[\w, ]*\]", text))
    if not found:
        return False
    shape = rng.choice(["4294967296,4294967296,4294967296", ",".join("1" * 1000), ",".join("2" * 70), "-3", "n,n", "0", "9223372036854775807,2",
                        "n*n", "", "1,2,3"])  # fmt: skip
    match = rng.choice(found)
    sections[name] = (text[: match.start()] + f"[{shape}]" + text[match.end() :]).encode()


@_sections
def _sealed_line(sections, soft, foreign, rng):
    """A line of text left out, doubled, or moved; or a word of it by another."""
    name = rng.choice(_texts(soft))
    lines = sections[name].decode().split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(to, lines[at])
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case 3:
            words, others = (re.findall(r"\w+|\W", lines[k]) for k in (at, to))
            if not words or not others:
                return False
            words[rng.randrange(len(words))] = rng.choice(others)
            lines[at] = "".join(words)
        case _:
            lines[at] = lines[at].replace("(", rng.choice(("((", "", "(" * 2000)), 1)
    sections[name] = "\n".join(lines).encode()


@_sections
def _sealed_json(sections, soft, foreign, rng):
    """Any value of a JSON section by another kind of value."""
    found = []
    for name in soft:
        if name in ("manifest", "key", "source") or name.startswith(("table:", "early:", "resources:")):
            found.append((name, json.loads(sections[name])))
    if not found:
        return False
    name, data = rng.choice(found)
    places = []
    waiting = [data]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                waiting.append(node[key])
    if not places:
        return False
    node, key = rng.choice(places)
    value = rng.choice([*EXTREME, None, True, "", "x", "\ud800", 1.5, 1e308, float("inf"), float("nan"), [], {}, [[]], {"a": 1}, [-1, 2**62],
                        [2**32] * 3, [1] * 1000, "../../etc", "9" * 6000, [0, [1, [2]]]])  # fmt: skip
    if isinstance(node, dict) and rng.random() < 0.2:
        del node[key]
    else:
        node[key] = value
    sections[name] = json.dumps(data).encode()


_RAW = (_flip, _flip, _cut, _grow, _splice, _exchange, _length)
_SEALED = (
    _sealed_length, _sealed_flip, _sealed_cut, _sealed_swap, _sealed_drop, _sealed_graft, _sealed_number, _sealed_number, _sealed_shape,
    _sealed_shape, _sealed_line, _sealed_line, _sealed_json, _sealed_json,
)  # fmt: skip


def _texts(soft: list[str]) -> list[str]:
    return [n for n in soft if not n.startswith(("weights", "constants:", "blobs:", "record:", "kernels:", "ptx:"))]


def _region(content: bytes, rng: random.Random) -> tuple[int, int]:
    """Begin and size of header, table or a section, each as likely as the others."""
    opened = Container.parse(content)
    (table,) = struct.unpack_from("<Q", content, 24)
    regions = [(0, _HEADER), (_HEADER, table)]
    regions += [(entry.offset, entry.size) for entry in opened._entries.values() if entry.size]
    return rng.choice(regions)


def _write_field(made: bytearray, rng: random.Random) -> None:
    """Write an extreme number to a field of header or table."""
    fields = [("<I", 8), ("<I", 12), ("<Q", 16), ("<Q", 24)]
    count, at = struct.unpack_from("<I", made, 12)[0], _HEADER
    for _ in range(count):
        (size,) = struct.unpack_from("<H", made, at)
        fields += [("<H", at), ("<Q", at + 2 + size), ("<Q", at + 10 + size)]
        at += 2 + size + 48
    form, at = rng.choice(fields)
    bits = 8 * struct.calcsize(form)
    (old,) = struct.unpack_from(form, made, at)
    value = rng.choice((*EXTREME, old + 1, old - 1, old + 64, old - 64, 2 * old))
    struct.pack_into(form, made, at, value % (1 << bits))


def _seal(made: bytearray, table: int) -> None:
    digest = hashlib.sha256(bytes(made[:_CHECKED]) + bytes(made[_HEADER : _HEADER + table])).digest()
    made[_CHECKED:_HEADER] = digest


# ------------------------------------------------------------------------------------------------ checks


def check(path: Path, kind: str) -> str:
    """What happens to a mutant that lies at ``path``; raises where that is not what should.

    Raises:
        AssertionError: a raw mutant was accepted, or a message does not name the file.
    """
    try:
        opened = Container.open(path)
    except GraphcError as error:
        return _told(error, path)
    assert not kind.startswith("raw"), "changed bytes went unnoticed"
    if "key" in opened.names or not {"manifest", "graph"} & set(opened.names):
        return _check_cached(opened, path)
    answers = []
    for read in (_graph, _load):
        try:
            read(path)
            answers.append("accepted")
        except GraphcError as error:
            answers.append(_told(error, path))
    return answers[0] if answers[0] == answers[1] else "refused in part"


def _graph(path: Path) -> None:
    graph = aot.read(path).graph
    try:
        verify_graph(graph)
    except GraphcError as error:  # as the pipeline would, whose error ``load`` gives the file's name
        raise FormatError(f"{path}: {error}") from None


def _load(path: Path) -> None:
    """Load what need not be compiled; what must be is verified above."""
    model = aot.read(path)
    if any(name in TARGETS and runs_here(TARGETS[name]) for name in model.targets):
        aot.load(path).bind()
    for name in model.targets:
        if name.startswith("cuda:"):
            holder = model.shares.get(name, name)
            from_sections(model.container, holder)
            read_needs(model.container, holder, name.removeprefix("cuda:"))
            read_text(model.container, holder)


def _check_cached(opened: Container, path: Path) -> str:
    targets = [name.removeprefix("program:") for name in opened.names if name.startswith("program:")]
    try:
        for target in targets:
            from_sections(opened, target)
        return "accepted"
    except GraphcError as error:
        return _told(error, path)


def _told(error: GraphcError, path: Path) -> str:
    assert path.name in str(error), f"the message does not name the file: {type(error).__name__}: {error}"
    return "refused"


# ---------------------------------------------------------------------------------------------- processes


def run(folder: Path, seeds: range, timeout: float = SECONDS) -> tuple[dict[str, int], list[tuple[int, str, str]]]:
    """Check mutants in child processes: how many came to what, and (seed, kind, what went wrong)."""
    counts: dict[str, int] = {}
    failures, first = [], seeds.start
    while first < seeds.stop:
        last = min(first + CHUNK, seeds.stop)
        command = [sys.executable, str(Path(__file__).resolve()), "--child", f"{first}:{last}", "--folder", str(folder)]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            status = subprocess.run(command, stdout=out, stderr=err, cwd=ROOT, timeout=timeout * CHUNK).returncode
            out.seek(0)
            err.seek(0)
            lines, trouble = out.read().splitlines(), err.read()
        at, kind, ended = first - 1, "start", False
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "at":
                number, _, kind = rest.partition(" ")
                at = int(number)
            elif word == "done":
                counts[rest] = counts.get(rest, 0) + 1
            elif word == "failed":
                failures.append((at, kind, json.loads(rest)))
            elif word == "end":
                ended = True
        if not ended:
            failures.append((at, kind, f"the process ended with {status}: {trouble[-1000:]}"))
            if at < first:
                break  # it did not even start
            last = at + 1
        first = last
    return counts, failures


def child(seeds: str, folder: Path) -> None:
    """Check mutants here, saying before each what it is."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.gc"))}
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    first, last = map(int, seeds.split(":"))
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(first, last):
            name, kind, content = mutant(files, seed)
            print(f"at {seed} {name} {kind}", flush=True)
            path = Path(scratch) / f"mutant{seed}.gc"  # a mapped file may not be written over
            path.write_bytes(content)
            signal.alarm(SECONDS)  # ends the process
            try:
                print("done", kind.split()[0], check(path, kind), flush=True)
            except Exception as error:
                where = "".join(traceback.format_exception(error)[-3:])
                print("failed", json.dumps(where), flush=True)
            signal.alarm(0)
            path.unlink()
    print("end")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write mutants that fail there")
    parser.add_argument("--only", type=int, metavar="SEED", help="check this mutant alone, here")
    parser.add_argument("--folder", type=Path, help="of the containers; made if it has none")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.folder)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        if not list(folder.glob("*.gc")):
            make_models(folder)
        files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.gc"))}
        if options.only is not None:
            name, kind, content = mutant(files, options.only)
            path = Path(scratch) / "mutant.gc"
            path.write_bytes(content)
            print(name, kind)
            print(check(path, kind))
            return 0
        start = time.monotonic()
        counts, failures = run(folder, range(options.seed, options.seed + options.mutants))
        for seed, kind, what in failures:
            print(f"{seed} {kind}\n  {what.strip()}\n")
            if options.keep is not None:
                options.keep.mkdir(exist_ok=True)
                (options.keep / f"{seed}.gc").write_bytes(mutant(files, seed)[2])
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"{options.mutants} mutants in {time.monotonic() - start:.0f} s: {told}; {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
