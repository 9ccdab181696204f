"""Values that were chosen: where they go, and what is refused."""

import pytest

from topoeval import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.suites.catalogue import load_method, load_suite, method_names
from topoeval.harness.suites.tuned import Choice, Tuned, read_tuned, value_of, vary
from topoeval.harness.tuning.tuning import space_of


@pytest.fixture
def runs(suite_file):
    """The runs of the tiny suite by method."""
    return {run.method.name: run for run in plan(load_suite(str(suite_file)))}


def tuned(**changes):
    """What a search of the tiny suite could have chosen."""
    values = {
        "cross_entropy": {"training.learning_rate": 0.002},
        "betti_prior_semi": {"weight": 0.25},
        "betti_prior_post": {"adaptation.anchor": 50.0},
        "largest_component": {},
    }
    choices = tuple(Choice(dataset="strokes", method=m, values=v) for m, v in values.items())
    return Tuned(**{"suite": "tiny", "seeds": (1001,), "choices": choices, **changes})


@pytest.mark.parametrize(
    ("method", "name", "value", "read"),
    [
        ("betti_prior_semi", "weight", 0.25, lambda run: run.method.losses[1].weight),
        ("betti_prior_semi", "betti_prior.ramp", 0.5, lambda run: run.method.losses[1].ramp),
        ("betti_prior_semi", "cross_entropy.weight", 2.0, lambda r: r.method.losses[0].weight),
        ("betti_prior_post", "max_bars", 7, lambda run: run.method.losses[0].params["max_bars"]),
        ("betti_prior_post", "adaptation.anchor", 3.0, lambda run: run.method.adaptation.anchor),
        ("cross_entropy", "training.learning_rate", 0.1, lambda r: r.training.learning_rate),
    ],
)
def test_a_name_finds_its_place(runs, method, name, value, read):
    """One value is another, everything else as it was; another value is another run."""
    run = runs[method]
    changed = vary(run, {name: value})
    assert (read(changed), read(run)) == (value, value_of(run, name))
    assert changed.id != run.id
    assert changed.method.label == run.method.label  # tuned or not, it is the same row
    assert vary(changed, {name: value_of(run, name)}) == run
    assert vary(run, {}) is run


@pytest.mark.parametrize(
    ("method", "name", "words"),
    [
        ("betti_prior_semi", "betti_pior.weight", "did you mean 'betti_prior.weight'"),
        ("betti_prior_post", "adaptation.ancor", "did you mean 'adaptation.anchor'"),
        ("largest_component", "weight", "has no parameter 'weight'"),
        ("cross_entropy", "adaptation.anchor", "has no parameter 'adaptation.anchor'"),
        ("cross_entropy", "training.learning_rat", "did you mean 'learning_rate'"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(runs, method, name, words):
    """With the nearest one that does."""
    with pytest.raises(UserError, match=words):
        value_of(runs[method], name)


def test_a_value_that_cannot_be_is_refused(runs):
    """Of a method or of a training, in one line."""
    with pytest.raises(UserError, match=r"adaptation\.anchor.*greater than or equal to 0"):
        vary(runs["betti_prior_post"], {"adaptation.anchor": -1.0})
    with pytest.raises(UserError, match=r"learning_rate.*greater than 0"):
        vary(runs["cross_entropy"], {"training.learning_rate": 0.0})


@pytest.mark.parametrize("name", method_names())
def test_every_search_of_a_baseline_leads_somewhere(name, suite_file):
    """Each name is a parameter of the method, and its own value lies within."""
    suite = load_suite(str(suite_file))
    method = load_method(name)
    suite = suite.model_copy(
        update={
            "methods": tuple({name, "cross_entropy"}),
            "override": {},
            "auxiliary": {},
        }
    )
    run = next(run for run in plan(suite) if run.method.name == name)
    space = space_of(suite, run.method)
    assert space or method.regime == "remedy"
    for searched, axis in space.items():
        own = value_of(run, searched)
        assert vary(run, {searched: own}) == run
        for value in axis if isinstance(axis, tuple) else (axis.low, axis.high):
            assert vary(run, {searched: value}).method.name == name
        if not isinstance(axis, tuple):
            assert axis.low <= own <= axis.high


def test_what_is_written_is_what_is_read(tmp_path):
    """Numbers, words, lists and tables of a dataset's parameters come back."""
    params = {"lines": 4, "kind": 'a "word"', "betti": [[1, 0], [1, 1]], "of": {"a": True}}
    choice = Choice(dataset="d", params=params, method="m", values={"x.y": 1e-05, "w": False})
    before = tuned(choices=(choice,))
    before.write(tmp_path / "tuned.toml", "First line.\nSecond line.")
    assert read_tuned(tmp_path / "tuned.toml") == before
    text = (tmp_path / "tuned.toml").read_text()
    assert text.startswith("# First line.\n# Second line.\n")
    # white space and comments are free, another value is not
    (tmp_path / "tuned.toml").write_text(text.replace(" = ", "=") + "\n# mine")
    assert read_tuned(tmp_path / "tuned.toml") == before
    for old, new in (("1e-05", "2e-05"), ("schema = 2", "schema = 1"), ("schema = 2\n", "")):
        (tmp_path / "tuned.toml").write_text(text.replace(old, new, 1))
        with pytest.raises(UserError, match=r"tuned\.toml: it .*; search again, or"):
            read_tuned(tmp_path / "tuned.toml")
    lines = [line for line in text.splitlines() if not line.startswith("checksum")]
    (tmp_path / "tuned.toml").write_text("\n".join(lines))
    with pytest.raises(UserError, match="it has no checksum"):
        read_tuned(tmp_path / "tuned.toml")
    (tmp_path / "tuned.toml").write_text("\n".join(lines).replace("schema = 2", "schema = 1"))
    assert read_tuned(tmp_path / "tuned.toml").choices == before.choices


def test_final_runs_take_the_chosen_values(suite_file, runs):
    """And corrections begin with the network that was trained with them."""
    chosen = {run.method.name: run for run in plan(load_suite(str(suite_file)), tuned=tuned())}
    assert chosen["cross_entropy"].training.learning_rate == 0.002
    assert chosen["betti_prior_semi"].method.losses[1].weight == 0.25
    assert chosen["betti_prior_post"].parents["start"] == chosen["cross_entropy"].id
    assert chosen["largest_component"].id != runs["largest_component"].id
    assert chosen["start"] == runs["start"]
    assert {run.score for run in chosen.values()} == {"test"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"suite": "other"}, "those of suite 'other', not of 'tiny'"),
        ({"seeds": (7, 0)}, r"its seeds \[0\] chose the tuned values"),
        ({"choices": tuned().choices[1:]}, "none for method 'cross_entropy' on 'strokes'"),
    ],
)
def test_tuned_values_of_something_else_are_refused(suite_file, changes, words):
    """Another suite, seeds that would be used twice, a method that was not searched for."""
    with pytest.raises(UserError, match=words):
        plan(load_suite(str(suite_file)), tuned=tuned(**changes))


def test_seeds_of_the_tuning_are_no_seeds_of_final_runs(suite_file):
    """Refused when the suite is read."""
    text = suite_file.read_text() + "\n[tuning]\nseeds = [0, 5]\n"
    suite_file.write_text(text)
    with pytest.raises(UserError, match=r"seeds \[0\] are of final runs and of the tuning"):
        load_suite(str(suite_file))
