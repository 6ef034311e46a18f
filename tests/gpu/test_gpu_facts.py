"""What the device does at best: the figures of tools/gpu_facts.py are there, and are printed."""

import json
import math

import pytest

from tools import gpu_facts

pytestmark = pytest.mark.gpu


def test_facts(device, tmp_path, capsys):
    assert gpu_facts.main(["--quick", "--json", str(tmp_path / "facts.json")]) == 0
    found = json.loads((tmp_path / "facts.json").read_text())
    assert found["device"] == device.facts.name
    assert all(math.isfinite(value) and value > 0 for value in found.values() if not isinstance(value, str)), found
    with capsys.disabled():
        print("", *(f"{name}: {value}" for name, value in found.items()), sep="\n")
