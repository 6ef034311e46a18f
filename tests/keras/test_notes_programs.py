"""Programs as courses write them, on Keras' data sets, of which a sample lies in Keras' cache."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from graphc import keras
from graphc.keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, LeakyReLU, MaxPooling2D
from keras.src.backend import config
from keras.src.utils import file_utils

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "keras" / "digits.py"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of Keras' data sets; what lies in it is a sample, so it cannot have the digest of the whole."""
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    monkeypatch.setattr(file_utils, "validate_file", lambda *args, **kwargs: True)
    folder = tmp_path / "datasets"
    folder.mkdir()
    keras.utils.set_random_seed(3)
    return folder


@pytest.fixture
def mnist(cache):
    spec = importlib.util.spec_from_file_location("keras_digits", DIGITS)
    digits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(digits)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    np.savez(cache / "mnist.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def test_a_multilayer_perceptron(mnist, capsys):
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train, x_test = x_train / 255.0, x_test / 255.0
    model = keras.models.Sequential()
    model.add(Flatten(input_shape=(28, 28)))
    model.add(Dense(units=256, activation="relu"))
    model.add(Dropout(0.2))
    model.add(Dense(units=10))
    model.add(Activation("softmax"))
    model.summary()
    assert "Total params: 203,530" in capsys.readouterr().out
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=3, validation_data=(x_test, y_test), verbose=0)
    curves = model.history.history
    assert sorted(curves) == ["accuracy", "loss", "val_accuracy", "val_loss"] and len(curves["loss"]) == 3
    assert curves["loss"][2] < curves["loss"][0] and curves["val_accuracy"][-1] > 0.9
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    np.testing.assert_allclose([loss, accuracy], [curves["val_loss"][-1], curves["val_accuracy"][-1]], rtol=1e-5)


def test_a_convolutional_network_with_one_hot_labels(mnist):
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train, x_test = (x.reshape(-1, 28, 28, 1).astype("float32") / 255 for x in (x_train, x_test))
    y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
    model = keras.models.Sequential()
    model.add(Conv2D(filters=8, kernel_size=(3, 3), padding="same", activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Conv2D(8, (3, 3), padding="valid"))
    model.add(LeakyReLU(negative_slope=0.1))
    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.005), metrics=["accuracy"])
    history = model.fit(x_train, y_train, batch_size=64, epochs=2, validation_split=0.1, verbose=0)
    assert history.history["val_accuracy"][-1] > 0.75
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.75
    np.testing.assert_allclose(model.predict(x_test[:5], verbose=0).sum(1), 1, rtol=1e-5)


def test_a_regression(cache):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(506, 13))
    np.savez(cache / "boston_housing.npz", x=x, y=x @ rng.normal(size=13) + 22)
    (x_train, y_train), (x_test, y_test) = keras.datasets.boston_housing.load_data()
    assert x_train.shape == (404, 13) and x_test.shape == (102, 13)
    model = keras.Sequential([Dense(16, activation="relu", input_shape=(13,)), Dense(1)])
    model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
    history = model.fit(x_train, y_train, epochs=30, batch_size=16, verbose=0).history
    assert history["mae"][-1] < 0.3 * history["mae"][0]
