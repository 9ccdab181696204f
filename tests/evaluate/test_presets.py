"""Presets: every column exists, files are scored by them, and contradictions are refused."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.evaluate import Options, evaluate, summarise
from topoeval.evaluate.presets import PRESETS, with_preset
from topoeval.metrics import Settings
from topoeval.metrics.catalogue import metric_of
from topoeval.metrics.sheets import vesuvius_scores
from topoeval.topology import Topology


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_scores_that_there_are(name):
    """Each with a direction, and a line that says what was checked."""
    options = with_preset(Options(), name)
    assert all(metric_of(column).direction for column in options.columns)
    first, *_ = PRESETS[name].lines()
    assert "follows the description" in first or "checked against" in first


def test_vesuvius_from_files(tmp_path):
    """Voxels of label 2 in the truth count in neither volume; a missing prediction is empty."""
    rng = np.random.default_rng(0)
    p, g = (rng.random((2, 12, 12, 12)) < 0.3).astype(np.uint8)
    truth = g.copy()
    truth[3:5] = 2
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
    np.save(tmp_path / "p" / "a.npy", p)
    np.save(tmp_path / "g" / "a.npy", truth)
    np.save(tmp_path / "g" / "b.npy", truth)
    found = evaluate(tmp_path / "p", tmp_path / "g", with_preset(Options(), "vesuvius")).cases
    p[3:5] = g[3:5] = 0
    wanted = vesuvius_scores(p > 0, g > 0)
    for name, value in wanted.items():
        assert found[name][0] == pytest.approx(value)
    assert found["vesuvius_surface"][1] == 0
    assert found["vesuvius_exact"][0] == pytest.approx(
        vesuvius_scores(p > 0, g > 0, octants=False)["vesuvius"]
    )


def vessels(tmp_path):
    """Write three vessels: one right, one half found, one missed; and a false one."""
    g = np.zeros((7, 7, 40), np.uint8)
    g[2:5, 2:5, 1:11], g[2:5, 2:5, 11:21], g[2:5, 2:5, 25:35] = 1, 2, 3
    p = g.copy()
    p[p == 3] = 0
    p[2:5, 2:5, 16:21] = 0
    p[2:5, 2:5, 36:39] = 4
    p[3, 3, 9] = 4  # inside vessel 1
    for side, labels in (("p", p), ("g", g)):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", labels)
    return tmp_path / "p", tmp_path / "g"


@pytest.mark.parametrize(("name", "far"), [("topcow24", 90), ("topbrain", 290)])
def test_the_circle_of_willis_by_hand(tmp_path, name, far):
    """Classes of one mask score 0 in overlaps, and the length of the region in HD95."""
    found = evaluate(*vessels(tmp_path), with_preset(Options(), name))
    rows = found.cases.set_index("class")
    classes = rows.loc[["1", "2", "3", "4"]]
    wanted = {
        # 89 of 90 voxels; 45 of 90; none; none
        "dice": [2 * 89 / 179, 2 * 45 / 135, 0, 0],
        "betti_error_0": [0, 0, 1, 2],
        "detection_error": [0, 0, 1, 1],
    }
    for column, values in wanted.items():
        assert classes[column].tolist() == pytest.approx(values), column
    hd95 = classes["topcow_hd95" if name == "topcow24" else "topbrain_hd95"]
    assert hd95.tolist()[2:] == [far, far]
    # of the truth 10 layers, the farthest 5 away: 26 + 4 * 8 voxels and 4 layers more than found
    assert 4 < hd95.tolist()[1] <= 5
    assert classes["cldice_as_thinned"].tolist()[2:] == [0, 0]
    summary = found_means(found)
    assert summary["dice"] == pytest.approx((2 * 89 / 179 + 2 * 45 / 135) / 4)
    assert summary["detection_error"] == 0.5
    if name == "topbrain":
        # 4 touches 1 in the prediction alone; 2 touches 1 in both
        assert classes["invalid_neighbours"].tolist() == [1, 0, 0, 1]


def found_means(found):
    """Return the means of the classes by score."""
    table = summarise(found.cases, averaged=found.classes.averaged)
    return table[table["class"] == "mean of classes"].set_index("metric")["mean"]


def test_class_means_of_several_patients_by_hand(tmp_path):
    """Of each patient over the classes that one mask holds, then over patients, one without any.

    The first has two vessels and lacks the third, the second all three, and the prediction of the
    third has a vessel where there is none. Over all rows of all classes the mean would be another.
    """
    truths = np.zeros((3, 5, 5, 30), np.uint8)
    truths[:2, 1:4, 1:4, 1:9], truths[:2, 1:4, 1:4, 11:19] = 1, 2
    truths[1, 1:4, 1:4, 21:29] = 3
    found = truths.copy()
    found[0, 1:4, 1:4, 5:9] = 0  # half of class 1: Dice 2/3
    found[1, 1:4, 1:4, 21:29] = 0  # all of class 3
    found[1, 1:4, 1:4, 15] = 0  # class 2 in two parts: Dice 14/15, b0 error 1
    found[2, 2, 2, 2] = 3
    for side, volumes in (("p", found), ("g", truths)):
        (tmp_path / side).mkdir()
        for name, volume in zip("abc", volumes, strict=True):
            np.save(tmp_path / side / f"{name}.npy", volume)
    means = found_means(
        evaluate(tmp_path / "p", tmp_path / "g", with_preset(Options(), "topcow24"))
    )
    first, second, third = (2 / 3 + 1) / 2, (1 + 14 / 15 + 0) / 3, 0
    assert means["dice"] == pytest.approx((first + second + third) / 3)
    assert means["betti_error_0"] == pytest.approx((0 + (0 + 1 + 1) / 3 + 1) / 3)
    assert means["detection_error"] == pytest.approx((0 + 1 / 3 + 1) / 3)


def test_neighbours_that_may_touch_can_be_named(tmp_path):
    """The list wins over the truth."""
    options = Options(settings=Settings(neighbours={1: (4,), 2: ()}))
    found = evaluate(*vessels(tmp_path), with_preset(options, "topbrain")).cases
    assert found["invalid_neighbours"].tolist()[:4] == [1, 1, 0, 1]


def test_tolerances_of_classes(tmp_path):
    """NSD of one class within its own distance; a class that is not there is refused."""
    folders = vessels(tmp_path)
    options = Options(columns=("nsd",), classes=("2", "3"), tolerances={"2": 5.0})
    assert evaluate(*folders, options).cases["nsd"].tolist() == [1, 0]
    narrow = Options(columns=("nsd",), classes=("2", "3"))
    assert evaluate(*folders, narrow).cases["nsd"][0] < 1
    with pytest.raises(UserError, match="tolerance for class '7'"):
        evaluate(*folders, Options(columns=("nsd",), tolerances={"7": 1.0}))


def test_what_a_preset_decides_is_not_overruled():
    """Other scores, or another topology."""
    with pytest.raises(UserError, match="leave --metrics away"):
        with_preset(Options(columns=("dice",)), "roads")
    with pytest.raises(UserError, match="--topology"):
        with_preset(Options(settings=Settings(topology=Topology("V"))), "cremi")
    with pytest.raises(UserError, match="no preset 'topcow'"):
        with_preset(Options(), "topcow")
    assert with_preset(Options(settings=Settings(tolerance=5)), "roads").settings.tolerance == 5
