"""Adding two numbers: constants, placeholders, and why nothing happens before a session runs.

python add.py
python add.py --a 20 --b 22
"""

import argparse

import graphc.v1 as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--a", type=float, default=2.0)
parser.add_argument("--b", type=float, default=3.0)
options = parser.parse_args()

# Constants are part of the graph.
a = tf.constant(options.a)
b = tf.constant(options.b)
total = a + b
print("a + b is not a number yet:", total)

# Placeholders get their values when the graph runs.
x = tf.placeholder(tf.float32, name="x")
y = tf.placeholder(tf.float32, name="y")
add = tf.add(x, y)
multiply = tf.multiply(x, y)

with tf.Session() as sess:
    print("a =", sess.run(a), " b =", sess.run(b))
    print("a + b =", sess.run(total))
    feed = {x: options.a, y: options.b}
    print("x + y, fed: ", sess.run(add, feed_dict=feed))
    print("x * y, fed: ", sess.run(multiply, feed_dict=feed))
    print("lists add element by element: ", sess.run(add, feed_dict={x: [1, 2, 3], y: [10, 20, 30]}))
