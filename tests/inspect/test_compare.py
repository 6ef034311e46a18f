"""Two models compared: what is the same, what changed, and that the command says so by its status."""

import numpy as np
import pytest

from graphc import aot, cli
from graphc.inspect.compare import compare, different_settings
from graphc.inspect.pairing import pairs
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.machine import machine_of
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import contract
from graphc.prims.control import loop
from graphc.prims.table import apply


def weights(seed, *shape):
    return const(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def net(seeds=(0, 1), activation="exp", extra=(), name="x", size="n", body="tanh", outputs=("y",), donated=(), over=4):
    """Two products with an activation between and a loop behind, which differ as they are told to."""
    x, k = input_node(name, Type(dt.f32, (symbol(size), 6))), input_node("k", INDEX)
    y = apply(activation, contract.dot(x, weights(seeds[0], 6, over)))
    for op in extra:
        y = apply(op, y)
    y = contract.dot(y, weights(seeds[1], over, 3))
    row = input_node("row", y.type)
    y = loop(y, count=3, carries=1, scanned=0, body=Graph(f"{body}_body", (k, row), (apply(body, row),)))
    return Graph(f"{activation}_net", (x,), (apply("neg", y),) * len(outputs), names=tuple(outputs), donated=donated)


def lines(found):
    return [line.partition("  #")[0] for line in found.lines]


def test_equal_models():
    assert not compare(net(), net())
    assert compare(net(), net()).text() == "no difference: 7 values are the same"
    assert not compare(net(), net(size="rows")), "open sizes may be called otherwise"


def test_retrained_weights_are_told_by_their_elements():
    found = compare(net(), net(seeds=(0, 7)))
    one, other = weights(1, 4, 3).attr("value").array, weights(7, 4, 3).attr("value").array
    assert found.weights == [("%const1", "f32[4,3]", f"12 of 12 elements differ, by {np.abs(one - other).max():.4g} at the most")]
    assert (found.same, found.changed, found.gone, found.new, found.lines, found.frame) == (6, 0, 0, 0, [], [])
    assert "6 values are the same, 1 have other elements, 0 changed" in found.text()


@pytest.mark.parametrize("values, said", [
    ([1.0, 2.0, np.nan], "1 of 3 elements differ, by 0.5 at the most"),
    ([1.5, -2.0, np.nan], "1 of 3 elements differ, by 4 at the most"),
    ([1.5, 2.0, 1.0], "1 of 3 elements differ"),
    ([1.5, 2.0, -np.nan], "signs of zeros or bits of NaN differ"),
])  # fmt: skip
def test_elements_that_are_no_numbers(values, said):
    found = [Graph("g", (), (const(np.array(v, np.float32)),)) for v in ([1.5, 2.0, np.nan], values)]
    assert [w[2] for w in compare(*found).weights] == [said]


def test_one_operation_more_is_one_line_and_its_readers():
    found = compare(net(), net(extra=("abs",)))
    assert lines(found) == [
        "+ %abs0: f32[n,4] = abs(%exp0)",
        "- %dot1: f32[n,3] = dot(%exp0, %const1, transpose_x=false, transpose_y=false)",
        "+ %dot1: f32[n,3] = dot(%abs0, %const1, transpose_x=false, transpose_y=false)",
    ]
    assert found.counts == {"abs": (0, 1)} and found.new == found.changed == 1
    back = compare(net(extra=("abs",)), net())
    assert [line[0] for line in back.lines] == ["-", "-", "+"] and back.gone == 1


def test_another_operation_in_its_place():
    found = compare(net(), net(activation="tanh"))
    assert [line for line in lines(found) if "= dot" not in line] == ["- %exp0: f32[n,4] = exp(%dot0)", "+ %tanh0: f32[n,4] = tanh(%dot0)"]
    assert found.text(only_counts=True).endswith("operations\n  exp   1  0  -1\n  tanh  1  2  +1")


def test_other_widths_keep_the_rest():
    found = compare(net(), net(over=5))
    assert found.changed == 4 and not (found.gone or found.new or found.weights or found.frame)


def test_what_a_caller_sees():
    found = compare(net(), net(name="rows"))
    assert found.frame == ["- input x: f32[n,6]", "+ input rows: f32[n,6]"] and found.same == 7 and not found.lines
    found = compare(net(outputs=("a", "b")), net(outputs=("b", "a")))
    assert found.frame == ["~ the same in another order: input x: f32[n,6], output b = %neg0: f32[n,3], output a = %neg0: f32[n,3]"]
    w, more = (input_node(name, Type(dt.f32, (3,))) for name in ("w", "more"))
    found = compare(Graph("g", (w,), (apply("neg", w),)), Graph("g", (w, more), (apply("add", w, more),)))
    assert "+ input more: f32[3]" in found.frame and lines(found) == ["- %neg0: f32[3] = neg(%w)", "+ %add0: f32[3] = add(%w, %more)"]
    step = [Graph("g", (w,), (apply("neg", w),), ("w",), donated) for donated in ((), ((0, 0),))]
    assert compare(*step).frame == ["- output w = %neg0: f32[3]", "+ output w = %neg0: f32[3], written over w"]


def test_graphs_inside_are_compared_too():
    found = compare(net(), net(body="sin"))
    assert lines(found) == ["in @tanh_body of %loop0", "- %tanh0: f32[n,3] = tanh(%row)", "+ %sin0: f32[n,3] = sin(%row)"]
    assert found.same == 7 and (found.gone, found.new) == (1, 1)


def chain(count, without=(), seed=0):
    x = y = input_node("x", Type(dt.f32, (12,)))
    rng = np.random.default_rng(seed)
    for k in range(count):
        w = const(rng.normal(size=12).astype(np.float32))
        if k not in without:
            y = apply("add", apply(("exp", "sin", "neg")[k % 3], y), w)
    return Graph("chain", (x,), (y,))


def test_long_chains_find_together_behind_a_change():
    found = compare(chain(2000), chain(2000, without=(1000,)))
    assert (found.gone, found.new, found.changed, found.weights) == (3, 0, 1, [])
    a, b = chain(600), chain(600, without=(100, 300, 500), seed=0)
    partner = pairs(a, b, {b.inputs[0]: a.inputs[0]})
    assert len(set(partner.values())) == len(partner) == len(b.nodes)
    assert all(x.op == y.op for y, x in partner.items())
    assert len(compare(chain(900), chain(900, seed=1)).weights) == 900


def test_much_is_cut_short():
    found = compare(chain(100), chain(100, seed=1))
    assert "and 60 more lines; --all shows them" in found.text() and found.text(every=True).count("elements differ") == 100


def test_settings():
    assert different_settings(Options(), Options()) == []
    changed = Options(fast_math=True, allow=("fold_norm",), machine=machine_of({"tile_rows": 4}))
    assert different_settings(Options(), changed) == [
        "  fast_math: False -> True", "  allow: none -> fold_norm", "  machine: as it is -> tile_rows=4",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ the command line


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    save = {"a": net(), "b": net(seeds=(0, 7)), "arm": net()}
    for name, graph in save.items():
        aot.save(graph, folder / f"{name}.gc", Options(target="aarch64" if name == "arm" else None))
    (folder / "c.txt").write_text(str(net(seeds=(0, 7))).replace("exp(", "tanh("))
    return {name: str(folder / name) for name in ("a.gc", "b.gc", "arm.gc", "c.txt")}


def test_the_command_and_its_status(files, capsys):
    assert cli.main(["inspect", files["a.gc"], files["a.gc"], "--diff"]) == 0
    assert capsys.readouterr().out == "no difference: 7 values are the same\n"
    assert cli.main(["inspect", files["a.gc"], files["b.gc"], "--diff", "--all"]) == 1
    assert "%const1  f32[4,3]  12 of 12 elements differ" in capsys.readouterr().out
    assert cli.main(["inspect", files["b.gc"], files["c.txt"], "--diff", "--weights", files["b.gc"]]) == 1
    assert "+ %tanh0: f32[n,4] = tanh(%dot0)" in capsys.readouterr().out
    assert cli.main(["inspect", files["a.gc"], files["arm.gc"], "--diff", "--stat"]) == 1
    assert "-> aarch64" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    (["a.gc", "b.gc"], "to compare two models: graphc inspect"),
    (["a.gc", "b.gc", "--diff", "simplify"], "to compare two models: graphc inspect"),
    (["a.gc", "b.gc", "--diff", "--stage", "traced"], "--stage and --fail-if are of one model"),
    (["a.gc", "--diff", "b.gc"], "is no pass; to compare two models: graphc inspect"),
    (["a.gc", "--stat"], "--stat goes with --diff"),
])  # fmt: skip
def test_what_does_not_go_together(files, capsys, arguments, message):
    assert cli.main(["inspect", *(files.get(word, word) for word in arguments)]) == 1
    assert message in capsys.readouterr().err
