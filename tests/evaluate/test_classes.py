"""Which classes are scored, and with which prior."""

import pytest

from topoeval.errors import UserError
from topoeval.evaluate import parse_classes, parse_priors
from topoeval.evaluate.classes import choose_classes


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ([{1}, {255}], ("foreground",)),
        ([{7}, {7}, set()], ("foreground",)),
        ([set()], ("foreground",)),
        ([{1}, {2}], ("1", "2", "merged")),
        ([{1, 2, 3}, {1}], ("1", "2", "3", "merged")),
        ([{1, 255}], ("1", "255", "merged")),
    ],
)
def test_found_in_the_files(found, names):
    """255 is 1 in a file of nothing else; two labels in two files are two classes."""
    assert choose_classes(found, None, False, {}).names == names


def test_named_ones_win_and_unions_are_added():
    """Every pair of single labels."""
    classes = choose_classes([{9}], parse_classes("1, 2,3"), True, {"1+2": (1, 1)})
    assert classes.names == ("1", "2", "3", "1+2", "1+3", "2+3")
    assert classes.prior("1+2") == (1, 1)
    assert classes.prior("3") is None


def test_priors():
    """One for all, and one for a class that differs."""
    classes = choose_classes([{1, 2}], None, False, parse_priors(["1,0", "2:1,1"]))
    assert [classes.prior(name) for name in classes.names] == [(1, 0), (1, 1), (1, 0)]


@pytest.mark.parametrize("text", ["1", "1,0,0,0", "a,b", "1,-1", "2:", "x"])
def test_refuses_other_priors(text):
    """The form is in the message."""
    with pytest.raises(UserError, match="not of the form 1,1"):
        parse_priors([text])


def test_refuses_what_is_no_class():
    """Neither empty lists, nor background, nor a prior of a class that is not scored."""
    with pytest.raises(UserError, match="no class named"):
        parse_classes(" ,")
    with pytest.raises(UserError, match="class '0' is neither"):
        parse_classes("1,0")
    with pytest.raises(UserError, match="prior for class '3', but the classes are 1, 2"):
        choose_classes([], ("1", "2"), False, {"3": (1, 0)})
