"""Labels of one side that are other labels of the other."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topoeval.errors import UserError
from topoeval.evaluate.comparison import same_question
from topoeval.evaluate.evaluation import evaluate
from topoeval.evaluate.label_names import LabelNames
from topoeval.evaluate.record import record
from topoeval.evaluate.scoring import Options
from topoeval.images.relabelling import Relabelling, parse_relabelling

TRUTH = np.zeros((16, 16), np.uint8)
TRUTH[2:8, 2:8] = 1
TRUTH[9:14, 3:12] = 2


@pytest.fixture
def scored(tmp_path):
    """Return a function: Dice by class of a prediction, with more options."""

    def run(prediction, truth=TRUTH, **options):
        for side, array in (("p", prediction), ("g", truth)):
            (tmp_path / side).mkdir(exist_ok=True)
            np.save(tmp_path / side / "a.npy", array)
        found = evaluate(
            tmp_path / "p",
            tmp_path / "g",
            Options(columns=("dice",), **options),
            out=tmp_path / "o",
        )
        assert not found.problems
        return dict(zip(found.cases["class"], found.cases["dice"], strict=True)), found

    return run


def test_labels_of_another_scheme(scored):
    """Labels 51 and 60 to 69 are 1 and 2 of the truth; the reading is said."""
    other = np.where(TRUTH == 1, 51, np.where(TRUTH == 2, 64, 0)).astype(np.int32)
    dice, found = scored(other, map_prediction=parse_relabelling("51:1,60-69:2"))
    assert dice == {"1": 1, "2": 1, "merged": 1}
    assert found.readings["predictions"] == "labels 0, 51, 64; read 51 as 1, 64 as 2"
    # large labels go another way
    dice, _ = scored(other.astype(np.int64) * 70000, map_prediction=parse_relabelling(
        f"{51 * 70000}:1,{64 * 70000}:2"))  # fmt: skip
    assert dice == {"1": 1, "2": 1, "merged": 1}


def test_the_truth_and_the_rest(scored):
    """Classes that the truth tells apart and the predictions do not; * stands for all others."""
    fine = TRUTH.copy()
    fine[2, 2:8] = 7
    fine[15, 15] = 9
    dice, found = scored(TRUTH, fine, map_target=parse_relabelling("7:1,2:2,1:1,*:0"))
    assert dice == {"1": 1, "2": 1, "merged": 1}
    assert found.readings["truth"].endswith("read 7 as 1, 9 as 0 (1 of the files stays beside it)")
    # a label to leave out may be made of others
    dice, _ = scored(TRUTH, fine, map_target=parse_relabelling("7:255,9:255"), ignore=255)
    assert dice["1"] == 1


def test_swapped_labels_are_exchanged_at_once(scored):
    """1 to 2 and 2 to 1 are no chain."""
    dice, _ = scored((3 - TRUTH) * (TRUTH > 0), map_prediction=parse_relabelling("1:2,2:1"))
    assert dice == {"1": 1, "2": 1, "merged": 1}


def test_white_is_a_label_where_a_map_names_it(scored):
    """0 and 255 are taken as stored, so that 255 can be named."""
    dice, _ = scored((TRUTH == 2) * np.uint8(255), map_prediction=parse_relabelling("255:2"))
    assert dice["2"] == 1
    with pytest.raises(UserError, match=r"no file holds a label that 1:2 names; there are: 255"):
        scored((TRUTH == 2) * np.uint8(255), map_prediction=parse_relabelling("1:2"))


def test_probabilities_and_channels_can_be_another_class(scored, tmp_path):
    """Foreground of a map, and channels of a softmax, are labels too."""
    soft = np.where(TRUTH == 2, 0.9, 0.1)
    dice, _ = scored(soft, threshold=0.5, map_prediction=parse_relabelling("1:2"))
    assert dice["2"] == 1
    channels = np.stack([k == TRUTH for k in (0, 2, 1)]).astype(np.float32)
    dice, _ = scored(channels, axes="cyx", map_prediction=parse_relabelling("1:2,2:1"))
    assert (dice["1"], dice["2"]) == (1, 1)


def test_a_file_of_labels(tmp_path):
    """Numbers or texts; whatever is no label is one line."""
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"51": 1, "60-69": "2", "*": 0}))
    assert parse_relabelling(str(path)) == Relabelling(((51, 51, 1), (60, 69, 2)), 0)
    path.write_text('{"51": 1, "51": 2}')
    with pytest.raises(UserError, match=r"map\.json: '51' is there twice, as 1 and as 2; keep one"):
        parse_relabelling(str(path))
    for content in ("[]", "{", '{"51": "vessel"}', '{"51": true}', '{"a": 1}', '{"51": 1.5}'):
        path.write_text(content)
        with pytest.raises(UserError, match=r"map\.json") as told:
            parse_relabelling(str(path))
        assert "\n" not in str(told.value)
    with pytest.raises(UserError, match="No such file"):
        parse_relabelling(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "text", ["", "51", "51:", "51:a", "a:1", "0:1", "9-5:1", "51:-1", "51:1;2:3", f"1:{2**32}"]
)
def test_what_is_no_map(text):
    """Is one line that says the form."""
    with pytest.raises(UserError, match="51:1"):
        parse_relabelling(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1000:1,1000:2", "label 1000 is mapped to 1 and to 2; keep one"),
        ("60-69:1,65-80:2", "label 65 is mapped to 1 and to 2; keep one"),
        ("65:2,60-69:1", "label 65 is mapped to 2 and to 1; keep one"),
        ("*:0,5:1,*:3", r"\* is mapped to 0 and to 3; keep one"),
    ],
)
def test_a_map_that_contradicts_itself(text, words):
    """Is refused; the last one does not win."""
    with pytest.raises(UserError, match=words):
        parse_relabelling(text)
    assert parse_relabelling("60-69:1,65:1,70:2,*:0,*:0").of(65) == 1


def test_names_hold_for_what_labels_become(scored):
    """The names are those of the truth's scheme."""
    names = LabelNames({"vessel": (1,), "wall": (2,)})
    other = np.where(TRUTH == 1, 51, TRUTH)
    dice, _ = scored(other, map_prediction=parse_relabelling("51:1"), labels=names)
    assert dice == {"vessel": 1, "wall": 1}


