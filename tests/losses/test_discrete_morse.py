"""The DMT loss: its arcs against a walk through the merge tree by hand, and its gradient."""

import itertools

import cc3d
import numpy as np
import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import CrossEntropyLoss, DiscreteMorseLoss
from topoeval.persistence import compute
from topoeval.testing.loss_subject import as_classes

CASES = [(shape, c, d) for shape in ((9, 10), (5, 4, 6)) for c in "VT"
         for d in ("superlevel", "sublevel")]  # fmt: skip


def image(shape, ties, seed):
    """A map of distinct values, or of a few levels."""
    rng = np.random.default_rng([seed, ties, *shape])
    n = int(np.prod(shape))
    if ties:
        return rng.integers(0, 5, shape) / 5 + 0.1
    return (rng.permutation(n).reshape(shape) + 1) / (n + 1)


def arcs_by_hand(values, topology, epsilon):
    """Follow every path voxel by voxel; components by union-find over the sorted voxels."""
    shape, ndim = values.shape, values.ndim
    faces = 1 if topology.construction == "V" else ndim
    sign = 1 if topology.superlevel else -1
    voxels = list(itertools.product(*map(range, shape)))
    rank = {v: (-sign * values[v], v) for v in voxels}  # least first: highest, then C order

    def around(voxel, reach):
        for step in itertools.product((-1, 0, 1), repeat=ndim):
            near = tuple(a + b for a, b in zip(voxel, step, strict=True))
            if 0 < sum(map(abs, step)) <= reach and near in rank:
                yield near

    def up(voxel):
        return min([voxel, *around(voxel, faces)], key=rank.get)

    def sides(voxel):
        """The first neighbour in each component of what is higher round the voxel."""
        left = {v for v in around(voxel, max(2, faces)) if rank[v] < rank[voxel]}
        found = []
        while left:
            todo = [left.pop()]
            side = set(todo)
            while todo:
                near = left & set(around(todo.pop(), faces))
                left -= near
                side |= near
                todo += near
            side &= set(around(voxel, faces))
            if side:
                found.append(min(side, key=rank.get))
        return found

    # H0: the younger maximum dies at the voxel that joins two components.
    oldest, dies_at = {}, {}

    def find(voxel):
        while oldest[voxel] != voxel:
            voxel = oldest[voxel]
        return voxel

    for voxel in sorted(voxels, key=rank.get):
        oldest[voxel] = voxel
        for near in around(voxel, faces):
            if near in oldest:
                a, b = sorted((find(near), find(voxel)), key=rank.get)
                if a != b:
                    oldest[b] = a
                    if b != voxel:
                        dies_at[b] = voxel
    length = {m: abs(values[m] - values[s]) for m, s in dies_at.items()}
    maxima = {v for v in voxels if up(v) == v}
    kept = {m for m in maxima if m not in dies_at or length[m] > epsilon}
    todo = [dies_at[m] for m in kept if m in dies_at]
    loops = compute(values[None], topology, dims=(1,), spatial_dims=ndim)
    born = loops.birth_index[loops.lengths() > epsilon]
    todo += [tuple(place) for place in np.stack(np.unravel_index(born, shape), 1).tolist()]

    mask = np.zeros(shape, bool)
    for m in kept:
        mask[m] = True
    seen = set()
    while todo:
        saddle = todo.pop()
        if saddle in seen:
            continue
        seen.add(saddle)
        mask[saddle] = True
        for voxel in sides(saddle):
            mask[voxel] = True
            while up(voxel) != voxel:
                voxel = up(voxel)
                mask[voxel] = True
            if voxel not in kept:
                todo.append(dies_at[voxel])
    return mask


@pytest.mark.parametrize(("shape", "construction", "direction"), CASES)
@pytest.mark.parametrize("epsilon", [0.0, 0.15, 0.6])
@pytest.mark.parametrize("ties", [False, True])
def test_arcs_are_those_of_a_walk_by_hand(shape, construction, direction, epsilon, ties):
    """Saddles, sides, pruned maxima and paths, voxel by voxel."""
    topology = Topology(construction, direction)
    images = np.stack([image(shape, ties, seed) for seed in range(6)]).reshape(3, 2, *shape)
    loss = DiscreteMorseLoss(epsilon=epsilon, dilation=0, topology=topology)
    found = loss.arcs(torch.from_numpy(images)).numpy()
    for b, c in itertools.product(range(3), range(2)):
        np.testing.assert_array_equal(found[b, c], arcs_by_hand(images[b, c], topology, epsilon))


