"""Makes a graph that fails as small as it gets, in a child process, and names the passes at fault.

    python tools/reduce.py graph.txt [--variation native] [--skip pass]... [--seed 0] [--size n=5] -o small.txt

The text may give arrays for its inputs and large constants in comments, as the files in tests/fuzz/found do; what it
does not give comes from the seed.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import replace
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from graphc.errors import UsageError  # noqa: E402  (the path comes first)
from tests.fuzz.sample import Sample, read_sample  # noqa: E402
from tests.fuzz.shrink import candidates  # noqa: E402

_SAID = "reduce says: "  # before an answer; everything else that a child writes is its own business


class Child:
    """A process that tries samples, started again after each crash.

    Args:
        setup: ``module:function`` that the process calls first.
        timeout: seconds for one sample.
    """

    def __init__(self, setup: str | None = None, timeout: float = 60.0):
        self.setup, self.timeout = setup, timeout
        self.process: subprocess.Popen | None = None
        self.lines: queue.Queue = queue.Queue()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error) -> None:
        self.stop()

    def start(self) -> None:
        command = [sys.executable, str(Path(__file__).resolve()), "--child", *([self.setup] if self.setup else [])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
        )
        self.lines = queue.Queue()
        threading.Thread(target=_read_all, args=(self.process.stdout, self.lines), daemon=True).start()
        if self.lines.get() is None:
            self.stop()
            raise UsageError(f"the child process does not start: {' '.join(command)}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None

    def failure(self, text: str, skip: tuple = ()) -> str | None:
        """The kind of failure of the sample in ``text``; None if all is well."""
        if self.process is None:
            self.start()
        end = time.monotonic() + self.timeout
        try:
            self.process.stdin.write(json.dumps({"text": text, "skip": skip}) + "\n")
            self.process.stdin.flush()
            while True:
                line = self.lines.get(timeout=max(end - time.monotonic(), 0.01))
                if line is None:
                    break
                if line.startswith(_SAID):
                    return json.loads(line[len(_SAID) :])
        except queue.Empty:
            self.stop()
            return "timeout"
        except BrokenPipeError:
            pass
        code = self.process.wait()
        self.stop()
        return f"signal {-code}" if code < 0 else f"exit {code}"


def _read_all(stream, lines: queue.Queue) -> None:
    try:
        for line in stream:
            lines.put(line)
    except ValueError:  # closed meanwhile
        pass
    lines.put(None)


def serve(setup: str | None) -> None:
    """Answer for every line of the standard input what is wrong with the sample in it."""
    if setup:
        module, _, function = setup.partition(":")
        getattr(import_module(module), function)()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        wanted = json.loads(line)
        kind = failure_here(wanted["text"], tuple(wanted["skip"]))
        sys.stdout.write(_SAID + json.dumps(kind) + "\n")
        sys.stdout.flush()


def failure_here(text: str, skip: tuple = ()) -> str | None:
    """The kind of failure of a sample: the way its results are wrong, or which error is raised where."""
    from graphc.prims.interpret import interpret
    from tests.fuzz import checks

    sample = read_sample(text)
    try:
        case = sample.case()
        right = interpret(sample.graph, *sample.arrays)
    except Exception as error:
        return f"interpreter: {_place(error)}"
    try:
        if skip:
            checks.optimised(case, right, skip)
        else:
            checks.VARIATIONS[sample.variation](case, right)
    except checks.Wrong as error:
        return f"wrong {error.kind}"
    except Exception as error:
        return _place(error)
    return None


def _place(error: BaseException) -> str:
    while error.__cause__ is not None:  # the pipeline says which pass it was that raised
        error = error.__cause__
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.name} of {Path(last.filename).name}"


# -------------------------------------------------------------------------------------------- reducing


def reduce_case(sample: Sample, setup: str | None = None, skip: tuple = (), seconds: float = 120.0) -> Sample | None:
    """The smallest sample found that fails in the same way; None if ``sample`` does not fail.

    Args:
        skip: passes that are left out in every try.
        seconds: after which the smallest so far is the answer.
    """
    end = time.monotonic() + seconds
    with Child(setup) as child:
        kind = child.failure(sample.text(), skip)
        if kind is None:
            return None
        progress = True
        while progress and time.monotonic() < end:
            progress = False
            for smaller in candidates(sample):
                if time.monotonic() > end:
                    break
                if child.failure(smaller.text(), skip) == kind:
                    sample, progress = smaller, True
                    break
    return sample


def guilty(sample: Sample, setup: str | None = None) -> list[str]:
    """The passes without any of which the failure goes away."""
    from tests.fuzz.checks import PASSES

    with Child(setup) as child:
        text = replace(sample, variation="compiled").text()
        kind = child.failure(text)
        return [name for name in PASSES if kind is not None and child.failure(text, (name,)) is None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", nargs="?", help="file with the text of a graph")
    parser.add_argument("-o", "--output", help="file for the reduced text; standard output without it")
    parser.add_argument("--skip", action="append", default=[], metavar="PASS", help="leave a pass out")
    parser.add_argument("--variation", help="way to run the graph, as tests/fuzz/checks.py names it")
    parser.add_argument("--seed", type=int, default=0, help="for inputs and constants that the text does not give")
    parser.add_argument("--size", action="append", default=[], metavar="NAME=N", help="value of a symbolic dimension")
    parser.add_argument("--seconds", type=float, default=120.0, help="stop after this time")
    parser.add_argument("--setup", metavar="MODULE:FUNCTION", help="called in the child process first")
    parser.add_argument("--child", nargs="?", const="", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child is not None:
        serve(wanted.child or None)
        return 0
    if not wanted.graph:
        parser.error("no graph is given")
    sizes = {name: int(n) for name, _, n in (s.partition("=") for s in wanted.size)}
    sample = read_sample(Path(wanted.graph).read_text(encoding="utf-8"), wanted.seed, sizes)
    sample = replace(sample, variation=wanted.variation or sample.variation)
    found = reduce_case(sample, wanted.setup, tuple(wanted.skip), wanted.seconds)
    if found is None:
        sys.stderr.write("the graph does not fail\n")
        return 1
    with Child(wanted.setup) as child:
        kind = child.failure(found.text(), tuple(wanted.skip))
    passes = [] if wanted.skip else guilty(found, wanted.setup)
    notes = (f"fails with: {kind}", f"does not fail without: {', '.join(passes) or '(no single pass decides)'}")
    text = found.text(notes)
    if wanted.output:
        Path(wanted.output).write_text(text, encoding="utf-8")
        sys.stdout.write("\n".join(notes) + "\n")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="graphc-fuzz-") as folder:  # the user's own cache is not a test's business
        os.environ.setdefault("GRAPHC_CACHE_DIR", folder)
        code = main()
    sys.exit(code)
