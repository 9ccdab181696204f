"""Scores of challenges: by hand, and against slow formulas written here."""

import importlib.util
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import generate_binary_structure, label

from topoeval.metrics import Settings, score, surface_dice
from topoeval.metrics.instances import instance_scores
from topoeval.metrics.membranes import cell_scores
from topoeval.metrics.partition import foreground_information
from topoeval.metrics.roads import network_scores
from topoeval.metrics.sheets import feature_counts, vesuvius_scores
from topoeval.metrics.tubes import tree_scores
from topoeval.topology import Topology

T = Topology("T")
quick = settings(deadline=None, max_examples=60)
pairs_2d = arrays(bool, (2, 7, 8))
pairs = pairs_2d | arrays(bool, (2, 4, 5, 4))


def parts(mask):
    """Return the sets of voxels of the components, corners joining."""
    labels, number = label(mask, generate_binary_structure(mask.ndim, mask.ndim))
    return [set(map(tuple, np.argwhere(labels == k))) for k in range(1, number + 1)]


def cross(*places, shape=(15, 15)):
    """Return lines of one voxel along rows (``("r", 3)``) and columns."""
    mask = np.zeros(shape, bool)
    for kind, at in places:
        if kind == "r":
            mask[at, 1:-1] = True
        else:
            mask[1:-1, at] = True
    return mask


@quick
@given(pairs)
def test_objects_by_comparing_all_pairs(pair):
    """Panoptic quality, detection and Dice of objects by sets of voxels."""
    p, g = pair
    found = instance_scores(p, g, T)
    predicted, true = parts(p), parts(g)
    if not predicted or not true:
        assert set(found.values()) == {float(not predicted and not true)}
        return
    iou = [len(a & b) / len(a | b) for a in predicted for b in true if len(a & b) > len(a | b) / 2]
    assert found["rq"] == pytest.approx(len(iou) / ((len(predicted) + len(true)) / 2))
    assert found["sq"] == pytest.approx(np.mean(iou) if iou else 0)
    assert found["pq"] == pytest.approx(sum(iou) / ((len(predicted) + len(true)) / 2))
    recall = np.mean([any(a & b for a in predicted) for b in true])
    precision = np.mean([any(a & b for b in true) for a in predicted])
    both = precision + recall
    assert found["instance_f1"] == pytest.approx(2 * precision * recall / both if both else 0)
    dice = []
    for b in true:
        touching = set().union(*(a for a in predicted if a & b))
        dice.append(2 * len(b & touching) / (len(b) + len(touching)))
    dice += [0 for a in predicted if not any(a & b for b in true)]
    assert found["instance_dice"] == pytest.approx(np.mean(dice))


def entropy(counts):
    """Return the entropy in bits."""
    share = np.array([n for n in counts if n], float)
    share /= share.sum()
    return -(share * np.log2(share)).sum()


@quick
@given(pairs_2d)
def test_cells_by_counting_pairs_of_voxels(pair):
    """CREMI's parts: entropies of a table, and pairs of voxels of true cells one by one."""
    p, g = pair
    found = cell_scores(p, g, T)
    cells = [label(~mask)[0] for mask in (p, g)]  # faces join the background of T
    voxels = [(int(a), int(b)) for a, b in zip(*(c.ravel() for c in cells), strict=True) if b]
    if not voxels:
        assert set(found.values()) == {0.0}
        return
    joint, of_p, of_g = (
        [list(items).count(item) for item in set(items)]
        for items in (voxels, [a for a, _ in voxels], [b for _, b in voxels])
    )
    split, merge = entropy(joint) - entropy(of_g), entropy(joint) - entropy(of_p)
    # pairs of voxels in one part; predicted membrane is none, its share of the image is added
    same = [(x[0] == y[0] != 0, x[1] == y[1]) for x, y in itertools.product(voxels, repeat=2)]
    both, in_p, in_g = (sum(map(all, same)), *(sum(side) for side in zip(*same, strict=True)))
    outside = sum(a == 0 for a, _ in voxels) / p.size
    rand = 1 - 2 * (both + outside) / (in_p + in_g + outside)
    assert found["cell_voi_split"] == pytest.approx(split, abs=1e-9)
    assert found["cell_voi_merge"] == pytest.approx(merge, abs=1e-9)
    assert found["cell_rand_error"] == pytest.approx(rand, abs=1e-9)
    assert found["cremi"] == pytest.approx(np.sqrt(max(rand, 0) * (split + merge)), abs=1e-6)


