"""Monitored sessions: order of what happens, errors, saving and going on, supervisors, clusters as data."""

import os
import threading

import pytest

import graphc.v1 as tf
from graphc.errors import DeviceUnavailable, StateError, UsageError


class Told(tf.train.SessionRunHook):
    """Writes down what it is told."""

    def __init__(self, log, name="a", fetches=None):
        self.log, self.name, self.fetches = log, name, fetches

    def begin(self):
        self.log.append(f"{self.name}.begin")

    def after_create_session(self, session, coord):
        assert session.graph.finalized and not coord.should_stop()
        self.log.append(f"{self.name}.created")

    def before_run(self, run_context):
        self.log.append(f"{self.name}.before")
        return None if self.fetches is None else tf.train.SessionRunArgs(self.fetches)

    def after_run(self, run_context, run_values):
        self.log.append(f"{self.name}.after {run_values.results}")

    def end(self, session):
        self.log.append(f"{self.name}.end")


class Listener(tf.train.CheckpointSaverListener):
    def __init__(self, log):
        self.log = log

    def begin(self):
        self.log.append("L.begin")

    def before_save(self, session, global_step_value):
        self.log.append(f"L.before_save {global_step_value}")

    def after_save(self, session, global_step_value):
        self.log.append(f"L.after_save {global_step_value}")

    def end(self, session, global_step_value):
        self.log.append(f"L.end {global_step_value}")


def model():
    step, v = tf.train.get_or_create_global_step(), tf.Variable(1.0, name="v")
    return step, v, tf.group(step.assign_add(1), v.assign_add(1.0))


def test_the_order_is_tensorflows(tmp_path):
    log, folder = [], str(tmp_path)
    _, v, train = model()
    hooks = [Told(log), Told(log, "b"), tf.train.StopAtStepHook(last_step=3), tf.train.CheckpointSaverHook(
        folder, save_steps=2, listeners=[Listener(log)], checkpoint_basename="x"
    )]  # fmt: skip
    with tf.train.MonitoredTrainingSession(checkpoint_dir=folder, hooks=hooks, save_checkpoint_steps=2) as sess:
        assert sess.graph is tf.get_default_graph() and tf.get_default_session() is not None
        while not sess.should_stop():
            sess.run(train)
    run = ["a.before", "b.before", "a.after None", "b.after None"]
    assert log == [
        "a.begin", "b.begin", "L.begin", "a.created", "b.created", "L.before_save 0", "L.after_save 0", *run, *run,
        "L.before_save 2", "L.after_save 2", *run, "a.end", "b.end", "L.before_save 3", "L.after_save 3", "L.end 3",
    ]  # fmt: skip
    files = {f.partition(".data")[0].removesuffix(".index").removesuffix(".meta") for f in os.listdir(folder)}
    assert {"model.ckpt-2", "model.ckpt-3", "x-0", "x-2", "x-3", "checkpoint", "graph.pbtxt"} <= files
    assert any(f.startswith("events.out.tfevents") for f in files) and tf.get_default_session() is None
    with pytest.raises(StateError, match="the monitored session is closed"):
        sess.run(train)
    with pytest.raises(StateError, match="closed already"):
        sess.close()


def test_training_goes_on_from_the_latest_checkpoint(tmp_path):
    step, v, train = model()
    for k in (1, 2, 3):
        hooks = [tf.train.StopAtStepHook(num_steps=5)]
        with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), hooks=hooks) as sess:
            while not sess.should_stop():
                sess.run(train)
            assert sess._tf_sess().run([step, v]) == [5 * k, 5.0 * k + 1.0]
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-15")
    with tf.train.SingularMonitoredSession(checkpoint_dir=str(tmp_path)) as sess:
        assert sess.run(v) == 16.0 and sess.raw_session().run(step) == 15


def test_errors_skip_the_end_and_come_out():
    log = []
    _, _, train = model()
    with pytest.raises(ZeroDivisionError):
        with tf.train.MonitoredSession(hooks=[Told(log)]) as sess:
            sess.run(train)
            1 / 0
    assert log == ["a.begin", "a.created", "a.before", "a.after None"]
    assert not tf.get_default_graph().finalized and tf.get_default_session() is None
    tf.constant(1.0)  # the graph can be changed again


def test_the_end_of_the_input_ends_the_session():
    log = []
    _, _, train = model()
    with tf.train.MonitoredSession(hooks=[Told(log)]) as sess:
        sess.run(train)
        raise tf.errors.OutOfRangeError(None, None, "no more")
    assert log[-1] == "a.end"


