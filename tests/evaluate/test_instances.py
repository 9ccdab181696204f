"""Labels that are objects: touching ones are two, and numbers mean nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import call  # noqa: F401  # a fixture
from topoeval.metrics.instances import instance_scores, scores_of_labels
from topoeval.records.files import parse_files_record
from topoeval.topology import Topology

TRUTH = np.zeros((12, 12), np.uint16)
TRUTH[1:5, 1:5], TRUTH[1:5, 5:9], TRUTH[8:11, 2:6] = 1, 2, 3


def test_touching_objects_are_two():
    """As one component they match wrongly; the second of three is cut in halves here."""
    found = scores_of_labels(np.where(TRUTH == 1, 40, TRUTH * 7), TRUTH)
    assert found == dict.fromkeys(("pq", "sq", "rq", "instance_f1", "instance_dice"), 1.0)
    halves = TRUTH.copy()
    halves[3:5, 5:9] = 9
    found = scores_of_labels(halves, TRUTH)
    # two of three true objects match wholly; the halves have IoU 1/2, which is no match
    assert found["rq"] == pytest.approx(2 * 2 / (3 + 4))
    assert found["sq"] == 1
    merged = instance_scores(halves > 0, TRUTH > 0, Topology())
    assert merged["pq"] == 1, "components see nothing of it"


@given(
    st.lists(st.integers(0, 3), min_size=16, max_size=16),
    st.lists(st.integers(0, 3), min_size=16, max_size=16),
    st.permutations([5, 2**40, 9]),
)
def test_against_a_count_by_hand(p, g, names):
    """Kirillov's definition, pair by pair; other numbers give the same."""
    prediction, target = np.reshape(p, (4, 4)), np.reshape(g, (4, 4))
    if not (prediction.any() and target.any()):
        return
    ious = []
    for a in set(p) - {0}:
        for b in set(g) - {0}:
            both = ((prediction == a) & (target == b)).sum()
            either = ((prediction == a) | (target == b)).sum()
            ious += [both / either] if both / either > 0.5 else []
    objects = len(set(p) - {0}) + len(set(g) - {0})
    found = scores_of_labels(prediction, target)
    assert found["pq"] == pytest.approx(2 * sum(ious) / objects)
    other = np.array([0, *names])[prediction]
    assert scores_of_labels(other, target) == pytest.approx(found)


def test_the_command(call, tmp_path):  # noqa: F811
    """Each label is an object, however many; a mistake is one line; the record says it."""
    many = np.arange(1, 401).reshape(20, 20).repeat(3, 0).repeat(3, 1).astype(np.uint16)
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", many if side == "g" else many[::-1])
    command = ("evaluate", "p", "g", "--jobs", "1", "--instances")
    status, shown, told = call(*command)
    assert (status, told) == (0, "")
    assert "every label is an object" in shown
    record = parse_files_record((tmp_path / "evaluation" / "record.json").read_bytes())
    assert record.cases["pq"] == [1.0]
    assert record.spec.settings["instances"] is True
    assert (
        call("evaluate", "p", "g", "--jobs", "1", "--metrics", "pq", "--classes", "merged")[0] == 0
    )
    record = parse_files_record((tmp_path / "evaluation" / "record.json").read_bytes())
    assert "instances" not in record.spec.settings
    for wrong in (("--classes", "1"), ("--threshold", "0.5"), ("--topology", "T-sublevel")):
        status, _, told = call(*command, *wrong)
        assert status == 2
        assert "--instances" in told
