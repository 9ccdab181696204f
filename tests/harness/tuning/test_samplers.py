"""Samplers: what they propose, and that they would propose it again."""

import sys

import pytest

from topoeval import UnavailableError
from topoeval.harness.suites.space import Range
from topoeval.harness.tuning.samplers import Grid, Trial, make_sampler

SPACE = {"weight": Range(low=1e-3, high=1.0, log=True), "size": (3, 5, 7)}
OWN = {"weight": 0.1, "size": 3}


def searched(seed=0, count=12, enough=None, dice=lambda values: 0.9):
    """Everything an Optuna search asks for where the Betti error is the weight, by batch."""
    pytest.importorskip("optuna")
    sampler = make_sampler("optuna", SPACE, count, OWN, seed)
    batches = []
    while asked := sampler.ask():
        batches.append(asked)
        trials = [Trial(v, dice=dice(v), betti_error=v["weight"]) for v in asked]
        sampler.tell(trials, enough)
    return batches


def test_optuna_takes_its_share_and_no_more():
    """The method's own values, then half of the rest at random, then one by one."""
    batches = searched()
    assert [len(batch) for batch in batches] == [1, 5, *[1] * 6]
    assert batches[0] == [OWN]
    for batch in batches[1:]:
        for values in batch:
            assert 1e-3 <= values["weight"] <= 1.0
            assert values["size"] in (3, 5, 7)


def test_the_same_results_give_the_same_proposals():
    """So that an interrupted search goes on as it would have; another seed is another search."""
    assert searched(seed=3) == searched(seed=3)
    assert searched(seed=3) != searched(seed=4)


def test_optuna_goes_where_the_error_is_low():
    """Later proposals are better than the random ones, as means of several searches."""
    random, guided = [], []
    for seed in range(8):
        batches = searched(seed=seed, count=24)
        random += [v["weight"] for v in batches[1]]
        guided += [v["weight"] for batch in batches[-6:] for v in batch]
    assert sum(guided) / len(guided) < 0.5 * sum(random) / len(random)


def test_optuna_keeps_to_where_the_dice_is_enough():
    """The lowest error lies where the Dice is not enough; the constraint holds it back."""

    def dice(values):
        return 0.95 if values["weight"] > 0.1 else 0.5

    good = {}
    for enough in (None, 0.9):
        searches = [searched(seed, 24, enough, dice) for seed in range(8)]
        late = [v for batches in searches for batch in batches[-6:] for v in batch]
        good[enough] = sum(v["weight"] > 0.1 for v in late) / len(late)
    assert good[0.9] > good[None] + 0.3


def test_failed_trials_end_no_search():
    """They count as tried."""
    pytest.importorskip("optuna")
    sampler = make_sampler("optuna", SPACE, 5, OWN, 0)
    total = 0
    while asked := sampler.ask():
        total += len(asked)
        sampler.tell([Trial(values, error="diverged") for values in asked], 0.9)
    assert total == 5


def test_without_optuna_the_extra_is_named(monkeypatch):
    """One line with what to install; a grid needs nothing."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UnavailableError, match=r'pip install "topoeval\[tune\]"'):
        make_sampler("optuna", SPACE, 5, OWN, 0)
    assert len(make_sampler("grid", SPACE, 5, OWN, 0).ask()) == 5


def test_where_nothing_is_to_tune_nothing_is_asked():
    """Whatever the sampler."""
    for name in ("grid", "optuna"):
        assert make_sampler(name, {}, 0, {}, 0).ask() == []
    assert isinstance(make_sampler("optuna", {}, 0, {}, 0), Grid)
