"""A training loop of one's own: GradientTape, a Keras optimizer, loss and metrics, one compiled function for each step.

python custom_loop.py
"""

import argparse

import numpy as np
from digits import load_data

import graphc as tf
from graphc import keras
from graphc.keras import layers

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=5)
options = parser.parse_args()
keras.utils.set_random_seed(1)

(x_train, y_train), (x_test, y_test) = load_data()
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255
train = tf.data.Dataset.from_tensor_slices((x_train, y_train.astype("int32"))).shuffle(1500, seed=1).batch(64)

model = keras.Sequential(
    [layers.Input((28, 28)), layers.Flatten(), layers.Dense(128), layers.BatchNormalization(), layers.ReLU(),
     layers.Dropout(0.3), layers.Dense(10, name="logits")]
)  # fmt: skip
optimizer = keras.optimizers.Adam(1e-3)
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
losses, accuracy = keras.metrics.Mean(), keras.metrics.SparseCategoricalAccuracy()


@tf.function
def train_step(x, y, penalty):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        squares = tf.add_n([tf.reduce_sum(w.value**2) for w in model.trainable_variables if w.name == "kernel"])
        loss = loss_of(y, logits) + penalty * squares
    gradients = tape.gradient(loss, [w.value for w in model.trainable_variables])
    gradients, norm = tf.clip_by_global_norm(gradients, 5.0)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    losses.update_state(loss)
    accuracy.update_state(y, logits)
    return norm


@tf.function
def test_step(x, y):
    accuracy.update_state(y, model(x, training=False))


for epoch in range(1, options.epochs + 1):
    for metric in (losses, accuracy):
        metric.reset_state()
    for x, y in train:
        norm = train_step(x, y, 1e-4)
    trained = float(accuracy.result())
    accuracy.reset_state()
    test_step(x_test, y_test.astype("int32"))
    print(f"epoch {epoch}   loss {float(losses.result()):.4f}   gradient norm {float(norm):.4f}   "
          f"accuracy {trained:.4f}   test accuracy {float(accuracy.result()):.4f}")  # fmt: skip
print(f"{int(optimizer.iterations)} steps by {train_step.experimental_get_tracing_count()} traces")
print("the first test images are", *np.asarray(model(x_test[:5])).argmax(1), "and labelled", *y_test[:5])
