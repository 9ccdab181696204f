"""Methods that average over mirrored or shifted views, and what corrects their answers."""

import numpy as np
import pytest

from tests.harness.runs.toy import finished, suite_text
from topoeval.errors import UserError
from topoeval.harness.runs import answers
from topoeval.harness.suites.parameters import tells_prior
from topoeval.harness.suites.toml import parse
from topoeval.records.canonical import canonical_json
from topoeval.records.parts import Method

SUITE = suite_text(
    "views",
    """
metrics = ["dice", "matches_prior", "mse"]
seeds = [0]
methods = [
  "cross_entropy",
  "cross_entropy[flips=true]",
  "cross_entropy[shifts=true]",
  "cross_entropy[flips=true, shifts=true]",
  "mean_of_flips",
  "mean_of_shifts",
  "mean_of_shifts[flips=true]",
  "edit",
  "edit[flips=true]",
  "edit[shifts=true]",
  "edit[flips=true, shifts=true]",
  "betti_prior_post[learning_rate=1e-12]",
  "betti_prior_post[learning_rate=1e-12, flips=true]",
  "betti_prior_post[learning_rate=1e-12, shifts=true]",
  "betti_prior_post[learning_rate=1e-12, flips=true, shifts=true]",
  "betti_prior_post_edit[learning_rate=1e-12, flips=true]",
  "betti_prior_post_edit[learning_rate=1e-12, shifts=true]",
]
""",
    """
[override.betti_prior_post.adaptation]
steps = 2

[override.betti_prior_post_edit.adaptation]
steps = 2

[[dataset]]
name = "strokes"
sizes = { train = 16, test = 6 }
""",
    epochs=3,
)


# the mean alone of a finished network, and what is said of every other method for the same mean
MEANS = {
    "mean_of_flips": "flips=true",
    "mean_of_shifts": "shifts=true",
    "mean_of_shifts[flips=true]": "flips=true, shifts=true",
}
each_mean = pytest.mark.parametrize(("mean", "said"), MEANS.items())


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """All runs by label, and a function from a label to what was predicted."""
    store, runs = finished(tmp_path_factory.mktemp("views"), SUITE)
    by_label = {run.method.label: run for run in runs}

    def predicted(label):
        kept = answers.read(store.answers(by_label[label].id))["test"]
        assert not kept.masks_only
        return kept.probabilities

    return by_label, predicted, store


@each_mean
def test_the_mean_of_a_finished_network_is_that_of_its_training(swept, mean, said):
    """Two ways to ask for the same mean; without it the answer is another one."""
    _, predicted, _ = swept
    found = predicted(mean)
    np.testing.assert_allclose(found, predicted(f"cross_entropy[{said}]"), atol=1e-6)
    others = ["cross_entropy", *(other for other in MEANS if other != mean)]
    assert all(np.abs(found - predicted(other)).max() > 1e-3 for other in others)


@each_mean
def test_each_view_is_post_processed_by_itself(swept, mean, said):
    """By steps too small to matter: then it is the mean, or the plain answer, that is left."""
    _, predicted, _ = swept
    small = "betti_prior_post[learning_rate=1e-12"
    np.testing.assert_allclose(predicted(f"{small}, {said}]"), predicted(mean), atol=1e-5)
    np.testing.assert_allclose(predicted(f"{small}]"), predicted("cross_entropy"), atol=1e-5)


@pytest.mark.parametrize(
    ("mean", "corrected"),
    [
        ("mean_of_flips", "edit[flips=true]"),
        ("mean_of_flips", "betti_prior_post_edit[learning_rate=1e-12, flips=true]"),
        ("mean_of_shifts", "edit[shifts=true]"),
        ("mean_of_shifts", "betti_prior_post_edit[learning_rate=1e-12, shifts=true]"),
        ("mean_of_shifts[flips=true]", "edit[flips=true, shifts=true]"),
    ],
)
def test_a_remedy_corrects_the_mean_and_what_was_post_processed(swept, mean, corrected):
    """Where masks agree with the mean its values stay; the prior is met in every image."""
    by_label, predicted, store = swept
    before, found = predicted(mean), predicted(corrected)
    same = (found >= 0.5) == (before >= 0.5)
    np.testing.assert_allclose(found[same], before[same], atol=1e-5)
    assert not same.all()
    assert store.read(by_label[corrected].id).cases["matches_prior"] == [1.0] * 6
    assert 0.0 in store.read(by_label[mean].id).cases["matches_prior"]


def test_views_are_in_the_identity_of_what_has_them_and_of_nothing_else(swept):
    """What was recorded before there were flips or shifts keeps its identity."""
    by_label, _, _ = swept
    for label, run in by_label.items():
        for name in ("flips", "shifts"):
            said = f'"{name}":true' in canonical_json(run)
            asked = f"{name}=true" in label or label.startswith(f"mean_of_{name}")
            assert said == asked
            assert said or name not in canonical_json(run)
    edits = [run for label, run in by_label.items() if label.startswith("edit")]
    assert len({run.id for run in edits}) == len(edits) == 4


def test_a_mean_alone_is_told_no_prior(swept):
    """A wrong prior changes nothing of it, and reports do not say that it has one."""
    by_label, _, _ = swept
    told = {label for label, run in by_label.items() if tells_prior(run.method)}
    assert told == {label for label in by_label if label.startswith(("edit", "betti_prior_post"))}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"regime": "remedy"}, r"needs \[remedy\], flips = true or shifts = true"),
        (
            {"regime": "supervised", "losses": [{"name": "dice"}], "remedy": {"name": "edit"}},
            r"has a \[remedy\], which is of corrections",
        ),
        ({"regime": "remedy", "flips": 3}, "flips"),
    ],
)
def test_methods_that_do_nothing_or_what_nobody_reads(said, problem):
    """Refused with the reason."""
    with pytest.raises(UserError, match=problem):
        parse({"name": "one", "title": "One", **said}, Method, "method 'one'")
