"""Backend `torch`: how much memory a probability map takes."""

import weakref

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from topoeval import Topology
from topoeval.persistence import compute


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors made inside it that still live, and the most there were."""

    def __init__(self):
        super().__init__()
        self.peak = 0
        self._live = {}

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self._live:
                    self._live[storage._cdata] = storage.nbytes()
                    weakref.finalize(storage, self._live.pop, storage._cdata)
        self.peak = max(self.peak, sum(self._live.values()))
        return result


def test_the_counter_counts():
    """Views and what has gone cost nothing; what lives side by side adds up."""
    with LiveBytes() as memory:
        for _ in range(3):
            a = torch.zeros(1000, dtype=torch.int32)
            b = a.reshape(10, 100).T + 1
        del a, b
    assert memory.peak in (8000, 12000)  # the old pair may live until the name is bound anew


@pytest.mark.parametrize("construction", ["V", "T"])
def test_a_probability_map_takes_at_most_130_bytes_a_pixel(construction):
    """8 x 1 x 256^2, both dimensions, with gathering and the graph: counted sizes of tensors."""
    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.standard_normal((8, 1, 256, 256)), (0, 0, 6, 6))
    fine = 0.02 * rng.standard_normal(field.shape)
    x = torch.from_numpy(2 * field / field.std() + fine).float().sigmoid().requires_grad_()
    with LiveBytes() as memory:
        bars = compute(x, Topology(construction), backend="torch", spatial_dims=2)
    assert len(bars) > 1000
    assert 4 * 8 <= memory.peak / x.numel() <= 130
