"""What the command and the functions refuse: in one line, before anything is written."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from topoeval.cli import app
from topoeval.errors import UserError
from topoeval.repair import Options, repair, repair_classes, repair_labels


def ring(shape=(20, 20)):
    """A ring and a dot."""
    mask = np.zeros(shape, np.uint8)
    mask[4:12, 4:12] = 1
    mask[7:9, 7:9] = 0
    mask[16, 16] = 1
    return mask


def run(*arguments):
    return CliRunner().invoke(app, ["repair", *map(str, arguments)])


@pytest.mark.parametrize("option", [["--evidence", 0.1], ["--limit", 1], ["--settle"]])
def test_options_of_probabilities_are_refused_for_labels(tmp_path, option):
    """Of every file, so nothing is begun; an nnU-Net's label maps without a softmax, too."""
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", ring())
    command = (tmp_path / "in", "--betti", "1,0", *option, "--out", tmp_path / "out")
    said = str(run(*command).exception)
    assert said.startswith(f"{option[0]} needs probabilities")
    assert "a.npy is read as labels" in said
    names = {"labels": {"background": 0, "lv": 1}, "file_ending": ".npy"}
    (tmp_path / "in" / "dataset.json").write_text(json.dumps(names))
    assert f"{option[0]} needs probabilities" in str(run(*command).exception)
    assert not (tmp_path / "out").exists()


def test_a_map_that_is_stretched_is_not_settled(tmp_path):
    """What another threshold than 0.5 makes of a calibrated map is not calibrated."""
    np.save(tmp_path / "a.npy", np.where(ring(), 0.9, 0.1))
    command = (tmp_path / "a.npy", "--betti", "1,0", "--settle", "--out", tmp_path / "out")
    said = str(run(*command, "--threshold", 0.4).exception)
    assert said.startswith("--settle takes probabilities as they are, and --threshold 0.4 stretch")
    assert not (tmp_path / "out").exists()
    assert run(*command, "--threshold", 0.5).exit_code == 0


def test_numbers_of_no_class_are_refused(tmp_path):
    """Masks of zeros alone have no class: nothing was repaired, and nothing was met."""
    np.save(tmp_path / "a.npy", 0 * ring())
    done = run(tmp_path / "a.npy", "--betti", "1,0", "--out", tmp_path / "out")
    assert "--betti 1,0 is wanted of no class: every voxel of the files is 0" in str(done.exception)
    assert not (tmp_path / "out").exists()
    # beside a file that holds one, a component is created
    np.save(tmp_path / "b.npy", ring())
    both = (tmp_path / "a.npy", tmp_path / "b.npy")
    assert run(*both, "--betti", "1,0", "--out", tmp_path / "out").exit_code == 0
    assert np.load(tmp_path / "out" / "a.npy").any()
    # no component is what it has
    none = run(tmp_path / "a.npy", "--betti", "0,0", "--out", tmp_path / "none")
    assert none.exit_code == 0, none.output
    assert not np.load(tmp_path / "none" / "a.npy").any()


@pytest.mark.parametrize("place", ["in/a.npy", "out", "out/a.npy"])
def test_a_report_takes_no_place_of_another_file(tmp_path, place):
    """Neither of one that is read nor of one that is written."""
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", ring())
    done = run(
        tmp_path / "in", "--betti", "1,0", "--out", tmp_path / "out", "--report", tmp_path / place
    )  # fmt: skip
    assert f"--report {tmp_path / place} is" in str(done.exception)
    np.testing.assert_array_equal(np.load(tmp_path / "in" / "a.npy"), ring())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--betti", "2,0", "--keep", 1], "--keep 1 leaves fewer components than --betti 2,0"),
        (["--betti", "1,0", "--ignore", 0], "--ignore 0 is background"),
        (["--min-size", 10**30], "min_size must be a whole number from 0 to"),
        (["--betti", "1,0", "--max-change", 10**30], "max_change must be a whole number"),
        (["--betti", "1,0", "--only", "banana"], "unknown kind of edit 'banana'; known: bridge"),
    ],
)
def test_what_contradicts_itself_or_is_out_of_range(tmp_path, arguments, message):
    np.save(tmp_path / "a.npy", ring())
    done = run(tmp_path / "a.npy", "--out", tmp_path / "out", *arguments)
    assert message in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_number_that_no_integer_holds(tmp_path):
    np.save(tmp_path / "a.npy", ring())
    done = run(tmp_path / "a.npy", "--betti", f"{10**20},0", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "a.npy: Betti numbers are whole, not negative and at most" in done.output.replace(
        "\n", " "
    )


def test_no_numbers_are_met_where_none_are_wanted(tmp_path):
    np.save(tmp_path / "a.npy", ring())
    done = run(tmp_path / "a.npy", "--min-size", 2, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "1 files written" in done.output
    assert "numbers met" not in done.output


@pytest.mark.parametrize(
    "options",
    [
        {"min_size": 2.5},
        {"keep": -1},
        {"max_change": np.inf},
        {"evidence": "0.1"},
        {"width": np.nan},
        {"limit": "1"},
    ],
)
def test_options_have_types_and_ranges(options):
    (name,) = options
    with pytest.raises(UserError, match=f"{name} must"):
        Options(**options)


def test_kinds_are_kept_in_one_order():
    """A set has none, and an iterator is read once: what decides a repair is written down."""
    kinds = ("delete", "fill")
    for given in (["fill", "delete"], {"fill", "delete"}, iter(kinds)):
        assert Options(only=given).only == kinds


@pytest.mark.parametrize(
    "wanted", ["1,0", 1, {0: 1}, (), (1,), (-1, 0), (np.nan, 0), (10**30, 0), (1.5, 0), ("a", 0)]
)
def test_wanted_numbers_are_whole(wanted):
    with pytest.raises(UserError, match=r"wanted must hold 2|are whole"):
        repair(ring() > 0, wanted)


def test_hidden_values_are_refused():
    """`np.asarray` would show them."""
    image = np.where(ring(), 0.9, 0.1)
    hidden = np.ma.masked_array(image, ring() > 0)
    with pytest.raises(UserError, match="a masked array hides voxels"):
        repair(hidden, (1, 0))
    with pytest.raises(UserError, match="a masked array hides voxels"):
        repair_labels(np.ma.masked_array(ring(), ring() > 0), {1: (1, 0)})
    assert repair(np.ma.masked_array(image), (1, 0)).met


def test_locked_voxels_are_a_mask():
    """Of a map, all voxels but those of 0 would be locked."""
    image = np.where(ring(), 0.9, 0.1)
    for call in (
        lambda: repair(image, (1, 0), locked=image),
        lambda: repair_labels(ring(), {1: (1, 0)}, locked=image),
    ):
        with pytest.raises(UserError, match="locked must be boolean"):
            call()
    assert repair(image, (1, 0), locked=0 * ring()).met


@pytest.mark.parametrize("scale", [3.0, -1.0, np.nan, np.inf])
def test_a_softmax_lies_between_0_and_1(scale):
    one = np.where(ring(), 0.9, 0.1)
    with pytest.raises(UserError, match="probabilities must lie in"):
        repair_classes(np.stack([1 - one, one]) * scale, {1: (1, 0)})


@pytest.mark.parametrize(
    ("label", "message"), [(300, "does not fit"), ("1", "whole numbers"), (0, "is no class")]
)
def test_labels_that_are_none(label, message):
    with pytest.raises(UserError, match=message):
        repair_labels(ring(), {label: (1, 0)})
