"""SavedModels: folders with a program, its variables and its files, as TensorFlow reads and writes them."""
