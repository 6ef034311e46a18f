"""Functions that are traced once and compiled: ``graphc.function``."""