def test_another_map_is_another_question(scored, tmp_path):
    """Rows of another map are not taken for these; truths of two maps are not compared."""
    other = np.where(TRUTH == 1, 2, np.where(TRUTH == 2, 1, 0)).astype(np.uint8)
    assert scored(other)[0]["1"] == 0
    dice, found = scored(other, map_prediction=parse_relabelling("1:2,2:1"))
    assert (dice["1"], found.resumed) == (1, 0)
    specs = {
        str(new): record(
            scored(TRUTH, map_target=new and parse_relabelling(new))[1], {}, 0.0
        ).spec.model_dump()
        for new in (None, "1:2,2:1")
    }  # fmt: skip
    with pytest.raises(UserError, match="differ in settings"):
        same_question(specs)


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=30),
    st.dictionaries(st.integers(1, 12), st.integers(0, 12), min_size=1),
    st.sampled_from([None, 0, 5]),
    st.booleans(),
)
def test_a_map_is_what_its_parts_say(values, pairs, rest, large):
    """By a table and by search, of any labels."""
    factor = 10**5 if large else 1
    text = ",".join(f"{old * factor}:{new}" for old, new in pairs.items())
    new = parse_relabelling(text + ("" if rest is None else f",*:{rest}"))
    found = new.applied(np.array(values, np.uint32) * np.uint32(factor))
    kept = [value * factor if rest is None else rest for value in values]
    assert found.tolist() == [
        pairs.get(value, stays) if value else 0 for value, stays in zip(values, kept, strict=True)
    ]
