"""A network with two hidden layers classifies handwritten digits: tf.Module, tf.data, an optimizer, one tf.function.

python multilayer_perceptron.py
"""

import argparse

from digits import load_data

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)

(x_train, y_train), (x_test, y_test) = load_data()
train = tf.data.Dataset.from_tensor_slices((x_train.reshape(-1, 64), y_train))
train = train.shuffle(1500, seed=options.seed).batch(64).prefetch(1)


class Dense(tf.Module):
    def __init__(self, size, width, activation=None, name=None):
        super().__init__(name)
        self.w = tf.Variable(tf.random.normal([size, width], stddev=(2 / size) ** 0.5), name="w")
        self.b = tf.Variable(tf.zeros([width]), name="b")
        self.activation = activation

    def __call__(self, x):
        y = x @ self.w + self.b
        return y if self.activation is None else self.activation(y)


class Network(tf.Module):
    def __init__(self):
        super().__init__()
        self.layers = [Dense(64, 128, tf.nn.relu), Dense(128, 64, tf.nn.relu), Dense(64, 10)]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


network = Network()
optimizer = tf.optimizers.Adam(0.002)


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x))
        loss = tf.reduce_mean(losses)
    variables = network.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


@tf.function
def accuracy(x, y):
    return tf.reduce_mean(tf.cast(tf.argmax(network(x), axis=1) == y, tf.float32))


for epoch in range(options.epochs):
    for x, y in train:
        loss = train_step(x, y)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:3d}   loss of the last batch {loss:.6f}")
print(f"{sum(int(tf.size(v)) for v in network.trainable_variables)} parameters")
print(f"test accuracy {accuracy(x_test.reshape(-1, 64), y_test):.4f}")
