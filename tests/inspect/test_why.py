"""``--why``: from the user's line over rules and reasons to kernels, code and memory, by the record alone."""

import re

import pytest

from graphc import aot, cli
from graphc.errors import UsageError
from graphc.inspect import command
from graphc.inspect.stages import Stages, function_lines
from graphc.inspect.why import why
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const
from graphc.ir.type import Type
from graphc.prims import contract
from graphc.prims.control import loop
from graphc.prims.table import apply
from tests.inspect.scoped_net import scoped_net


@pytest.fixture(scope="module")
def stages():
    return Stages(scoped_net(7))  # no other test's: equal Nodes know the line that made them first


def told(stages, name, form="ir"):
    return why(stages.whole_record, name, stages.sources, stages.code_lines(form))


def test_a_value_is_followed_to_its_kernel(stages):
    text = told(stages, "exp0")
    assert re.search(r"^line\n  scoped_net.py:\d+ net/head +z = apply", text)
    assert re.search(r"^traced\n  %exp0: f32\[batch,4\] = exp\(%dot0\)", text, re.M)
    (kernel,) = stages.program.kernels
    assert "fusion\n  %exp0  no array: it stays in registers of its kernel" in text
    assert f"kernels\n  {kernel.name}  computes %exp0, with %dot0" in text


def test_long_lines_keep_their_place():
    x, w = input_node("x", Type(dt.f32, (2, 9, 9, 3))), input_node("w", Type(dt.f32, (3, 3, 3, 8)))
    y = contract.conv(x, w, (1, 1), (1, 1), (1, 1), (1, 1), (1, 1), 1)
    text = told(Stages(Graph("g", (x, w), (y,))), "conv0")
    assert re.search(r"^  %conv0: f32\[2,9,9,8\] = conv\(%x, %w, .*\.\.\.  # test_why.py:\d+$", text, re.M)
    assert max(len(line) for line in text.split("traced")[1].splitlines()) <= 100


def test_rules_tell_what_they_replaced(stages):
    assert re.search(r"passes that changed it\n  simplify +%neg1 -> %sqrt0, by the rule neg\(neg\(x\)\) -> x\n", told(stages, "neg1"))
    # what read it is gone as well: what stands in the place of that is what became of it
    assert "%neg0 -> %sqrt0, by the rule neg(neg(x)) -> x, as is %neg1, which read it" in told(stages, "neg0")


def test_it_starts_from_lines_scopes_outputs_and_kernels(stages):
    at = stages.graph.outputs[0].location
    for name in (f"scoped_net.py:{at.line}", f"{at.file}:{at.line}"):
        assert "%sqrt0" in told(stages, name).split("passes that")[0]
    assert "%dot0" in told(stages, "net/dense") and "%dot0" in told(stages, "net") and "%exp0" in told(stages, "net")
    assert "%neg1" in told(stages, "answer")
    (kernel,) = stages.program.kernels
    assert "%dot0" in told(stages, f"@{kernel.name}")
    with pytest.raises(UsageError, match="no kernel 'nothing'; this program has: dot0"):
        told(stages, "@nothing")
    with pytest.raises(UsageError, match="the traced graph has no value 'nothing'; it has x"):
        told(stages, "nothing")


def test_code_is_found_by_its_lines(stages):
    for form, text in (("llvm", stages.llvm), ("asm", stages.assembly)):
        (place, *_) = re.findall(rf"@k_dot0, lines (\d+) to (\d+).* of --stage {form}", told(stages, "dot0", form))
        lines = text.splitlines()[int(place[0]) - 1 : int(place[1])]
        assert "k_dot0" in lines[0] and (lines[-1] == "}" or lines[-1].startswith(".Lfunc_end"))
    assert function_lines(stages.llvm, "k_dot") == []


def test_arrays_have_reasons_and_readers():
    x = input_node("x", Type(dt.f32, (64, 100)))
    y = apply("exp", x)
    turned = apply("reduce", apply("mul", y, y), kind="sum", axes=(0,))
    stages = Stages(Graph("g", (x,), (y, turned)))
    text = told(stages, "exp0")
    assert re.search(r"fusion\n  %exp0  an array: an output of the graph \(reduce0\)", text)
    assert "not in one kernel\n  %exp0 and %reduce0: a sum over leading axes has loops of its own" in text
    assert "%mul0  no array: only a sum over leading axes reads it" in told(stages, "mul0")


def test_what_loops_hold_is_followed_inside():
    x, k = input_node("x", Type(dt.f32, (8,))), input_node("k", INDEX)
    body = Graph("body", (k, x), (apply("exp", apply("mul", x, const(1.0, x.type))),))
    stages = Stages(Graph("g", (x,), (apply("sin", loop(x, count=5, carries=1, scanned=0, body=body)),)))
    text = told(stages, "exp0")
    assert "simplify  %exp0: other operands" in text and "map0  computes %exp0" in text
    assert "memory\n  exp0, which holds %exp0, over loop0: it is the new state of the loop" in text


def test_a_container_is_enough(tmp_path, capsys, monkeypatch):
    path = str(aot.save(scoped_net(7), tmp_path / "m.gc"))

    def refuse(*_):
        raise AssertionError("this compiles again")

    with monkeypatch.context() as patch:
        patch.setattr(command, "Stages", refuse)
        assert cli.main(["inspect", path, "--why", "neg1"]) == 0
        out = capsys.readouterr().out
        assert "%neg1 -> %sqrt0, by the rule neg(neg(x)) -> x" in out and "dot0  computes %sqrt0, with " in out
        assert cli.main(["inspect", path, "--why", "sinus"]) == 1
        assert "no value 'sinus'" in capsys.readouterr().err
    assert cli.main(["inspect", path, "--why", "neg1", "--as", "llvm"]) == 0
    assert re.search(r"code\n  LLVM IR: @k_dot0, lines \d+ to \d+", capsys.readouterr().out)
