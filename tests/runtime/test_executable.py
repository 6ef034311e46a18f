"""Calling programs: results, conversions, messages, state, recycled memory, threads. Both call paths."""

import gc
import os
import sys
import threading
import weakref

import numpy as np
import pytest
from small_programs import (
    VECTOR,
    add_scalars,
    add_vectors,
    failing,
    parallel_double,
    same,
    scale_by_constant,
    tally,
    through_arena,
    train_step,
    update_around_host_step,
    with_host_step,
)

from graphc.errors import CompileError, DtypeError, FeedError, GraphcError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.program import Param, Signature
from graphc.ir.type import Type
from graphc.runtime import executable as executable_module
from graphc.runtime.executable import Executable, call_path
from graphc.runtime.support import load_support


@pytest.fixture(params=["native", "ctypes"], autouse=True)
def path(request, monkeypatch):
    """Every test runs once on each way into native code."""
    monkeypatch.setenv("GRAPHC_CALL_PATH", request.param)
    if request.param == "native" and not load_support().native_calls:
        pytest.skip(load_support().reason)
    return request.param


def f32(*values):
    return np.array(values, dtype=np.float32)


# --------------------------------------------------------------------------------------------- results


def test_the_path_is_the_one_asked_for(path, monkeypatch):
    assert call_path() == path
    monkeypatch.setenv("GRAPHC_CALL_PATH", "telepathy")
    with pytest.raises(UsageError, match="GRAPHC_CALL_PATH=telepathy"):
        call_path()


def test_scalars_in_and_out():
    run = add_scalars()
    (out,) = run(np.float32(1), np.array(2, np.float32))
    assert type(out) is np.ndarray and out.shape == () and out.dtype == np.float32 and out == 3


def test_one_compile_serves_every_size():
    run = add_vectors()
    for n in (0, 1, 5, 1000, 3, 0, 100_000):
        x = np.arange(n, dtype=np.float32)
        (out,) = run(x, x)
        np.testing.assert_array_equal(out, x + x)


def test_single_and_chosen_results():
    run = train_step()
    w, g = f32(1, 2, 3, 4), f32(1, 1, 1, 1)
    assert [len(r) for r in (run(w, g), run.bind(returned=[0])(w, g), run.bind(returned=[])(w, g))] == [2, 1, 0]
    np.testing.assert_array_equal(run.bind(returned=[1], single=True)(w, g), [2, 2, 2, 2])
    for wrong in ([1, 0], [2], [-1], [0, 0]):
        with pytest.raises(UsageError, match="ascending positions of the 2 outputs"):
            run.bind(returned=wrong)
    with pytest.raises(UsageError, match="exactly one"):
        run.bind(single=True)


@pytest.mark.parametrize("lead", (0, 4, 64))
def test_constants_are_aligned_wherever_they_come_from(lead):
    memory = np.concatenate([np.zeros(lead, np.uint8), f32(1, 2, 3, 4).view(np.uint8)])
    (out,) = scale_by_constant(memory[lead:])(f32(1, 1, 1, 2))
    np.testing.assert_array_equal(out, [1, 2, 3, 8])
    (out,) = scale_by_constant(f32(1, 2, 3, 4).tobytes())(f32(1, 1, 1, 1))
    np.testing.assert_array_equal(out, [1, 2, 3, 4])


def test_large_arenas_and_outputs():
    run = through_arena(release_gil=True)
    for n in (10, 3_000_000, 5, 1_000_000):
        x = np.full(n, 2, np.float32)
        assert (run(x)[0] == 4).all()


# ----------------------------------------------------------------------------------------- conversions


