"""Matchings are the cheapest there are, and the distances are the ones of the textbook."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from topoeval import Topology, UserError
from topoeval.persistence import Barcodes, compute, diagram_matching
from topoeval.persistence.diagram import diagonal_distances
from topoeval.persistence.diagram_matching import (
    assign,
    infinite_matching,
    matched_distances,
    optimal_matching,
    ranked_matching,
)
from topoeval.persistence.wasserstein import bottleneck_distance, wasserstein_distance

EXPONENTS = [(1.0, math.inf), (2.0, 2.0), (1.0, 1.0), (3.0, 1.5)]
# coarse values, so that ties and bars of equal ends are common
ENDS = st.integers(0, 8).map(lambda value: value / 8)
BARS = st.tuples(ENDS, ENDS).filter(lambda bar: bar[0] > bar[1])


def table(*images):
    """A superlevel barcode of dimension 0 from lists of (birth, death), one list an image."""
    rows = [(number, *bar) for number, bars in enumerate(images) for bar in bars]
    image, birth, death = np.array(rows, np.float64).reshape(-1, 3).T
    return Barcodes(
        image=image.astype(np.int64),
        dim=np.zeros(len(rows), np.int64),
        birth=birth,
        death=death,
        locations=np.where(np.isinf([birth, death]), -1, 0).T,
        batch_shape=(len(images),),
        spatial_shape=(1, 1),
        topology=Topology(),
        dims=(0,),
    )


def in_torch(barcodes):
    names = ("image", "dim", "birth", "death", "locations")
    columns = {name: torch.from_numpy(getattr(barcodes, name)) for name in names}
    return replace(barcodes, **columns)


def norm(difference, p):
    return np.linalg.norm(np.asarray(difference), ord=p)


def to_diagonal(bar, p):
    middle = (bar[0] + bar[1]) / 2
    return norm((bar[0] - middle, bar[1] - middle), p)


def partial_matchings(n, m):
    """Every way to pair some of n things with some of m."""
    for size in range(min(n, m) + 1):
        for left in itertools.combinations(range(n), size):
            for right in itertools.permutations(range(m), size):
                yield list(zip(left, right, strict=True))


def every_cost(first, second, p):
    """For each partial matching the distances that its bars go."""
    for pairs in partial_matchings(len(first), len(second)):
        used_first, used_second = {i for i, _ in pairs}, {j for _, j in pairs}
        yield (
            [norm(np.subtract(first[i], second[j]), p) for i, j in pairs]
            + [to_diagonal(bar, p) for i, bar in enumerate(first) if i not in used_first]
            + [to_diagonal(bar, p) for j, bar in enumerate(second) if j not in used_second]
        )


@settings(max_examples=60, deadline=None)
@given(st.lists(BARS, max_size=4), st.lists(BARS, max_size=4), st.sampled_from(EXPONENTS))
def test_wasserstein_is_the_best_of_all_matchings(first, second, exponents):
    """Against trying every partial matching."""
    q, p = exponents
    best = min(sum(d**q for d in costs) for costs in every_cost(first, second, p))
    value = wasserstein_distance(table(first), table(second), order=q, internal_norm=p)
    assert value.item() == pytest.approx(best ** (1 / q))


@settings(max_examples=60, deadline=None)
@given(st.lists(BARS, max_size=4), st.lists(BARS, max_size=4))
def test_bottleneck_is_the_best_of_all_matchings(first, second):
    """Against trying every partial matching."""
    best = min(max(costs, default=0.0) for costs in every_cost(first, second, np.inf))
    assert bottleneck_distance(table(first), table(second)).item() == pytest.approx(best)


def square_assignment(first, second, q, p):
    """The usual formulation: a square matrix of all bars and all places on the diagonal."""
    n, m = len(first), len(second)
    cost = np.zeros((n + m, n + m))
    cost[:n, :m] = [[norm(a - b, p) ** q for b in second] for a in first]
    cost[:n, m:] = np.array([to_diagonal(a, p) ** q for a in first])[:, None]
    cost[n:, :m] = [to_diagonal(b, p) ** q for b in second]
    return cost[linear_sum_assignment(cost)].sum() ** (1 / q)


def random_bars(n, seed):
    return np.sort(np.random.default_rng(seed).random((n, 2)), axis=1)[:, ::-1]


@pytest.mark.parametrize(("q", "p"), EXPONENTS)
@pytest.mark.parametrize(("n", "m"), [(150, 6), (6, 150), (60, 60)])
def test_leaving_bars_out_of_the_matrix_changes_nothing(n, m, q, p):
    """Facts 1 and 3: the small problem has the cost of the full square one."""
    first, second = random_bars(n, 1), random_bars(m, 2)
    value = wasserstein_distance(table(first), table(second), order=q, internal_norm=p)
    assert value.item() == pytest.approx(square_assignment(first, second, q, p))


@pytest.mark.parametrize(("q", "p"), EXPONENTS)
@pytest.mark.parametrize("m", [1, 7, 80])
@pytest.mark.parametrize("point", [(1.0, 0.0), (0.7, 0.4)])
def test_sorting_is_optimal_against_one_point(m, point, q, p):
    """Fact 2: against m equal bars no assignment problem has to be solved."""
    first, second = random_bars(60, 3), np.tile([point], (m, 1))
    value = wasserstein_distance(table(first), table(second), order=q, internal_norm=p)
    assert value.item() == pytest.approx(square_assignment(first, second, q, p))


def test_blocks_of_rows_give_the_same_matching(monkeypatch):
    """A matrix that is filtered block by block loses no bar that is needed."""
    first, second = table(random_bars(200, 4)), table(random_bars(9, 5))
    whole = wasserstein_distance(first, second)
    monkeypatch.setattr(diagram_matching, "_BLOCK", 1)
    np.testing.assert_allclose(wasserstein_distance(first, second), whole)


def test_too_many_bars_are_named(monkeypatch):
    """What does not fit in memory is refused before it is allocated."""
    monkeypatch.setattr(diagram_matching, "_LARGEST", 2**8)
    bars = table([], random_bars(40, 6))
    for distance in (wasserstein_distance, bottleneck_distance):
        with pytest.raises(UserError, match=r"40 bars against 41 in image 1, dimension 0"):
            distance(bars, table([], random_bars(41, 7)))


@pytest.mark.parametrize(("n", "m"), [(40, 5), (5, 40), (30, 30)])
@pytest.mark.parametrize("repeat", [1, 3])
def test_bottleneck_is_the_least_perfect_matching(n, m, repeat):
    """Against the square formulation, bars and places on the diagonal; equal bars included.

    Not against gudhi: 3.13 answers 0.0896 for the finite loops of two random 9 x 8 maps, whose
    distance by trying all 209 matchings is 0.0643.
    """
    first, second = random_bars(n, 8), np.repeat(random_bars(m, 9), repeat, axis=0)
    size = n + len(second)
    cost = np.zeros((size, size))
    cost[:n, : len(second)] = abs(first[:, None] - second[None]).max(2)
    cost[:n, len(second) :] = (first[:, :1] - first[:, 1:]) / 2
    cost[n:, : len(second)] = ((second[:, :1] - second[:, 1:]) / 2).T
    least = min(
        distance
        for distance in np.unique(cost)
        if (maximum_bipartite_matching(csr_array(cost <= distance)) >= 0).all()
    )
    assert bottleneck_distance(table(first), table(second)).item() == pytest.approx(least)


@pytest.mark.parametrize("shape", [(2, 9, 8), (2, 4, 5, 4)])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_agrees_with_gudhi(shape, border):
    """Finite bars against gudhi's optimal transport."""
    pytest.importorskip("gudhi")
    pytest.importorskip("ot", reason="gudhi.wasserstein needs POT")
    from gudhi.wasserstein import wasserstein_distance as peer

    generator = np.random.default_rng(0)
    maps = [generator.random(shape), generator.random(shape)]
    topology = Topology("V", border=border)
    first, second = (compute(x, topology, spatial_dims=len(shape) - 1) for x in maps)

    def finite(bars, image, k):
        rows = (bars.image == image) & (bars.dim == k)
        points = np.stack([bars.death[rows], bars.birth[rows]], axis=1)
        return points[np.isfinite(points).all(1)]

    # the bars with an infinite end differ by these amounts and nothing is nearer to them
    ends = matched_ends(first, second)
    for q, p in EXPONENTS[:3]:
        ours = wasserstein_distance(first, second, order=q, internal_norm=p)
        for image in range(2):
            for k in range(len(shape) - 1):
                points = finite(first, image, k), finite(second, image, k)
                theirs = peer(*points, order=q, internal_p=p) ** q + ends[image][k] ** q
                assert ours[image, k] == pytest.approx(theirs ** (1 / q))


