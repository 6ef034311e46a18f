"""A line through points: variables, a tape, gradient descent by hand; no decorator, and compiled all the same.

python linear_regression.py
"""

import argparse

import numpy as np

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=200)
options = parser.parse_args()

rng = np.random.default_rng(3)
X = rng.uniform(-1, 3, 100).astype(np.float32)
Y = 3 * X + 2 + rng.normal(0, 0.3, 100).astype(np.float32)

W = tf.Variable(0.0, name="weight")
b = tf.Variable(0.0, name="bias")
learning_rate = 0.1


def linear_regression(x):
    return W * x + b


def mean_square(y_pred, y_true):
    return tf.reduce_mean(tf.square(y_pred - y_true))


for step in range(1, options.steps + 1):
    with tf.GradientTape() as tape:
        loss = mean_square(linear_regression(X), Y)
    dW, db = tape.gradient(loss, [W, b])
    W.assign_sub(learning_rate * dW)
    b.assign_sub(learning_rate * db)
    if step % 50 == 0 or step == 1:
        print(f"step {step:4d}   loss {loss.numpy():.6f}   W {W.numpy():.4f}   b {b.numpy():.4f}")

slope, intercept = np.polyfit(X, Y, 1)
print(f"least squares by NumPy: W {slope:.4f}   b {intercept:.4f}")
