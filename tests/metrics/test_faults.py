"""Inputs that once gave wrong numbers, with the right ones."""

import itertools
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

from topoeval import metrics
from topoeval.errors import UserError
from topoeval.metrics import Settings, score
from topoeval.persistence.bottleneck import bottleneck
from topoeval.topology import Topology

RING = np.zeros((32, 32), bool)
RING[8:24, 8:24] = True
RING[12:20, 12:20] = False

RING_64 = np.zeros((64, 64), bool)
RING_64[20:40, 20:40] = True
RING_64[25:35, 25:35] = False


def test_columns_of_a_collection_share_no_state():
    """Columns whose first values are equal, and one column under two topologies (A6)."""
    torchmetrics = pytest.importorskip("torchmetrics", reason="the extra torchmetrics")
    from topoeval.metrics.wrappers import TorchMetricsMetric

    a, b = torch.zeros(2, 1, 1, 9, 9)
    a[..., 2:7, 2:7] = 1
    b[..., 3:9, 3:9] = 1
    corners = torch.eye(9)[None, None]
    together = torchmetrics.MetricCollection(
        {
            "dice": TorchMetricsMetric("dice"),
            "iou": TorchMetricsMetric("iou"),
            "T": TorchMetricsMetric("b0", Settings("T")),
            "V": TorchMetricsMetric("b0", Settings("V")),
        }
    )
    for pair in ((a, a), (a, b), (corners, a)):
        together.update(*pair)
    found = together.compute()
    expected = {
        name: np.mean(
            [
                score(*((x[0, 0] >= 0.5).numpy() for x in pair), settings, column)[column]
                for pair in ((a, a), (a, b), (corners, a))
            ]
        )
        for name, column, settings in (
            ("dice", "dice", Settings()),
            ("iou", "iou", Settings()),
            ("T", "b0", Settings("T")),
            ("V", "b0", Settings("V")),
        )
    }
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)


# a process of its own each, without this file: the checkout need not be importable
RANK = """
import sys, torch
from torch import distributed
from topoeval.metrics.wrappers import TorchMetricsMetric
rank, port = int(sys.argv[1]), sys.argv[2]
place = f"tcp://127.0.0.1:{port}"
distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=2)
metric = TorchMetricsMetric("dice")
if rank == 0:
    metric.update(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4))
    metric.update(torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
print(metric.compute().item())
distributed.destroy_process_group()
"""


def test_a_rank_without_data_has_the_mean_of_the_others():
    """Two processes, of which one saw no batch (B14)."""
    pytest.importorskip("torchmetrics", reason="the extra torchmetrics")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", RANK, str(rank), port],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    told = [process.communicate(timeout=120) for process in ranks]
    assert [out for out, _ in told] == ["0.5\n", "0.5\n"], told


def test_a_text_is_one_name():
    """Of a column and of a topology (B22)."""
    assert score(RING, RING, columns="dice") == {"dice": 1.0}
    assert metrics.betti_numbers(RING, "T").tolist() == [1, 1]
    assert Settings("V-superlevel-framed").topology == Topology("V", border="framed")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_of_one_slice_scores_as_the_slice(axis):
    """Whichever axis has length one (A15)."""
    moved = np.roll(RING, 2, axis=1)
    names = ["hd", "hd95", "assd", "nsd"]
    flat = score(RING, moved, Settings(spacing=(0.5, 2.0)), names)
    spacing = list(np.insert([0.5, 2.0], axis, 7.0))
    settings = Settings(spacing=tuple(spacing), tolerance=2.0)
    deep = score(np.expand_dims(RING, axis), np.expand_dims(moved, axis), settings, names)
    assert deep == flat
    assert score(RING, RING & False, Settings(spacing=(0.5, 2.0)), "hd") == score(
        np.expand_dims(RING, axis), np.expand_dims(RING & False, axis), settings, "hd"
    )