def matched_ends(first, second):
    """How far the finite ends of the bars with one infinite end lie apart; there is one at most."""
    result = np.zeros((first.n_images, len(first.dims)))
    for bars, sign in ((first, 1), (second, -1)):
        birth, death = (np.where(np.isinf(end), 0, end) for end in (bars.birth, bars.death))
        rows = np.isinf(bars.birth) != np.isinf(bars.death)
        np.add.at(result, (bars.image[rows], bars.dim[rows]), sign * (birth + death)[rows])
    return abs(result)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["V", "T"]), st.sampled_from(["plain", "framed"]))
def test_bottleneck_is_stable(seed, construction, border):
    """Diagrams move no further than the values of the image (Cohen-Steiner et al., 2007)."""
    generator = np.random.default_rng(seed)
    f = generator.random((1, 7, 6))
    g = f + 0.2 * generator.standard_normal(f.shape)
    topology = Topology(construction, border=border)
    distance = bottleneck_distance(compute(f, topology), compute(g, topology))
    assert distance.max() <= abs(f - g).max() + 1e-12


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(BARS, max_size=6), min_size=3, max_size=3))
def test_distances_are_metrics(diagrams):
    """Zero to itself, symmetric, and no detour is shorter."""
    a, b, c = map(table, diagrams)
    for distance in (wasserstein_distance, bottleneck_distance):
        assert distance(a, a).item() == pytest.approx(0, abs=1e-12)
        assert distance(a, b).item() == pytest.approx(distance(b, a).item())
        assert distance(a, c).item() <= distance(a, b).item() + distance(b, c).item() + 1e-9


