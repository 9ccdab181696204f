"""Which classes are scored, and with which prior."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.evaluate import (
    LabelNames,
    Options,
    evaluate,
    parse_classes,
    parse_priors,
    parse_tolerances,
    read_label_names,
)
from topoeval.evaluate.audit import audit
from topoeval.evaluate.classes import choose_classes
from topoeval.evaluate.label_names import check_ignored


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ({1}, ("foreground",)),
        ({7}, ("foreground",)),
        (set(), ("foreground",)),
        ({1, 2}, ("1", "2", "merged")),
        ({1035, 3}, ("3", "1035", "merged")),
    ],
)
def test_found_in_the_files(found, names):
    """One label is a mask, several are classes."""
    assert choose_classes(found, None, False, {}).names == names


def test_named_ones_win_and_unions_are_added():
    """Every pair of single labels; a mean over classes takes only what was named."""
    classes = choose_classes({1, 2, 3, 9}, parse_classes("1, 2,3"), True, {"1+2": (1, 1)})
    assert classes.names == ("1", "2", "3", "1+2", "1+3", "2+3")
    assert classes.averaged == ("1", "2", "3")
    assert classes.prior("1+2") == (1, 1)
    assert classes.prior("3") is None


def test_a_range_is_the_labels_in_it_that_occur():
    """Forty vessels, of which a set holds three (B16)."""
    classes = choose_classes({2, 17, 40, 41}, parse_classes("1-40,merged"), False, {})
    assert classes.names == ("2", "17", "40", "merged")
    with pytest.raises(UserError, match=r"no file holds a label of 50-60; .*: 2, 17"):
        choose_classes({2, 17}, ("50-60",), False, {})


def test_names_and_regions():
    """Of a file; unions of names; a name it lacks is offered the nearest."""
    names = LabelNames({"vessel": (1,), "wall": (2, 3)}, ignore=4)
    assert choose_classes({1, 2}, None, False, {}, names).members == names.members
    classes = choose_classes({1, 2}, ("vessel+wall", "3+1"), False, {}, names)
    assert classes.members == {"vessel+wall": (1, 2, 3), "3+1": (1, 3)}
    labels = np.array([0, 1, 2, 3])
    assert classes.mask(labels, "vessel+wall").tolist() == [False, True, True, True]
    with pytest.raises(UserError, match="unknown class 'vesel'; did you mean 'vessel'"):
        choose_classes({1}, ("vesel",), False, {}, names)


def test_a_class_that_no_label_holds_is_refused():
    """Its scores would be those of two empty masks: perfect (A1)."""
    with pytest.raises(UserError, match=r"no file holds a label of class '2'; .*there are: 1, 3"):
        choose_classes({1, 3}, ("2",), False, {})
    with pytest.raises(UserError, match="none but 0"):
        choose_classes(set(), ("1",), False, {})
    assert choose_classes({1, 3}, ("2+3",), False, {}).members == {"2+3": (2, 3)}


def test_objects_are_no_classes():
    """Labels of instances, unless all of them together are asked for."""
    many = set(range(1, 400))
    with pytest.raises(UserError, match="399 different labels, 1 to 399: objects"):
        choose_classes(many, None, False, {})
    assert choose_classes(many, ("merged",), False, {}).names == ("merged",)


def test_priors():
    """One for all, and one for a class that differs."""
    classes = choose_classes({1, 2}, None, False, parse_priors(["1,0", "2:1,1"]))
    assert [classes.prior(name) for name in classes.names] == [(1, 0), (1, 1), (1, 0)]


@pytest.mark.parametrize("text", ["1", "1,0,0,0", "a,b", "1,-1", "2:", "x"])
def test_refuses_other_priors(text):
    """The form is in the message."""
    with pytest.raises(UserError, match="not of the form 1,1"):
        parse_priors([text])


@pytest.mark.parametrize(
    ("parse", "texts", "words"),
    [
        (parse_priors, ["1:1,0", "1:2,0"], "prior of class '1' is said twice, 1,0 and 2,0; keep"),
        (parse_priors, ["1,0", "2,0"], "prior of every class is said twice, 1,0 and 2,0; keep"),
        (parse_tolerances, ["a:1", "a:2.5"], "--tolerance of class 'a' is said twice, 1 and 2.5"),
        (parse_tolerances, ["1", "2"], "--tolerance of every class is said twice, 1 and 2; keep"),
    ],
)
def test_options_that_contradict_themselves_are_refused(parse, texts, words):
    """The last one does not win; the same twice is no contradiction."""
    with pytest.raises(UserError, match=words):
        parse(texts)
    assert parse([texts[0], texts[0]]) == parse(texts[:1])


@pytest.mark.parametrize(
    ("ignore", "names", "words"),
    [
        (-1, None, "--ignore -1 is no label; labels are whole numbers, 0 to 4294967295"),
        (2**32, None, "is no label"),
        (1, LabelNames({"a": (3,)}, ignore=2), "--ignore 1, but the file of labels has .* as 2"),
    ],
)
def test_an_ignore_label_that_is_none_or_another(ignore, names, words, tmp_path):
    """Refused by evaluate and audit, before a file is read."""
    np.save(tmp_path / "a.npy", np.eye(9, dtype=np.uint8))
    with pytest.raises(UserError, match=words):
        evaluate(tmp_path / "a.npy", tmp_path / "a.npy", Options(ignore=ignore, labels=names))
    with pytest.raises(UserError, match=words):
        audit(tmp_path / "a.npy", ignore=ignore, names=names)
    agreed = LabelNames({"a": (1,)}, ignore=2)
    assert Options(ignore=2, labels=agreed).ignored == Options(labels=agreed).ignored == 2
    check_ignored(2, agreed)


def test_refuses_what_is_no_class():
    """Neither empty lists, nor background, nor a prior of a class that is not scored."""
    with pytest.raises(UserError, match="no class named"):
        parse_classes(" ,")
    with pytest.raises(UserError, match="class '0' is neither"):
        parse_classes("1,0")
    with pytest.raises(UserError, match="prior for class '3', but the classes are 1, 2"):
        choose_classes({1, 2}, ("1", "2"), False, {"3": (1, 0)})


@pytest.mark.parametrize(
    ("text", "members", "ignore"),
    [
        ('{"vessel": 1, "wall": [2, 3]}', {"vessel": (1,), "wall": (2, 3)}, None),
        ('{"1": "vessel", "2": "wall"}', {"vessel": (1,), "wall": (2,)}, None),
        ('{"1": 1, "2": "2"}', {"1": (1,), "2": (2,)}, None),
        (
            '{"labels": {"background": 0, "a": [1, 2], "b": 2, "ignore": 3}, "file_ending": ""}',
            {"a": (1, 2), "b": (2,)},
            3,
        ),
    ],
)
def test_files_of_names(tmp_path, text, members, ignore):
    """Both ways round, and the dataset.json of nnU-Net; background is no class."""
    (tmp_path / "n.json").write_text(text)
    assert read_label_names(tmp_path / "n.json") == LabelNames(members, ignore)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "names no labels"),
        ("{}", "names no labels"),
        ('{"a": 1.5}', "'a' is 1.5, not a label"),
        ('{"a": -1}', "not a label"),
        ('{"a": true}', "not a label"),
        ('{"a": [0, 1]}', "labels of 1 or more"),
        ('{"a,b": 1}', "a comma or a plus"),
        ('{"a": 1, "a": 2}', "'a' is there twice, as 1 and as 2; keep one"),
        ('{"labels": {"1": "a", "1": "b"}}', "'1' is there twice"),
        ('{"1": "a", "2": "a"}', "'a' names two labels"),
        ('{"a": 1, "ignore": [2, 3]}', "'ignore' is .*; it is one label"),
        ('{"a": 1, "b": [2, 3], "ignore": 3}', "label 3 is 'b' and 'ignore', a class or left out"),
        ('{"merged": 1}', "'merged' means whatever is not background; call the class another"),
        ('{"mean of classes": 1}', "'mean of classes' means the mean in tables"),
        ('{"2": 1}', "'2' is label 2 elsewhere, and here it names 1; call the class by a word"),
        ('{"1": "2"}', "'2' is label 2 elsewhere, and here it names 1"),
        ('{"2": [2, 3]}', "'2' is label 2 elsewhere, and here it names 2, 3"),
    ],
)
def test_other_files_of_names_are_refused(tmp_path, text, words):
    """In one line with the file."""
    (tmp_path / "n.json").write_text(text)
    with pytest.raises(UserError, match=f"n.json: .*{words}"):
        read_label_names(tmp_path / "n.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_label_names(tmp_path / "none.json")
