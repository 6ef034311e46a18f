"""``tf.logging`` of TensorFlow 1: Python's logger ``graphc``, which writes to the standard error stream."""

from __future__ import annotations

import logging
import sys
from collections import Counter

DEBUG, INFO, WARN, ERROR, FATAL = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL
_NAMES = {"DEBUG": DEBUG, "INFO": INFO, "WARN": WARN, "WARNING": WARN, "ERROR": ERROR, "FATAL": FATAL}
_logger = logging.getLogger("graphc")
_counts: Counter = Counter()

debug, info, warning, error, fatal = _logger.debug, _logger.info, _logger.warning, _logger.error, _logger.critical
log, warn = _logger.log, _logger.warning


def set_verbosity(v) -> None:
    """Report what is at least of this level: a number or its name, such as ``tf.logging.INFO``."""
    _logger.setLevel(_NAMES.get(v, v) if isinstance(v, str) else v)
    if not _logger.handlers and not logging.getLogger().handlers:
        logging.basicConfig(format="%(levelname)s:%(name)s:%(message)s")


def get_verbosity() -> int:
    """The level from which on messages are reported."""
    return _logger.getEffectiveLevel()


def get_logger() -> logging.Logger:
    """Python's logger ``graphc``."""
    return _logger


def TaskLevelStatusMessage(msg) -> None:
    """An error that concerns the whole program."""
    _logger.error(msg)


def vlog(level, msg, *args, **kwargs) -> None:
    """A message for debugging, of a level from 1 on."""
    _logger.debug(msg, *args, **kwargs)


def log_if(level, msg, condition, *args) -> None:
    """A message, if the condition holds."""
    if condition:
        _logger.log(level, msg, *args)


def log_every_n(level, msg, n, *args) -> None:
    """The first of every ``n`` messages from this line of the program."""
    log_if(level, msg, _count() % n == 0, *args)


def log_first_n(level, msg, n, *args) -> None:
    """The first ``n`` messages from this line of the program."""
    log_if(level, msg, _count() < n, *args)


def _count() -> int:
    """How often the line that called our caller has been here."""
    frame = sys._getframe(2)
    place = frame.f_code.co_filename, frame.f_lineno
    _counts[place] += 1
    return _counts[place] - 1


def flush() -> None:
    """Write out what the logger's handlers hold."""
    for handler in _logger.handlers:
        handler.flush()
