"""Saving a model and going on later: tf.train.Saver, checkpoints, and the global step.

python save_and_restore.py --model model_dir
python save_and_restore.py --model model_dir   # again: it goes on where the first run ended
"""

import argparse
import os

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--model", default="model_dir", help="the folder for checkpoints")
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
learning_rate, batch_size, save_every = 0.001, 100, 100

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options), one_hot=True)

x = tf.placeholder(tf.float32, [None, 784], name="x")
y = tf.placeholder(tf.float32, [None, 10], name="y")
with tf.variable_scope("model"):
    w1 = tf.get_variable("w1", [784, 128], initializer=tf.glorot_uniform_initializer())
    b1 = tf.get_variable("b1", [128], initializer=tf.zeros_initializer())
    w2 = tf.get_variable("w2", [128, 10], initializer=tf.glorot_uniform_initializer())
    b2 = tf.get_variable("b2", [10], initializer=tf.zeros_initializer())
logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
global_step = tf.Variable(0, trainable=False, name="global_step")
train_op = tf.train.AdamOptimizer(learning_rate).minimize(loss, global_step=global_step)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1)), tf.float32))
test = {x: mnist.test.images, y: mnist.test.labels}

saver = tf.train.Saver(max_to_keep=3)
os.makedirs(options.model, exist_ok=True)

with tf.Session() as sess:
    latest = tf.train.latest_checkpoint(options.model)
    if latest:
        saver.restore(sess, latest)
        print(f"restored {latest}, step {sess.run(global_step)}, accuracy {accuracy.eval(test):.4f}")
    else:
        sess.run(tf.global_variables_initializer())
        print(f"new model, accuracy {accuracy.eval(test):.4f}")
    for _ in range(options.steps):
        batch_x, batch_y = mnist.train.next_batch(batch_size)
        sess.run(train_op, {x: batch_x, y: batch_y})
        step = tf.train.global_step(sess, global_step)
        if step % save_every == 0:
            path = saver.save(sess, os.path.join(options.model, "digits.ckpt"), global_step=global_step)
            print(f"step {step}, accuracy {accuracy.eval(test):.4f}, saved to {path}")
    trained = accuracy.eval(test)
    final = saver.save(sess, os.path.join(options.model, "digits.ckpt"), global_step=global_step)

# Another session has no values until they are restored; nothing needs to be initialised.
with tf.Session() as sess:
    saver.restore(sess, final)
    restored = accuracy.eval(test)
    verdict = "the same" if restored == trained else "CHANGED"
    print(f"accuracy {restored:.4f} in a new session, {trained:.4f} before: {verdict}")
