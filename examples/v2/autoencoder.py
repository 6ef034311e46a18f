"""Digits squeezed into eight numbers and drawn again: an autoencoder trained without labels.

python autoencoder.py
"""

import argparse

from digits import drawn, load_data

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)

(x_train, _), (x_test, _) = load_data()
train = tf.data.Dataset.from_tensor_slices(x_train.reshape(-1, 64))
train = train.shuffle(1500, seed=options.seed).batch(64, drop_remainder=True)

sizes = [64, 48, 8, 48, 64]
glorot = tf.initializers.GlorotUniform(seed=options.seed)
weights = [tf.Variable(glorot([a, b]), name=f"w{k}") for k, (a, b) in enumerate(zip(sizes, sizes[1:]))]
biases = [tf.Variable(tf.zeros([b]), name=f"b{k}") for k, b in enumerate(sizes[1:])]


def encoder(x):
    x = tf.nn.relu(x @ weights[0] + biases[0])
    return tf.nn.tanh(x @ weights[1] + biases[1])


def decoder(code):
    x = tf.nn.relu(code @ weights[2] + biases[2])
    return tf.nn.sigmoid(x @ weights[3] + biases[3])


optimizer = tf.optimizers.RMSprop(0.003)


@tf.function
def train_step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.math.squared_difference(decoder(encoder(x)), x))
    gradients = tape.gradient(loss, weights + biases)
    optimizer.apply_gradients(zip(gradients, weights + biases))
    return loss


for epoch in range(options.epochs):
    losses = [train_step(x) for x in train]
    if epoch % 20 == 19:
        print(f"epoch {epoch + 1:3d}   loss {tf.reduce_mean(losses):.6f}")

x = tf.constant(x_test.reshape(-1, 64))
again = decoder(encoder(x))
print(f"mean squared error of test images {tf.reduce_mean((again - x) ** 2):.6f}; of their mean "
      f"{tf.reduce_mean((tf.reduce_mean(x, 0) - x) ** 2):.6f}")  # fmt: skip
print(drawn(x_test[:6]), drawn(again.numpy()[:6].reshape(-1, 8, 8)), sep="\n\n")
