"""``keras.ops.math`` by graphc's operations."""
