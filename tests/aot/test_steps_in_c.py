"""Steps of training as files, however they were written: loaded they train as in the process, and their example in C does."""

import numpy as np
import pytest
from c_programs import expect_same_steps, needs_cc, run_example

import graphc
from graphc import aot, v1
from graphc.compile import compile_graph

X = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
Y = np.arange(6) % 3
DROPPED = 0.25


def of_a_session():
    """A step, the state before the first one, and what makes the next step in this process and answers with the loss."""
    with v1.Graph().as_default():
        v1.set_random_seed(3)
        x, y = v1.placeholder(v1.float32, [None, 5], name="x"), v1.placeholder(v1.int64, [None], name="y")
        logits = v1.layers.dense(v1.nn.dropout(v1.layers.dense(x, 40, v1.nn.relu), rate=DROPPED), 3)
        loss = v1.losses.sparse_softmax_cross_entropy(y, logits)
        fetches = [loss, v1.train.AdamOptimizer(0.05).minimize(loss)]
        session = v1.Session()
        session.run(v1.global_variables_initializer())
        graph = v1.step_graph(fetches, name="step")
        values = {v.op.name.replace("/", "_"): session.run(v) for v in v1.global_variables()}
        values["random_step"] = np.uint64(1)  # what the session has drawn: the initial values
        state = [values[p.attr("name")] for p in graph.inputs[2:]]
        return graph, state, lambda: session.run(fetches, {x: X, y: Y})[0]


def of_a_function():
    graphc.random.set_seed(3)
    w, b = graphc.Variable(graphc.random.normal([5, 3]), name="w"), graphc.Variable(graphc.zeros([3]), name="b")
    optimizer = graphc.optimizers.Adam(0.05)

    @graphc.function(input_signature=[graphc.TensorSpec([None, 5], name="x"), graphc.TensorSpec([None], graphc.int64, "y")])
    def step(x, y):
        with graphc.GradientTape() as tape:
            kept = graphc.nn.experimental.stateless_dropout(x, DROPPED, seed=[1, 2])
            losses = graphc.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=kept @ w + b)
            loss = graphc.reduce_mean(losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))
        return loss

    concrete = step.get_concrete_function()
    return concrete.graph.ir, [v.numpy() for v in concrete.variables], lambda: step(X, Y).numpy()


@pytest.fixture(scope="module", params=[of_a_session, of_a_function])
def step(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("step")
    graph, state, train = request.param()
    aot.export(graph, folder / "step.gc")
    return folder, graph, state, train


def test_a_loaded_step_trains_as_in_the_process(step):
    folder, graph, state, train = step
    programs, losses = [aot.load(folder / f"step{suffix}") for suffix in (".gc", ".so")], []
    for _ in range(5):
        results, others = [program(X, Y, *state) for program in programs]
        assert [a.tobytes() for a in results] == [b.tobytes() for b in others]
        assert results[0].tobytes() == train().tobytes()
        for output, place in graph.donated:
            state[place - 2] = results[output]
        losses.append(results[0])
    assert losses[-1] < losses[0]


@needs_cc
def test_the_example_of_a_step_takes_it_several_times(step):
    folder, graph, _, _ = step
    expect_same_steps(run_example(folder, "step", 6), compile_graph(graph), 6)
