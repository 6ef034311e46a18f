"""Word vectors: skip-gram with noise-contrastive estimation puts words of similar use near each other.

    python word_vectors.py
    python word_vectors.py --steps 50000 --near list,returns,class

The text is Python's own language reference, which the standard library carries (pydoc_data): over 60 000 words.
"""

import argparse
import collections
import pydoc_data.topics
import re

import numpy as np

import graphc.v1 as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=20000)
parser.add_argument("--words", type=int, default=2000, help="size of the vocabulary")
parser.add_argument("--near", default="two,true,string,exception,function,x", help="words whose neighbours are shown")
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
batch_size, embedding_size, window, num_sampled = 128, 64, 3, 32

text = " ".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
words = re.findall(r"[a-z]+", text.lower())
vocabulary = [word for word, _ in collections.Counter(words).most_common(options.words)]
number = {word: at for at, word in enumerate(vocabulary)}
data = np.array([number[word] for word in words if word in number])
print(f"{len(words)} words, {len(vocabulary)} of them different ones kept; the commonest: {' '.join(vocabulary[:8])}")

rng = np.random.RandomState(options.seed)


def generate_batch():
    """Words, and for each a word that stands near it."""
    centers = rng.randint(window, len(data) - window, batch_size)
    distance = rng.randint(1, window + 1, batch_size) * rng.choice([-1, 1], batch_size)
    return data[centers], data[centers + distance][:, np.newaxis]


tf.set_random_seed(options.seed)
train_inputs = tf.placeholder(tf.int32, [batch_size])
train_labels = tf.placeholder(tf.int32, [batch_size, 1])
embeddings = tf.Variable(tf.random_uniform([options.words, embedding_size], -0.1, 0.1))
nce_weights = tf.Variable(tf.truncated_normal([options.words, embedding_size], stddev=embedding_size**-0.5))
nce_biases = tf.Variable(tf.zeros([options.words]))
embed = tf.nn.embedding_lookup(embeddings, train_inputs)
loss = tf.reduce_mean(
    tf.nn.nce_loss(weights=nce_weights, biases=nce_biases, labels=train_labels, inputs=embed, num_sampled=num_sampled,
                   num_classes=options.words)
)  # fmt: skip
optimizer = tf.train.AdamOptimizer(0.002).minimize(loss)
normalized = embeddings / tf.sqrt(tf.reduce_sum(tf.square(embeddings), 1, keepdims=True))
asked = [word for word in options.near.split(",") if word in number]
similarity = tf.matmul(tf.gather(normalized, [number[word] for word in asked]), normalized, transpose_b=True)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    average, every = 0.0, max(1, options.steps // 5)
    for step in range(1, options.steps + 1):
        inputs, labels = generate_batch()
        _, value = sess.run([optimizer, loss], feed_dict={train_inputs: inputs, train_labels: labels})
        average += value / every
        if step % every == 0:
            print(f"step {step:6d}   average loss {average:.3f}")
            average = 0.0
    for word, row in zip(asked, sess.run(similarity)):
        print(f"near {word}:", ", ".join(vocabulary[k] for k in (-row).argsort()[1:7]))
