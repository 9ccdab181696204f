"""Presets: every column exists, files are scored by them, and contradictions are refused."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.evaluate import Options, evaluate
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


def test_what_a_preset_decides_is_not_overruled():
    """Other scores, or another topology."""
    with pytest.raises(UserError, match="leave --metrics away"):
        with_preset(Options(columns=("dice",)), "roads")
    with pytest.raises(UserError, match="--topology"):
        with_preset(Options(settings=Settings(topology=Topology("V"))), "cremi")
    with pytest.raises(UserError, match="no preset 'topcow'"):
        with_preset(Options(), "topcow")
    assert with_preset(Options(settings=Settings(tolerance=5)), "roads").settings.tolerance == 5
