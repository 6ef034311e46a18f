"""What CONTRIBUTING.md says of adding an operation, done to a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
    assert found, f"CONTRIBUTING.md has no block {name}"
    return found.group(1)


def test_one_row_and_one_sample_line_add_an_operation(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for folder in ("graphc", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    for file, name in (("graphc/prims/scalar.py", "row"), ("tests/samples.py", "sample")):
        with open(tmp_path / file, "a") as out:
            out.write("\n\n" + block(name))
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "GRAPHC_CACHE": "off", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/prims", "tests/e2e",
               "-k", "softsign"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = set(re.findall(r"(test_\w+)\.py::.* PASSED", done.stdout))
    assert {"test_rows", "test_rows_compiled"} <= tests, done.stdout
