"""Suites with a matrix: products, lists of parameters, include and exclude; filters."""

from collections import Counter
from pathlib import Path

import pytest

from topoeval import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import obstacles
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters, select
from topoeval.records.spec import RunSpec
from topoeval.results.arms import label_runs

ROOT = Path(__file__).parents[3]
SUITE = """
schema = 1
name = "matrix"
title = "Matrix"
seeds = [0, 1]
methods = ["dice_ce", "betti_prior[weight=[0.1, 1.0]]", "largest_component"]
backend = ["native", "gudhi"]
reference = "dice_ce"
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }
training = { epochs = 1 }

[[dataset]]
name = "strokes[lines=[4, 8]]"
sizes = { train = 8, test = 4 }

[[dataset]]
name = "digits"
sizes = { train = 8, test = 4 }
"""


@pytest.fixture
def planned(tmp_path):
    """Return the plan of the suite with more text at its end, and pieces of it replaced."""

    def make(more="", *replacements):
        text = SUITE + more
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "matrix.toml"
        path.write_text(text)
        return plan(load_suite(str(path)))

    return make


def methods(runs):
    """Return (dataset, method, backend, seed) of the runs that are methods."""
    return [
        (run.dataset.label, run.method.label, run.backend, run.seed)
        for run in runs
        if run.method.role == "method"
    ]


def test_a_suite_is_the_product_of_its_lists(planned):
    """What takes no backend runs once, with the first; two corrections share their network."""
    runs = planned()
    assert len(runs) == len({run.id for run in runs})
    counts = Counter((method, backend) for _, method, backend, _ in methods(runs))
    each = 3 * 2  # datasets, seeds
    assert counts == {
        ("dice_ce", "native"): each,
        ("cross_entropy", "native"): each,
        ("largest_component", "native"): each,
        ("betti_prior[weight=0.1]", "native"): each,
        ("betti_prior[weight=0.1]", "gudhi"): each,
        ("betti_prior[weight=1.0]", "native"): each,
        ("betti_prior[weight=1.0]", "gudhi"): each,
    }
    assert Counter(run.method.role for run in runs)["start"] == each
    seen = set()
    for run in runs:
        assert set(run.parents.values()) <= seen
        seen.add(run.id)


def test_a_list_of_parameters_is_as_good_as_tables(planned):
    """The identities are those of the datasets and methods written out."""
    written_out = (
        'name = "strokes[lines=[4, 8]]"\nsizes = { train = 8, test = 4 }\n',
        'name = "strokes"\nsizes = { train = 8, test = 4 }\nparams = { lines = 4 }\n\n'
        '[[dataset]]\nname = "strokes"\nsizes = { train = 8, test = 4 }\nparams = { lines = 8 }\n',
    )
    assert [run.id for run in planned("", written_out)] == [run.id for run in planned()]


def test_a_parameter_at_its_default_is_no_other_run(planned):
    """How a method is called is not what it does: weight 0.1 is what its folder says."""
    plain = planned("", ("betti_prior[weight=[0.1, 1.0]]", "betti_prior"))
    variants = planned()
    ids = {run.id: run for run in variants}
    assert {ids[run.id].method.label for run in plain if run.method.name == "betti_prior"} == {
        "betti_prior[weight=0.1]"
    }
    both = planned("", ("betti_prior[weight=[0.1, 1.0]]", "betti_prior[weight=0.1]"))
    assert {run.id for run in both} == {run.id for run in plain}


def test_a_variant_survives_json_and_tells_its_name(planned):
    """What the worker is given is what was planned."""
    run = next(run for run in planned() if run.method.label == "betti_prior[weight=1.0]")
    again = RunSpec.model_validate_json(run.model_dump_json(by_alias=True))
    assert (again, again.id, again.label) == (run, run.id, run.label)
    assert run.label.endswith("/betti_prior[weight=1.0]/seed0")


def test_a_copy_has_its_own_identity(planned):
    """Although an identity is computed once."""
    run = planned()[0]
    assert run.model_copy(update={"seed": 7}).id != run.id
    assert run.model_copy().id == run.id