@pytest.mark.parametrize("value", [
    [1.0, 2.0, 3.0], (1, 2, 3), [1, 2.5, 3], np.arange(6, dtype=np.float32)[::2], np.asfortranarray(f32(1, 2, 3)),
    f32(1, 2, 3).astype(">f4"), np.frombuffer(b"\0" + f32(1, 2, 3).tobytes(), np.float32, offset=1),
    f32(1, 2, 3).view(np.recarray), [dt.bf16.numpy.type(1.5)] * 3,
    [np.float32(1), np.float32(2), np.float32(3)], memoryview(f32(1, 2, 3)),
])  # fmt: skip
def test_what_can_be_converted(value):
    (out,) = add_vectors()(value, f32(0, 0, 0))
    np.testing.assert_array_equal(out, np.asarray(value, np.float32))


@pytest.mark.parametrize("dtype, value, good", [
    (dt.f32, 1, True), (dt.f32, 1.5, True), (dt.f32, 2**24 + 1, True), (dt.f32, 10**30, False), (dt.f32, True, False),
    (dt.f32, 1j, False), (dt.f32, "1", False), (dt.f32, None, False), (dt.f32, np.float64(1), False), (dt.f32, np.int32(1), False),
    (dt.f64, 0.1, True), (dt.f64, 2**53, True), (dt.f64, 2**53 + 1, True), (dt.f64, -3, True),
    (dt.i32, 5, True), (dt.i32, -(2**31), True), (dt.i32, 2**31, False), (dt.i32, 1.0, False), (dt.i32, True, False),
    (dt.i64, 2**63 - 1, True), (dt.i64, 2**63, False), (dt.i64, np.int64(3), True), (dt.i8, 127, True), (dt.i8, 128, False),
    (dt.u8, -1, False), (dt.b1, True, True), (dt.b1, 1, False), (dt.f16, 1.5, True), (dt.bf16, 1.5, True),
])  # fmt: skip
def test_python_numbers(dtype, value, good):
    """The program adds f32, so only that the argument arrives is looked at where the type is another."""
    run = add_scalars(dtype)
    zero = np.zeros((), dtype.numpy)
    if good:
        (out,) = run(zero, value)
        assert out.dtype == dtype.numpy
        if dtype is dt.f32:
            assert out == np.float32(value)
    else:
        with pytest.raises((DtypeError, ShapeError)) as info:
            run(zero, value)
        assert f"input b wants {dtype.short}[]" in str(info.value)


def test_numbers_arrive_exactly():
    widths = {dt.f32: "i32", dt.f64: "i64", dt.i32: "i32", dt.i64: "i64"}
    for dtype, width in widths.items():
        run = same(dtype, width).bind(single=True)
        for value in (0, 1, -1, 2**24, -(2**24), 2**24 + 2, 2**31 - 1, -(2**31)):
            assert run(value) == dtype.numpy.type(value)
        if dtype.is_float:
            for value in (0.1, -0.0, float("inf"), 1e-40, 1e300):
                with np.errstate(over="ignore"):
                    wanted = dtype.numpy.type(value)
                assert run(value) == wanted and np.signbit(run(value)) == np.signbit(wanted)
            assert np.isnan(run(float("nan")))
        else:
            for value in (2**53 + 1, -(2**63)) if dtype is dt.i64 else ():
                assert run(value) == value


@pytest.mark.parametrize("dtype", [d for d in dt.ALL if d is not dt.string], ids=str)
def test_numpy_scalars_arrive_exactly(dtype):
    run = same(dtype, f"i{dtype.bits}").bind(single=True)
    for code in (0, 1, 255) if dtype is not dt.b1 else (0, 1):
        value = np.frombuffer(bytes([code] * dtype.size), dtype.numpy)[0]
        out = run(value)
        assert out.dtype is dtype.numpy and out.tobytes() == value.tobytes()
    assert run(np.zeros((), dtype.numpy)).tobytes() == bytes(dtype.size)


def test_numpy_scalars_take_the_fast_way(path):
    if path == "ctypes":
        pytest.skip("there is no fast way")
    run = add_scalars().bind(single=True)
    a, b = np.float32(1), np.float32(2)
    run(a, b)
    run.__self__[10] = 0  # without the way out, anything else than the fast way would crash
    assert run(a, b) == 3 and run(1.5, b) == 3.5


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_, np.array(True)])
def test_truth_values_arrive(value):
    out = same(dt.b1, "i8").bind(single=True)(value)
    assert out.dtype == np.bool_ and out == bool(value) and out.tobytes() == bytes([bool(value)])


