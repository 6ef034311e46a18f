"""Mutants of small ONNX models in number: each must be refused with a clear error or run, in bounded time and memory.

python tools/fuzz_onnx.py --count 20000 --jobs 4
python tools/fuzz_onnx.py --seed 1234 --count 1 --verbose
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.onnx_worker import Worker  # noqa: E402  (the path comes first)


def try_seeds(seeds: range, way: str, verbose: bool) -> tuple[Counter, list[tuple[int, str]]]:
    """How often each outcome came about, and the seeds that failed with what happened."""
    worker, counts, failures = Worker(), Counter(), []
    try:
        for seed in seeds:
            outcome = worker.check(str(seed), way)
            word, _, rest = outcome.partition(" ")
            counts[rest.split(":")[0] if word == "fine" else "wrong"] += 1
            if word != "fine":
                failures.append((seed, rest))
            if verbose or word != "fine":
                sys.stdout.write(f"seed {seed}: {outcome}\n")
                sys.stdout.flush()
    finally:
        worker.close()
    return counts, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20000, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0, help="of the first one")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--load", action="store_true", help="load and trace only, do not run")
    parser.add_argument("--verbose", action="store_true", help="say what became of each")
    given = parser.parse_args()
    start, last = time.time(), given.seed + given.count
    shares = [range(given.seed + k, last, given.jobs) for k in range(given.jobs)]
    counts, failures = Counter(), []
    with ThreadPoolExecutor(given.jobs) as pool:
        for found, failed in pool.map(lambda s: try_seeds(s, "load" if given.load else "run", given.verbose), shares):
            counts += found
            failures += failed
    failures.sort()
    for what, count in counts.most_common():
        sys.stdout.write(f"{count:7} {what}\n")
    sys.stdout.write(f"{given.count} mutants in {time.time() - start:.0f} s, {len(failures)} failures")
    sys.stdout.write(f": seeds {' '.join(str(s) for s, _ in failures)}\n" if failures else "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
