"""Which target a processor gets by what the system says of it."""

from __future__ import annotations

import platform

import pytest

from graphc.errors import DeviceUnavailable
from graphc.runtime import host
from graphc.runtime.cpu_levels import LEVELS


@pytest.fixture
def processor(monkeypatch):
    """Makes ``host_target`` see another processor; gives the name of the target that it finds there."""

    def seen(machine: str, flags=frozenset()) -> str:
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(host, "_cpu_flags", lambda: set(flags))
        return host.host_target.__wrapped__().name

    monkeypatch.delenv("GRAPHC_TARGET", raising=False)
    return seen


@pytest.mark.parametrize("name", LEVELS)
def test_a_processor_gets_the_best_target_that_it_has_everything_for(processor, name):
    below = list(LEVELS)[list(LEVELS).index(name) + 1 :]
    assert processor("x86_64", LEVELS[name]) == name
    for missing in LEVELS[name] - (LEVELS[below[0]] if below else frozenset()):
        assert processor("x86_64", LEVELS[name] - {missing}) == below[0]


def test_without_avx2_or_fma_there_are_still_vectors(processor):
    for missing in ("avx2", "fma"):
        assert processor("AMD64", LEVELS["x86-64-v4"] - {missing}) == "x86-64-v2"


def test_other_families(processor):
    assert [processor(machine) for machine in ("aarch64", "arm64", "riscv64")] == ["aarch64", "aarch64", "riscv64"]
    with pytest.raises(DeviceUnavailable, match="s390x"):
        processor("s390x")


def test_a_lesser_target_can_be_asked_for(processor, monkeypatch):
    monkeypatch.setenv("GRAPHC_TARGET", "x86-64-v2")
    assert processor("x86_64", LEVELS["x86-64-v4"]) == "x86-64-v2"
    with pytest.raises(DeviceUnavailable, match="x86-64-v2 cannot run here; this machine runs x86-64"):
        processor("x86_64")
    assert host.run_by("x86-64-v3") == ("x86-64-v3", "x86-64-v2", "x86-64") and host.run_by("riscv64") == ("riscv64",)
