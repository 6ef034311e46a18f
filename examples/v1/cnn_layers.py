"""The same convolutional network from tf.layers, with batch normalisation, which behaves differently when training.

python cnn_layers.py
"""

import argparse

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
batch_size, display_step = 64, 50

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options))

x = tf.placeholder(tf.float32, [None, 784])
y = tf.placeholder(tf.int64, [None])
training = tf.placeholder_with_default(False, [])

h = tf.reshape(x, [-1, 28, 28, 1])
for filters in (16, 32):
    h = tf.layers.conv2d(h, filters, kernel_size=3, padding="same", use_bias=False)
    h = tf.layers.batch_normalization(h, training=training, momentum=0.9)
    h = tf.layers.max_pooling2d(tf.nn.relu(h), pool_size=2, strides=2)
h = tf.layers.dense(tf.layers.flatten(h), 128, activation=tf.nn.relu)
h = tf.layers.dropout(h, rate=0.4, training=training)
logits = tf.layers.dense(h, 10, name="logits")

loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
correct_prediction = tf.equal(tf.argmax(logits, 1), y)
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
# Means and variances for later are updated in every training step.
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train_step = tf.train.AdamOptimizer(1e-3).minimize(loss)

print("variables:", ", ".join(f"{v.op.name} {v.shape.as_list()}" for v in tf.trainable_variables()))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(1, options.steps + 1):
        images, labels = mnist.train.next_batch(batch_size)
        _, value = sess.run([train_step, loss], feed_dict={x: images, y: labels, training: True})
        if step == 1 or step % display_step == 0:
            print(f"step {step:4d}   loss {value:.4f}")
    print(f"accuracy {accuracy.eval(feed_dict={x: mnist.test.images, y: mnist.test.labels}):.4f}")