def test_bars_with_an_infinite_end_keep_to_themselves():
    """They are matched in order; where one has no partner nothing finite will do."""
    inf = np.inf
    one = table([(0.9, -inf), (0.4, -inf), (inf, 0.3), (inf, -inf), (0.8, 0.1)])
    two = table([(0.5, -inf), (1.0, -inf), (inf, 0.1), (inf, -inf), (0.8, 0.2)])
    assert wasserstein_distance(one, two, order=1).item() == pytest.approx(0.1 + 0.1 + 0.2 + 0.1)
    assert bottleneck_distance(one, two).item() == pytest.approx(0.2)
    fewer = table([(0.5, -inf), (inf, 0.1), (inf, -inf), (0.8, 0.2)])
    for distance in (wasserstein_distance, bottleneck_distance):
        assert distance(one, fewer).item() == inf
        assert distance(fewer, one).item() == inf


def test_a_batch_is_its_images_and_torch_is_numpy():
    """No image is matched with another, whatever holds the table."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 3, 2, 6, 7, generator=generator)
    y[1] = (y[1] > 0.5).to(y)  # equal bars beside different ones
    first, second = compute(x, spatial_dims=2), compute(y, spatial_dims=2)
    for distance in (wasserstein_distance, bottleneck_distance):
        whole = distance(first, second)
        assert whole.shape == (6, 2)
        np.testing.assert_array_equal(whole, distance(first.numpy(), second.numpy()))
        for i in range(6):
            np.testing.assert_allclose(
                whole[i : i + 1], distance(first.select([i]), second.select([i]))
            )


@pytest.mark.parametrize("images", [0, 2])
def test_without_bars_the_distance_is_0(images):
    """A number for each image, of which there may be none."""
    for distance in (wasserstein_distance, bottleneck_distance):
        empty = table(*[[]] * images)
        np.testing.assert_array_equal(distance(empty, empty), np.zeros((images, 1)))


def test_the_longest_are_matched_with_the_longest():
    """By rank, whatever it costs; the rest of the longer list is left."""
    first = in_torch(table([(0.5, 0.4), (0.9, 0.1), (0.8, 0.2)], [(0.3, 0.1)]))
    second = in_torch(table([(0.6, 0.1), (1.0, 0.0)], []))
    matching = ranked_matching(first, second)
    pairs = sorted(zip(matching.first.tolist(), matching.second.tolist(), strict=True))
    assert pairs == [(1, 1), (2, 0)]
    assert [rows.tolist() for rows in matching.unmatched(first, second)] == [[0, 3], []]


def test_a_custom_gain_is_maximised():
    """`assign` takes any gain, and pairs without one are left alone."""
    first = in_torch(table([(0.5, 0.4), (0.9, 0.1)], [(1.0, 0.0)]))
    second = in_torch(table([(0.6, 0.1), (1.0, 0.0)], [(1.0, 0.0)]))
    gains = np.array([[3.0, 2.0, 9.0], [2.5, 0.5, 9.0], [9.0, 9.0, -1.0]])
    matching = assign(first, second, lambda i, j: gains[np.ix_(i, j)])
    pairs = sorted(zip(matching.first.tolist(), matching.second.tolist(), strict=True))
    assert pairs == [(0, 1), (1, 0)]


def test_distances_are_differentiable():
    """The cost of a fixed matching, and 0 where nothing is to move."""
    x = torch.tensor([[[1.0, 0.0, 0.75, 0.25, 0.5]]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[[1.0, 0.0, 1.0, 0.0, 0.0]]], dtype=torch.float64)
    first, second = compute(x, dims=[0]), compute(y, dims=[0])
    matching = optimal_matching(first, second)
    assert len(infinite_matching(first, second).first) == 1
    total = matched_distances(first, second, matching).square().sum()
    alone, _ = matching.unmatched(first, second)
    total = total + diagonal_distances(first)[alone].square().sum()
    total.backward()
    # (0.75, 0) goes to (1, 0); the bar (0.5, 0.25) to the diagonal; the rest is in place
    assert x.grad.flatten().tolist() == pytest.approx([0, 0, -0.5, -0.25, 0.25])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a, b: wasserstein_distance(a, b, order=0.5), "order.*0.5"),
        (lambda a, b: wasserstein_distance(a, b, order=math.inf), "order.*inf"),
        (lambda a, b: wasserstein_distance(a, b, internal_norm=0), "internal_norm.*0"),
        (lambda a, b: wasserstein_distance(a, table([], [])), "n_images: 1 and 2"),
        (lambda a, b: bottleneck_distance(a, compute(np.ones((1, 2, 2)))), r"dims: \(0,\) and"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    """What is wrong and how much of it."""
    with pytest.raises(UserError, match=words):
        call(table([(1.0, 0.0)]), table([(0.5, 0.0)]))
