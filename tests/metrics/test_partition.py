"""Partition scores: against scikit-learn and the definition, and their empty masks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage import metrics
from sklearn.metrics import adjusted_rand_score

from topoeval.metrics import adapted_rand_error, adjusted_rand_index, variation_of_information
from topoeval.topology import Topology

V, T = Topology("V"), Topology("T")
pairs = arrays(bool, (2, 7, 9))


def parts(mask, topology):
    """Label by scipy, the independent reference here."""
    rank = 1 if topology.construction == "V" else 2
    return ndimage.label(mask, ndimage.generate_binary_structure(2, rank))[0].ravel()


def entropy(*labels):
    """Entropy in bits of joint labels."""
    counts = np.unique(np.stack(labels), axis=1, return_counts=True)[1]
    shares = counts / counts.sum()
    return -(shares * np.log2(shares)).sum()


@settings(deadline=None)
@given(pairs, st.sampled_from([V, T]))
def test_rand_index_is_that_of_scikit_learn(pair, topology):
    """Computed from the contingency table, ten times faster."""
    reference = adjusted_rand_score(*(parts(mask, topology) for mask in pair))
    assert adjusted_rand_index(*pair, topology) == pytest.approx(reference, abs=1e-9)


@settings(deadline=None)
@given(pairs, st.sampled_from([V, T]))
def test_information_is_conditional_entropy(pair, topology):
    """H(P|G) first, the splits, then H(G|P), the merges."""
    p, g = (parts(mask, topology) for mask in pair)
    split, merge = variation_of_information(*pair, topology)
    assert split == pytest.approx(entropy(p, g) - entropy(g), abs=1e-9)
    assert merge == pytest.approx(entropy(p, g) - entropy(p), abs=1e-9)


def test_a_cut_is_a_split():
    """A line in two is split and not merged, and the other way round."""
    line = np.zeros((3, 9), bool)
    line[1] = True
    cut = line.copy()
    cut[1, 4] = False
    split, merge = variation_of_information(cut, line, T)
    assert split > merge
    assert variation_of_information(line, cut, T) == pytest.approx([merge, split])


@settings(deadline=None)
@given(pairs)
def test_adapted_rand_error_counts_pairs(pair):
    """1 less the F-score of pairs of voxels inside the target, the rest of P being one part."""
    assume(pair[0].any() and pair[1].any())
    p, g = (parts(mask, T) for mask in pair)
    p, g = p[g > 0], g[g > 0]

    def pair_count(*labels):
        counts = np.unique(np.stack(labels), axis=1, return_counts=True)[1]
        return (counts * (counts - 1)).sum()

    total = pair_count(p) + pair_count(g)
    expected = 1 - 2 * pair_count(p, g) / total if total else 0
    assert adapted_rand_error(*pair, T) == pytest.approx(expected)


@settings(deadline=None)
@given(pairs)
def test_equal_to_scikit_image(pair):
    """Where its formulas have a value; its order of split and merge is ours."""
    assume(pair[0].any() and pair[1].any())
    p, g = (parts(mask, T) for mask in pair)
    with np.errstate(invalid="ignore"):
        error = metrics.adapted_rand_error(g, p)[0]
    assume(np.isfinite(error))
    assert adapted_rand_error(*pair, T) == pytest.approx(error)
    information = variation_of_information(*pair, T)
    assert information == pytest.approx(metrics.variation_of_information(g, p), abs=1e-9)
