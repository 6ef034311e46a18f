"""The summary and its machine-readable forms: work by primitive, formulas, JSON, conditions."""

import json

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import compile_graph
from graphc.errors import UsageError
from graphc.inspect.command import coloured
from graphc.inspect.condition import holds
from graphc.inspect.report import report, report_text
from graphc.inspect.show import WIDTH
from graphc.inspect.sizes import Sizes, amount
from graphc.inspect.stages import Stages
from graphc.inspect.summary import cache_line, kernel_costs, numbers, summary
from graphc.inspect.work import FAMILIES, bytes_moved, family, flops, operations, parameters, runs, total, transcendental
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.type import Type
from graphc.prims import contract
from graphc.prims.control import call, cond, loop
from graphc.prims.table import TABLE, apply
from graphc.prims.while_loop import while_

N = symbol("n")


def layer(name="layer"):
    x = input_node("rows", Type(dt.f32, (N, 6)))
    w = const(np.arange(24, dtype=np.float32).reshape(6, 4))
    return Graph(name, (x,), (apply("exp", contract.dot(x, w)),))


@pytest.fixture(scope="module")
def stages():
    return Stages(layer())


def test_every_primitive_has_a_family():
    assert {family(op) for op in TABLE} - {None} == set(FAMILIES)
    assert [family(op) for op in ("dot", "conv", "reduce", "transpose", "exp", "sort", "while", "fft", "input")] == [
        "products", "convolutions", "reductions", "moves", "element-wise", "sort", "control", "host", None,
    ]  # fmt: skip


def test_flops_of_products_and_convolutions():
    x, y = input_node("x", Type(dt.f32, (7, 3, 5))), input_node("y", Type(dt.f32, (7, 2, 3)))
    assert flops(contract.dot(x, y, transpose_x=True, transpose_y=True)) == 2 * 7 * 5 * 2 * 3
    image, kernel = input_node("i", Type(dt.f32, (2, 8, 8, 6))), input_node("k", Type(dt.f32, (3, 3, 3, 10)))
    out = contract.conv(image, kernel, (1, 1), (0, 0), (0, 0), (1, 1), (1, 1), 2)
    assert flops(out) == 2 * (2 * 6 * 6 * 10) * (3 * 3 * 3)


def test_flops_of_element_wise_operations_and_reductions():
    x = input_node("x", Type(dt.f32, (4, 5)))
    assert flops(apply("add", x, x)) == 20 and transcendental(apply("add", x, x)) == 0
    assert flops(apply("exp", x)) == transcendental(apply("exp", x)) == 20
    assert flops(apply("reduce", x, kind="sum", axes=(1,))) == 20
    assert flops(apply("transpose", x, perm=(1, 0))) == 0
    assert flops(apply("cast", x, dtype=dt.f64)) == 0


def test_flops_with_open_sizes_are_formulas(stages):
    work = total(stages.graph)
    assert str(work) == "n*52"  # a product of 2*6 for each of 4, and an exp
    assert numbers(stages, Sizes(stages.program.signature, given={"rows.0": 10}))["flops"] == 520


def test_bodies_count_as_often_as_they_run():
    x, k = input_node("x", Type(dt.f32, (8,))), input_node("k", INDEX)
    body = Graph("body", (k, x), (apply("mul", x, apply("add", x, x)),))
    small, large = (Graph(n, (x,), (y,)) for n, y in (("small", apply("add", x, x)), ("large", body.outputs[0])))
    p = input_node("p", Type(dt.b1, ()))
    assert total(Graph("g", (x,), (call(x, graph=large),))) == 16
    assert total(Graph("g", (p, x), (cond(p, x, then=small, orelse=large),))) == 16
    assert total(Graph("g", (x,), (loop(x, count=5, carries=1, scanned=0, body=body),))) == 80
    test = Graph("test", (x,), (apply("lt", apply("reduce", x, kind="max", axes=(0,)), const(1.0, Type(dt.f32, ()))),))
    assert total(Graph("g", (x,), (while_(x, test=test, body=small),))) == 8 + 8 + 1
    assert operations(Graph("g", (x,), (call(x, graph=large),))) == {"element-wise": {"mul": 1, "add": 1}, "control": {"call": 1}}


def test_bytes_moved_count_each_array_of_a_launch_once():
    x = input_node("x", Type(dt.f32, (40,)))
    assert bytes_moved(Stages(Graph("g", (x,), (apply("add", x, x),))).program) == 320


def test_launches_in_a_loop_count_as_often_as_it_runs():
    x, k = input_node("x", Type(dt.f32, (8,))), input_node("k", INDEX)
    body = Graph("body", (k, x), (apply("mul", x, apply("add", x, x)),))
    assert set(runs(Stages(Graph("g", (x,), (loop(x, count=5, carries=1, scanned=0, body=body),))).program).values()) == {5}


def test_the_cost_of_a_kernel_is_that_of_one_launch():
    x = input_node("x", Type(dt.f32, (8, 8)))
    w, v = (const(np.arange(k, k + 64, dtype=np.float32).reshape(8, 8)) for k in (0, 1))
    stages = Stages(Graph("g", (x,), (contract.dot(contract.dot(x, w), v),)))
    costs = kernel_costs(stages, Sizes(stages.program.signature))
    assert sum(k.runs * k.flops for k in costs) == total(stages.optimised) == 2 * 2 * 8**3
    assert [k.runs for k in costs if k.flops] == [2]


