"""Planning: identities, parents before children, and names checked before anything runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from topoeval import UserError, datasets
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import preflight
from topoeval.harness.runs import answers
from topoeval.harness.runs.executors import Inline
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.catalogue import load_method, load_suite, method_names, suite_names
from topoeval.harness.suites.toml import parse
from topoeval.metrics import dice
from topoeval.records.canonical import canonical_json
from topoeval.records.parts import Method
from topoeval.records.spec import RunSpec


def changed(suite_file, old, new):
    """The suite with one piece of text replaced."""
    text = suite_file.read_text()
    assert old in text
    suite_file.write_text(text.replace(old, new))
    return load_suite(str(suite_file))


def test_parents_come_first_and_shared_runs_once(suite_file):
    """One judge, one start, one network for two corrections of it."""
    runs = plan(load_suite(str(suite_file)))
    names = [run.method.name for run in runs]
    corrections = ["betti_prior_post", "largest_component"]
    trained = ["betti_prior_semi", "cross_entropy", "start"]
    assert sorted(names) == sorted([*corrections, *trained, "judge"])
    seen = set()
    for run in runs:
        assert set(run.parents.values()) <= seen
        seen.add(run.id)
    by_name = {run.method.name: run for run in runs}
    for corrected in ("betti_prior_post", "largest_component"):
        assert by_name[corrected].parents["start"] == by_name["cross_entropy"].id


def test_a_specification_is_fully_resolved_and_survives_json(suite_file):
    """Nothing is left to a default that a later version could change."""
    for run in plan(load_suite(str(suite_file))):
        again = RunSpec.model_validate_json(canonical_json(run))
        assert again == run
        assert again.id == run.id
        assert "auto" not in json.loads(canonical_json(run)).values()
        assert run.dataset.revision


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ('title = "Tiny"', 'title = "Other"', False),
        ("[limits]", "[limits]", False),
        ("epochs = 2", "epochs = 3", True),
        ("steps = 3", "steps = 4", True),
        ("seeds = [0]", "seeds = [1]", True),
        ("test = 10", "test = 11", True),
        ("seeds = [0]", 'seeds = [0]\ntopology = "V"', True),
    ],
)
def test_identity_is_what_decides_the_result(suite_file, old, new, changes):
    """Titles and limits are not part of a run; budgets, seeds, data and topology are."""
    suite_file.write_text(suite_file.read_text() + "\n[limits]\ntimeout_s = 60\n")
    before = {run.method.name: run.id for run in plan(load_suite(str(suite_file)))}
    after = {run.method.name: run.id for run in plan(changed(suite_file, old, new))}
    assert (before["betti_prior_post"] != after["betti_prior_post"]) == changes


def test_a_change_of_the_start_changes_all_that_builds_on_it(suite_file):
    """The identities of parents are part of a run's own."""
    before = {run.method.name: run.id for run in plan(load_suite(str(suite_file)))}
    after = {
        run.method.name: run.id for run in plan(changed(suite_file, "epochs = 3", "epochs = 4"))
    }
    assert before["judge"] == after["judge"]
    assert all(before[name] != after[name] for name in before if name != "judge")


def test_the_same_seed_pairs_all_methods(suite_file):
    """Same first weights and same batches whatever the method."""
    runs = [run for run in plan(load_suite(str(suite_file))) if run.task == "restore"]
    assert len({run.derived_seed("weights") for run in runs}) == 1
    assert len({run.derived_seed("batches of method") for run in runs}) == 1
    other = runs[0].model_copy(update={"seed": 7})
    assert other.derived_seed("weights") != runs[0].derived_seed("weights")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"cross_entropy",', '"cross_entrpy",', "unknown method 'cross_entrpy'.*'cross_entropy'"),
        ("seeds =", "seds =", "unknown key 'seds'; did you mean 'seeds'"),
        ("batch_size = 8\nunl", "batchsize = 8\nunl", "'training.batchsize'.*'batch_size'"),
        ("epochs = 3,", "epoch = 3,", "'start.training.epoch'; did you mean 'epochs'"),
        ("sizes =", "size =", "'dataset.0.size'; did you mean 'sizes'"),
        ("seeds = [0]", "seeds = []", "seeds: .*at least 1"),
        ("epochs = 2", "epochs = -2", r"training.epochs: .*greater than or equal to 0 \(got -2\)"),
        ('name = "strokes"', 'name = "stroks"', "unknown dataset 'stroks'; did you mean 'strokes'"),
        (
            "override.betti_prior_post",
            "override.betti_prior_pst",
            "did you mean 'betti_prior_post'",
        ),
        ("steps = 3", "step = 3", "override of method 'betti_prior_post'.*did you mean 'steps'"),
        ("seeds = [0]", 'seeds = [0]\nbackend = "gudih"', "did you mean 'gudhi'"),
        ("seeds = [0]", 'seeds = [0]\nreference = "dice_ce"', "reference 'dice_ce' is not among"),
        ("seeds = [0]", 'seeds = [0]\ntopology = "W"', "construction must be one of V, T"),
        ("schema = 1", "schema = 2", "schema: .*less than or equal to 1"),
        ("seeds = [0]", "seeds = [0", "not valid TOML"),
    ],
)
def test_a_mistake_in_a_suite_is_one_line_with_the_nearest_name(suite_file, old, new, words):
    """Found while planning, before any run begins."""
    with pytest.raises(UserError, match=words) as caught:
        plan(changed(suite_file, old, new))
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path):
    """A path that is not there, a name that is not known."""
    with pytest.raises(UserError, match=r"nowhere\.toml: cannot be read"):
        load_suite(str(tmp_path / "nowhere.toml"))
    with pytest.raises(UserError, match="did you mean 'quickstart'"):
        load_suite("quikstart")


