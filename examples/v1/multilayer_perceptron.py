"""A network with two hidden layers classifies handwritten digits: weights in dictionaries, Adam, accuracy.

python multilayer_perceptron.py
"""

import argparse

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
learning_rate, batch_size = 0.001, 100
n_input, n_hidden_1, n_hidden_2, n_classes = 784, 256, 256, 10

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options), one_hot=True)

X = tf.placeholder("float", [None, n_input])
Y = tf.placeholder("float", [None, n_classes])
weights = {
    "h1": tf.Variable(tf.random_normal([n_input, n_hidden_1], stddev=0.05)),
    "h2": tf.Variable(tf.random_normal([n_hidden_1, n_hidden_2], stddev=0.05)),
    "out": tf.Variable(tf.random_normal([n_hidden_2, n_classes], stddev=0.05)),
}
biases = {
    "b1": tf.Variable(tf.zeros([n_hidden_1])),
    "b2": tf.Variable(tf.zeros([n_hidden_2])),
    "out": tf.Variable(tf.zeros([n_classes])),
}


def multilayer_perceptron(x):
    layer_1 = tf.nn.relu(tf.add(tf.matmul(x, weights["h1"]), biases["b1"]))
    layer_2 = tf.nn.relu(tf.add(tf.matmul(layer_1, weights["h2"]), biases["b2"]))
    return tf.matmul(layer_2, weights["out"]) + biases["out"]


logits = multilayer_perceptron(X)
loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=Y))
train_op = tf.train.AdamOptimizer(learning_rate=learning_rate).minimize(loss_op)
correct = tf.equal(tf.argmax(logits, 1), tf.argmax(Y, 1))
accuracy = tf.reduce_mean(tf.cast(correct, "float"))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for epoch in range(options.epochs):
        avg_cost = 0.0
        total_batch = mnist.train.num_examples // batch_size
        for _ in range(total_batch):
            batch_x, batch_y = mnist.train.next_batch(batch_size)
            _, c = sess.run([train_op, loss_op], feed_dict={X: batch_x, Y: batch_y})
            avg_cost += c / total_batch
        validation = accuracy.eval({X: mnist.validation.images, Y: mnist.validation.labels})
        print(f"epoch {epoch + 1:3d}   cost {avg_cost:.6f}   validation accuracy {validation:.4f}")
    print(f"accuracy {accuracy.eval({X: mnist.test.images, Y: mnist.test.labels}):.4f}")
