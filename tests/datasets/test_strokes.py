"""Strokes: topology by design, content that depends on nothing but its name."""

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from topoeval.datasets.digit_task import DIGIT_PRIORS, measured_betti
from topoeval.datasets.randomness import stream
from topoeval.datasets.strokes import Strokes, _ink, draw_digit
from topoeval.errors import UserError
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology

# Sums and means over the first ten test images of revision 1.
LABELS = [9, 3, 2, 4, 5, 1, 8, 6, 7, 0]
INK = [116.6, 81.2, 123.1, 86.1, 110.6, 78.2, 145.6, 103.2, 98.0, 130.2]
BRIGHTNESS = [0.2102, 0.1731, 0.2908, 0.1423, 0.2295, 0.2608, 0.2597, 0.2733, 0.2588, 0.3322]


def images(dataset):
    """Return all images as one array."""
    return np.stack([sample.image for sample in dataset])


def targets(dataset):
    """Return all targets as one array."""
    return np.stack([sample.target for sample in dataset])


@pytest.mark.parametrize(
    "params",
    [{}, {"side": 20}, {"side": 45}, {"pen": 0.085, "wobble": 0.05}],
    ids=["default", "coarse", "fine", "often rejected"],
)
def test_every_mask_has_the_designed_topology(params):
    """Stored, measured and designed Betti numbers are one, whatever the construction."""
    side = params.get("side", 28)
    for sample in Strokes("train", 100, seed=1, **params):
        assert sample.target.shape == (1, side, side)
        assert sample.prior == DIGIT_PRIORS[sample.label]
        for name in "VT":
            measured = tuple(betti_numbers(sample.target[0] >= 0.5, Topology(name)))
            assert measured == sample.betti[name] == sample.prior


@pytest.mark.parametrize("label", range(10))
def test_most_drawings_are_accepted_at_once(label):
    """Redrawing is the exception, so it hardly bends the distribution of shapes."""
    accepted = 0
    for trial in range(60):
        rng = stream("acceptance", label, trial)
        betti = measured_betti(draw_digit(label, rng, side=28, pen=0.06, wobble=0.02))
        accepted += betti["V"] == betti["T"] == DIGIT_PRIORS[label]
    assert accepted >= 52


def test_target_is_the_share_of_ink():
    """Partial volume in ninths: the grid is three times finer in each direction."""
    ninths = targets(Strokes("test", 10)) * 9
    np.testing.assert_allclose(ninths, ninths.round(), atol=1e-5)
    assert len(np.unique(ninths.round())) == 10


def test_ink_lies_within_the_pen_of_a_horizontal_line():
    """The inked area of one straight stroke is that of a stadium."""
    radius = 0.08
    ink = _ink(np.array([[0.31, 0.52]]), np.array([[0.71, 0.52]]), radius, 100)
    area = 0.4 * 2 * radius + np.pi * radius**2
    assert ink.sum() / 100**2 == pytest.approx(area, rel=0.005)


@pytest.mark.parametrize("split", ["train", "test"])
def test_classes_are_balanced(split):
    """Each ten consecutive samples are the ten digits, not always in one order."""
    labels = [sample.label for sample in Strokes(split, 30)]
    assert set(Counter(labels).values()) == {3}
    assert len({tuple(labels[k : k + 10]) for k in (0, 10, 20)}) == 3


@pytest.mark.parametrize("split", ["train", "unlabelled", "val"])
def test_seed_draws_the_splits_for_training(split):
    """Another seed, other digits under other names."""
    first, second = Strokes(split, 5, seed=0), Strokes(split, 5, seed=1)
    assert not {s.case for s in first} & {s.case for s in second}
    assert not any(
        np.array_equal(a, b) for a, b in zip(targets(first), targets(second), strict=True)
    )


@pytest.mark.parametrize("split", ["test", "judge"])
def test_seed_leaves_scored_splits_alone(split):
    """All runs are scored on the same images."""
    first, second = Strokes(split, 5, seed=0), Strokes(split, 5, seed=7)
    assert [s.case for s in first] == [s.case for s in second]
    np.testing.assert_array_equal(images(first), images(second))


def test_splits_share_no_image():
    """No drawing occurs twice, within a split or between splits."""
    drawn = np.concatenate([targets(Strokes(split, 20)) for split in Strokes.info.splits])
    assert len(np.unique(drawn, axis=0)) == len(drawn)


def test_size_changes_no_sample():
    """A larger split begins with the smaller one."""
    np.testing.assert_array_equal(images(Strokes("train", 25))[:7], images(Strokes("train", 7)))


@pytest.mark.parametrize("param", [{"lines": 2}, {"noise": 0.1}])
def test_a_knob_of_the_damage_leaves_the_digit_alone(param):
    """One nuisance is changed at a time."""
    plain, changed = Strokes("test", 5), Strokes("test", 5, **param)
    np.testing.assert_array_equal(targets(plain), targets(changed))
    assert not np.allclose(images(plain), images(changed))


