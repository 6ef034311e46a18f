"""What tests of Keras leave behind for others: nothing."""

import pytest

from graphc.api.stream import SEEDS


@pytest.fixture(autouse=True)
def no_seed_is_left():
    """``keras.utils.set_random_seed`` fixes graphc's numbers too, which other tests draw at random."""
    yield
    SEEDS.set(None)
