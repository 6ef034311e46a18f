"""Whatever users call a model, in a file or as an object: as Graphs, with the sizes that are wanted, and as compiled files."""
