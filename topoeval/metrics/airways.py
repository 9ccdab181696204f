"""Branches of an airway tree as the organisers of ATM'22 parse the truth, and what is detected.

What a branch is follows the published tree parsing of the challenge (repository
EndoluminalSurgicalVision-IMR/ATM-22-Related-Work):

1. The tree is the largest component of the truth (faces joining), its holes filled; its centre line
   is scikit-image's 3D skeleton.
2. Without its junctions (three neighbours or more, through corners too) and without pieces of fewer
   than five voxels the line falls into pieces; each voxel of the tree belongs to the nearest one.
3. The largest region is the trachea. From it the generations are counted over regions that share a
   face. Regions of one generation that are parents of the same child are one branch, and so are a
   parent and its only child; both are joined until nothing changes.

A branch is detected if a prediction covers 80 % of the centre line in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, convolve, distance_transform_edt
from scipy.ndimage import label as label_pieces
from skimage.morphology import skeletonize

from topoeval.metrics.box import box_of
from topoeval.metrics.components import label

SHORTEST = 5
"""Voxels of the centre line below which a piece is no branch of its own."""
BRANCH_FOUND = 0.8
"""Share of a branch that must be covered for it to count as detected."""

Mask = NDArray[np.bool_]
Parts = NDArray[np.int64]


def airway_scores(prediction: Mask, target: Mask) -> dict[str, float]:
    """Return the scores of one pair of volumes by column, shares in [0, 1].

    ``atm22_length``: share of the centre line of the truth inside the prediction.
    ``atm22_branches``: share of its branches of which the prediction covers 80 % or more. Both take
    the prediction as it is. Two empty masks score 1, one empty mask 0. A truth whose centre line is
    lost in the thinning, or that has no piece of five voxels, has one branch, all of it.

    Parameters
    ----------
    prediction, target
        Boolean volumes of one shape.

    Examples
    --------
    >>> g = np.zeros((5, 5, 20), dtype=bool)
    >>> g[1:4, 1:4, 1:19] = True
    >>> p = g.copy()
    >>> p[:, :, 10:] = False
    >>> {name: round(value, 2) for name, value in airway_scores(p, g).items()}
    {'atm22_length': 0.5, 'atm22_branches': 0.0}
    """
    if not (prediction.any() and target.any()):
        share = float(not prediction.any() and not target.any())
        return {"atm22_length": share, "atm22_branches": share}
    box = box_of(target)
    assert box is not None  # it is not empty
    # a margin, so that holes are not filled through the face of the box
    p, g = (np.pad(mask[box], 1) for mask in (prediction, target))
    whole = np.asarray(skeletonize(g), bool)
    length = float(np.count_nonzero(whole & p) / np.count_nonzero(whole)) if whole.any() else 0.0
    tree = _filled(g)
    line = np.asarray(skeletonize(tree), bool)
    if not line.any():  # of even width, all of it
        line = tree
    branch = airway_branches(tree, line)[line]
    sizes = np.bincount(branch)[1:]
    found = np.bincount(branch[p[line]], minlength=len(sizes) + 1)[1:]
    there = sizes > 0
    return {
        "atm22_length": length,
        "atm22_branches": float(np.mean(found[there] >= BRANCH_FOUND * sizes[there])),
    }


def airway_branches(tree: Mask, line: Mask) -> Parts:
    """Return the branch of each voxel of a tree, 1 and up; 0 outside.

    Parameters
    ----------
    tree, line
        The tree and its centre line, boolean volumes of one shape.
    """
    pieces, number = _pieces(line)
    if number == 0:
        return tree.astype(np.int64)
    nearest = distance_transform_edt(pieces == 0, return_distances=False, return_indices=True)
    parts = np.where(tree, pieces[tuple(nearest)], 0)
    while True:
        to, kept = _joined(parts, number)
        if kept == number:
            return parts
        parts = to[parts]
        number = max(kept, int(parts.max()))


def _filled(mask: Mask) -> Mask:
    """Return the largest component, faces joining, without holes; of two of one size the last."""
    labels, number = label(mask, 6)
    sizes = np.bincount(labels[mask], minlength=number + 1)
    return np.asarray(binary_fill_holes(labels == np.argsort(sizes[1:])[-1] + 1))


def _pieces(line: Mask) -> tuple[Parts, int]:
    """Label the pieces of a line that are left without junctions and short pieces."""
    around = np.ones((3, 3, 3), np.uint8)
    # at the border of the image its edge is repeated, as in the published code
    ends = line & (convolve(line.astype(np.uint8), around) <= 3)
    labels, number = label_pieces(ends, around)
    long = np.bincount(labels.ravel(), minlength=number + 1) >= SHORTEST
    long[0] = False
    numbers = np.where(long, np.cumsum(long), 0)
    return numbers[labels].astype(np.int64), int(long.sum())


def _joined(parts: Parts, number: int) -> tuple[Parts, int]:
    """Return the new number of each part after one round of joining, and how many are left."""
    touch = _touching(parts, number)
    trachea = int(np.argsort(np.bincount(parts.ravel(), minlength=number + 1)[1:])[-1]) + 1
    generation = _generations(touch, trachea)
    below = touch & (generation[:, None] + 1 == generation[None, :])  # parent, child
    steps = _steps(below)
    to = np.arange(number + 1)
    # twice, as the published code does: a part may have got the number of one joined before
    for child, parent in [*steps, *steps]:
        to[to == child] = parent
    gone = {child for child, _ in steps}
    left = [part for part in range(1, number + 1) if part not in gone]
    # also as there: a number that was joined and given again is that of both parts
    for place, part in enumerate(left, 1):
        to[to == part] = place
    return to, len(left)


def _steps(below: Mask) -> list[tuple[int, int]]:
    """Return which part takes the number of which, in order."""
    steps: list[tuple[int, int]] = []
    gone = set()
    for child in range(1, len(below)):
        first, *others = np.flatnonzero(below[:, child]).tolist() or [0]
        steps += [(other, first) for other in others]
        gone |= set(others)
    for parent in range(1, len(below)):
        children = np.flatnonzero(below[parent]).tolist()
        if len(children) == 1 and not gone & {parent, children[0]}:
            steps.append((children[0], parent))
            gone.add(children[0])
    return steps


def _touching(parts: Parts, number: int) -> Mask:
    """Return which parts share a face, ``(number + 1, number + 1)``."""
    touch = np.zeros((number + 1, number + 1), bool)
    for axis in range(parts.ndim):
        here, there = (
            np.moveaxis(parts, axis, 0)[side] for side in (slice(None, -1), slice(1, None))
        )
        apart = (here != there) & (here > 0) & (there > 0)
        touch[here[apart], there[apart]] = True
    return touch | touch.T


def _generations(touch: Mask, root: int) -> NDArray[np.int64]:
    """Return the steps from the root to each part; far below 0 for what it does not reach."""
    generation = np.full(len(touch), -len(touch) - 2)
    generation[root] = step = 0
    front = np.zeros(len(touch), bool)
    front[root] = True
    while front.any():
        step += 1
        front = touch[front].any(axis=0) & (generation < 0)
        generation[front] = step
    return generation
