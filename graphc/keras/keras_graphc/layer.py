"""What graphc adds to every layer of Keras."""


class GraphcLayer:
    """Nothing: a layer's variables are found by Keras."""