def test_trees_by_hand():
    """A cross has four branches; what is cut off from the largest part does not count."""
    g = cross(("r", 7), ("c", 7))
    p = g.copy()
    p[7, 3] = False  # two voxels of the left branch are cut off
    found = tree_scores(p, g)
    # the centre voxel and its four neighbours are junctions; 20 voxels in four branches
    assert found["tree_length_detected"] == pytest.approx((25 - 3) / 25)
    assert found["branches_detected"] == 0.75
    p[0, 0] = True
    assert tree_scores(p, g)["leakage"] == pytest.approx(1 / 25)


def test_networks_by_hand():
    """A cross whose right arm is missing: lengths, the junction, and paths that are lost."""
    g = cross(("r", 7), ("c", 7))
    p = g.copy()
    p[7, 8:] = False
    found = network_scores(p, g, tolerance=1)
    assert found["completeness"] == pytest.approx((25 - 5) / 25)  # one of six is within 1
    assert found["correctness"] == 1
    assert found["quality"] == pytest.approx(19 / (19 + 5))
    assert found["junction_f1"] == 1
    # five control points make ten paths, of which the four to the right end are lost
    assert found["tlts"] == pytest.approx(0.6)
    assert found["apls"] == pytest.approx(2 * 0.6 / 1.6)
    assert network_scores(g, g, tolerance=0)["apls"] == 1


def test_a_detour_is_a_longer_path():
    """APLS of a straight road beside one that goes round a block."""
    g = np.zeros((9, 13), bool)
    g[6, 1:12] = True
    p = g.copy()
    p[6, 5:8] = False
    p[2, 4:9] = p[2:7, 4] = p[2:7, 8] = True
    found = network_scores(p, g, tolerance=1)
    # 10 steps in the truth; corners may be cut, so at most 18 and at least 10 + 2 * 3
    assert 1 - found["tlts"] == 1
    assert 0 < found["apls"] < 0.7


def test_topology_f1_by_hand():
    """A ring found, one of two further components missed, and one in the ring that is false."""
    g = np.zeros((9, 21), bool)
    g[1:8, 1:8] = g[3, 12] = g[3, 16] = True
    g[3:6, 3:6] = False
    p = g.copy()
    p[3, 16] = False
    p[4, 4] = True  # the hole of the ring stays, as a ring of its own
    counts = feature_counts(p, g, "T")
    assert counts.matched.tolist() == [1, 1]
    assert counts.predicted.tolist() == counts.true.tolist() == [2, 1]
    assert counts.f1().tolist() == [0.5, 1]
    assert counts.mean_f1() == pytest.approx((0.34 * 0.5 + 0.33) / 0.67)


@pytest.mark.parametrize("octants", [False, True])
def test_vesuvius_edge_cases(octants):
    """Two empty volumes are perfect; one empty has no surface in common; a solid block is."""
    empty = np.zeros((8, 8, 8), bool)
    block = empty.copy()
    block[1:3, 1:3, 1:3] = True
    assert vesuvius_scores(empty, empty, octants)["vesuvius"] == pytest.approx(1)
    assert vesuvius_scores(block, block, octants)["vesuvius"] == pytest.approx(1)
    one = vesuvius_scores(empty, block, octants)
    # one component is the essential class: no feature at all
    assert one["vesuvius_topology"] == 1
    assert one["vesuvius_surface"] == 0
    counts = feature_counts(block, block, "V", octants)
    assert counts.true.tolist() == counts.matched.tolist() == [0, 0, 0]


def test_octants_are_matched_one_by_one():
    """Two blocks in different octants are each the essential class of theirs."""
    mask = np.zeros((8, 8, 8), bool)
    mask[1:3, 1:3, 1:3] = mask[5:7, 5:7, 5:7] = True
    assert feature_counts(mask, mask, "V").true[0] == 1
    assert feature_counts(mask, mask, "V", octants=True).true[0] == 0


@pytest.mark.skipif(
    importlib.util.find_spec("topolosses") is None, reason="pip install --no-deps topolosses"
)
def test_counts_are_those_of_the_compiled_betti_matching():
    """Betti-Matching-3D on the same masks, without the essential class."""
    from topoeval.persistence.backends.betti_matching import _library

    rng = np.random.default_rng(3)
    for share in (0.1, 0.3, 0.5):
        p, g = rng.random((2, 7, 8, 9)) < share
        peer = _library().compute_matching(1.0 - p, 1.0 - g)
        counts = feature_counts(p, g, "V")
        matched = np.asarray(peer.num_matched)
        assert counts.matched.tolist() == matched.tolist()
        assert counts.predicted.tolist() == (matched + peer.num_unmatched_input1).tolist()
        assert counts.true.tolist() == (matched + peer.num_unmatched_input2).tolist()


