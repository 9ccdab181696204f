"""Topology belongs to the dataset; what methods are told about it is looked at before they run."""

import pytest

from topoeval import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import obstacles
from topoeval.harness.plans.truth import truths
from topoeval.harness.suites.catalogue import load_suite

SUITE = """
schema = 1
name = "topologies"
title = "Topologies"
seeds = [0]
methods = ["dice_ce", "betti_prior"]
reference = "dice_ce"
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }
training = { epochs = EPOCHS }
TOPOLOGY

[[dataset]]
name = "membranes"
params = { side = 64 }
sizes = { train = 4, test = 6 }
OWN

[[dataset]]
name = "cardiac"
params = { side = 48 }
sizes = { train = 4, test = 6 }
"""


@pytest.fixture
def planned(tmp_path):
    """Return the plan of the suite, with words filled in."""

    def make(topology="", own="", epochs="5"):
        text = SUITE.replace("TOPOLOGY", topology).replace("OWN", own).replace("EPOCHS", epochs)
        path = tmp_path / "suite.toml"
        path.write_text(text)
        return plan(load_suite(str(path)))

    return make


def read_as(runs):
    """The topology of each dataset."""
    return {run.dataset.name: run.topology for run in runs}


def test_each_dataset_is_read_as_its_card_says(planned):
    """Several topologies in one suite; the suite may say another, and so may its dataset."""
    own = {"membranes": "V-superlevel-framed", "cardiac": "T-superlevel-plain"}
    assert read_as(planned()) == own
    both = planned('topology = "V-superlevel-plain"')
    assert set(read_as(both).values()) == {"V-superlevel-plain"}
    mixed = planned('topology = "T"', 'topology = "V-superlevel-framed"')
    assert read_as(mixed) == own
    assert {run.id for run in mixed} == {run.id for run in planned()}


def test_a_prior_that_no_true_mask_has_is_refused(planned):
    """Membranes read as T without a frame: the reason says so, and which topology is theirs."""
    runs = planned('topology = "T-superlevel-plain"')
    reasons = obstacles(runs)
    told = {run.dataset.name for run in runs if run.id in reasons}
    assert told == {"membranes"}
    (reason,) = {reasons[run.id] for run in runs if run.id in reasons}
    assert "'betti_prior' is given a prior that no true mask has" in reason
    assert "V-superlevel-framed" in reason
    assert all(run.method.name == "betti_prior" for run in runs if run.id in reasons)
    assert obstacles(planned()) == {}


def test_a_plan_says_how_many_true_masks_have_their_prior(planned):
    """Of each dataset in the topology in which it is read, and loudly where there is none."""
    right = {truth.dataset: (truth.right, truth.masks) for truth in truths(planned())}
    assert right == {"membranes[side=64]": (6, 6), "cardiac[side=48]": (6, 6)}
    wrong = truths(planned('topology = "T-superlevel-plain"'))[0]
    assert wrong.right == 0
    assert "NONE" in wrong.line


def test_a_ramp_that_no_epoch_ends_is_an_obstacle(planned):
    """In one epoch the Betti prior would have no weight at all, and be cross-entropy by name."""
    runs = planned(epochs="1")
    reasons = set(obstacles(runs).values())
    assert len(reasons) == 1, reasons
    assert "rises until 0.2 of the training, which no epoch of 1 reaches" in reasons.pop()


def test_the_timing_lane_asks_for_no_ramp():
    """It has the full strength from the first step: the committed suite has one epoch and ramps."""
    runs = plan(load_suite("timing"))
    assert any("no epoch of 1 reaches" in reason for reason in obstacles(runs).values())
    assert obstacles(runs, schedules=False) == {}


def test_a_topology_that_there_is_not_is_refused(planned):
    """While planning, also that of one dataset."""
    with pytest.raises(UserError, match="topology"):
        planned("", 'topology = "Q-superlevel-plain"')
