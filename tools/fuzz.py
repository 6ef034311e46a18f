"""Random graphs in number: every seed in every variation, failures reduced and kept as text.

python tools/fuzz.py --count 10000 --seed 0
python tools/fuzz.py --count 500 --seed 20000 --quick --found /tmp/found
python tools/fuzz.py --conv --count 1000             # convolutional networks, which are reported and not reduced
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import reduce  # noqa: E402  (the path comes first)

CHUNK = 50  # seeds of one child process, which a native crash takes with it


def chunk(first: int, last: int, flags: list[str], timeout: float) -> list[tuple[int, str, str]]:
    """Check seeds in a child process; (seed, variation, what went wrong) for those that fail."""
    failures = []
    while first < last:
        command = [sys.executable, str(ROOT / "tools/fuzz.py"), "--child", f"{first}:{last}", *flags]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
            try:
                out, err = child.communicate(timeout=timeout * (last - first))
            except subprocess.TimeoutExpired:
                child.kill()
                out, err = child.communicate()
        at, variation = first, "build"
        for line in out.splitlines():
            word, _, rest = line.partition(" ")
            if word == "at":
                seed, _, variation = rest.partition(" ")
                at = int(seed)
            elif word == "failed":
                failures.append((at, variation, rest.replace("\\n", "\n")))
        if child.returncode == 0:
            break
        failures.append((at, variation, f"the process ended with {child.returncode}: {err[-500:]}"))
        first = at + 1
    return failures


def child(seeds: str, quick: bool) -> None:
    """Check seeds here, saying before each what is being done."""
    from tests.fuzz.checks import QUICK, VARIATIONS, check
    from tests.fuzz.random_graphs import random_case

    first, last = map(int, seeds.split(":"))
    for seed in range(first, last):
        sys.stdout.write(f"at {seed} build\n")
        try:
            case = random_case(seed)
        except Exception as error:
            _say_failed(error)
            continue
        for variation in (QUICK[seed % len(QUICK)],) if quick else VARIATIONS:
            sys.stdout.write(f"at {seed} {variation}\n")
            sys.stdout.flush()
            try:
                check(case, (variation,))
            except Exception as error:
                _say_failed(error)


def child_of_networks(seeds: str) -> None:
    """The same for convolutional networks."""
    from tests.fuzz.conv_checks import check
    from tests.fuzz.conv_networks import random_network

    for seed in range(*map(int, seeds.split(":"))):
        sys.stdout.write(f"at {seed} network\n")
        sys.stdout.flush()
        try:
            check(random_network(seed), seed)
        except Exception as error:
            _say_failed(error)


def _say_failed(error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"[:600].replace("\n", "\\n")
    sys.stdout.write(f"failed {text}\n")


def keep(seed: int, variation: str, what: str, folder: Path) -> Path | None:
    """Reduce the graph of a seed and write it to a file; None where it cannot be built or does not fail alone."""
    from tests.fuzz.random_graphs import random_case

    try:
        case = random_case(seed)
    except Exception:
        return None
    found = reduce.reduce_case(reduce.Sample.of(case, variation))
    if found is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed_{seed}_{variation.replace(':', '_')}.txt"
    first = what.splitlines()[0] if what else "it failed"
    path.write_text(found.text((f"seed {seed}, {variation}: {first}",)), encoding="utf-8")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--conv", action="store_true", help="convolutional networks")
    parser.add_argument("--quick", action="store_true", help="one variation a graph, chosen by its seed")
    parser.add_argument("--found", type=Path, default=ROOT / "tests/fuzz/found", help="folder for reduced failures")
    parser.add_argument("--no-reduce", action="store_true")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a graph")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        child_of_networks(wanted.child) if wanted.conv else child(wanted.child, wanted.quick)
        return 0
    flags = ["--conv"] * wanted.conv + ["--quick"] * wanted.quick
    begin, total = time.monotonic(), 0
    for first in range(wanted.seed, wanted.seed + wanted.count, CHUNK):
        last = min(first + CHUNK, wanted.seed + wanted.count)
        reduced = set()
        for seed, variation, what in chunk(first, last, flags, wanted.timeout):
            total += 1
            sys.stdout.write(f"seed {seed} {variation}: {what}\n")
            if not (wanted.no_reduce or wanted.conv) and seed not in reduced:  # one file a seed says enough
                reduced.add(seed)
                sys.stdout.write(f"  -> {keep(seed, variation, what, wanted.found)}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{wanted.count} graphs, {total} failures, {time.monotonic() - begin:.0f} s\n")
    return 1 if total else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="graphc-fuzz-") as folder:  # the user's own cache is not a test's business
        os.environ.setdefault("GRAPHC_CACHE_DIR", folder)
        code = main()
    sys.exit(code)
