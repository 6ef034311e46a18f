"""Running the programs in examples/ as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PAGE = 85  # lines


def run(path, *arguments, cwd, by=(), **environment):
    """Run ``examples/PATH.py`` by Python, or by what these arguments of Python say; it must end well."""
    done = subprocess.run(
        [sys.executable, *by, EXAMPLES / f"{path}.py", *map(str, arguments)], cwd=cwd, capture_output=True, text=True,
        timeout=300, env={**os.environ, "MPLCONFIGDIR": str(cwd), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def number(text, after):
    """The number that follows these words, the last time they occur."""
    found = re.findall(re.escape(after) + r" *(-?\d+(?:\.\d+)?(?:e-?\d+)?)", text)
    assert found, f"no {after!r} in:\n{text}"
    return float(found[-1])


def expect_tested_and_listed(folder, tests, helpers=(), page=PAGE):
    """Every program of a folder (not what helps them) is named in the text of its tests and in the README, and is a page long."""
    readme = (EXAMPLES / "README.md").read_text()
    for path in sorted((EXAMPLES / folder).glob("*.py")):
        if path.stem in helpers:
            continue
        assert f'"{path.stem}"' in tests, f"{path.stem} is not run"
        assert f"({folder}/{path.name})" in readme, f"{folder}/{path.name} is not in examples/README.md"
        assert len(path.read_text().splitlines()) <= page, f"{path.stem} is longer than a page"
