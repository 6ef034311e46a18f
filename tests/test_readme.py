"""The README's example runs as it stands, and its commands name what exists."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_example_learns_the_line(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    numbers = [float(x) for x in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", done.stdout)]
    assert [round(x, 2) for x in numbers] == [2.0, -1.0, 0.5], done.stdout


def test_files_and_links_exist():
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        assert path.startswith("http") or (ROOT / path).exists(), path
    for path in re.findall(r"(?:examples|tools)/\w+\.py", README):
        assert (ROOT / path).exists(), path


def test_there_is_one_command_to_run_and_one_to_test():
    for name in ("run", "test"):
        assert re.search(rf"<!-- {name} -->\n```sh\n[^`]+```", README), name
