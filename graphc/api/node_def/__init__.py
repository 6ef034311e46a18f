"""TensorFlow's nodes (NodeDef) as calls of the catalogue, and the catalogue's calls as text."""
