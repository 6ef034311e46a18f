"""Train, checkpoint, save a function with its signature, and serve it from a process that has none of the model's code.

python save_and_serve.py                       # everything below, in order
python save_and_serve.py --serve digit_model   # what the fresh process runs
"""

import argparse
import subprocess
import sys

from digits import load_data

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--folder", default="digit_model", help="for the saved model (digit_model)")
parser.add_argument("--serve", metavar="FOLDER", help="classify test images with a saved model")
parser.add_argument("--steps", type=int, default=400)
options = parser.parse_args()
(x_train, y_train), (x_test, y_test) = load_data()


def serve(folder):
    loaded = tf.saved_model.load(folder)
    signature = loaded.signatures["serving_default"]
    answer = signature(image=tf.constant(x_test))
    right = (answer["digit"].numpy() == y_test).mean()
    print(f"signature takes {signature.structured_input_signature[1]}")
    print(f"served: {right:.4f} of {len(y_test)} test images right; {loaded.describe(tf.constant(3)).numpy().decode()}")


class Classifier(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(tf.zeros([64, 10]), name="w")
        self.b = tf.Variable(tf.zeros([10]), name="b")

    def logits(self, image):
        return tf.reshape(image, [-1, 64]) @ self.w + self.b

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8], tf.float32, name="image")])
    def classify(self, image):
        probabilities = tf.nn.softmax(self.logits(image))
        return {"digit": tf.argmax(probabilities, axis=1), "probability": tf.reduce_max(probabilities, axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def describe(self, digit):
        return tf.strings.join(["digit ", tf.strings.as_string(digit)])


def train():
    model = Classifier()
    optimizer = tf.optimizers.Adam(0.02)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    manager = tf.train.CheckpointManager(checkpoint, options.folder + "_checkpoints", max_to_keep=2)
    batches = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(2000, seed=1).repeat().batch(64)

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model.logits(x)))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.variables), model.variables))
        return loss

    for step, (x, y) in enumerate(batches.take(options.steps), 1):
        loss = train_step(x, y)
        if step % 200 == 0:
            print(f"step {step:4d}   loss {float(loss):.4f}   {manager.save().rpartition('_')[2]}")

    again = Classifier()
    tf.train.Checkpoint(model=again).restore(manager.latest_checkpoint).expect_partial()
    same = tf.reduce_all(again.w == model.w)
    print(f"restored from the checkpoint: {'the same' if same else 'other'} weights")
    tf.saved_model.save(model, options.folder, signatures=model.classify)


if options.serve:
    serve(options.serve)
else:
    train()
    subprocess.run([sys.executable, __file__, "--serve", options.folder], check=True)
