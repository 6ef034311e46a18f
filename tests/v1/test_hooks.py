"""Hooks one by one: when they act, what they write, and what they refuse."""

import json
import logging

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import StateError, UsageError


def model():
    step, v = tf.train.get_or_create_global_step(), tf.Variable(1.0, name="v")
    return step, v, tf.group(step.assign_add(1), v.assign_add(1.0))


def runs(train, hooks, limit=100):
    """How many runs a monitored session makes."""
    count = 0
    with tf.train.SingularMonitoredSession(hooks=hooks) as sess:
        while not sess.should_stop() and count < limit:
            sess.run(train)
            count += 1
    return count


def events(folder):
    return [e for f in sorted(folder.glob("events*")) for e in tf.train.summary_iterator(str(f))]


def scalars(folder, tag):
    return [(e.step, v.simple_value) for e in events(folder) for v in e.summary.value if v.tag == tag]


def test_timers():
    timer = tf.train.SecondOrStepTimer(every_steps=3)
    assert timer.should_trigger_for_step(5) and timer.update_last_triggered_step(5) == (None, None)
    assert [timer.should_trigger_for_step(k) for k in (5, 6, 7, 8, 9)] == [False, False, False, True, True]
    seconds, steps = timer.update_last_triggered_step(8)
    assert steps == 3 and seconds >= 0 and timer.last_triggered_step() == 8
    with pytest.raises(UsageError, match="exactly one of every_secs and every_steps"):
        tf.train.SecondOrStepTimer()
    slow = tf.train.SecondOrStepTimer(every_secs=1000)
    slow.update_last_triggered_step(1)
    assert not slow.should_trigger_for_step(2)


def test_stopping_at_a_step():
    _, _, train = model()
    assert runs(train, [tf.train.StopAtStepHook(num_steps=4)]) == 4
    assert runs(train, [tf.train.StopAtStepHook(last_step=6)]) == 6
    for wrong in ({}, {"num_steps": 1, "last_step": 1}):
        with pytest.raises(ValueError, match="exactly one of num_steps and last_step"):
            tf.train.StopAtStepHook(**wrong)
    tf.reset_default_graph()
    with pytest.raises(StateError, match="Global step should be created to use StopAtStepHook"):
        tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=6)])


def test_logging(caplog):
    _, v, train = model()
    hooks = [tf.train.LoggingTensorHook({"value": "v:0"}, every_n_iter=2, at_end=True), tf.train.LoggingTensorHook(
        [v.op.outputs[0]], every_n_iter=100, formatter=lambda values: f"formatted {len(values)}"
    )]  # fmt: skip
    with caplog.at_level(logging.INFO, logger="graphc"):
        runs(train, [*hooks, tf.train.StopAtStepHook(last_step=4)])
    texts = [r.getMessage().partition(" (")[0] for r in caplog.records if r.name == "graphc"]
    assert [t for t in texts if "value" in t] == ["value = 1.0", "value = 3.0", "value = 5.0"]
    assert "formatted 1" in texts
    with pytest.raises(ValueError, match="every_n_iter must be positive"):
        tf.train.LoggingTensorHook([v], every_n_iter=0)
    with pytest.raises(ValueError, match="exactly one of every_n_iter and every_n_secs"):
        tf.train.LoggingTensorHook([v])


def test_summaries_and_steps_in_a_second(tmp_path):
    step, v, train = model()
    summary = tf.summary.scalar("value", v)
    writer = tf.summary.FileWriter(str(tmp_path))
    hooks = [
        tf.train.SummarySaverHook(save_steps=2, summary_writer=writer, summary_op=summary),
        tf.train.StepCounterHook(every_n_steps=2, summary_writer=writer),
        tf.train.StopAtStepHook(last_step=5),
    ]
    runs(train, hooks)
    writer.close()
    assert scalars(tmp_path, "value") == [(1, 1.0), (3, 3.0), (5, 5.0)]
    rates = scalars(tmp_path, "global_step/sec")
    assert [s for s, _ in rates] == [4] or [s for s, _ in rates] == [3, 5]
    assert all(rate > 0 for _, rate in rates)
    with pytest.raises(ValueError, match="exactly one of scaffold and summary_op"):
        tf.train.SummarySaverHook(save_steps=1)


def test_losses_that_are_no_numbers(caplog):
    step, v, train = model()
    loss = tf.log(3.0 - v)  # infinite at the third run, no number at the fourth
    with pytest.raises(tf.train.NanLossDuringTrainingError, match="NaN loss during training."):
        runs([train, loss], [tf.train.NanTensorHook(loss)])
    with caplog.at_level(logging.WARNING, logger="graphc"):
        assert runs(train, [tf.train.NanTensorHook(loss, fail_on_nan_loss=False)]) == 4
    assert "Model diverged with loss = NaN." in caplog.text