@pytest.mark.parametrize("size", [0.4, float(np.float32(0.4))])
def test_the_tolerance_is_included(size):
    """Lines three voxels of 0.4 apart lie within 1.2, in either precision (A16)."""
    p, g = np.zeros((2, 9, 9), bool)
    p[2], g[5] = True, True
    assert metrics.normalised_surface_dice(p, g, 1.2, (size, size)) == 1
    assert metrics.normalised_surface_dice(p, g, 1.199, (size, size)) == 0


def brute_force(a, b):
    """Try every partial matching."""
    best = np.inf
    half_a, half_b = (np.abs(x[:, 1] - x[:, 0]) / 2 for x in (a, b))
    for k in range(min(len(a), len(b)) + 1):
        for some in itertools.combinations(range(len(a)), k):
            for others in itertools.permutations(range(len(b)), k):
                ways = [np.abs(a[i] - b[j]).max() for i, j in zip(some, others, strict=True)]
                ways += [half_a[i] for i in range(len(a)) if i not in some]
                ways += [half_b[j] for j in range(len(b)) if j not in others]
                best = min(best, max(ways, default=0.0))
    return best


def test_bottleneck_distances_are_exact():
    """The pair that gudhi gets wrong (A17), and 300 small pairs by brute force."""
    a = np.array([[0.33633157, 0.72575161], [0.14508549, 0.70374328]])
    b = np.array(
        [
            [0.84155021, 0.9717732],
            [0.23957953, 0.42721856],
            [0.08399508, 0.55589135],
            [0.18067413, 0.73610157],
        ]
    )
    assert bottleneck(a, b) == pytest.approx(0.15566, abs=1e-5)
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b = (np.sort(rng.random((rng.integers(0, 5), 2)), axis=1) for _ in range(2))
        assert bottleneck(a, b) == pytest.approx(brute_force(a, b), abs=1e-12)


def test_boundary_distances_refuse_bytes():
    """As every function of masks does (A18); unequal shapes too."""
    with pytest.raises(UserError, match="a mask must be boolean, got uint8"):
        metrics.boundary_distances(RING.astype(np.uint8), RING.astype(np.uint8))
    with pytest.raises(UserError, match="one shape"):
        metrics.boundary_distances(RING, RING[1:])


def test_a_picture_with_colours_is_no_volume():
    """Its channels are not read as slices; who has thin volumes says so."""
    picture = np.repeat(RING_64[..., None], 3, axis=-1)
    with pytest.raises(UserError, match=r"\(64, 64, 3\) may be a picture with 3 channels"):
        metrics.betti_numbers(picture, "V")
    with pytest.raises(UserError, match="may be a picture"):
        metrics.betti_error(picture, picture, "V")
    assert metrics.betti_numbers(picture, "V", spatial_dims=3).tolist() == [1, 1, 0]
    assert metrics.betti_numbers(picture[..., 0], "V").tolist() == [1, 1]
    assert metrics.betti_numbers(picture[:16], "V").shape == (3,)
    with pytest.raises(UserError, match="of a label map one class: labels == class"):
        metrics.betti_numbers(picture[..., 0].astype(np.uint8), "V")


def test_one_empty_mask_has_no_adjusted_rand_index():
    """Also against a mask that fills the image (A19)."""
    empty = np.zeros((4, 4), bool)
    assert metrics.adjusted_rand_index(empty, ~empty, "T") == 0
    assert metrics.adjusted_rand_index(~empty, empty, "T") == 0


def test_a_missed_vessel_costs_its_length():
    """A straight vessel of even width, of which the thinning leaves nothing (A10)."""
    target = np.zeros((12, 20, 40), bool)
    target[2:5, 2:5, 2:38] = True
    prediction = target.copy()
    target[8:10, 10:12, 2:38] = True
    assert metrics.cldice(prediction, target) == pytest.approx(0.67, abs=0.02)
    found = score(prediction, target, columns=["cldice_precision", "cldice_sensitivity"])
    assert found["cldice_precision"] == 1
    assert found["cldice_sensitivity"] == pytest.approx(0.51, abs=0.02)