def test_a_pipeline_in_a_monitored_session():
    step, v, _ = model()
    (x,) = tf.train.slice_input_producer([[1.0, 2.0, 3.0, 4.0]], num_epochs=5, shuffle=False)
    batch = tf.train.batch([x], 2)
    train = tf.group(v.assign_add(tf.reduce_sum(batch)), step.assign_add(1))
    before = threading.active_count()
    with tf.train.MonitoredTrainingSession() as sess:
        runs = 0
        while not sess.should_stop():
            last = sess.run([train, v])[1]
            runs += 1
    assert runs == 10 and last == 1.0 + 50.0 - 7.0
    assert threading.active_count() == before


def test_hooks_add_fetches_and_feeds():
    x, log = tf.placeholder(tf.float32, []), []
    step, v, _ = model()
    y = x * 2.0
    hooks = [Told(log, fetches={"x": x, "v": [v]}), tf.train.FeedFnHook(lambda: {x: 3.0})]
    with tf.train.MonitoredSession(hooks=hooks) as sess:
        assert sess.run({"y": y}) == {"y": 6.0}
        with pytest.raises(StateError, match="Same tensor is fed by a SessionRunHook and user"):
            sess.run(y, {x: 1.0})
    assert "a.after {'x': np.float32(3.0), 'v': [np.float32(1.0)]}" in log or "a.after {'x': 3.0, 'v': [1.0]}" in log
    with pytest.raises(StateError, match="Same tensor is fed by two hooks"):
        with tf.train.MonitoredSession(hooks=[hooks[1], hooks[1]]) as sess:
            sess.run(y)
    with pytest.raises(UsageError, match="hooks must be SessionRunHooks, got 5"):
        tf.train.MonitoredSession(hooks=[5])


def test_step_functions():
    _, v, train = model()
    log = []
    with tf.train.MonitoredSession(hooks=[Told(log)]) as sess:

        def one(step_context):
            assert step_context.session.run(v) == 1.0
            return step_context.run_with_hooks(train)

        assert sess.run_step_fn(one) is None and log.count("a.before") == 1
        with pytest.raises(UsageError, match="must have one argument, step_context, not c"):
            sess.run_step_fn(lambda c: None)
        with pytest.raises(StopIteration):
            sess.run_step_fn(lambda step_context: step_context.request_stop())
        assert sess.should_stop()
        with pytest.raises(StateError, match="Run called even after should_stop requested"):
            sess.run(train)


def test_scaffolds():
    v, local = tf.Variable(1.0, name="v"), tf.Variable(2.0, collections=["local_variables"], trainable=False)
    start = tf.placeholder(tf.float32, [])
    put, seen = v.assign(start), []
    scaffold = tf.train.Scaffold(init_op=put, init_feed_dict={start: 7.0}, init_fn=lambda s, sess: seen.append(s))
    with tf.train.MonitoredSession(tf.train.ChiefSessionCreator(scaffold)) as sess:
        assert sess.run([v, local]) == [7.0, 2.0] and seen == [scaffold]
        assert scaffold.saver is not None and scaffold.ready_op.name.startswith("report_uninitialized_variables")
    again = tf.train.Scaffold(copy_from_scaffold=scaffold)
    assert again.init_op is put and again.saver is scaffold.saver
    other = tf.train.Scaffold(init_op=tf.no_op(), local_init_op=tf.no_op(), copy_from_scaffold=scaffold)
    with pytest.raises(StateError, match="did not make the model ready.*v"):
        tf.train.MonitoredSession(tf.train.ChiefSessionCreator(other))


def test_session_managers(tmp_path):
    v = tf.Variable(3.0, name="v")
    ready, init, saver = tf.report_uninitialized_variables(), tf.global_variables_initializer(), tf.train.Saver()
    manager = tf.train.SessionManager(ready_op=ready, recovery_wait_secs=0.01)
    with pytest.raises(StateError, match="the model is not initialised"):
        manager.prepare_session("")
    sess, is_ready = manager.recover_session("", saver, str(tmp_path))
    assert not is_ready
    with pytest.raises(tf.errors.DeadlineExceededError, match="variables not initialised: v"):
        manager.wait_for_session("", max_wait_secs=0.02)
    sess = manager.prepare_session("", init_op=init)
    saver.save(sess, str(tmp_path / "m"))
    sess, is_ready = manager.recover_session("", saver, str(tmp_path))
    assert is_ready and sess.run(v) == 3.0
    assert manager.prepare_session("", saver=saver, checkpoint_dir=str(tmp_path)).run(v) == 3.0