def test_arrays_given_are_never_written():
    run = train_step()
    w, g = f32(1, 2, 3, 4), f32(1, 1, 1, 1)
    w.flags.writeable = False
    new, twice = run(w, g)
    np.testing.assert_array_equal(w, [1, 2, 3, 4])
    np.testing.assert_array_equal(new, [0, 1, 2, 3])
    np.testing.assert_array_equal(twice, [2, 2, 2, 2])


# -------------------------------------------------------------------------------------------- messages


def test_a_wrong_shape_names_input_place_and_types():
    with pytest.raises(ShapeError) as info:
        train_step()(f32(1, 2, 3), f32(1, 2, 3, 4))
    assert "step: input w wants f32[4], got f32[3] (axis 0: 3 != 4)" in str(info.value)
    with pytest.raises(ShapeError) as info:
        add_vectors()(np.zeros((2, 2), np.float32), f32(1))
    message = str(info.value)
    assert "input x wants f32[n], got f32[2,2] (the rank is 2, not 1)" in message
    assert "model.py:3" in message and "test_executable.py" in message


def test_inputs_that_disagree_are_both_named():
    with pytest.raises(ShapeError) as info:
        add_vectors()(f32(1, 2, 3), f32(1, 2))
    message = str(info.value)
    assert "inputs x and y must agree in n: x f32[n] has n = 3 (axis 0), y f32[n] got f32[2] (axis 0: 2)" in message
    assert "model.py:3" in message and "model.py:4" in message


def test_a_wrong_dtype_is_named():
    with pytest.raises(DtypeError, match=r"input x wants f32\[n\], got f64\[2\]"):
        add_vectors()(np.zeros(2), f32(1, 2))


def test_ragged_lists_are_named():
    with pytest.raises(ShapeError, match="input x .*no regular array"):
        add_vectors()([[1.0], [1.0, 2.0]], f32(1))


def test_a_wrong_number_of_inputs_is_named():
    for given in ((), (f32(1),), (f32(1),) * 3):
        with pytest.raises(FeedError, match=rf"addv: takes 2 inputs \(x, y\), got {len(given)}"):
            add_vectors()(*given)


def test_an_error_code_becomes_an_error():
    with pytest.raises(GraphcError, match="bad: the program stopped with error code 7"):
        failing()(f32(1, 2, 3, 4))
    with pytest.raises(ZeroDivisionError, match="number 7"):
        failing(explain_failure=lambda code: ZeroDivisionError(f"number {code}"))(f32(1, 2, 3, 4))


def test_a_symbol_without_input_is_refused():
    run = add_vectors()
    signature = Signature((), run.signature.outputs, ("n",))
    with pytest.raises(CompileError, match="occur in no input"):
        Executable("addv", signature, run.library)


# ----------------------------------------------------------------------------------------------- state


def test_donated_state_is_updated_in_place():
    run, w = train_step(), f32(10, 10, 10, 10)
    step = run.bind({0: w}, single=True)
    for k in range(5):
        np.testing.assert_array_equal(step(f32(1, 2, 3, 4)), [2, 4, 6, 8])
    np.testing.assert_array_equal(w, [5, 0, -5, -10])


def test_donated_state_asked_for_is_a_copy():
    run, w = train_step(), f32(10, 10, 10, 10)
    step = run.bind({0: w}, returned=[0, 1])
    first, _ = step(f32(1, 1, 1, 1))
    second, _ = step(f32(1, 1, 1, 1))
    np.testing.assert_array_equal(first, [9] * 4)
    np.testing.assert_array_equal(second, [8] * 4)
    assert first is not w and not np.shares_memory(second, w)