@pytest.mark.parametrize(("shape", "construction", "direction"), CASES)
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.5, 0.9])
def test_arcs_are_one_network(shape, construction, direction, epsilon):
    """Every maximum that remains is joined with the others; fewer remain as epsilon grows."""
    topology = Topology(construction, direction)
    images = [image(shape, ties, seed) for seed in range(4) for ties in (False, True)]
    images = torch.from_numpy(np.stack(images)[:, None])
    masks = DiscreteMorseLoss(epsilon=epsilon, dilation=0, topology=topology).arcs(images)
    more = DiscreteMorseLoss(epsilon=epsilon / 2, dilation=0, topology=topology).arcs(images)
    assert (masks <= more).all()
    for mask in masks[:, 0].numpy():
        connectivity = topology.foreground_connectivity(len(shape))
        _, count = cc3d.connected_components(mask, connectivity=connectivity, return_N=True)
        assert count == 1


@pytest.mark.parametrize("shape", [(2, 1, 9, 8), (1, 3, 8, 9), (1, 2, 5, 4, 5)])
def test_value_is_cross_entropy_on_the_dilated_arcs(shape):
    """Voxels off the arcs cost nothing; the mean is over all voxels."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    classes = torch.randint(max(2, shape[1]), (shape[0], *shape[2:]), generator=generator)
    target = torch.stack([classes == c for c in range(1 if shape[1] == 1 else 0, max(2, shape[1]))])
    target = target.movedim(0, 1).double()
    likelihood = logits.sigmoid() if shape[1] == 1 else logits.softmax(1)
    found = DiscreteMorseLoss(epsilon=0.2, dilation=1, reduction="none")(logits, target)
    thin = DiscreteMorseLoss(epsilon=0.2, dilation=0).arcs(likelihood).numpy()
    log = likelihood.clamp(1e-12, 1 - 1e-12)
    cost = -(target * log.log()).sum(1)
    if shape[1] == 1:
        cost = cost - ((1 - target) * (1 - log).log()).sum(1)
    for b, c in itertools.product(range(shape[0]), range(shape[1])):
        wide = np.zeros(shape[2:], bool)
        for place in zip(*thin[b, c].nonzero(), strict=True):
            wide[tuple(slice(max(0, i - 1), i + 2) for i in place)] = True
        expected = (cost[b] * torch.from_numpy(wide)).mean()
        assert found[b, c].item() == pytest.approx(expected.item())
        assert 0 < wide.mean() < 1 or wide.all()


@pytest.mark.parametrize("shape", [(2, 1, 8, 9), (1, 2, 8, 9), (1, 1, 5, 4, 5)])
def test_gradient_equals_finite_differences(shape):
    """The mask is locally constant; what is left is smooth."""
    n = int(np.prod(shape))
    order = np.random.default_rng(n).permutation(n).reshape(shape)
    logits = torch.from_numpy(6 * (order + 0.5) / n - 3).requires_grad_()
    random = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    target = as_classes((random < 0.5).double())
    loss = DiscreteMorseLoss(epsilon=0.123)
    assert torch.autograd.gradcheck(loss, (logits, target), eps=1e-7, fast_mode=True)


def test_everything_dilated_is_cross_entropy():
    """With arcs as wide as the image the loss is plain cross-entropy."""
    logits = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    target = (logits + 0.5 > 0).float()
    whole = DiscreteMorseLoss(dilation=9)(logits, target)
    torch.testing.assert_close(whole, CrossEntropyLoss()(logits, target))


def test_a_faint_bridge_is_in_the_mask_and_its_gradient_lifts_it():
    """The gap of a line is on the arc between its halves; background noise below epsilon is not."""
    logits = torch.full((1, 1, 9, 15), -5.0)
    logits += 0.01 * torch.rand(9, 15, generator=torch.Generator().manual_seed(0))
    logits[0, 0, 4, 1:14] = 3.0 - 0.1 * (torch.arange(13) - 6).abs()
    logits[0, 0, 4, 7] = -1.0
    target = torch.zeros_like(logits)
    target[0, 0, 4, 1:14] = 1
    logits.requires_grad_()
    DiscreteMorseLoss(dilation=0)(logits, target).backward()
    line = torch.zeros(9, 15, dtype=torch.bool)
    line[4, 6:9] = True
    assert logits.grad[0, 0, 4, 7] < 0
    assert (logits.grad[0, 0] != 0)[line].all()
    assert not logits.grad[0, 0, [0, 1, 2, 3, 5, 6, 7, 8]].any()


@pytest.mark.parametrize(
    ("options", "message"), [({"epsilon": 1}, "epsilon"), ({"dilation": -1}, "dilation")]
)
def test_bad_options_are_one_line(options, message):
    """The error names the option."""
    with pytest.raises(UserError, match=message):
        DiscreteMorseLoss(**options)