def test_supervisors(tmp_path):
    step, v, train = model()
    tf.summary.scalar("v", v)
    sv = tf.train.Supervisor(logdir=str(tmp_path), save_model_secs=1, save_summaries_secs=1)
    called = []
    with sv.managed_session() as sess:
        sv.loop(0.01, lambda: called.append(1))
        while not sv.should_stop():
            sess.run(train)
            if sess.run(step) >= 20:
                sv.saver.save(sess, sv.save_path, global_step=sv.global_step)
                sv.request_stop()
    assert sess.is_closed and called
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-20")
    tf.reset_default_graph()
    step, v, train = model()
    sv = tf.train.Supervisor(logdir=str(tmp_path), save_model_secs=0, save_summaries_secs=0)

    def one(sess):
        assert sess.run(v) == 21.0
        sv.request_stop()

    tf.train.basic_train_loop(sv, one)
    with pytest.raises(ZeroDivisionError):
        with sv.managed_session():
            1 / 0


def test_clusters_are_data():
    spec = tf.train.ClusterSpec({"worker": ["a:1", "b:2"], "ps": {0: "c:3", 2: "d:4"}})
    assert spec.jobs == ["worker", "ps"] and spec.num_tasks("worker") == 2 and spec.task_indices("ps") == [0, 2]
    assert spec.task_address("ps", 2) == "d:4" and spec.job_tasks("ps") == ["c:3", None, "d:4"]
    assert tf.train.ClusterSpec(spec.as_cluster_def()) == spec
    assert spec.as_dict() == {"worker": ["a:1", "b:2"], "ps": {0: "c:3", 2: "d:4"}}
    with pytest.raises(ValueError, match="No such job in cluster: 'x'"):
        spec.num_tasks("x")
    with pytest.raises(DeviceUnavailable, match="servers and clusters are not supported yet"):
        tf.train.Server(spec, "ps", 0)
    with pytest.raises(DeviceUnavailable, match="sessions on servers are not supported yet"):
        tf.Session("grpc://localhost:2222")
    assert tf.train.replica_device_setter() is None
    put = tf.train.replica_device_setter(2, worker_device="/job:worker/task:1")
    made = [tf.Variable(1.0).op, tf.Variable(1.0).op, tf.constant(1.0).op]
    assert [put(op) for op in made] == ["/job:ps/task:0", "/job:ps/task:1", "/job:worker/task:1"]


class _Creator(tf.train.SessionCreator):
    """Sessions for a graph with one counter; ``failures`` are raised by the first calls."""

    def __init__(self, initializer, failures=()):
        self.initializer, self.failures, self.made = initializer, list(failures), []

    def create_session(self):
        if self.failures:
            raise self.failures.pop(0)
        sess = tf.Session()
        sess.run(self.initializer)
        self.made.append(sess)
        return sess


class _Raises(tf.train.SessionRunHook):
    """Raises errors, one in each of the first runs."""

    def __init__(self, *errors):
        self.errors, self.created = list(errors), 0

    def after_create_session(self, session, coord):
        self.created += 1

    def after_run(self, context, values):
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize("kind", [tf.errors.AbortedError, tf.errors.UnavailableError])
def test_a_monitored_session_recovers(kind):
    n = tf.Variable(0)
    up, creator = n.assign_add(1), _Creator(tf.global_variables_initializer(), [kind(None, None, "not yet")])
    hook = _Raises(kind(None, None, "lost"), kind(None, None, "lost again"))
    with tf.train.MonitoredSession(creator, [hook]) as sess:
        assert sess.run(up) == 1  # in the third session, whose variables are new
        assert sess.run(up) == 2
    assert len(creator.made) == hook.created == 3 and not hook.errors
    assert all(made.is_closed for made in creator.made)


def test_other_errors_end_a_monitored_session():
    n = tf.Variable(0)
    creator = _Creator(tf.global_variables_initializer())
    with pytest.raises(tf.errors.InternalError, match="broken"):
        with tf.train.MonitoredSession(creator, [_Raises(tf.errors.InternalError(None, None, "broken"))]) as sess:
            sess.run(n)
    assert len(creator.made) == 1 and creator.made[0].is_closed
    with pytest.raises(tf.errors.AbortedError, match="lost"):
        with tf.train.SingularMonitoredSession([_Raises(tf.errors.AbortedError(None, None, "lost"))]) as sess:
            sess.run(n)


def test_a_step_function_is_tried_again():
    n, calls = tf.Variable(0), []
    creator = _Creator(tf.global_variables_initializer())

    def step(step_context):
        calls.append(1)
        if len(calls) == 1:
            raise tf.errors.AbortedError(None, None, "lost")
        return step_context.session.run(n)

    with tf.train.MonitoredSession(creator) as sess:
        assert sess.run_step_fn(step) == 0
    assert len(calls) == len(creator.made) == 2