def test_exclude_leaves_out_what_has_all_that_it_says(planned):
    """Patterns, parameters, several values of a key: any of them."""
    full = methods(planned())
    runs = planned(
        '[[exclude]]\nmethod = "betti_*"\nbackend = "gudhi"\n'
        '[[exclude]]\ndataset = "strokes[lines=4]"\nseed = [1]\n'
        '[[exclude]]\nmethod = ["dice_ce", "largest_component"]\ndataset = "digits"\n'
    )
    assert methods(runs) == [
        (dataset, method, backend, seed)
        for dataset, method, backend, seed in full
        if not (method.startswith("betti") and backend == "gudhi")
        and not (dataset == "strokes[lines=4]" and seed == 1)
        # the network that the largest component is taken of goes with it
        and not (
            method in ("dice_ce", "largest_component", "cross_entropy") and dataset == "digits"
        )
    ]


def test_include_adds_runs_beside_the_product(planned):
    """What it does not say is as in the suite; an exclude does not touch it."""
    before, more = planned(), '[[include]]\nmethod = "cldice[iterations=[2, 5]]"\nseed = 7\n'
    runs = planned(more)
    added = [one for one in methods(runs) if one not in methods(before)]
    assert {one[:2] for one in added} == {
        (dataset, f"cldice[iterations={n}]")
        for dataset in ("strokes[lines=4]", "strokes[lines=8]", "digits")
        for n in (2, 5)
    }
    assert {(backend, seed) for _, _, backend, seed in added} == {("native", 7)}
    one = '[[include]]\nmethod = "euler"\ndataset = "digits"\nseed = 0\n'
    assert [r for r in methods(planned(one)) if r not in methods(before)] == [
        ("digits", "euler", "native", 0)
    ]
    back = '[[exclude]]\nmethod = "dice_ce"\n[[include]]\nmethod = "dice_ce"\nseed = 1\n'
    assert {r[3] for r in methods(planned(back)) if r[1] == "dice_ce"} == {1}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[[exclude]]\nmethod = "topograh"\n', "exclude.0: no run has the method 'topograh'"),
        ('[[exclude]]\nmethod = "dice_cd"\n', "did you mean 'dice_ce'"),
        ('[[exclude]]\nseed = 5\n', "no run has the seed 5; known: 0, 1"),
        ('[[exclude]]\nmethod = "dice_ce"\nbackend = "gudhi"\n', "all of: method dice_ce, backend"),
        ("[[exclude]]\n", "exclude.0: says nothing; give method, dataset"),
        ('[[exclude]]\nmethods = "dice_ce"\n', "'exclude.0.methods'; did you mean 'method'"),
        ('[[include]]\nmethod = "cldise"\n', "unknown method 'cldise'; did you mean 'cldice'"),
        ('[[include]]\ndataset = "strks"\n', "include.0: the suite has no dataset 'strks'"),
        ('[[include]]\nbackend = "gudih"\n', "unknown backend 'gudih'; did you mean 'gudhi'"),
        ('[[include]]\nseed = "one"\n', "include.0.seed.0: .*valid integer"),
    ],
)  # fmt: skip
def test_a_subset_that_means_nothing_is_a_mistake(planned, more, words):
    """A misspelt exclude would cost a week, a misspelt include a column."""
    with pytest.raises(UserError, match=words) as caught:
        planned(more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("weight=[0.1, 1.0]", "wieght=1.0", "no parameter 'wieght'; did you mean 'weight'"),
        ("weight=[0.1, 1.0]", "max_bras=3", "no parameter 'max_bras'; did you mean 'max_bars'"),
        ("weight=[0.1, 1.0]", "weight=", "not of the form NAME"),
        ("lines=[4, 8]", "line=[4, 8]", "has no parameter 'line'; did you mean 'lines'"),
        ('"gudhi"]', '"gudih"]', "did you mean 'gudhi'"),
        ('["native", "gudhi"]', "[]", "backend: .*at least 1"),
        ('reference = "dice_ce"', 'reference = "dice"', "reference 'dice' is not among"),
        ('reference = "dice_ce"', 'reference = "betti_prior"', "is several methods .*a single row"),
    ],
)
def test_a_mistake_in_a_list_is_one_line(planned, old, new, words):
    """Found while planning, before anything runs."""
    with pytest.raises(UserError, match=words) as caught:
        planned("", (old, new))
    assert "\n" not in str(caught.value)


def test_a_misspelt_parameter_of_an_override_is_found(planned):
    """A loss in a method's table is held to its constructor."""
    more = """
[[override.dice_ce.losses]]
name = "dice"
params = { squared = true }
"""
    with pytest.raises(UserError, match=r"loss 'dice' has no parameter 'squared'.*'squared_pred'"):
        planned(more)


