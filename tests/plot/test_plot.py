"""Pictures of barcodes: every mark stands where the table says."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.collections import LineCollection
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from topoeval import Topology, UserError
from topoeval.persistence import BACKENDS, compute
from topoeval.plot import plot_barcode, plot_diagram, plot_image, plot_matching
from topoeval.plot.style import COLOURS

RING = np.zeros((1, 5, 5))
RING[0, 1:4, 1:4] = 1.0
RING[0, 2, 2] = 0.25


@pytest.fixture(autouse=True)
def no_screen():
    """Nothing is shown, whatever the machine has."""
    with mpl.rc_context({"backend": "agg"}):
        yield


@pytest.fixture
def ax():
    """Axes of their own, so that no picture draws over another."""
    return Figure().subplots()


def lines(ax):
    """Return (colour, left, right, height) of the horizontal lines."""
    return [
        (collection.get_color()[0], *segment[:, 0], segment[0, 1])
        for collection in ax.collections
        if isinstance(collection, LineCollection)
        for segment in collection.get_segments()
    ]


def marks(ax):
    """Return the points of all scatters of one colour as sets, and the lone markers."""
    points = {}
    for collection in ax.collections:
        if isinstance(collection, LineCollection):
            continue
        colours = collection.get_facecolor() if len(collection.get_facecolor()) else None
        colour = (collection.get_edgecolor() if colours is None else colours)[0]
        dim = next(d for d, known in enumerate(COLOURS) if same_color(known, colour[:3]))
        points.setdefault(dim, []).extend(map(tuple, collection.get_offsets().tolist()))
    return points


def words(ax):
    """Return the texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_bar_runs_from_birth_to_death(ax):
    """The ring: one component that never dies, one hole filled at 0.25; bright first."""
    assert plot_barcode(compute(RING, Topology("T")), ax=ax) is ax
    component, hole = lines(ax)
    assert component[1:3] == (1.0, 0.0)
    assert hole[1:3] == (1.0, 0.25)
    assert same_color(component[0], COLOURS[0])
    assert same_color(hole[0], COLOURS[1])
    assert words(ax) == ["H0 components: 1", "H1 holes: 1"]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]  # the threshold falls from left to right
    [arrow] = ax.get_lines()
    assert (arrow.get_xdata()[0], arrow.get_marker()) == (0.0, ">")


@given(arrays(np.float64, (2, 4, 5), elements=st.floats(2, 9, width=16)), st.integers(0, 1))
@settings(max_examples=25, deadline=None)
def test_all_bars_of_the_image_and_no_others(images, number):
    """The lines are the bars of that image as a multiset, and each has a row of its own."""
    bars = compute(images, Topology("V", "sublevel"))
    ax = plot_barcode(bars, image=number, max_bars=None, ax=Figure().subplots())
    part = bars.select([number])
    finite = np.isfinite(part.death)
    drawn = lines(ax)
    assert len({height for *_, height in drawn}) == len(drawn) == len(part)
    expected = set(zip(part.birth[finite], part.death[finite], strict=True))
    assert expected <= {(left, right) for _, left, right, _ in drawn}


def test_the_longest_are_drawn_and_the_rest_counted(ax):
    """`max_bars` leaves out the shortest of each dimension and says so."""
    bars = compute(np.random.default_rng(0).random((1, 16, 16)))
    plot_barcode(bars, dims=[0], max_bars=3, ax=ax)
    lengths = np.sort(bars.select(dim=0).lengths())[::-1]
    assert [abs(left - right) for _, left, right, _ in lines(ax)] == pytest.approx(lengths[:3])
    assert words(ax) == [f"H0 components: {len(lengths)}, longest 3 drawn"]


def test_a_point_of_the_diagram_is_a_bar(ax):
    """Finite bars at (birth, death); the essential class on the line below all values."""
    rng = np.random.default_rng(1)
    bars = compute(rng.random((1, 8, 8)))
    plot_diagram(bars, ax=ax)
    points = marks(ax)
    for dim in (0, 1):
        part = bars.select(dim=dim)
        finite = np.isfinite(part.death)
        expected = set(zip(part.birth[finite], part.death[finite], strict=True))
        assert expected <= set(points[dim])
        assert len(points[dim]) == len(part)
    [(birth, below)] = set(points[0]) - set(
        zip(bars.birth.tolist(), bars.death.tolist(), strict=True)
    )
    assert birth == bars.birth[bars.essential][0]
    assert below < 0


def test_a_feature_is_drawn_where_it_is(ax):
    """The hole dies at the pixel in the middle; its persistence is written there."""
    plot_image(RING[0], compute(RING, Topology("T")), ax=ax)
    points = marks(ax)
    assert (2.0, 2.0) in points[1]
    assert [text.get_text() for text in ax.texts] == ["1", "0.75"]
    y, x = np.unravel_index(compute(RING, Topology("T")).birth_index, (5, 5))
    assert points[0] == [(x[0], y[0])]


def test_a_mark_is_at_its_column_and_row(ax):
    """The column is the last axis and y the one before, also where the image is not square."""
    image = np.zeros((3, 7))
    image[2, 5] = 1.0
    plot_image(image, compute(image[None]), ax=ax)
    assert marks(ax)[0] == [(5.0, 2.0)]