@quick
@given(pairs, st.sampled_from([0.0, 1.0, 1.5, 2.0]), st.sampled_from([1.0, 0.5, 2.5]))
def test_surface_dice_point_by_point(pair, tolerance, size):
    """Each point of one surface looks for the nearest of the other; areas of a known few codes."""
    p, g = pair
    spacing = (size, *(1.0,) * (p.ndim - 1))
    value = float(surface_dice(p, g, tolerance, spacing))
    if not (p.any() and g.any()):
        assert value == float(not p.any() and not g.any())
        return
    surfaces = []
    for mask in (p, g):
        padded = np.pad(mask, 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2,) * mask.ndim)
        filled = windows.reshape(*windows.shape[: mask.ndim], -1).sum(axis=-1)
        surfaces.append(np.argwhere((filled > 0) & (filled < 2**mask.ndim)))
    near = [
        [
            min(np.linalg.norm((a - b) * spacing) for b in other) <= tolerance * (1 + 1e-6)
            for a in one
        ]
        for one, other in (surfaces, surfaces[::-1])
    ]
    # areas differ, but all or none near is all or nothing whatever they are
    if all(map(all, near)):
        assert value == pytest.approx(1)
    elif not any(map(any, near)):
        assert value == 0
    else:
        assert 0 < value < 1


def test_areas_of_a_box():
    """A box of 2 x 3 x 4 voxels has its faces, less what the cut edges and corners save."""
    from topoeval.metrics.surface import _areas

    areas = _areas((1.0, 1.0, 1.0))
    assert areas[1] == pytest.approx(np.sqrt(3) / 8)  # a corner: an equilateral triangle
    assert areas[0b11] == pytest.approx(np.sqrt(2) / 2)  # an edge
    assert areas[0b1111] == pytest.approx(1)  # a face
    assert np.allclose(areas, areas[::-1])  # inside and outside
    assert _areas((2.0, 3.0))[[1, 3, 5]].tolist() == pytest.approx([np.sqrt(13) / 2, 3, 2])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(
    importlib.util.find_spec("surface_distance") is None, reason="pip install surface-distance"
)
def test_surface_dice_is_that_of_the_package():
    """surface-distance 0.1, which the Vesuvius contest uses."""
    import surface_distance

    rng = np.random.default_rng(0)
    for ndim, spacing in ((2, (1.0, 0.7)), (3, (1.0, 1.0, 1.0)), (3, (2.0, 0.6, 1.1))):
        p, g = rng.random((2, *(9,) * ndim)) < 0.3
        peer = surface_distance.compute_surface_distances(g, p, spacing)
        for tolerance in (0, 1, 2):
            wanted = surface_distance.compute_surface_dice_at_tolerance(peer, tolerance)
            assert float(surface_dice(p, g, tolerance, spacing)) == pytest.approx(wanted, abs=1e-9)


@quick
@given(pairs)
def test_information_of_the_union_by_counting(pair):
    """VOI over the union of the foregrounds, as scikit-image has it for labels."""
    from skimage.metrics import variation_of_information

    p, g = pair
    structure = generate_binary_structure(p.ndim, p.ndim)
    either = p | g
    if not either.any():
        assert foreground_information(p, g, T).tolist() == [0, 0]
        return
    labels = [label(mask, structure)[0][either] for mask in (p, g)]
    wanted = variation_of_information(labels[1], labels[0])
    assert foreground_information(p, g, T) == pytest.approx(np.array(wanted), abs=1e-9)


def test_hd95_of_pooled_distances():
    """The percentile of both sets together, as MedPy defines it, lies below the larger of two."""
    p, g = np.zeros((2, 30, 30), bool)
    p[5:25, 5:25] = g[5:25, 5:25] = True
    g[5, 5:29] = True
    found = score(p, g, Settings(), ["hd95", "hd95_pooled", "nsd_1"])
    steps = sorted([0] * (76 + 76) + [1, 2, 3, 4])
    assert found["hd95_pooled"] == pytest.approx(np.percentile(steps, 95))
    assert found["nsd_1"] == pytest.approx((76 + 76 + 1) / 156)


@quick
@given(pairs)
def test_boundary_iou_by_walking(pair):
    """The rim of width one are the voxels with background among their neighbours."""
    p, g = pair
    rims = []
    for mask in pair:
        padded = np.pad(mask, 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3,) * mask.ndim)
        rims.append(mask & ~windows.all(axis=tuple(range(mask.ndim, 2 * mask.ndim))))
    both, either = rims[0] & rims[1], rims[0] | rims[1]
    wanted = both.sum() / either.sum() if either.any() else 1.0
    assert score(p, g, Settings(), ["boundary_iou"])["boundary_iou"] == pytest.approx(wanted)
