"""``keras.ops.linalg`` by graphc's operations."""