def test_other_state_binds_symbols_and_is_only_read():
    run, x = add_vectors(), f32(1, 2, 3)
    plus = run.bind({0: x}, single=True)
    np.testing.assert_array_equal(plus(f32(1, 1, 1)), [2, 3, 4])
    x[0] = 100
    np.testing.assert_array_equal(plus([1, 1, 1]), [101, 3, 4])
    with pytest.raises(ShapeError, match="x and y must agree in n"):
        plus(f32(1, 2))
    everything = run.bind({0: x, 1: x}, single=True)
    np.testing.assert_array_equal(everything(), [200, 4, 6])


def test_state_lives_as_long_as_the_callable():
    step = train_step().bind({0: f32(1, 1, 1, 1)}, returned=[0], single=True)
    gc.collect()
    junk = [f32(*range(4)) for _ in range(100)]
    np.testing.assert_array_equal(step(f32(1, 1, 1, 1)), [0] * 4)
    assert len(junk) == 100


@pytest.mark.parametrize("array, error, words", [
    ([1.0] * 4, FeedError, "must be a NumPy array, not list"),
    (np.zeros(4), DtypeError, "input w wants f32"),
    (np.zeros(5, np.float32), ShapeError, "axis 0: 5 != 4"),
    (np.zeros(8, np.float32)[::2], FeedError, "C-contiguous"),
    (np.frombuffer(bytes(16), np.float32), FeedError, "read-only"),
])  # fmt: skip
def test_state_that_does_not_fit_is_refused(array, error, words):
    with pytest.raises(error, match=words):
        train_step().bind({0: array})
    with pytest.raises(FeedError, match="no input 2"):
        train_step().bind({2: f32(1, 2, 3, 4)})


# ------------------------------------------------------------------------------------ memory of results


def test_results_that_are_held_are_never_written_again():
    run = add_scalars().bind(single=True)
    held = [run(float(k), 0.0) for k in range(50)]
    assert [float(h) for h in held] == list(map(float, range(50)))


def test_a_view_keeps_a_result_from_being_reused():
    run = add_vectors().bind(single=True)
    x = f32(1, 2, 3)
    view = run(x, x)[1:]
    again = memoryview(run(x, x))
    for _ in range(5):
        run(f32(9, 9, 9), x)
    np.testing.assert_array_equal(view, [4, 6])
    np.testing.assert_array_equal(np.asarray(again), [2, 4, 6])


def test_a_weak_reference_never_comes_back_to_life():
    run = add_vectors().bind(single=True)
    x = f32(1, 2, 3)
    references = []
    for _ in range(6):
        out = run(x, x)
        references.append(weakref.ref(out))
        del out
    run(x, x)
    alive = [r() for r in references if r() is not None]
    assert len({id(a) for a in alive}) == len(alive)
    for array in alive:
        run(f32(0, 0, 0), f32(0, 0, 0))
        np.testing.assert_array_equal(array, [2, 4, 6])


def test_a_changed_result_is_not_reused():
    run = add_vectors().bind(single=True)
    x = f32(1, 2, 3, 4)
    for change in ("shape", "dtype", "flags", "resize"):
        out = run(x, x)
        if change == "shape":
            out.shape = (2, 2)
        elif change == "dtype":
            out.dtype = np.int32
        elif change == "flags":
            out.flags.writeable = False
        else:
            out.resize(1000, refcheck=False)
        del out
        for _ in range(3):
            fresh = run(x, x)
            assert fresh.shape == (4,) and fresh.dtype == np.float32 and fresh.flags.writeable
            np.testing.assert_array_equal(fresh, [2, 4, 6, 8])


def test_dropped_results_are_reused(path):
    if path == "ctypes":
        pytest.skip("the ctypes path makes new arrays")
    run = add_vectors().bind(single=True)
    x = f32(1, 2, 3)
    assert len({id(run(x, x)) for _ in range(20)}) == 1
    seen, out = set(), None
    for _ in range(20):
        out = run(x, x)
        seen.add(out.__array_interface__["data"][0])
    assert len(seen) == 2


