"""Sparse tensors of Keras: which operations take them, and what stands for these then.

Each operation is written for dense tensors alone; ``dispatch.taking_sparse`` wraps those that take sparse tensors too. A
call without one passes a single check of classes.
"""
