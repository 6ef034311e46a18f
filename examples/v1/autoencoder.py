"""An autoencoder squeezes digits into 32 numbers and draws them again; originals and drawings are plotted.

    python autoencoder.py --plot digits.png

The plot needs matplotlib: pip install graphc[plot]
"""

import argparse

import numpy as np
from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--steps", type=int, default=3000)
parser.add_argument("--plot", metavar="FILE", help="write the plot to this file instead of showing it")
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
learning_rate, batch_size, display_step = 0.01, 128, 500
sizes = [784, 128, 32]

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options))


def layer(x, n_in, n_out, name):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [n_in, n_out], initializer=tf.glorot_uniform_initializer())
        b = tf.get_variable("b", [n_out], initializer=tf.zeros_initializer())
        return tf.nn.sigmoid(tf.matmul(x, w) + b)


X = tf.placeholder("float", [None, sizes[0]])
with tf.variable_scope("encoder"):
    code = layer(layer(X, sizes[0], sizes[1], "h1"), sizes[1], sizes[2], "h2")
with tf.variable_scope("decoder"):
    drawn = layer(layer(code, sizes[2], sizes[1], "h1"), sizes[1], sizes[0], "h2")
loss = tf.reduce_mean(tf.pow(X - drawn, 2))
optimizer = tf.train.RMSPropOptimizer(learning_rate).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(1, options.steps + 1):
        batch_x, _ = mnist.train.next_batch(batch_size)
        _, value = sess.run([optimizer, loss], feed_dict={X: batch_x})
        if step == 1 or step % display_step == 0:
            print(f"step {step:5d}   loss {value:.5f}")
    test = mnist.test.images[:16]
    pictures, held_out = sess.run([drawn, loss], feed_dict={X: test})
    mean_image = np.mean((test - test.mean(0)) ** 2)
    print(f"loss on images never seen: {held_out:.5f}; of drawing the mean image: {mean_image:.5f}")

try:
    import matplotlib
except ImportError:
    raise SystemExit("the plot needs matplotlib: pip install 'graphc[plot]'") from None
if options.plot:
    matplotlib.use("Agg")  # draws without a display
import matplotlib.pyplot as plt  # noqa: E402

rows = [images.reshape(-1, 28, 28) for images in (test[:8], pictures[:8], test[8:], pictures[8:])]
plt.imshow(np.concatenate([np.concatenate(row, axis=1) for row in rows]), cmap="gray")
plt.title("originals in rows 1 and 3, drawn from 32 numbers below each")
plt.axis("off")
if options.plot:
    plt.savefig(options.plot)
    print("plot written to", options.plot)
else:
    plt.show()
