"""The derivative of sin over a range of numbers, by tf.gradients, compared with cos and drawn.

    python derivative_of_sine.py                   # shows the plot
    python derivative_of_sine.py --plot sine.png   # writes it to a file

The plot needs matplotlib: pip install graphc[plot]
"""

import argparse

import numpy as np

import graphc.v1 as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=200, help="how many numbers (default 200)")
parser.add_argument("--plot", metavar="FILE", help="write the plot to this file instead of showing it")
options = parser.parse_args()

x = tf.placeholder(tf.float32, [None], name="x")
y = tf.sin(x)
(slope,) = tf.gradients(y, x)
(bend,) = tf.gradients(slope, x)

numbers = np.linspace(-2 * np.pi, 2 * np.pi, options.steps).astype(np.float32)
with tf.Session() as sess:
    values, slopes, bends = sess.run([y, slope, bend], feed_dict={x: numbers})

for at in range(0, options.steps, max(1, options.steps // 5)):
    print(f"x {numbers[at]:7.3f}   sin {values[at]:7.4f}   sin' {slopes[at]:7.4f}   sin'' {bends[at]:7.4f}")
print(f"largest difference of sin' from cos: {np.abs(slopes - np.cos(numbers)).max():.1e}")

try:
    import matplotlib
except ImportError:
    raise SystemExit("the plot needs matplotlib: pip install 'graphc[plot]'") from None
if options.plot:
    matplotlib.use("Agg")  # draws without a display
import matplotlib.pyplot as plt  # noqa: E402

plt.plot(numbers, values, label="sin")
plt.plot(numbers, slopes, label="first derivative")
plt.plot(numbers, bends, label="second derivative")
plt.legend()
if options.plot:
    plt.savefig(options.plot)
    print("plot written to", options.plot)
else:
    plt.show()
