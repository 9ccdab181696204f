"""The catalogue: each score does with empty masks, and has the range, that its metric says."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from topoeval import metrics
from topoeval.errors import UserError
from topoeval.metrics import Settings, available_columns, score
from topoeval.metrics.catalogue import BUILTIN, chosen
from topoeval.topology import Topology

DOCS = Path(__file__).parents[2] / "docs"

RING = np.zeros((6, 8), bool)
RING[1:5, 1:5] = True
RING[2:4, 2:4] = False
SHELL = np.zeros((6, 6, 7), bool)
SHELL[1:5, 1:5, 1:5] = True
SHELL[2:4, 2:4, 2:4] = False
TARGETS = {2: RING, 3: SHELL}
SPACING = {2: (0.5, 2.0), 3: (0.5, 2.0, 1.0)}
PRIOR = {2: (1, 1), 3: (1, 0, 1)}

# What "counted" comes to: one component with one hole (2D) or cavity (3D) against nothing.
# (prediction empty, target empty); the same number twice where one is given.
COUNTED = {
    "betti_error": 2, "betti_error_0": 1, "betti_error_1": {2: 1, 3: 0}, "betti_error_2": 1,
    "betti_matching_union": 2, "betti_matching_union_0": 1,
    "betti_matching_union_1": {2: 1, 3: 0}, "betti_matching_union_2": 1,
    "betti_matching_intersection": 2, "betti_matching_intersection_0": 1,
    "betti_matching_intersection_1": {2: 1, 3: 0}, "betti_matching_intersection_2": 1,
    "patch_betti_error": 2, "patch_betti_error_0": 1,
    "patch_betti_error_1": {2: 1, 3: 0}, "patch_betti_error_2": 1,
    "euler_error": {2: 0, 3: 2}, "diu": 2, "matches_truth": 0,
    "b0": (0, 1), "b1": ({2: 0, 3: 0}, {2: 1, 3: 0}), "b2": (0, 1),
    "b0_true": (1, 0), "b1_true": ({2: 1, 3: 0}, {2: 0, 3: 0}), "b2_true": (1, 0),
    "matches_prior": (0, 1), "truth_matches_prior": (1, 0), "skeletons_repaired": 0,
    "false_components": (0, 1), "missed_components": (1, 0),
    "false_holes": (0, 1), "missed_holes": (1, 0),
    "false_component_voxels": (0, {2: 12, 3: 56}), "missed_component_voxels": ({2: 12, 3: 56}, 0),
    "false_hole_voxels": (0, {2: 4, 3: 8}), "missed_hole_voxels": ({2: 4, 3: 8}, 0),
    # the entropy of the ring, its hole and the outside as two parts: foreground and the rest
    "voi": {2: 0.8112781, 3: 0.7642045},
    "voi_split": (0, {2: 0.8112781, 3: 0.7642045}), "voi_merge": ({2: 0.8112781, 3: 0.7642045}, 0),
    # a false hole or cavity has F1 0.5 / 1.5, a missed one 0; no octant holds
    # more than one component
    "topo_f1": (0, 1 / 3), "topo_f1_0": 1, "topo_f1_1": ({2: 0, 3: 1}, {2: 1 / 3, 3: 1}),
    "topo_f1_2": (0, 1 / 3), "vesuvius": 0.65, "vesuvius_topology": 1, "vesuvius_surface": 0,
    "vesuvius_partition": 1, "vesuvius_exact": (0.35, 0.45), "vesuvius_topology_exact": (0, 1 / 3),
    "leakage": (0, {2: 12, 3: 56}),
    # cells of 4 and 32 voxels (2D) round a membrane of 12, of 8 and 188 round 56; or one of all
    "cell_voi_split": (0, {2: 1.18872188, 3: 0.95555540}),
    "cell_voi_merge": ({2: 0.50325833, 3: 0.24602258}, 0),
    "cell_rand_error": ({2: 0.10958904, 3: 0.04074556}, {2: 0.37788742, 3: 0.28404743}),
    "cremi": ({2: 0.23484377, 3: 0.10012156}, {2: 0.67022600, 3: 0.52098288}),
}  # fmt: skip

# Only the largest component of a prediction counts, even of a truth in pieces; ATM'22 fills the
# holes of the truth and not of the prediction; the best run length is that of the truth.
NOT_PERFECT = ("tree_length_detected", "branches_detected", "atm22_branches", "erl")


def rule(name, which, ndim):
    """Return what the card of a column says of a kind of emptiness, as a number."""
    card = available_columns(ndim, ["prior"])[name]
    says = getattr(card.empty, which)
    if says == "diagonal":
        return np.linalg.norm(np.multiply(TARGETS[ndim].shape, SPACING[ndim]))
    if says != "counted":
        return says
    if which == "both":
        return 0
    value = COUNTED[name]
    if isinstance(value, tuple):
        value = value[which == "target"]
    return value[ndim] if isinstance(value, dict) else value


@pytest.mark.parametrize("which", ["both", "prediction", "target"])
@pytest.mark.parametrize(
    ("name", "ndim"),
    [(name, ndim) for ndim in (2, 3) for name in available_columns(ndim, ["prior"])],
)
def test_empty_masks(name, ndim, which):
    """The table of docs/metrics.md, value by value."""
    full = TARGETS[ndim]
    empty = np.zeros_like(full)
    p = empty if which in ("both", "prediction") else full
    g = empty if which in ("both", "target") else full
    settings = Settings(spacing=SPACING[ndim], prior=PRIOR[ndim])
    assert score(p, g, settings, [name])[name] == pytest.approx(rule(name, which, ndim))


@pytest.mark.parametrize("text", ["V", "T", "T-sublevel", "V-superlevel-framed"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_ranges_and_perfection(ndim, text):
    """No value outside the range; a mask against itself has the best value of every score."""
    rng = np.random.default_rng(ndim)
    settings = Settings(topology=Topology.parse(text), patch=4)
    known = available_columns(ndim)
    for share in (0.05, 0.5, 0.95):
        p, g = rng.random((2, *(9,) * ndim)) < share
        for name, value in score(p, g, settings, known).items():
            low, high = known[name].range
            assert low <= value, name
            assert high is None or value <= high, name
        for name, value in score(p, p, settings, known).items():
            if known[name].direction is not None and name not in NOT_PERFECT:
                low, high = known[name].range
                best = high if known[name].direction == "higher" else low
                assert value == pytest.approx(best), name


def test_every_card_names_its_function():
    """The table leads to code that exists and is public."""
    for card in BUILTIN:
        assert card.function in metrics.__all__
        assert callable(getattr(metrics, card.function))


def test_the_table_in_the_docs_is_this_one():
    """`python docs/make_metrics.py` would change nothing."""
    spec = importlib.util.spec_from_file_location("make_metrics", DOCS / "make_metrics.py")
    make_metrics = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_metrics)
    assert make_metrics.page() == (DOCS / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("betti_error_2", "it takes 3D masks"),
        ("mse", "it takes 2D or 3D masks, with probabilities beside them"),
        ("invalid_neighbours", "it takes 2D or 3D masks, with label maps beside them"),
        ("dcie", "unknown metric 'dcie'; did you mean 'dice'?"),
    ],
)
def test_what_is_not_possible_here_says_why(name, words):
    """A metric that exists is not called unknown."""
    with pytest.raises(UserError, match=re.escape(words)):
        chosen([name], available_columns(2))