def test_a_result_may_be_fed_back():
    run = add_vectors().bind(single=True)
    x = f32(1, 1, 1)
    for _ in range(10):
        x = run(x, x)
    np.testing.assert_array_equal(x, [1024] * 3)
    np.testing.assert_array_equal(run(run(x, x), run(x, x)), [4096] * 3)


def test_nothing_leaks():
    run = add_vectors()
    call, x = run.bind(single=True), f32(1, 2, 3)

    def work():
        kept = [call(x, x) for _ in range(10)] + [run(x, x), call([1, 2, 3], x)]
        with pytest.raises(ShapeError):
            call(x, f32(1))
        return len(kept)

    for _ in range(3):
        work()
    gc.collect()
    before = [sys.getrefcount(o) for o in (x, x.dtype, np.ndarray)]
    for _ in range(50):
        work()
    gc.collect()
    after = [sys.getrefcount(o) for o in (x, x.dtype, np.ndarray)]
    assert all(abs(a - b) < 5 for a, b in zip(after, before))


def test_dropping_everything_frees_everything():
    run = add_vectors()
    call, x = run.bind({0: f32(1, 2)}), f32(1, 2)
    call(x)
    run(x, x)
    watched = [weakref.ref(run), weakref.ref(run.library)]
    del run, call
    assert [w() for w in watched] == [None, None]


def test_a_callable_outlives_its_executable():
    call = add_vectors().bind(single=True)
    gc.collect()
    np.testing.assert_array_equal(call(f32(1), f32(2)), [3])
    np.testing.assert_array_equal(call([1.0], f32(2)), [3])


# --------------------------------------------------------------------------------------------- threads