def test_a_slice_shows_what_lies_in_it():
    """Births and deaths of other slices are left out, and the counts say what is drawn."""
    volume = np.zeros((4, 6, 5))
    volume[0, 1, 1], volume[3, 4, 2] = 1.0, 0.5
    bars = compute(volume[None], Topology("T"), spatial_dims=3)
    first, last = (
        plot_image(volume, bars, index=index, ax=Figure().subplots()) for index in (0, 3)
    )
    assert marks(first)[0] == [(1.0, 1.0)]
    assert (2.0, 4.0) in marks(last)[0]
    assert words(first)[0] == "H0 components: 1"
    with pytest.raises(UserError, match="no slice 4 in a volume of 4"):
        plot_image(volume, bars, index=4)


def test_matched_bars_share_a_row_and_others_are_grey(ax):
    """Both bars of a pair in the colour of their dimension; those without partner in grey."""
    rng = np.random.default_rng(2)
    first, second = (compute(rng.random((1, 6, 6)), dims=[0]) for _ in range(2))
    plot_matching(first, second, [[0, 1], [2, 0]], max_bars=None, ax=ax)
    drawn = lines(ax)
    coloured = [line for line in drawn if same_color(line[0][:3], COLOURS[0])]
    assert len(coloured) == 4
    assert len(drawn) == len(first) + len(second)
    ends = {tuple(line[1:3]) for line in coloured}
    clipped = lambda bars, row: (bars.birth[row], max(bars.death[row], 0.0))  # noqa: E731
    assert ends == {clipped(first, 0), clipped(second, 1), clipped(first, 2), clipped(second, 0)}
    assert words(ax)[-1] == (
        f"unmatched: {len(first) - 2} of prediction, {len(second) - 2} of target"
    )


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([[0, 99]], "row 99 of target"),
        ([[-1, 0]], "row -1 of prediction"),
        ([[0, 0], [0, 1]], "a bar of prediction twice"),
        ([[0, -1]], "row -1 of target"),
        ([[0.0, 1.0]], "must be integers"),
        ([0, 1], r"shape \(n, 2\)"),
    ],
)
def test_pairs_that_are_no_matching(pairs, words):
    """One line that names the row."""
    bars = compute(np.random.default_rng(0).random((1, 6, 6)))
    with pytest.raises(UserError, match=words):
        plot_matching(bars, bars, pairs)


def test_pairs_across_dimensions():
    """A component is never matched to a hole."""
    bars = compute(RING)
    with pytest.raises(UserError, match="different dimensions"):
        plot_matching(bars, bars, [[0, 1], [1, 0]])
    assert plot_matching(bars, bars, []).get_legend()


def test_a_matching_is_of_two_images():
    """A batch has no rows that a pair could mean."""
    bars = compute(np.random.default_rng(0).random((2, 4, 4)))
    with pytest.raises(UserError, match=r"target holds 2 images; .*select\(\[number\]\)"):
        plot_matching(bars.select([0]), bars, [])


def test_values_without_voxels_have_no_place(ax):
    """The bars of such a backend can be drawn, but not in the image."""
    backend = next(
        (name for name in BACKENDS.available() if not BACKENDS.load(name).info.gives_locations),
        None,
    )
    if backend is None:
        pytest.skip("no backend of values only is installed")
    bars = compute(RING, dims=[0], backend=backend)
    assert plot_barcode(bars, ax=ax).get_legend()
    with pytest.raises(UserError, match="values without voxels"):
        plot_image(RING[0], bars, ax=ax)


def test_tensors_with_gradients_on_their_way(ax):
    """What a training loop holds can be drawn as it is, also in half precision."""
    x = torch.tensor(RING, dtype=torch.bfloat16, requires_grad=True)
    plot_barcode(compute(x * 1.0), ax=ax)
    assert [line[1:3] for line in lines(ax)] == [(1.0, 0.0), (1.0, 0.25)]


def test_a_frame_is_born_at_infinity(ax):
    """The component of the frame comes in from the left edge, and leaves by the right one."""
    plot_barcode(compute(RING, Topology("T", border="framed")), dims=[0], ax=ax)
    arrows = {(line.get_xdata()[0], line.get_marker()) for line in ax.get_lines()}
    assert {(1.0, "<"), (0.0, ">")} <= arrows


@pytest.mark.parametrize("draw", [plot_barcode, plot_diagram])
def test_what_is_not_there(draw):
    """No image and no dimension beyond those of the bars."""
    bars = compute(RING, dims=[0])
    with pytest.raises(UserError, match="no image 1 in a batch of 1"):
        draw(bars, image=1)
    with pytest.raises(UserError, match="dimension 1 was not computed"):
        draw(bars, dims=[1])


def test_the_picture_must_be_the_one_of_the_bars():
    """A crop would show the marks in wrong places."""
    with pytest.raises(UserError, match=r"shape \(4, 5\).*\(5, 5\)"):
        plot_image(RING[0, 1:], compute(RING))


def test_a_constant_image_has_one_bar(ax):
    """Nothing divides by its range of zero."""
    bars = compute(np.full((1, 3, 3), 7.0), Topology("V", "sublevel"))
    plot_barcode(bars, ax=ax)
    assert len(lines(ax)) == 1
    plot_image(np.full((3, 3), 7.0), bars, ax=Figure().subplots())