def test_filters_keep_what_they_ask_for_and_its_parents(planned):
    """In the order of the plan."""
    runs = planned()
    some = select(
        runs, Filters(methods=["betti_prior[weight=1.0]"], datasets=["digits"], seeds=[1])
    )
    assert [(r.method.label, r.backend) for r in some] == [
        ("start", "native"),
        ("betti_prior[weight=1.0]", "native"),
        ("betti_prior[weight=1.0]", "gudhi"),
    ]
    assert {(r.dataset.label, r.seed) for r in some} == {("digits", 1)}
    kept = {run.id for run in some}
    assert all(parent in kept for run in some for parent in run.parents.values())
    assert select(runs, Filters()) == runs


@pytest.mark.parametrize(
    ("filters", "labels"),
    [
        ({"methods": ["betti_prior"]}, {"betti_prior[weight=0.1]", "betti_prior[weight=1.0]"}),
        ({"methods": ["betti_prior[ramp=0.2]", "d*"]},
         {"betti_prior[weight=0.1]", "betti_prior[weight=1.0]", "dice_ce"}),
        ({"methods": ["*[weight=1.0]"]}, {"betti_prior[weight=1.0]", "dice_ce", "cross_entropy"}),
        ({"methods": ["betti_prior[weight=[0.1, 7]]"]}, {"betti_prior[weight=0.1]"}),
        ({"backends": ["gudhi"]}, {"betti_prior[weight=0.1]", "betti_prior[weight=1.0]"}),
        ({"datasets": ["strokes[lines=4]"], "methods": ["largest*"]},
         {"largest_component", "cross_entropy"}),
        ({"datasets": ["strokes[difficulty=medium]"], "methods": ["dice_ce"]}, {"dice_ce"}),
        ({"devices": ["cpu"], "methods": ["dice_ce"]}, {"dice_ce"}),
    ],
)  # fmt: skip
def test_filters_go_by_content_and_not_by_words(planned, filters, labels):
    """A parameter that a method has by default counts as much as one that was written."""
    found = select(planned(), Filters(**filters))
    assert {run.method.label for run in found if run.method.role == "method"} == labels


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"methods": ["betti_pior"]}, "method 'betti_pior'; did you mean 'betti_pri"),
        ({"methods": ["betti_prior[weight=0.5]"]}, r"did you mean 'betti_prior\[weight="),
        ({"methods": ["betti_prior[wieght=0.5]"]}, "did you mean 'weight'"),
        ({"datasets": ["strokes[lines=5]"]}, r"did you mean 'strokes\[lines="),
        ({"datasets": ["strokes[lnes=4]"]}, "has no parameter 'lnes'; did you mean 'lines'"),
        ({"datasets": ["digit"]}, "did you mean 'digits'"),
        ({"seeds": [3]}, "no run has the seed 3; known: 0, 1"),
        ({"backends": ["nativ"]}, "did you mean 'native'"),
        ({"methods": ["dice_ce"], "backends": ["gudhi"]}, "all of: method dice_ce, backend gudhi"),
    ],
)  # fmt: skip
def test_a_filter_that_matches_nothing_is_an_error(planned, filters, words):
    """With the nearest that would have matched."""
    with pytest.raises(UserError, match=words) as caught:
        select(planned(), Filters(**filters))
    assert "\n" not in str(caught.value)


def test_a_start_or_judge_is_found_by_its_name(planned):
    """And only by it."""
    runs = select(planned(), Filters(methods=["start"], seeds=[0], datasets=["digits"]))
    assert [run.method.name for run in runs] == ["start"]


def test_a_list_of_networks_is_an_axis(planned):
    """Each network has a start of its own; shared is what does not depend on it."""
    start = "start = {"
    runs = planned("", (start, 'network = ["unet[norm=[none, instance]]", "segresnet"]\n' + start))
    assert len(runs) == 3 * len(planned())
    names = [run.network.label for run in runs]
    assert Counter(names) == dict.fromkeys(names, len(planned()))
    by_id = {run.id: run for run in runs}
    for run in runs:
        assert run.network.params  # nothing is left to a default
        assert all(by_id[parent].network == run.network for parent in run.parents.values())
    labels = label_runs({run.id: run for run in runs}, {})
    of_dice = {labels[run.id].arm for run in runs if run.method.name == "dice_ce"}
    assert of_dice == {
        "Dice + cross-entropy [network=unet, norm=null]",
        "Dice + cross-entropy [network=unet, norm=instance]",
        "Dice + cross-entropy [network=segresnet, norm=none]",
    }
    assert not any("parents" in label for label in of_dice), of_dice