@pytest.mark.parametrize("name", method_names())
def test_every_baseline_folder_is_whole(name):
    """A method has its TOML and a README that says paper, licence and deviations."""
    from topoeval.harness.suites.catalogue import baselines_folder

    assert load_method(name).title
    readme = (baselines_folder() / name / "README.md").read_text()
    for heading in ("## Source", "## Licence", "## Deviations"):
        assert heading in readme


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_can_be_planned(name, monkeypatch):
    """The names in the suites we ship are all known; their files need not be here for that."""
    monkeypatch.setattr(datasets, "resolve", datasets.info)
    assert len(plan(load_suite(name))) > len(load_suite(name).methods)


def test_committed_records_still_have_the_identity_of_their_specification():
    """A younger field of a method is not in the identity of a run that does not use it."""
    for path in sorted((Path(__file__).parents[3] / "results").glob("*/records/*.json")):
        record = json.loads(path.read_text())
        assert RunSpec.model_validate(record["spec"]).id == record["id"] == path.stem


def test_a_loss_has_a_weight_or_a_gradient_ratio():
    """Both at once, or a ratio to nothing, are mistakes of one line."""
    method = {"name": "m", "title": "M", "regime": "supervised"}
    plain, relative = {"name": "dice"}, {"name": "cldice", "gradient_ratio": 0.5}
    parsed = parse({**method, "losses": [plain, relative]}, Method, "m")
    assert parsed.losses[1].gradient_ratio == 0.5
    assert Method.model_validate_json(parsed.model_dump_json()) == parsed
    with pytest.raises(UserError, match="weight or gradient_ratio, not both"):
        parse({**method, "losses": [plain, {**relative, "weight": 2.0}]}, Method, "m")
    with pytest.raises(UserError, match="no loss with a weight to compare"):
        parse({**method, "losses": [relative]}, Method, "m")


@pytest.fixture
def own_images(tmp_path):
    """Write two folders of images and labels; return a function that moves them."""
    rng = np.random.default_rng(0)
    for k in range(8):
        for place in ("images", "labels"):
            (tmp_path / "one" / place).mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 2, (16, 16), dtype=np.uint8) * 255
            np.save(tmp_path / "one" / place / f"{k}.npy", values)
    return tmp_path / "one"


def own(suite_file, folder):
    """Return the tiny suite on the user's own images."""
    text = suite_file.read_text()
    text = text[: text.index("[[dataset]]")].replace('"betti_prior_semi", "betti_prior_post", ', "")
    text = text.replace("[override.betti_prior_post.adaptation]\nsteps = 3\n", "")
    text = text.replace("[auxiliary.judge]\nepochs = 1\n", "")
    text += f"""
[[dataset]]
name = "folder"
params = {{ images = "{folder}/images", labels = "{folder}/labels", labelled = 1.0 }}
"""
    path = suite_file.with_name("own.toml")
    path.write_text(text)
    return load_suite(str(path))


def test_identity_of_own_images_is_their_content_not_their_place(suite_file, own_images):
    """Moved, the runs are the same; one voxel changed, they are others."""
    before = [run.id for run in plan(own(suite_file, own_images))]
    moved = own_images.rename(own_images.with_name("two"))
    runs = plan(own(suite_file, moved))
    assert [run.id for run in runs] == before
    assert runs[0].dataset.paths["images"] == str(moved / "images")
    assert "images" not in runs[0].dataset.params
    label = moved / "labels" / "3.npy"
    values = np.load(label)
    values[0, 0] = 255 - values[0, 0]
    np.save(label, values)
    assert not set(before) & {run.id for run in plan(own(suite_file, moved))}


def test_own_images_run_from_folder_to_records(suite_file, own_images, tmp_path):
    """Every run ends well, and no record tells where the files were."""
    suite = own(suite_file, own_images)
    runs = plan(suite)
    preflight(suite, runs)
    store = Store(tmp_path / "results", suite.name)
    tally = sweep(runs, store, Inline(), suite.limits)
    assert tally.failed == []
    for run in runs:
        record = store.read(run.id)
        assert len(record.cases["dice"]) == 2
        assert str(own_images) not in store.record_path(run.id).read_text()


def test_a_loss_without_the_prior_it_needs_is_found_before_the_first_run(suite_file, own_images):
    """The dataset states no Betti numbers, and the message says so."""
    suite = own(suite_file, own_images)
    suite = suite.model_copy(update={"methods": ("cross_entropy", "betti_prior")})
    with pytest.raises(UserError, match=r"betti_prior.* needs a Betti prior"):
        preflight(suite, plan(suite))


def test_voxels_to_ignore_count_in_no_score(suite_file, own_images, tmp_path):
    """The kept predictions are background there, and Dice is that of the rest (issue 17)."""
    for path in sorted((own_images / "labels").iterdir()):
        label = np.load(path) // 255 * np.uint8(2)
        label[10:] = 7
        np.save(path, label)
    own(suite_file, own_images)
    path = suite_file.with_name("own.toml")
    suite = changed(path, "labelled = 1.0", "labelled = 1.0, ignore = [7]")
    runs = plan(suite)
    preflight(suite, runs)
    store = Store(tmp_path / "results", suite.name)
    assert sweep(runs, store, Inline(), suite.limits).failed == []
    for run in runs:
        cases = store.read(run.id).cases
        kept = answers.read(store.answers(run.id))["test"]
        for case, maps, score in zip(cases["case"], kept.probabilities, cases["dice"], strict=True):
            truth = np.load(own_images / "labels" / f"{case}.npy") == 2
            assert not maps[0, 10:].any()
            assert score == pytest.approx(float(dice(maps[0] >= 0.5, truth)), abs=1e-6)
