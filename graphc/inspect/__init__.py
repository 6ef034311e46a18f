"""Look at every stage of a compilation as text."""
