"""Saver and what belongs to it: the values of a session's variables in checkpoints, and graphs in ``.meta`` files."""
