"""Convolutions classify handwritten digits: conv2d, pooling, dropout, gradient clipping, a learning rate that decays.

python cnn.py
"""

import argparse

from digits import load_data

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)

(x_train, y_train), (x_test, y_test) = load_data()
x_train, x_test = x_train[..., tf.newaxis], x_test[..., tf.newaxis]
train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(1500, seed=options.seed).batch(32)

normal = tf.initializers.HeNormal(seed=options.seed)
weights = {
    "conv1": tf.Variable(normal([3, 3, 1, 32])),
    "conv2": tf.Variable(normal([3, 3, 32, 64])),
    "dense": tf.Variable(normal([2 * 2 * 64, 128])),
    "out": tf.Variable(normal([128, 10])),
}
biases = {name: tf.Variable(tf.zeros([w.shape[-1]])) for name, w in weights.items()}


def convolved(x, name):
    x = tf.nn.conv2d(x, weights[name], strides=1, padding="SAME")
    x = tf.nn.relu(tf.nn.bias_add(x, biases[name]))
    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="SAME")


def network(x, training=False):
    x = convolved(convolved(x, "conv1"), "conv2")
    x = tf.reshape(x, [-1, 2 * 2 * 64])
    x = tf.nn.relu(x @ weights["dense"] + biases["dense"])
    if training:
        x = tf.nn.dropout(x, rate=0.4)
    return x @ weights["out"] + biases["out"]


rate = tf.optimizers.schedules.ExponentialDecay(0.002, decay_steps=200, decay_rate=0.8)
optimizer = tf.optimizers.Adam(rate)
variables = [*weights.values(), *biases.values()]


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = network(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
    gradients, norm = tf.clip_by_global_norm(tape.gradient(loss, variables), 5.0)
    optimizer.apply_gradients(zip(gradients, variables))
    return loss, norm


@tf.function
def accuracy(x, y):
    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(network(x), 1), y), tf.float32))


for epoch in range(options.epochs):
    for x, y in train:
        loss, norm = train_step(x, y)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:3d}   loss {float(loss):.6f}   gradient norm {float(norm):.4f}")
print(f"{train_step.experimental_get_tracing_count()} traces, {int(optimizer.iterations)} steps")
print(f"test accuracy {accuracy(x_test, y_test):.4f}")
