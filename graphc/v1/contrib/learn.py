"""``tf.contrib.learn``: there is none; every name of it says what to use instead."""

from __future__ import annotations

from graphc.errors import explain

_INSTEAD = {
    "DNNClassifier": "tf.layers.dense, tf.losses and tf.train", "LinearClassifier": "tf.layers.dense and tf.train",
    "LinearRegressor": "tf.layers.dense and tf.train", "DNNRegressor": "tf.layers.dense, tf.losses and tf.train",
    "datasets": "keras.datasets, sklearn.datasets or tf.keras.datasets of an installed package",
    "preprocessing": "sklearn.preprocessing", "SVM": "sklearn.svm",
}  # fmt: skip


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc.v1.contrib.learn' has no attribute {name!r}")
    instead = _INSTEAD.get(name, "tf.layers, tf.losses and tf.train, or scikit-learn")
    raise AttributeError(explain(f"tf.contrib.learn.{name} is not available; use {instead}"))
