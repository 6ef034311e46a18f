"""The support library as assembly: made of the texts that are there, never used for others."""

import dataclasses

import pytest

from graphc.ir.target import AARCH64, X86_64
from graphc.runtime import assembled, jit, support
from graphc.runtime.elf import link_shared
from graphc.runtime.host import host_target
from graphc.runtime.library import Library

here = pytest.mark.skipif(host_target().triple != X86_64.triple, reason="assembly is for another machine")


def test_the_file_is_of_the_texts_as_they_are():
    source = support.source_for(X86_64)
    assert assembled.assembled(X86_64, source.digest), "run python tools/support_assembly.py"
    body = assembled.path(X86_64).read_text(encoding="ascii")
    made = assembled.written(jit.assembly(source.text, X86_64, by_hand=True), source.digest)
    if body != made:  # another LLVM may write another text
        assert jit.VERSION != "llvmlite 0.50.0 llvm 22.1.0", "run python tools/support_assembly.py"


def test_other_texts_are_compiled():
    source = dataclasses.replace(support.source_for(X86_64), digest="0" * 64)
    assert assembled.assembled(X86_64, source.digest) is None
    assert source.module == (source.text, X86_64, True)
    assert support.source_for(AARCH64).module[2] or host_target().triple == AARCH64.triple


@here
def test_assembly_has_the_same_functions():
    source = support.source_for(X86_64)
    text, target, by_hand = source.module
    assert not by_hand and text.count("\n") == 2
    library = Library(link_shared([jit.compile_object(text, target)], support._EXPORTS))
    assert all(name in library for name in support._EXPORTS)


def test_what_is_written_has_no_remarks():
    text = assembled.written("\t.text\n# a remark\nf:\n\tretq   # -- End\n\n", "d")
    assert text.splitlines()[1:] == ["\t.text", "f:", "\tretq"]
