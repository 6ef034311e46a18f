"""Whole matches in linear time are those of ``re``, and patterns that explode there do not."""

from __future__ import annotations

import random
import re

import pytest

from graphc.errors import InvalidArgumentError
from graphc.prims.automaton import Automaton, TooLarge, is_simple
from graphc.prims.pattern import full_match

PATTERNS = [
    "", "a", "a*", "(a|b)*c", "(a+)+b?", "[ab]{2,4}", "(ab?){0,3}", "a*a*a*", "[^a]+", ".*b.*", r"\d+\w*\s?", r"\Da|\W", "(?i)Ab+(C|b)*",
    r"(^a|b)*", r"a*\Z", r"(a\b|\Bb|c)*", r"(?m)(^a$|\n)*", "(?s).*a.*", "(?:a|)(?:b|)*", "a+?b*?", "(a|ab)(c|bcd)(d*)", "[a-c]+[b-d]+",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_same_as_re(pattern):
    rng, known, made = random.Random(pattern), re.compile(pattern, re.ASCII), Automaton(pattern)
    found = set()
    for _ in range(1000):
        letters = rng.choice(("abcd", "aabbcdAB1 \n_é"))
        text = "".join(rng.choice(letters) for _ in range(rng.randrange(5)))
        assert made.matches(text) == (known.fullmatch(text) is not None), text
        found.add(made.matches(text))
    assert True in found


@pytest.mark.parametrize("pattern", ["(a+)+$", "((a*)*)*c", "(a|a)*c", "(a?){40}a{40}", "a*a*a*a*a*a*a*a*c", "(.*)(.*)(.*)(.*)(.*)c"])
def test_patterns_that_explode(pattern):
    assert not is_simple(pattern)
    assert full_match(pattern)(b"a" * 3000 + b"b") is False
    assert full_match("(a+)+b")(b"a" * 100_000 + b"b") is True


def test_refusals():
    for pattern, words in (("((a{1,1000}){1,1000}){1,1000}", "too large"), (r"(a)\1", "groupref is no part of RE2"),
                           ("(?=a+a+)a*", "assert is no part of RE2"), ("(a", "missing \\)")):  # fmt: skip
        with pytest.raises(InvalidArgumentError, match=words):
            full_match(pattern)
    with pytest.raises(TooLarge):
        Automaton("(a{900}){900}")


def test_simple_patterns_are_left_to_re():
    assert is_simple("abc[0-9]+") and is_simple("(a|b)c*") and not is_simple("a+b+") and not is_simple("(ab|c)*")
