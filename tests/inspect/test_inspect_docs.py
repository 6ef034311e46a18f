"""What docs/inspect.md shows of its first program is what is printed."""

import re
from pathlib import Path

import pytest

from graphc.cli import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "inspect.md").read_text(encoding="utf-8")
TARGET = "x86-64-v4-vnni"  # of the machine that wrote it


def block(beginning: str) -> list[str]:
    """The lines of the block of code that begins so."""
    return re.search(rf"^```(?:python)?\n(?={re.escape(beginning)})(.*?)^```", TEXT, re.M | re.S)[1].splitlines()


@pytest.mark.parametrize("beginning, options", [
    ("graph train:", ()),
    ("$ graphc inspect m.py:train --why", ("--why", "exp0", "--as", "llvm")),
    ("            offset    bytes", ("--memory",)),
], ids=("summary", "why", "memory"))  # fmt: skip
def test_the_text_is_what_is_printed(beginning, options, tmp_path, capsys):
    (tmp_path / "m.py").write_text("\n".join(block("import graphc as tf")) + "\n")
    assert main(["inspect", f"{tmp_path / 'm.py'}:train", "--target", TARGET, *options]) == 0
    printed = iter(capsys.readouterr().out.splitlines())
    varies = ("$", "cache:", "  LLVM IR:", "...")  # with the version of the source, and the name of the command
    told = [line for line in block(beginning) if line.strip() and not line.startswith(varies) and line != "  ..."]
    missing = [line for line in told if line not in printed]  # in this order: each search goes on where the last one ended
    assert len(told) > 10 and not missing
