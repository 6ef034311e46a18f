"""Shuffling, and random numbers in functions: what is drawn, and when it is the same again."""

import numpy as np
import pytest

import graphc as tf

D = tf.data.Dataset


def values(dataset):
    return [int(x) for x in dataset]


def generator(count):
    return D.from_generator(lambda: range(count), output_signature=tf.TensorSpec((), tf.int64))


@pytest.mark.parametrize("source", [D.range, generator, lambda n: D.range(n).map(lambda x: x)])
@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_every_element_once_and_out_of_the_buffer(source, size):
    found = values(source(10).shuffle(size, seed=1))
    assert sorted(found) == list(range(10))
    assert all(value < k + size for k, value in enumerate(found))
    if size == 1:
        assert found == list(range(10))


@pytest.mark.parametrize("source", [D.range, generator])
def test_draws_are_uniform(source):
    dataset = source(6).shuffle(3, seed=5)
    firsts = np.bincount([values(dataset)[0] for _ in range(900)], minlength=6)
    assert firsts[3:].tolist() == [0, 0, 0] and (np.abs(firsts[:3] - 300) < 75).all()
    whole = source(4).shuffle(9, seed=5)
    last = np.bincount([values(whole)[-1] for _ in range(800)], minlength=4)
    assert (np.abs(last - 200) < 65).all()


@pytest.mark.parametrize("source", [D.range, generator])
def test_how_many_are_asked_for_makes_no_difference(source):
    one = source(50).shuffle(7, seed=3, reshuffle_each_iteration=False)
    found = values(one)
    for size in (1, 4, 50):
        assert [int(v) for b in one.batch(size) for v in b] == found
    assert values(one.repeat(2)) == found * 2


def test_another_order_each_iteration_unless_told_otherwise():
    dataset = D.range(20).shuffle(20, seed=3)
    one, other = values(dataset), values(dataset)
    assert one != other and values(D.range(20).shuffle(20, seed=3)) == one
    both = values(D.range(20).shuffle(20, seed=3).repeat(2))
    assert both[:20] == one and both[20:] == other
    fixed = D.range(20).shuffle(20, reshuffle_each_iteration=False)
    assert values(fixed) == values(fixed)


def test_global_seed():
    def orders():
        tf.random.set_seed(7)
        return values(D.range(20).shuffle(20)), values(D.range(20).shuffle(20))

    one, other = orders(), orders()
    assert one == other and one[0] != one[1]
    tf.random.set_seed(8)
    assert values(D.range(20).shuffle(20)) != one[0]


def test_columns_stay_together():
    rows = np.arange(40).reshape(20, 2)
    dataset = D.from_tensor_slices({"x": rows, "y": rows[:, 0]}).map(lambda d: d).shuffle(6).batch(3)
    for batch in dataset:
        assert (batch["x"][:, 0].numpy() == batch["y"].numpy()).all()


def test_ragged_elements_are_shuffled():
    dataset = generator(9).map(lambda x: tf.fill([x], x)).shuffle(4, seed=1)
    found = [x.numpy().tolist() for x in dataset]
    assert sorted(map(len, found)) == list(range(9)) and all(set(x) <= {len(x)} for x in found)


def test_numbers_in_functions_differ_from_element_to_element():
    def drawn():
        tf.random.set_seed(3)
        return D.range(40).map(lambda x: tf.random.uniform([]))

    one = [float(x) for x in drawn()]
    assert len(set(one)) == 40
    assert [float(v) for b in drawn().batch(7) for v in b] == one
    dataset = drawn()
    assert [float(x) for x in dataset] == [float(x) for x in dataset] == one  # as in TensorFlow
    twice = [float(x) for x in dataset.repeat(2)]
    assert twice[:40] == one and not set(twice[40:]) & set(one)


def test_numbers_in_functions_without_a_seed_are_new_each_time():
    dataset = D.range(5).map(lambda x: tf.random.normal([2]))
    one, other = ([x.numpy().tolist() for x in dataset] for _ in range(2))
    assert not set(map(tuple, one)) & set(map(tuple, other))


def test_random_augmentation_takes_both_ways():
    images = np.arange(200 * 4, dtype=np.float32).reshape(200, 2, 2, 1)
    dataset = D.from_tensor_slices(images).map(lambda x: tf.image.random_flip_left_right(x, seed=1))
    flipped = sum(bool(x[0, 0, 0] > x[0, 1, 0]) for x in dataset)
    assert 60 < flipped < 140


def test_random_choices_of_a_filter():
    dataset = D.range(400).filter(lambda x: tf.random.uniform([], seed=2) < 0.5)
    assert 140 < len(values(dataset)) < 260


def test_sampling_by_weights():
    numbers = D.sample_from_datasets([D.range(1).repeat(), D.range(1, 2).repeat()], [0.25, 0.75], seed=1).take(400)
    assert 250 < sum(values(numbers)) < 350
    assert sorted(values(D.sample_from_datasets([D.range(3), D.range(10, 12)], seed=1))) == [0, 1, 2, 10, 11]


def test_rejection_resample():
    labels = D.from_tensor_slices(np.repeat(np.array([0, 1], np.int32), [900, 100])).shuffle(1000, seed=1)
    for initial in ([0.9, 0.1], None):
        made = labels.rejection_resample(lambda x: x, [0.5, 0.5], initial, seed=2)
        found = [(int(a), int(b)) for a, b in made]
        assert all(a == b for a, b in found)
        share = np.mean([a for a, _ in found])
        assert 0.35 < share < 0.65 and len(found) > 100


def test_bad_arguments():
    with pytest.raises(tf.errors.InvalidArgumentError, match="buffer_size must be 1 at least, got 0"):
        D.range(3).shuffle(0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 datasets need as many weights"):
        D.sample_from_datasets([D.range(1), D.range(1)], [1.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="choice 5 is not the number of one of 2 datasets"):
        list(D.choose_from_datasets([D.range(3), D.range(3)], D.range(5, 6)))
