"""Mean squared error: values by hand and the traps of small integer types."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.metrics import mse


def test_by_hand():
    """Each image has its own mean."""
    prediction = np.array([[[0.0, 1.0]], [[0.5, 0.25]]])
    np.testing.assert_allclose(mse(prediction, np.zeros((2, 1, 2)), 2), [0.5, 0.15625])


def test_bytes_do_not_wrap_around():
    """0 - 1 is 255 in unsigned bytes; the error is still 1."""
    assert mse(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)) == 1


def test_refuses_shapes_that_would_broadcast():
    """A target for the whole batch must be repeated by the caller, knowingly."""
    with pytest.raises(UserError, match="one shape"):
        mse(np.zeros((3, 2, 2)), np.zeros((2, 2)), 2)
