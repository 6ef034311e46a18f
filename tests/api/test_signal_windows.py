"""Windows that a user's function makes, eagerly and while a function around them is traced."""

import numpy as np
import pytest

import graphc as tf

X = np.random.default_rng(0).normal(size=(2, 16)).astype(np.float32)


def there_and_back(x, window):
    spectra = tf.signal.stft(x, 4, 2, window_fn=window)
    undone = tf.signal.inverse_stft_window_fn(2, window)
    return tf.signal.inverse_stft(spectra, 4, 2, window_fn=undone), spectra


def doubled(length, dtype):
    return tf.signal.hann_window(length, dtype=dtype) * 2


def in_another_dtype(length, dtype):
    return tf.signal.hann_window(length, dtype=tf.float64)


@pytest.mark.parametrize("window", [doubled, in_another_dtype, lambda length, dtype: np.hanning(length + 2)[1:-1]])
def test_a_traced_window_is_that_of_eager_calls(window):
    back, spectra = there_and_back(X, window)
    traced_back, traced_spectra = tf.function(lambda x: there_and_back(x, window))(X)
    np.testing.assert_array_equal(traced_spectra.numpy(), spectra.numpy())
    np.testing.assert_array_equal(traced_back.numpy(), back.numpy())
    np.testing.assert_allclose(back.numpy()[:, 2:-2], X[:, 2:-2], atol=1e-5)


def test_a_window_may_depend_on_what_is_traced():
    weight = tf.Variable([1.0, 2.0, 3.0, 4.0])
    with tf.GradientTape() as tape:
        spectra = tf.function(lambda x: tf.signal.stft(x, 4, 2, window_fn=lambda length, dtype: weight * 1))(X)
        loss = tf.reduce_sum(tf.math.real(spectra))
    frames = np.stack([X[:, k : k + 4] for k in range(0, 13, 2)], 1)
    real = np.fft.rfft(np.eye(4), axis=1).real.sum(1)
    np.testing.assert_allclose(tape.gradient(loss, weight).numpy(), frames.sum((0, 1)) * real, atol=1e-4)