def test_final_operations_and_waiting():
    step, v, train = model()
    x = tf.placeholder(tf.float32, [])
    last = tf.train.FinalOpsHook({"v": v, "x": x}, {x: 5.0})
    waiter = tf.train.GlobalStepWaiterHook(0)
    runs(train, [last, waiter, tf.train.StopAtStepHook(num_steps=2)])
    assert last.final_ops_values == {"v": 3.0, "x": 5.0}


def test_checkpoints(tmp_path):
    step, v, train = model()

    class Enough(tf.train.CheckpointSaverListener):
        def after_save(self, session, global_step_value):
            return global_step_value >= 4

    saver = tf.train.Saver()
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=2, saver=saver, listeners=[Enough()])
    assert runs(train, [hook]) == 4
    assert [p.rpartition("-")[2] for p in saver.last_checkpoints] == ["0", "2", "4"]
    tf.reset_default_graph()
    v = tf.get_variable("v", [])
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, str(tmp_path / "model.ckpt-2"))
        assert sess.run(v) == 3.0
    with pytest.raises(ValueError, match="give a saver or a scaffold"):
        tf.train.CheckpointSaverHook("x", 1, saver=saver, scaffold=tf.train.Scaffold())


def test_profiles(tmp_path):
    step, v, train = model()
    runs(train, [tf.train.ProfilerHook(save_steps=2, output_dir=str(tmp_path)), tf.train.StopAtStepHook(last_step=5)])
    found = sorted(p.name for p in tmp_path.glob("timeline-*.json"))
    assert found == ["timeline-2.json", "timeline-4.json"]
    names = {e["name"] for e in json.loads((tmp_path / found[0]).read_text())["traceEvents"] if e["ph"] == "X"}
    assert "AssignAdd" in " ".join(names)


def test_queue_runners_as_messages():
    queue = tf.FIFOQueue(3, tf.float32, shapes=[[]], name="q")
    runner = tf.train.QueueRunner(queue, [queue.enqueue([2.0], name="e")])
    message = runner.to_proto()
    assert (message.queue_name, list(message.enqueue_op_name)) == ("q", ["e"])
    assert (message.close_op_name, message.cancel_op_name) == ("q_Close", "q_Close_1")
    assert list(message.queue_closed_exception_types) == [11]
    again = tf.train.QueueRunner.from_proto(message)
    assert again.name == "q" and again.queue_closed_exception_types == (tf.errors.OutOfRangeError,)
    with tf.Session() as sess:
        coord = tf.train.Coordinator()
        threads = again.create_threads(sess, coord, start=True)
        assert sess.run(queue.dequeue_many(5)).tolist() == [2.0] * 5
        coord.request_stop()
        coord.join(threads)
    with pytest.raises(UsageError, match="queue_runner_def must be a QueueRunnerDef, got 5"):
        tf.train.QueueRunner(queue_runner_def=5)


def test_files_to_batches_to_training(tmp_path):
    for k in range(3):
        (tmp_path / f"part{k}.csv").write_text("".join(f"{i + 10 * k},{2.0 * (i + 10 * k)}\n" for i in range(10)))
    names = tf.train.match_filenames_once(str(tmp_path / "part*.csv"))
    queue = tf.train.string_input_producer(names, num_epochs=2, seed=1)
    _, line = tf.TextLineReader().read(queue)
    x, y = tf.decode_csv(line, [[0.0], [0.0]])
    xs, ys = tf.train.shuffle_batch([x, y], 6, capacity=40, min_after_dequeue=10, seed=2, num_threads=2)
    w = tf.Variable(0.0)
    loss = tf.reduce_mean(tf.square(w * xs - ys) / 1000.0)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    for _ in range(2):  # every session has its own queues
        with tf.Session() as sess:
            sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            coord, seen = tf.train.Coordinator(), []
            threads = tf.train.start_queue_runners(sess, coord)
            try:
                while not coord.should_stop():
                    seen.append(sess.run([train, xs])[1])
            except tf.errors.OutOfRangeError:
                coord.request_stop()
            finally:
                coord.request_stop()
            coord.join(threads)
            assert sorted(np.concatenate(seen).tolist()) == sorted(2 * list(map(float, range(30))))
            assert abs(sess.run(w) - 2.0) < 0.1
