"""``tf.logging`` of TensorFlow 1: how much is reported; here nothing is printed, whatever it says."""

DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50
_chosen = [WARN]


def set_verbosity(v: int) -> None:
    """Remember the level."""
    _chosen[0] = v


def get_verbosity() -> int:
    """The level that was set last."""
    return _chosen[0]