@pytest.mark.parametrize("release", (False, True))
def test_threads_may_call_at_once(release):
    run = through_arena(release_gil=release)
    bound = run.bind(single=True)
    errors = []

    def caller(seed):
        for k in range(200):
            x = np.full(1000 + 100 * (k % 7) + seed, seed + k, np.float32)
            out = bound(x) if k % 2 else run(x)[0]
            if not (out == 2 * (seed + k)).all() or out.shape != x.shape:
                errors.append((seed, k))

    threads = [threading.Thread(target=caller, args=(s,)) for s in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.parametrize("release", (False, True))
def test_runs_that_write_the_same_state_take_turns(release):
    counts = np.zeros(300, np.int32)
    call, errors = tally(grain=10**9, release_gil=release).bind({0: counts}, returned=[0], single=True), []

    def caller():
        last = 0
        for _ in range(1000):
            out = call()
            if (out != out[0]).any() or out[0] <= last:
                errors.append(out)
            last = out[0]

    threads = [threading.Thread(target=caller) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and (counts == 4000).all()


def test_a_child_forked_during_a_turn_can_take_its_own():
    counts = np.zeros(3_000_000, np.int32)
    call = tally(release_gil=True).bind({0: counts})
    stop = []

    def caller():
        while not stop:
            call()

    thread = threading.Thread(target=caller)
    thread.start()
    statuses = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            call()
            os._exit(0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    stop.append(True)
    thread.join()
    assert statuses == [0, 0, 0]


def test_a_forked_child_can_call():
    run, parallel = through_arena(release_gil=True), parallel_double(release_gil=True)
    x = np.arange(10_000, dtype=np.float32)
    run(x), parallel(x)
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                good = (run(x)[0] == 2 * x).all() and (parallel(x)[0] == 2 * x).all()
                status = 0 if good else 2
            finally:
                os._exit(status)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]


# ------------------------------------------------------------------------------------------ host steps


def test_a_host_step_may_determine_a_size():
    seen = []

    def pick(array):
        seen.append(array.flags.writeable)
        return array[array > 4]

    run = with_host_step(pick)
    (out,) = run(f32(1, 2, 3, 4))
    np.testing.assert_array_equal(out, [7, 9])
    (out,) = run(np.arange(100, dtype=np.float32))
    assert out.shape == (97,)
    (out,) = run(f32())
    assert out.shape == (0,)
    assert seen == [False] * 3


def test_a_host_step_must_give_what_it_says():
    with pytest.raises(ShapeError, match=r"pick: the host step gave f32\[2,2\], not f32\[m\](.|\n)*model.py:9"):
        with_host_step(lambda a: np.zeros((2, 2), np.float32))(f32(1))
    with pytest.raises(ShapeError, match="gave 2 results, not 1"):
        with_host_step(lambda a: (a, a))(f32(1))


def test_errors_of_host_steps_come_through():
    def stop(array):
        raise KeyError("mine")

    run = with_host_step(stop)
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            run(f32(1))


def test_state_is_as_before_when_a_host_step_raises():
    def mend(array):
        if array[0] < -2:
            raise KeyError("mine")
        return array * 2

    w, one = f32(4, 4, 4, 4), f32(1, 1, 1, 1)
    call = update_around_host_step(mend).bind({0: w}, returned=[0], single=True)
    np.testing.assert_array_equal(call(one), [5] * 4)
    with pytest.raises(KeyError, match="mine"):
        call(one * 8)
    np.testing.assert_array_equal(w, [5] * 4)
    np.testing.assert_array_equal(call(one), [7] * 4)
    with pytest.raises(KeyError, match="mine"):
        update_around_host_step(mend)(w, one * 80)
    np.testing.assert_array_equal(w, [7] * 4)


def test_a_program_that_updates_state_cannot_be_called_by_its_own_host_step():
    call = update_around_host_step(lambda array: call(array)[0]).bind({0: f32(1, 2, 3, 4)})
    with pytest.raises(UsageError, match="again, by a host step of its own or a signal handler"):
        call(f32(1, 1, 1, 1))


def test_host_steps_with_state_take_turns():
    w, one = f32(0, 0, 0, 0), f32(1, 1, 1, 1)
    call = update_around_host_step(lambda array: array + 1).bind({0: w})
    threads = [threading.Thread(target=lambda: [call(one) for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(w, [-400] * 4)


def test_host_steps_from_several_threads():
    run, errors = with_host_step(lambda a: a[::2]), []

    def caller(seed):
        for k in range(100):
            x = np.full(10 + k, seed, np.float32)
            (out,) = run(x)
            if out.shape != ((10 + k + 1) // 2,) or not (out == 2 * seed + 1).all():
                errors.append((seed, k))

    threads = [threading.Thread(target=caller, args=(s,)) for s in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_strings_only_meet_host_steps():
    run = with_host_step(lambda a: a)
    word = Type(dt.string, ())
    text_in, text_out = Param("text", word), Param("text", word)
    signature = Signature((*run.signature.inputs, text_in), (*run.signature.outputs, text_out), ("n", "m"))
    double = executable_module.HostStep(
        lambda t: np.array(t[()] + b"!", dtype=object), ((word, ("input", 1)),), ((word, ("arena", 0)),), "shout"
    )
    give = executable_module.HostStep(lambda t: t, ((word, ("arena", 0)),), ((word, ("output", 1)),), "give")
    steps = [double, 0, run._portable.steps[1], 1, give]
    both = Executable("host", signature, run.library, b"", steps)
    out, text = both(f32(1, 2), "hey")
    np.testing.assert_array_equal(out, [3, 5])
    assert text[()] == b"hey!"


@pytest.mark.parametrize("place, words", [
    ("output", "no host step makes output text string"),
    ("constant", "give reads a string"),
])  # fmt: skip
def test_strings_that_native_code_would_make_are_refused(place, words):
    run, word = with_host_step(lambda a: a), Type(dt.string, ())
    signature = Signature(run.signature.inputs, (*run.signature.outputs, Param("text", word)), ("n", "m"))
    arg, target = (VECTOR, ("input", 0)), ("arena", 8)
    if place == "constant":
        arg, target = (word, ("constant", 0)), ("output", 1)
    give = executable_module.HostStep(lambda t: t, (arg,), ((word, target),), "give")
    with pytest.raises(CompileError, match=words):
        Executable("host", signature, run.library, b"", [0, run._portable.steps[1], 1, give])
