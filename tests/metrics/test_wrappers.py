"""Wrappers of MONAI and torchmetrics: the same numbers as the functions, over batches."""

import numpy as np
import pytest
import torch

from topoeval.errors import UserError
from topoeval.metrics import Settings, betti_error, cldice, hausdorff_distance
from topoeval.metrics.wrappers import MonaiMetric, TorchMetricsMetric, score_batch
from topoeval.topology import Topology

V = Settings(topology=Topology("V"))
P, G = torch.from_numpy(np.random.default_rng(2).random((2, 4, 2, 9, 11), dtype=np.float32))
MASKS = [(values >= 0.5).numpy() for values in (P, G)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("betti_error", betti_error(*MASKS, Topology("V"), 2).sum(-1)),
        ("cldice", cldice(*MASKS, 2)),
        ("hd95", hausdorff_distance(*MASKS, percentile=95, spatial_dims=2)),
    ],
)
def test_mean_over_batches(column, expected):
    """Two batches of two are one of four, in both packages; reset forgets."""
    monai = MonaiMetric(column, V)
    values = torch.cat([monai(y_pred=P[part], y=G[part]) for part in (slice(2), slice(2, 4))])
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert monai.aggregate().item() == pytest.approx(expected.mean())

    pytest.importorskip("torchmetrics", reason="the extra torchmetrics")
    metric = TorchMetricsMetric(column, V)
    for part in (slice(2), slice(2, 4)):
        metric.update(P[part], G[part])
    assert metric.compute().item() == pytest.approx(expected.mean())
    metric.reset()
    metric.update(P[:2], P[:2])
    best = {"cldice": 1.0}.get(column, 0.0)
    assert metric.compute().item() == best


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_of_a_network(dtype):
    """Half precision and gradients are a network's output; strides are whatever they are."""
    p = P.round().to(dtype).transpose(-1, -2).requires_grad_()
    g = G.round().to(dtype).transpose(-1, -2)
    values = score_batch(p, g, "betti_error", V)
    assert values.dtype == torch.float32
    np.testing.assert_array_equal(values, betti_error(*MASKS, Topology("V"), 2).sum(-1))


def test_refuses_what_does_not_fit():
    """One shape, with a batch and a channel axis."""
    with pytest.raises(UserError, match=r"\(B, C, \*spatial\)"):
        score_batch(P[0], G[0], "dice", V)
    with pytest.raises(UserError, match="nothing to aggregate"):
        MonaiMetric("dice").aggregate()
    with pytest.raises(UserError, match="unknown metric 'dise'"):
        MonaiMetric("dise")(y_pred=P, y=G)
