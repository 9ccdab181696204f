"""Scores as challenges define them: by hand, and against slow formulas written here."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import skeletonize

from topoeval.errors import UserError
from topoeval.metrics import Settings, normalised_betti_error, precision, score
from topoeval.metrics.airways import airway_branches, airway_scores
from topoeval.metrics.betti import betti_numbers
from topoeval.metrics.contours import cldice_as_thinned, contour_hd95
from topoeval.metrics.neighbours import invalid_neighbours, read_neighbours
from topoeval.metrics.runs import run_lengths
from topoeval.metrics.skeletons import skeleton
from topoeval.topology import Topology

T = Topology("T")
quick = settings(deadline=None, max_examples=60)
pairs = arrays(bool, (2, 7, 8)) | arrays(bool, (2, 4, 5, 4))


def around(place):
    """Return the 8 or 26 neighbours of a place."""
    steps = itertools.product((-1, 0, 1), repeat=len(place))
    return [tuple(np.add(place, step)) for step in steps if any(step)]


def voxels(mask):
    """Return the voxels of a mask as a set."""
    return set(map(tuple, np.argwhere(mask).tolist()))


@quick
@given(pairs, st.sampled_from([(1, 1, 1), (0.5, 2, 1.25)]))
def test_hd95_of_contours_by_all_distances(pair, sizes):
    """The boundary through corners, voxel by voxel; every distance is computed."""
    sizes = np.array(sizes[: pair[0].ndim])
    sides = []
    for mask in pair:
        inside = voxels(mask)
        sides.append([v for v in inside if not inside.issuperset(around(v))])
    found = contour_hd95(*pair, sizes)
    if not all(sides):
        assert found == (None if any(sides) else 0)
        return
    apart = np.linalg.norm((np.array(sides[0])[:, None] - np.array(sides[1])) * sizes, axis=-1)
    wanted = max(np.percentile(apart.min(axis=axis), 95) for axis in (0, 1))
    assert found == pytest.approx(wanted, abs=1e-9)


def test_a_class_that_one_mask_lacks_is_far_away():
    """90 mm in TopCoW, 290 mm in TopBrain, whichever mask lacks it."""
    mask = np.ones((3, 3, 3), bool)
    for pair in ((mask, ~mask), (~mask, mask)):
        found = score(*pair, columns=["topcow_hd95", "topbrain_hd95"])
        assert list(found.values()) == [90, 290]


@quick
@given(pairs)
def test_cldice_of_skeletons_as_they_come(pair):
    """Shares of two sets of voxels."""
    p, g = map(voxels, pair)
    lines = [voxels(skeletonize(mask)) for mask in pair]
    found = float(cldice_as_thinned(*pair))
    if not (p or g):
        assert found == 1
        return
    shares = [
        len(line & other) / len(line) if line else 0
        for line, other in zip(lines, (g, p), strict=True)
    ]
    both = sum(shares)
    assert found == pytest.approx(2 * shares[0] * shares[1] / both if both else 0)


@quick
@given(pairs)
def test_precision_detection_and_the_normalised_betti_error(pair):
    """By sets of voxels and by Betti numbers."""
    p, g = map(voxels, pair)
    found = score(*pair, columns=["precision", "sensitivity", "detection_error"])
    neither = float(not p and not g)
    assert found["precision"] == (len(p & g) / len(p) if p else neither)
    assert found["sensitivity"] == (len(p & g) / len(g) if g else neither)
    assert float(precision(*pair)) == found["precision"]
    right = len(p & g) >= 0.25 * len(p | g) if g else not p
    assert found["detection_error"] == (not right)
    numbers = [betti_numbers(mask, T) for mask in pair]
    error, there = sum(abs(numbers[0] - numbers[1])), sum(numbers[1])
    wanted = min(1, error / there) if there else float(error > 0)
    assert float(normalised_betti_error(*pair, T)) == wanted


@quick
@given(arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 3)))
def test_neighbours_by_looking_at_every_voxel(maps):
    """Labels next to each voxel of the class, in a dictionary."""
    sides = []
    for labels in maps:
        at = {place: int(labels[place]) for place in np.ndindex(labels.shape)}
        near = [at.get(n, 0) for place in at if at[place] == 2 for n in around(place)]
        sides.append(set(near) - {0, 2})
    p, g = (labels == 2 for labels in maps)
    assert invalid_neighbours(p, g, tuple(maps)) == len(sides[0] - sides[1])
    assert invalid_neighbours(p, g, tuple(maps), {2: [3]}) == len(sides[0] - {3})
    found = score(p, g, Settings(maps=tuple(maps)), "invalid_neighbours")
    assert found["invalid_neighbours"] == len(sides[0] - sides[1])


def test_a_list_of_neighbours_is_read_or_refused(tmp_path):
    """As TopBrain's JSON has it."""
    path = tmp_path / "n.json"
    path.write_text(json.dumps({"1": [2, 3], "2": []}))
    assert read_neighbours(path) == {1: (2, 3), 2: ()}
    path.write_text("[1]")
    with pytest.raises(UserError, match="may touch"):
        read_neighbours(path)
    path.write_text('{"1": [2], "1": [3]}')
    with pytest.raises(UserError, match=r"n\.json: '1' is there twice"):
        read_neighbours(path)
    with pytest.raises(UserError, match="No such file"):
        read_neighbours(tmp_path / "none.json")


