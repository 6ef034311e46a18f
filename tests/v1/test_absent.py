"""Namespaces that are not there say what serves instead."""

import pytest

import graphc.v1 as tf
from graphc.v1.absent import INSTEAD


@pytest.mark.parametrize("name", INSTEAD)
def test_an_absent_namespace_names_the_alternative(name):
    assert not hasattr(tf, name)
    with pytest.raises(tf.errors.UnavailableError, match=f"tf.{name} is not part of graphc: ") as caught:
        getattr(tf, name)
    assert INSTEAD[name] in str(caught.value) and "test_absent.py" in str(caught.value)


def test_the_alternatives_exist():
    assert "tf.layers and tf.losses" in INSTEAD["estimator"] and tf.layers.dense and tf.losses.log_loss
    assert tf.metrics.accuracy and tf.nn.embedding_lookup and tf.string_to_hash_bucket_fast and tf.one_hot
    assert tf.train.shuffle_batch and tf.train.slice_input_producer and tf.multinomial and tf.cond and tf.case
