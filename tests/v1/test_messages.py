"""Messages describe operands by their names and their own lines, also where equal expressions were made elsewhere."""

import threading
import time

import numpy as np
import pytest

import graphc
import graphc.v1 as tf


def message(program, kind=Exception) -> str:
    with pytest.raises(kind) as error:
        program()
    return str(error.value)


def operand_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")[1:-1]]


def number_of(text: str, source: str) -> int:
    """The number of the line of this file that has ``source`` after ``text``."""
    lines = open(__file__).read().split("\n")
    return next(k + 1 for k, line in enumerate(lines) if line.strip() == source and text in lines[k - 1])


@pytest.fixture(autouse=True)
def fresh():
    tf.reset_default_graph()
    yield
    tf.reset_default_graph()


def test_placeholders_and_variables_are_called_by_their_names():
    x = tf.placeholder(tf.float32, [None, 784], name="model/images")
    w = tf.Variable(tf.zeros([512, 10]), name="w1")
    text = message(lambda: tf.matmul(x, w), ValueError)
    first, *operands = text.split("\n")[:-1]
    assert first == "matmul: inner sizes differ, f32[model/images.0,784] x f32[512,10] (784 != 512)"
    assert operands[0].startswith("  x  is placeholder model/images: f32[model/images.0,784]   test_messages.py:")
    assert operands[1].startswith("  y  is variable w1: f32[512,10]   test_messages.py:")


def test_results_are_called_by_their_operations():
    h = tf.reshape(tf.placeholder(tf.float32, [None, 784], name="x"), [-1, 28, 28], name="pictures")
    r = tf.reduce_sum(h, 1)
    text = message(lambda: h + tf.zeros([5]), ValueError)
    assert "  x  from pictures (Reshape): f32[x.0,28,28]   test_messages.py:" in text
    assert "  x  from Sum: f32[x.0,28]   test_messages.py:" in message(lambda: r + tf.zeros([5]), ValueError)


def test_sizes_that_only_a_run_tells_are_question_marks():
    found, _ = tf.unique(tf.placeholder(tf.int32, [None]))
    assert "got i32[?] x i32[3,2]" in message(lambda: tf.matmul(found, tf.zeros([3, 2], tf.int32)), ValueError)


def test_a_constant_has_its_own_line_even_if_an_equal_one_is_alive():
    kept = [tf.constant(1), tf.constant(1.0)]
    a = tf.constant(1)  # the second
    b = tf.constant(1.0)
    lines = operand_lines(message(lambda: a + b, TypeError))
    at = number_of("kept", "a = tf.constant(1)  # the second")
    assert lines == [f"x  is constant Const_2: i32[]   test_messages.py:{at}",
                     f"y  is constant Const_3: f32[]   test_messages.py:{at + 1}"]  # fmt: skip
    assert len(kept) == 2


def test_an_equal_expression_of_another_graph_does_not_lend_its_line():
    def made():
        p = tf.placeholder(tf.float32, [None], name="p")
        return p, tf.reshape(p, [-1, 4])

    with tf.Graph().as_default():
        before = made()
    p = tf.placeholder(tf.float32, [None], name="p")
    y = tf.reshape(p, [-1, 4])  # here
    at = number_of("p = ", "y = tf.reshape(p, [-1, 4])  # here")
    with tf.Session() as sess:
        text = message(lambda: sess.run(y, {p: np.zeros(3)}), ValueError)
    assert f"is placeholder p: f32[3]   test_messages.py:{at - 1}" in text and f"\n  at test_messages.py:{at}: y =" in text
    assert before


def test_a_step_on_the_host_names_the_line_of_its_own_graph():
    texts, sessions = [], []
    for _ in range(2):
        with tf.Graph().as_default():
            p = tf.placeholder(tf.float32, [None], name="p")
            y = tf.check_numerics(tf.log(p), "broke")
            sessions.append(tf.Session())
            texts.append(message(lambda: sessions[-1].run(y, {p: [-1.0]})))
    with tf.Graph().as_default():
        p = tf.placeholder(tf.float32, [None], name="p")

        y = tf.check_numerics(tf.log(p), "broke")
        sessions.append(tf.Session())
        texts.append(message(lambda: sessions[-1].run(y, {p: [-1.0]})))
    here = number_of("", 'y = tf.check_numerics(tf.log(p), "broke")')
    assert "at test_messages.py:" in texts[0] and texts[0] == texts[1]
    assert texts[2].split("\n")[-1] != texts[0].split("\n")[-1] and f":{here}:" not in texts[2].split("\n")[-1]