@quick
@given(pairs, st.sampled_from(["T", "V"]))
def test_runs_by_walking_every_edge(pair, text):
    """Objects by flood fill; lengths of steps added up in dictionaries."""
    topology = Topology(text)
    p, g = pair
    full = topology.foreground_connectivity(p.ndim) in (8, 26)

    def objects(mask):
        left, found = voxels(mask), {}
        while left:
            front = [min(left)]
            name = front[0]
            while front:
                v = front.pop()
                if v in left:
                    left.remove(v)
                    found[v] = name
                    front += [n for n in around(v) if full or np.abs(np.subtract(n, v)).sum() == 1]
        return found

    predicted, true = objects(p), objects(g)
    line = voxels(skeleton(g).voxels)
    runs, whole, seen = {}, {}, {}
    for v in line:
        if v in predicted:
            seen.setdefault(predicted[v], set()).add(true[v])
        for n in around(v):
            if n in line and v < n and true[v] == true[n]:
                length = np.linalg.norm(np.subtract(v, n))
                whole[true[v]] = whole.get(true[v], 0) + length
                if predicted.get(v) is not None and predicted.get(v) == predicted.get(n):
                    key = predicted[v], true[v]
                    runs[key] = runs.get(key, 0) + length
    found = run_lengths(p, g, topology)
    if not whole:
        all_found = line <= set(predicted) if line else not predicted
        assert found == {"erl": 0, "nerl": float(all_found)}
        return
    good = [length for (name, _), length in runs.items() if len(seen[name]) == 1]
    erl = sum(length**2 for length in good) / sum(whole.values())
    assert found["erl"] == pytest.approx(erl)
    best = sum(length**2 for length in whole.values()) / sum(whole.values())
    assert found["nerl"] == pytest.approx(erl / best)


def test_an_object_that_merges_two_lines_has_no_run():
    """Two lines of 8 steps: one found, the other too, and both in one object."""
    g = np.zeros((5, 11), bool)
    g[1, 1:10] = g[3, 1:10] = True
    assert run_lengths(g, g, T) == {"erl": 8, "nerl": 1}
    merged = g.copy()
    merged[2, 5] = True
    assert run_lengths(merged, g, T) == {"erl": 0, "nerl": 0}
    upper = g.copy()
    upper[3] = False
    assert run_lengths(upper, g, T) == {"erl": 4, "nerl": 0.5}


def airway():
    """Return a trunk of 3 x 3 voxels that forks into two arms, their voxels joined by faces."""
    tree = np.zeros((31, 33, 7), bool)
    tree[2:17, 15:18, 2:5] = True
    for step in range(12):
        tree[17 + step : 19 + step, [15 - step, 17 + step], 3] = True
    return tree


def test_branches_of_an_airway_by_hand():
    """Trunk and two arms; an arm of which 80 % are covered is detected, with less it is not."""
    tree = airway()
    line = np.asarray(skeletonize(tree), bool)
    branch = airway_branches(tree, line)
    assert np.unique(branch[tree]).tolist() == [1, 2, 3]
    assert airway_scores(tree, tree) == {"atm22_length": 1, "atm22_branches": 1}
    p = tree.copy()
    arm = branch == branch[28, 4, 3]
    p[arm & (np.arange(31) > 20)[:, None, None]] = False
    found = airway_scores(p, tree)
    assert found["atm22_branches"] == pytest.approx(2 / 3)
    assert found["atm22_length"] == pytest.approx(1 - np.sum(line & ~p) / np.sum(line))
    # pieces of the prediction that hang on nothing count, too
    p[tuple(np.argwhere(line & ~p)[-1])] = True
    assert airway_scores(p, tree)["atm22_length"] > found["atm22_length"]


def test_a_parent_and_its_only_child_are_one_branch():
    """A spur of two voxels cuts the line in two; no branch comes of it."""
    tree = np.zeros((5, 40, 7), bool)
    tree[2, 2:38, 3] = True
    tree[2, 20, 4] = tree[2, 20, 5] = True
    line = tree.copy()
    assert np.unique(airway_branches(tree, line)).tolist() == [0, 1]
