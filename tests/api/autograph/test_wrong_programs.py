"""Programs that cannot be converted, and what is said of them: the construct, the reason, and the line."""

import pytest

import graphc as tf
from graphc.errors import GraphcError

ONE, THREE = tf.constant(1.0), tf.constant(3)
WRONG = []


def wrong(words: str, argument=ONE, line: str = "", **options):
    """A function that is refused with these words, at a line with this text."""

    def noted(function):
        WRONG.append(pytest.param(function, words, argument, line, options, id=function.__name__))
        return function

    return noted


@wrong("`if` on a Tensor: the condition must be a scalar, not b1.2.; use tf.reduce_all or any", tf.ones([2]), "if x > 0")
def vector_condition(x):
    if x > 0: return x
    return -x


@wrong("`if` on a Tensor: the condition must be bool, not string..; compare it", tf.constant("a"), "if x:")
def text_condition(x):
    if x: return x
    return x


@wrong("returns a value on one path and reaches its end on another", line="if x > 0:")
def no_answer_on_one_path(x):
    if x > 0: return x * 2


@wrong("returns a value on one path and reaches its end on another", tf.ones([2]), "for v in x")
def no_answer_after_a_loop(x):
    for v in x:
        if v > 1: return v


@wrong("'act' is function in the main branch and function in the else branch", line="if x > 0")
def functions_of_branches(x):
    if x > 0: act = tf.nn.relu
    else: act = tf.nn.tanh
    return act(x)


@wrong("a conditional expression on a Tensor: its value is 1 in the main branch and 'a' in the else", line="y = 1 if")
def values_of_an_expression(x):
    y = 1 if x > 0 else "a"
    return y


@wrong("the values of 'y' differ in structure", line="if x > 0")
def lengths_of_branches(x):
    if x > 0: y = [x, x]
    else: y = [x]
    return y


@wrong("'x' has dtype int32 before the loop, but dtype float32 after one iteration", THREE, "for i in tf.range")
def dtype_in_a_loop(n):
    x = tf.constant(0)
    for i in tf.range(n): x = tf.cast(x, tf.float32) + 0.5
    return x


@wrong("'total' is read before it has a value; it must be defined before the loop", THREE, "total = total .+ i")
def undefined_in_a_loop(n):
    for i in tf.range(n):
        total = total + i  # noqa: F821
    return total


@wrong("`for` over a Tensor: a scalar of int32 has no rows", THREE, "for i in n")
def scalar_rows(n):
    t = 0
    for i in n: t += i
    return t


@wrong("range: the bounds must be integers, not f32", line="for i in range")
def fractional_range(x):
    for i in range(x): x = x + i
    return x


@wrong("a comprehension, list.. or unpacking goes over a Tensor whose values are not known", THREE, "i for i in range")
def comprehension_of_numbers(n):
    return [i for i in range(n)]


@wrong("has an unknown length and cannot be iterated; use tf.map_fn", tf.ones([2]), "v \\* 2 for v in x", unknown=True)
def comprehension_of_rows(x):
    return tf.stack([v * 2 for v in x])


@wrong("has an unknown length and cannot be iterated", tf.ones([2]), "a, b = x", unknown=True)
def unpacking(x):
    a, b = x
    return a + b


@wrong("has an unknown length and cannot be iterated", tf.ones([2]), "for v in x", unknown=True, autograph=False)
def rows_unconverted(x):
    t = 0.0
    for v in x: t += v
    return t


@wrong("`if` on a Tensor: the function is not converted: call it from a tf.function .autograph=True", line="if x > 0",
       autograph=False)  # fmt: skip
def branch_unconverted(x):
    if x > 0: return x
    return -x


@wrong("`while` on a Tensor: the function is not converted", line="while x < 10", autograph=False)
def loop_unconverted(x):
    while x < 10: x = x * 2
    return x


@wrong("a generator function .yield. cannot be traced; return tensors")
def generator(x):
    yield x


@wrong("a coroutine .async def. cannot be traced")
async def coroutine(x):
    return x


@wrong("the function was not converted, as rows is a generator or a coroutine", line="if x > i")
def branch_in_a_generator(x):
    return sum(rows(x))


def rows(x):
    for i in range(3):
        if x > i: yield x * i


@wrong("`match` on a Tensor is not converted; use `if` and `elif`", line="case 1")
def matching(x):
    match x:
        case 1: return x
        case _: return x + 1


@wrong("an expression with `:=` is not converted; give the name its value on a line before", line="if .y := x")
def named_expression(x):
    if (y := x * 2) > 0 and y < 10: return y
    return x


@wrong("`in` on a Tensor is not converted; use tf.reduce_any", line="if x in")
def membership(x):
    if x in [1.0, 2.0]: return x
    return -x


@wrong("conditions in it are not converted; use a `for` statement, tf.boolean_mask or tf.where", line="if x > v")
def condition_in_a_comprehension(x):
    return len([v for v in [1.0, 2.0] if x > v])


@wrong("it is no index of a list .*; use tf.gather", THREE, "return .10, 20, 30, 40..n.")
def index_of_a_list(n):
    return [10, 20, 30, 40][n]


@wrong("no number to format as '.2f'; use tf.strings.format or tf.print", line="return f")
def formatting(x):
    return f"{x:.2f}"


@wrong("calls itself with the same kind of arguments", THREE)
def recursion(n):
    if n > 0: return n * tf.function(recursion_again)(n - 1)
    return n


@tf.function
def recursion_again(n):
    if n > 0: return n * recursion_again(n - 1)
    return tf.constant(1)


@wrong("assertion failed\n  .must be positive", tf.constant(-1.0), "assert x > 0")
def assertion(x):
    assert x > 0, "must be positive"
    return x


@wrong("loop must iterate at least once to initialize y", tf.constant(0), "for i in tf.range")
def no_iteration(n):
    for i in tf.range(n): y = i
    return y


@wrong("set_loop_options: there is no option 'maximum'", THREE)
def option(n):
    for _ in tf.range(n):
        tf.autograph.experimental.set_loop_options(maximum=3)
        n = n + 1
    return n


@pytest.mark.parametrize("function, words, argument, line, options", WRONG)
def test_wrong_program(function, words, argument, line, options):
    signature = [tf.TensorSpec([None], tf.float32)] if options.pop("unknown", False) else None
    with pytest.raises((GraphcError, TypeError), match=words) as caught:
        tf.function(function, input_signature=signature, **options)(argument)
    said = str(caught.value)
    assert "test_wrong_programs.py:" in said and len(said) < 700
    if line:
        caught.match(f"at test_wrong_programs.py:\\d+: .*{line}")
