"""What 207 real programs use of TensorFlow, most used first, exists here under its new name or its old one."""

from __future__ import annotations

from functools import cache

import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.api.namespaces import catalogue
from graphc.api.op import Op
from tests.ops.sampling import HERE
from tests.ops.test_catalogue import used_names

LATER = {
    "estimators": "estimator.",
    "feature columns": "feature_column.",
    "several machines": "distribute.",
}
NAMES = [name for name in (HERE / "most_used.txt").read_text().split() if not name.endswith("%")]


def reason(name: str) -> str | None:
    """Why a name is not here yet."""
    for why, names in LATER.items():
        if any(name.startswith(n) if n.endswith(".") else name == n for n in names.split()):
            return why
    return None


@cache
def resolved(root, name: str):
    """The object of that name, or None; kept, as what is not there is looked for among all that is, for the error."""
    for part in name.split("."):
        root = getattr(root, part, None)
        if root is None:
            return None
    return root


def exists(name: str) -> bool:
    """Whether a program finds it; ``newaxis`` is None."""
    return name == "newaxis" or resolved(v1, name) is not None or resolved(tf, name) is not None


@pytest.mark.parametrize("name", NAMES)
def test_programs_find_it(name):
    assert exists(name) or reason(name), "it does not exist, and no reason is given"


def test_what_exists_needs_no_reason():
    assert not [name for name in NAMES if reason(name) and exists(name)]
    wanted = [n for names in LATER.values() for n in names.split()]
    assert not [n for n in wanted if not any(name.startswith(n) for name in NAMES)]


def alike(name: str) -> set[str]:
    """The name, and those of the same operation."""
    found = {name}
    for entries in (catalogue(), v1.catalogue.old_catalogue()):
        entry = entries.get(name)
        found |= {n for n, other in entries.items() if entry is not None and other is entry}
        found |= set(entry.names.split()) if isinstance(entry, Op) else set()
    return found


@pytest.mark.parametrize("name", [n for n in NAMES if exists(n) and callable(resolved(v1, n) or resolved(tf, n))])
def test_what_programs_use_is_tested(name):
    assert alike(name) & used_names()