def test_many_inputs_are_cut_short():
    xs = [input_node(f"x{k}", Type(dt.f32, (3,))) for k in range(20)]
    stages = Stages(Graph("g", tuple(xs), tuple(apply("exp", x) for x in xs)))
    text = summary(stages, Sizes(stages.program.signature))
    assert text.count("and 14 more") == 2 and len(text.splitlines()) < 50


def test_parameters_are_constants_and_state():
    w = input_node("w", Type(dt.f32, (3, 2)))
    held, splat = const(np.arange(5.0)), const(1.0, Type(dt.f64, (5,)))
    graph = Graph("g", (w,), (apply("add", w, w), apply("add", held, splat)), donated=((0, 0),))
    assert parameters(graph) == (2, 11, 24 + 40)


def test_the_summary_fits_a_screen(stages):
    text = summary(stages, Sizes(stages.program.signature))
    assert max(map(len, text.splitlines())) <= WIDTH and len(text.splitlines()) < 40
    assert "n is axis 0 of rows" in text and "= n*52" in text and "\033" not in text
    assert "costs of one run at n = 64" in text and "1 launch of 1 kernel" in text


def test_sizes_that_are_made_in_a_loop_are_those_of_the_example():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None], name="x")
        total = tf.while_loop(
            lambda i, s: i < 3,
            lambda i, s: (i + 1, s + tf.reduce_sum(tf.exp(tf.boolean_mask(x, x > 0)))),
            [0, 0.0],
        )
        stages = Stages(tf.freeze_initial(total))
    sizes = Sizes(stages.program.signature, given={"x.0": 8})
    assert numbers(stages, sizes)["transcendental"] >= 64
    assert "costs of one run at n = 8" in summary(stages, sizes)
    assert json.loads(report_text(stages, sizes))["summary"]["host_steps"] == 1


def test_sizes_that_a_step_on_the_host_makes_are_told_where_they_are_seen():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.int32, [None], name="x")
        found = tf.unique(x)
        seen, unseen = (Stages(tf.freeze_initial(y)).program.signature for y in ([found.y], [tf.reduce_sum(found.y)]))
    assert Sizes(seen).legend == ["n is axis 0 of x", f"m is axis 0 of {seen.outputs[0].name}, known when a step on the host has run"]
    assert [line.endswith("known when a step on the host has run") for line in Sizes(unseen).legend] == [False, True]


def test_the_cache_is_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("GRAPHC_CACHE", raising=False)
    stages = Stages(layer("asked"))
    assert cache_line(stages).startswith("cache: miss")
    compile_graph(stages.graph)
    assert cache_line(stages).startswith("cache: hit") and report(stages, Sizes(stages.program.signature))["cache"]["path"]
    monkeypatch.setenv("GRAPHC_CACHE", "off")
    assert cache_line(stages).startswith("cache: off")


def test_json_has_everything(stages):
    found = json.loads(report_text(stages, Sizes(stages.program.signature)))
    assert found["version"] == 1 and found["graph"] == "layer"
    assert found["inputs"] == [{"name": "rows", "type": "f32[n,6]"}]
    assert found["summary"]["parameters"] == 24 and found["formulas"]["flops"] == "n*52"
    assert [p["name"] for p in found["passes"]] == [r.name for r in stages.passes]
    (kernel,) = found["kernels"]
    assert kernel["launches"] == 1 and kernel["flops"] == 64 * 52 and kernel["locations"][0]["file"] == __file__
    assert {b["place"] for b in found["memory"]} >= {"input", "output", "constant"}


def test_conditions():
    known = {"kernels": 7, "arena": 4416, "intensity": 1.5}
    assert holds("kernels > 6", known) and not holds("kernels > 7", known)
    assert holds("kernels > 12 or (arena >= 4e3 and not intensity == 2)", known)
    assert holds("5 < kernels <= 7", known) and not holds("7 < kernels < arena", known)


@pytest.mark.parametrize("text, message", [
    ("kernel > 3", "no number 'kernel'; did you mean kernels[?] The summary has: kernels, arena"),
    ("kernels > 3 or nothing < 1", "no number 'nothing'; the summary has: kernels"),
    ("kernels", "kernels is no comparison"),
    ("kernels > ", "it cannot be read"),
    ("__import__('os').system('true') == 0", "is neither a name nor a number"),
    ("kernels > 'a'", "is neither a name nor a number"),
    ("kernels in arena", "is no comparison"),
    ("kernels > True", "is neither a name nor a number"),
    ("kernels + 1 > 3", "is neither a name nor a number"),
])  # fmt: skip
def test_conditions_that_are_refused(text, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        holds(text, {"kernels": 7, "arena": 4416})


def test_sizes_by_name(stages):
    signature = stages.program.signature
    assert Sizes(signature, given={"n": 3}).condition == " at n = 3"
    assert Sizes(signature, given={"rows.0": 3}).growth(N * 4) == "12 B at n = 3"
    with pytest.raises(UsageError, match="no open dimension of that name; did you mean rows.0\\? Those open are n, rows.0"):
        Sizes(signature, given={"rows.1": 3})


def test_counts_for_people():
    assert [amount(n) for n in (0, 999, 1000, 29_962, 999_900, 12_300_000, 5 * 10**12)] == [
        "0", "999", "1 K", "30 K", "1 M", "12.3 M", "5 T",
    ]  # fmt: skip


def test_a_terminal_gets_colours_unless_it_wants_none(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("passes\n  one") == "\033[1mpasses\033[0m\n  one"
    assert coloured("+ new\n- old") == "\033[32m+ new\033[0m\n\033[31m- old\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("passes\n  one") == "passes\n  one"