def test_a_thicker_pen_leaves_more_ink():
    """The pen is the width of the strokes."""
    amounts = [targets(Strokes("test", 20, pen=pen)).mean() for pen in (0.04, 0.06, 0.08)]
    assert amounts == sorted(amounts)
    assert amounts[2] > 1.5 * amounts[0]


def test_noise_has_its_standard_deviation():
    """Measured where clipping cannot bite."""
    clean, noisy = images(Strokes("test", 20)), images(Strokes("test", 20, noise=0.05))
    middle = (clean > 0.3) & (clean < 0.7)
    assert (noisy - clean)[middle].std() == pytest.approx(0.05, rel=0.1)
    assert noisy.min() >= 0
    assert noisy.max() <= 1


def test_judge_sees_clean_digits():
    """The judge learns to read, not to restore."""
    sample = Strokes("judge", 1)[0]
    np.testing.assert_array_equal(sample.image, sample.target)


def test_no_drawing_is_symmetric():
    """Thinning loses bars that are symmetric on the grid; no digit may offer one."""
    for sample in Strokes("test", 20):
        mask = sample.target[0] >= 0.5
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert not np.array_equal(box, box[:, ::-1])
        assert not np.array_equal(box, box[::-1])


def test_another_process_draws_the_same_bits():
    """Hash randomisation and import order play no part."""
    code = (
        "import hashlib, sys; from topoeval.datasets.strokes import Strokes; d = hashlib.sha256()\n"
        "for s in Strokes('train', 10, seed=4, noise=0.1): d.update(s.image.tobytes())\n"
        "sys.stdout.write(d.hexdigest())"
    )
    theirs = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    ours = hashlib.sha256(images(Strokes("train", 10, seed=4, noise=0.1)).tobytes()).hexdigest()
    assert theirs.stdout == ours


def test_content_belongs_to_the_revision():
    """If these numbers must change, so must `Strokes.info.revision`."""
    assert Strokes.info.revision == "1"
    dataset = Strokes("test", 10)
    assert [sample.label for sample in dataset] == LABELS
    np.testing.assert_allclose(targets(dataset).sum(axis=(1, 2, 3)), INK, atol=0.5)
    np.testing.assert_allclose(images(dataset).mean(axis=(1, 2, 3)), BRIGHTNESS, atol=1e-3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"split": "trian"}, "no split 'trian'; did you mean 'train'"),
        ({"size": 0}, "size .* got 0"),
        ({"size": 2.5}, "size .* got 2.5"),
        ({"seed": -1}, "seed .* got -1"),
        ({"side": 8}, "side .* got 8"),
        ({"lines": 29}, "lines .* 0 to 28, got 29"),
        ({"lines": True}, "lines .* got True"),
        ({"pen": 0.5}, "pen .* got 0.5"),
        ({"pen": float("nan")}, "pen .* got nan"),
        ({"wobble": "a"}, "wobble .* got 'a'"),
        ({"noise": -0.1}, "noise .* got -0.1"),
    ],
)
def test_refuses_parameters_out_of_range(params, message):
    """The message names the parameter, the range and the value."""
    given = {"split": "train", "size": 1} | params
    with pytest.raises(UserError, match=message):
        Strokes(**given)


def test_a_pen_that_fills_every_loop_is_an_error():
    """No endless search for a drawing that cannot be."""
    with pytest.raises(UserError, match=r"pen=0\.2"):
        list(Strokes("test", 10, pen=0.2))


def test_index_out_of_range():
    """Iteration by index ends where the dataset does."""
    dataset = Strokes("test", 3)
    assert dataset[-1].case == dataset[2].case
    with pytest.raises(IndexError):
        dataset[3]


def test_presets_damage_more_and_more():
    """Medium is the default; lost lines grow, and the shifted test is noisier than all presets."""
    far = {
        difficulty: np.abs(images(d) - targets(d)).mean()
        for difficulty in ("easy", "medium", "hard")
        for d in [Strokes("test", 20, difficulty=difficulty)]
    }
    assert far["easy"] < far["medium"] < far["hard"]
    np.testing.assert_array_equal(
        images(Strokes("test", 5, difficulty="medium")), images(Strokes("test", 5))
    )
    assert Strokes.shift["noise"] > max(preset["noise"] for preset in Strokes.presets.values())
    assert Strokes("shifted", 1, noise=0.01).noise == Strokes.shift["noise"]


@pytest.mark.parametrize("kind", ["gaps", "specks", "dilation"])
def test_noisy_labels_keep_the_clean_ones_beside_them(kind):
    """Only training targets are wrong; images, and tests, are as they were."""
    for a, b in zip(Strokes("train", 5), Strokes("train", 5, label_noise=kind), strict=True):
        np.testing.assert_array_equal(a.target, b.clean)
        np.testing.assert_array_equal(a.image, b.image)
        mask = b.target >= 0.5
        assert not np.array_equal(mask, a.target >= 0.5)
        assert b.betti == measured_betti(b.target[0])
    np.testing.assert_array_equal(
        targets(Strokes("test", 3)), targets(Strokes("test", 3, label_noise=kind))
    )
