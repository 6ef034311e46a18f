"""Every test of a module draws the same numbers, whatever ran before it in its process."""

import numpy as np
import pytest

STARTS: dict = {}


@pytest.fixture(autouse=True)
def same_draws(request):
    """The module's generators start where they were when it had been imported."""
    for generator in vars(request.module).values():
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = STARTS.setdefault(generator, generator.bit_generator.state)