def test_eager_tensors_have_their_own_lines():
    kept = graphc.constant([1.0, 2.0])
    w = graphc.Variable(graphc.zeros([2, 3]), name="w")
    text = message(lambda: graphc.matmul(graphc.ones([2, 3]), w), ValueError)
    assert "  x  from ones: f32[2,3]   test_messages.py:" in text and "  y  is variable w: f32[2,3]   test_messages" in text
    text = message(lambda: kept + [1.0, 2.0, 3.0], ValueError)
    assert "x  is constant: f32[2]   test_messages.py:" in text and "y  is f32[3], given here" in text


def _bad(x):
    y = x + 1
    raise ValueError(f"too big: {y[0]}")


@pytest.mark.parametrize("wrapped", [tf.py_func, tf.numpy_function, tf.py_function])
def test_an_error_of_a_users_function_names_its_line(wrapped):
    result = wrapped(_bad, [tf.constant([1.0, 2.0])], tf.float32)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError) as error:
        sess.run(result)
    at = number_of("y = x", 'raise ValueError(f"too big: {y[0]}")')
    assert "_bad raised ValueError: too big" in str(error.value)
    assert f'\n  in test_messages.py:{at}: raise ValueError(f"too big' in str(error.value)
    assert isinstance(error.value.__cause__, ValueError)


def _raises(kind):
    def function(x):
        raise kind("as asked")

    return function


@pytest.mark.parametrize("kind, found", [
    (ValueError, tf.errors.InvalidArgumentError), (TypeError, tf.errors.InvalidArgumentError),
    (StopIteration, tf.errors.OutOfRangeError), (MemoryError, tf.errors.ResourceExhaustedError),
    (NotImplementedError, tf.errors.UnimplementedError), (KeyError, tf.errors.UnknownError),
    (ZeroDivisionError, tf.errors.UnknownError),
])  # fmt: skip
def test_errors_of_functions_have_the_kinds_of_tensorflow(kind, found):
    result = tf.py_func(_raises(kind), [1.0], tf.float32)
    with tf.Session() as sess, pytest.raises(found, match=f"function raised {kind.__name__}"):
        sess.run(result)


def test_results_of_functions_that_do_not_fit_say_what_to_do():
    def half(x):
        return np.float64(x) / 2

    def nothing(x):
        return None

    with tf.Session() as sess:
        text = message(lambda: sess.run(tf.py_func(half, [1.0], tf.float32)))
        assert "is of float64, but Tout says float32; convert it, as with np.float32(value)" in text
        text = message(lambda: sess.run(tf.py_func(nothing, [1.0], tf.float32)))
        assert "is None, but Tout says float32; return a value" in text


def test_the_value_of_a_tensor_is_not_there_while_the_graph_is_built():
    for x in (tf.constant([1.0]), tf.Variable([1.0], name="w")):
        for use in (float, int, bool, round, complex, np.array, np.mean, len, lambda t: f"{t:.2f}", lambda t: 1.0 in t):
            text = message(lambda: use(x), TypeError)
            assert x.name in text and "\n  at test_messages.py:" in text
        assert f"{x}" == str(x)


def test_absent_modules_cannot_be_imported_and_say_why():
    with pytest.raises(ImportError, match="tf.keras is not part of graphc: use tf.layers"):
        from graphc.v1.keras import layers  # noqa: F401
    with pytest.raises(ImportError, match="tf.contrib.cudnn_rnn is not part of graphc: use tf.nn.rnn_cell.LSTMCell"):
        from graphc.v1.contrib import cudnn_rnn  # noqa: F401


def test_a_property_that_fails_tells_its_own_error():
    text = message(lambda: tf.constant(1.0, name="c").assign(2.0), AttributeError)
    assert text.startswith("c:0 is a tensor, which cannot be assigned to")


def test_a_device_function_may_look_at_nodes_without_making_graphs_slow():
    def seconds(count: int) -> float:
        with tf.Graph().as_default(), tf.device(lambda op: op.node_def.device):
            start = time.process_time()
            a = tf.constant(1.0)
            for _ in range(count):
                a = a + 1.0
            return (time.process_time() - start) / count

    seconds(50)
    assert seconds(1500) < 4 * min(seconds(150) for _ in range(3))


def test_uninitialised_variables_found_in_a_thread_name_no_line_of_the_library():
    texts = []
    w = tf.Variable(1.0, name="w")

    def work():
        texts.append(message(lambda: None if sess.run(w) else None))

    with tf.Session() as sess:
        thread = threading.Thread(target=sess.run, args=(w,))
        caught = []
        hook, threading.excepthook = threading.excepthook, lambda found: caught.append(str(found.exc_value))
        try:
            thread.start()
            thread.join()
        finally:
            threading.excepthook = hook
        work()
    assert "uninitialised variable w" in caught[0] and "threading.py" not in caught[0]
    assert "test_messages.py" in texts[0]
