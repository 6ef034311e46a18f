"""Options and fixtures of all tests."""

import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

if "GRAPHC_CACHE_DIR" not in os.environ:  # the user's own cache is not the tests' business
    os.environ["GRAPHC_CACHE_DIR"] = tempfile.mkdtemp(prefix="graphc-tests-")
    atexit.register(shutil.rmtree, os.environ["GRAPHC_CACHE_DIR"], ignore_errors=True)

# Nothing that tests write must survive a failure of power, and they write thousands of programs; a bad handle is found.
os.fsync = lambda file: os.fstat(file) and None

# Where byte code is not kept, every process that a test starts compiles all of graphc again, which takes as long as the test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What a shell runs in the background ignores interrupts, which some tests send to themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

GOLDEN = Path(__file__).resolve().parent / "golden"


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden text files anew")


def pytest_collection_finish():
    """Tens of thousands of tests are no garbage, and need not be walked through whenever some is looked for.

    Nor need it be looked for as often as Python does: what is compiled stays, so a tenth of the time would go there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture
def golden(request):
    """``golden("ir/name.txt", text)``: the text must be that of the file below tests/golden."""

    def check(path: str, text: str) -> None:
        file = GOLDEN / path
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return
        if not file.exists():
            pytest.fail(f"there is no {file}; pytest --update-golden writes it")
        assert text == file.read_text(encoding="utf-8"), f"{path} differs; pytest --update-golden accepts the new text"

    return check


@pytest.fixture(autouse=True)
def no_seed_is_left():
    """No test leaves a global seed to the next one, whose random numbers would be those of that seed."""
    yield
    stream = sys.modules.get("graphc.api.stream")  # which many tests have no use for
    if stream is not None and stream.SEEDS.seed is not None:
        stream.SEEDS.set(None)
