"""Linear regression: the straight line through points that fits best, by gradient descent.

    python linear_regression.py
    python linear_regression.py --steps 200 --rate 0.3

The points are waiting times between eruptions of the Old Faithful geyser and how long the eruption before lasted.
"""

import argparse

import numpy as np

import graphc.v1 as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--rate", type=float, default=0.1, help="the learning rate")
options = parser.parse_args()

# Minutes of an eruption, and minutes until the next one (the first observations of Azzalini and Bowman, 1990).
minutes = np.array([3.6, 1.8, 3.333, 2.283, 4.533, 2.883, 4.7, 3.6, 1.95, 4.35, 1.833, 3.917, 4.2, 1.75, 4.7, 2.167])
waiting = np.array([79.0, 54, 74, 62, 85, 55, 88, 85, 51, 85, 54, 84, 78, 47, 83, 52])
# Standardised numbers need no patience.
train_x, train_y = (minutes - minutes.mean()) / minutes.std(), (waiting - waiting.mean()) / waiting.std()

X = tf.placeholder(tf.float32, name="X")
Y = tf.placeholder(tf.float32, name="Y")
W = tf.Variable(0.0, name="weight")
b = tf.Variable(0.5, name="bias")

prediction = tf.add(tf.multiply(X, W), b)
cost = tf.reduce_mean(tf.square(prediction - Y))
train = tf.train.GradientDescentOptimizer(options.rate).minimize(cost)
init = tf.global_variables_initializer()

with tf.Session() as sess:
    sess.run(init)
    for step in range(1, options.steps + 1):
        sess.run(train, feed_dict={X: train_x, Y: train_y})
        if step == 1 or step % 50 == 0:
            c = sess.run(cost, feed_dict={X: train_x, Y: train_y})
            print(f"step {step:4d}   cost {c:.6f}   W {sess.run(W):.4f}   b {sess.run(b):.4f}")
    slope, offset = sess.run([W, b])

slope *= waiting.std() / minutes.std()
offset = offset * waiting.std() + waiting.mean() - slope * minutes.mean()
print(f"learnt:        waiting = {slope:.3f} * minutes + {offset:.3f}")
print("least squares: waiting = {:.3f} * minutes + {:.3f}".format(*np.polyfit(minutes, waiting, 1)))
