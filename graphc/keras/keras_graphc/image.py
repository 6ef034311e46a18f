"""``keras.ops.image`` by graphc's operations."""
