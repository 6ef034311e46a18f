"""``tf.train`` of TensorFlow 1: optimizers, schedules, steps, savers, monitored sessions and input pipelines."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("train")
