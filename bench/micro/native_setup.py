"""Inputs and clock that native_image.py and native_volume.py have in common."""

import statistics
import time

import numpy as np
from scipy.ndimage import gaussian_filter


def noise(rng, shape, dtype):
    """Uniform noise in [0, 1)."""
    return rng.random(shape, dtype=dtype)


def smooth(rng, shape, dtype):
    """Gaussian-filtered noise of unit variance."""
    array = gaussian_filter(rng.standard_normal(shape, dtype=dtype), 4)
    return array / array.std()


def probability(rng, shape, dtype):
    """Squash a smooth field as a network does, with a little white noise."""
    squashed = 1 / (1 + np.exp(-6 * smooth(rng, shape, dtype)))
    return squashed + 0.02 * rng.standard_normal(shape, dtype=dtype)


KINDS = {"noise": noise, "smooth": smooth, "probability": probability}


def milliseconds(call, repeats, loops=1, clock=time.process_time):
    """Median time of a call, CPU time unless another clock is given."""
    times = []
    for _ in range(repeats):
        begin = clock()
        for _ in range(loops):
            call()
        times.append((clock() - begin) / loops)
    return 1000 * statistics.median(times)


def steady_milliseconds(call):
    """Measure a call that may be short: enough loops for the clock, repeats for a median."""
    once = milliseconds(call, 3)
    return milliseconds(call, 11, max(1, int(5 / max(once, 1e-3))))