def test_a_network_or_parameter_that_there_is_not_is_told_with_the_nearest(planned):
    """A network is resolved while planning."""
    start = "start = {"
    for text, message in (
        ('"segresnett"', "did you mean 'segresnet'"),
        ('{ name = "unet", chanels = [4, 8] }', "did you mean 'channels'"),
        ('"unet[channels=8]"', "channels = 8"),
    ):
        with pytest.raises(UserError, match=message):
            planned("", (start, f"network = {text}\n{start}"))


def test_the_network_of_today_has_the_identity_of_committed_records():
    """The U-Net's parameters by name, null for no normalisation: what 790 records hold."""
    suite = load_suite("clough-mnist")
    (network,) = {run.network.model_dump_json() for run in plan(suite, absent={})}
    assert network == ('{"name":"unet","channels":[16,32,64],"residual_units":0,"norm":null}')


def test_sides_that_a_network_does_not_take_are_an_obstacle(planned):
    """Found by one run without values, with what would mend it; torch never gets to speak."""
    start = "start = {"
    four = "network = { channels = [4, 8, 16, 32] }\n"
    runs = planned("", (start, four + start))
    reasons = set(obstacles(runs).values())
    assert len(reasons) == 3, reasons
    for reason in reasons:
        assert reason.startswith("dataset '")
        assert "multiples of 8, and the images have 28x28" in reason


@pytest.mark.parametrize(
    ("methods_", "reference", "problem"),
    [
        ('["cldice[weight=[0.0, 0.5]]"]', "cldice[weight=0.0]", None),
        ('["cldice", "cldice[weight=0.5]"]', "cldice", None),
        ('["cldice[weight=0.5]", "dice_ce"]', "cldice", None),
        ('["cldice[weight=[0.1, 0.5]]"]', "cldice", r"is several methods \(cldice\[weight=0.1\]"),
        ('["cldice[weight=0.1]"]', "cldice[weight=0.2]", "not among its methods"),
        ('["cldice[weight=[0.1, 0.2]]"]', "cldice[weight=[0.1, 0.2]]", "is several methods"),
    ],
)
def test_any_row_can_be_the_reference(planned, methods_, reference, problem):
    """By its label, or by its method where that is one row."""
    old = '["dice_ce", "betti_prior[weight=[0.1, 1.0]]", "largest_component"]'
    replacements = [(old, methods_), ('reference = "dice_ce"', f'reference = "{reference}"')]
    if problem is None:
        assert planned("", *replacements)
    else:
        with pytest.raises(UserError, match=problem):
            planned("", *replacements)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("seeds = [0, 1]", "seeds = [0, 0]", "seeds: the same seed twice: 0"),
        ("seeds = [0, 1]", "seeds = [-1]", "seeds: a seed is a whole number"),
        ("seeds = [0, 1]", "seeds = [1.0]", "seeds.0: .*valid integer"),
        ("seeds = [0, 1]", "seeds = []", "seeds: "),
        ("schema = 1", "schema = 1\nlimits.timeout_s = nan", r"limits\.timeout_s: .*finite"),
        ("schema = 1", "schema = 1\nlimits.memory_gib = -1", r"limits\.memory_gib: .*than 0"),
        ("seeds = [0, 1]", "seeds = [-1]", r"a seed is a whole number from 0 to 2\^63 - 1"),
        ('["dice_ce", ', '["dice_ce", "dice_ce", ', "methods: the same method twice: dice_ce"),
        (
            "betti_prior[weight=[0.1, 1.0]]",
            "betti_prior[weight=[-1.0, 1.0]]",
            "weight.*greater than or equal to 0",
        ),
        ("seeds = [0, 1]", "seeds = [true]", "seeds.0: Input should be a valid integer"),
        ("training = { epochs = 1 }\n\n", "training = { epochs = true }\n\n", "training.epochs"),
        (
            "training = { epochs = 1 }\n\n",
            "training = { epochs = 1, learning_rate = inf }\n\n",
            "training.learning_rate: Input should be a finite number",
        ),
        ("schema = 1", "schema = 1\nnetwork.channels = [0]", r"channels = \[0\]; a value like"),
        ("test = 4", "tst = 4", r"unknown key 'dataset.0.sizes.tst'; did you mean 'test'\?"),
        ("test = 4", "test = -4", "dataset.0.sizes.test: .* equal to 0"),
    ],
)
def test_a_value_that_no_run_can_have_is_refused_when_the_suite_is_read(planned, old, new, problem):
    """In one line that says where (D16)."""
    with pytest.raises(UserError, match=problem):
        planned("", (old, new))
