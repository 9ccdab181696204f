"""The restriction leaves what ends inside as it is, and nothing outside costs anything."""

import numpy as np
import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import BettiMatchingLoss, SparseBettiMatchingLoss
from topoeval.persistence import match

TOPOLOGIES = [Topology(c, d, b) for c in "VT" for d in ("superlevel", "sublevel")
              for b in ("plain", "framed")]  # fmt: skip


def case(shape, topology, seed=0):
    """A map with a faint noisy background, and masks; dark is foreground in sublevel."""
    rng = np.random.default_rng([seed, *shape])
    g = rng.random(shape) < 0.3
    p = np.where(rng.random(shape) < 0.5, 0.3 * rng.random(shape), rng.random(shape))
    if not topology.superlevel:
        p, g = 1 - p, ~g
    return torch.from_numpy(p), torch.from_numpy(g.astype(float))


def ended(found, p, topology, level):
    """Return the bars of p that have ended by `level`: (image, dim, birth) and death."""
    bars = found.rows((found.p_birth != -2) & (found.p_death >= 0))
    values = p.flatten(2).flatten(0, 1)[bars.image, bars.p_death]
    bars = bars.rows((values >= level) if topology.superlevel else (values <= level))
    columns = (bars.image, bars.dim, bars.p_birth, bars.p_death)
    return set(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("shape", [(3, 1, 12, 13), (2, 1, 5, 6, 5)])
def test_bars_that_end_inside_are_unchanged(topology, shape):
    """Births and deaths of P above 1 - tau are the same voxels, before and after."""
    p, g = case(shape, topology)
    sparse = SparseBettiMatchingLoss(topology=topology)
    restricted = sparse.maps(p, g)
    level = 0.2 if topology.superlevel else 0.8
    before, after = (
        ended(match(*maps, topology, spatial_dims=len(shape) - 2), maps[0], topology, level)
        for maps in ((p, g), restricted)
    )
    assert before == after
    assert len(before) > 10
    outside = restricted[0] != p
    assert outside.float().mean() > 0.1


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("shape", [(6, 1, 10, 11), (4, 1, 5, 6, 5)])
def test_matches_through_bars_that_end_inside_are_unchanged(topology, shape):
    """Two distinct-valued maps: pairs whose bars of the union end by tau are the same pairs."""
    rng = np.random.default_rng(len(shape))
    p, g = torch.from_numpy(rng.random((2, *shape)))
    if not topology.superlevel:
        p, g = 1 - p, 1 - g
    level = 0.2 if topology.superlevel else 0.8
    full = match(p, g, topology, spatial_dims=len(shape) - 2)
    loss = SparseBettiMatchingLoss(topology=topology)
    sparse = match(*loss.maps(p, g), topology, spatial_dims=len(shape) - 2)
    flat = [x.flatten(2).flatten(0, 1) for x in (p, g)]

    def pairs(found):
        """Pairs of which both bars end by tau: then so does the bar of the union."""
        chosen = found.rows(found.matched & (found.p_death >= 0) & (found.g_death >= 0))
        ends = [
            x[chosen.image, d] for x, d in zip(flat, (chosen.p_death, chosen.g_death), strict=True)
        ]
        keep = torch.stack(
            [(e >= level) if topology.superlevel else (e <= level) for e in ends]
        ).all(0)
        chosen = chosen.rows(keep)
        columns = (chosen.image, chosen.dim, chosen.p_birth, chosen.p_death, chosen.g_birth)
        return set(zip(*(c.tolist() for c in columns), strict=True))

    assert pairs(full) == pairs(sparse)
    assert len(pairs(full)) > 10


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_what_is_faint_costs_nothing(topology):
    """Voxels fainter than 1 - tau in both maps have no influence and no gradient."""
    p, g = case((2, 2, 11, 12), topology)
    loss = SparseBettiMatchingLoss(topology=topology)
    faint = (torch.maximum(p, g) < 0.2) if topology.superlevel else (torch.minimum(p, g) > 0.8)
    p.requires_grad_()
    value = loss(p, g)
    value.backward()
    assert faint.any()
    assert not p.grad[faint].any()
    assert p.grad[~faint].any()
    other = torch.where(faint, 0.1 if topology.superlevel else 0.9, p.detach())
    assert loss(other, g).item() == pytest.approx(value.item())
    assert BettiMatchingLoss(topology=topology)(p, g).item() != pytest.approx(value.item())


def test_tau_one_is_betti_matching():
    """With nothing left out the two losses are one."""
    p, g = case((2, 1, 11, 12), Topology())
    assert SparseBettiMatchingLoss(tau=1.0)(p, g) == BettiMatchingLoss()(p, g)


@pytest.mark.parametrize("shape", [(2, 1, 9, 8), (1, 1, 5, 4, 5)])
def test_gradient_equals_finite_differences(shape):
    """Away from ties and from 1 - tau the loss is smooth and autograd is right."""
    p, g = case(shape, Topology())
    loss = SparseBettiMatchingLoss()
    assert torch.autograd.gradcheck(loss, (p.requires_grad_(), g), eps=1e-7, fast_mode=True)


def test_bad_options_are_one_line():
    """The error names the option."""
    with pytest.raises(UserError, match="tau"):
        SparseBettiMatchingLoss(tau=0.0)
    with pytest.raises(UserError, match="union only"):
        SparseBettiMatchingLoss(comparison="intersection")
