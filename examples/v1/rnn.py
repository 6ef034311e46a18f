"""An LSTM reads handwritten digits row by row: a sequence of 28 steps with 28 pixels each.

python rnn.py
python rnn.py --unrolled  # static_rnn: the loop is written out in the graph
"""

import argparse

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--unrolled", action="store_true")
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
learning_rate, batch_size, display_step = 0.003, 64, 100
num_input, timesteps, num_hidden, num_classes = 28, 28, 64, 10

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options), one_hot=True)

X = tf.placeholder(tf.float32, [None, timesteps, num_input])
Y = tf.placeholder(tf.float32, [None, num_classes])
weights = tf.Variable(tf.random_normal([num_hidden, num_classes], stddev=0.1), name="weights")
biases = tf.Variable(tf.zeros([num_classes]), name="biases")

lstm = tf.nn.rnn_cell.BasicLSTMCell(num_hidden, forget_bias=1.0)
if options.unrolled:
    rows = tf.unstack(X, timesteps, axis=1)
    outputs, _ = tf.nn.static_rnn(lstm, rows, dtype=tf.float32)
    last = outputs[-1]
else:
    outputs, _ = tf.nn.dynamic_rnn(lstm, X, dtype=tf.float32)
    last = outputs[:, -1, :]
logits = tf.matmul(last, weights) + biases

loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=Y))
train_op = tf.train.AdamOptimizer(learning_rate).minimize(loss_op)
correct_pred = tf.equal(tf.argmax(tf.nn.softmax(logits), 1), tf.argmax(Y, 1))
accuracy = tf.reduce_mean(tf.cast(correct_pred, tf.float32))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(1, options.steps + 1):
        batch_x, batch_y = mnist.train.next_batch(batch_size)
        batch_x = batch_x.reshape((batch_size, timesteps, num_input))
        sess.run(train_op, feed_dict={X: batch_x, Y: batch_y})
        if step == 1 or step % display_step == 0:
            loss, acc = sess.run([loss_op, accuracy], feed_dict={X: batch_x, Y: batch_y})
            print(f"step {step:4d}   loss {loss:.4f}   batch accuracy {acc:.3f}")
    test_images = mnist.test.images.reshape((-1, timesteps, num_input))
    print(f"accuracy {sess.run(accuracy, feed_dict={X: test_images, Y: mnist.test.labels}):.4f}")
