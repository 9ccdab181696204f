"""Spaces of parameters: what is tried, in which order, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from topoeval import UserError
from topoeval.harness.suites.method_file import MethodFile
from topoeval.harness.suites.space import Range, spread
from topoeval.harness.suites.toml import parse

ranges = st.tuples(st.floats(1e-6, 1e3), st.floats(1.5, 1e6), st.booleans()).map(
    lambda x: Range(low=x[0], high=x[0] * x[1], log=x[2])
)
lists = st.lists(st.integers(-5, 5), min_size=1, max_size=5, unique=True).map(tuple)
spaces = st.dictionaries(st.sampled_from("abc"), ranges | lists, min_size=1, max_size=3)


def has(axis, value):
    if isinstance(axis, Range):
        return axis.low * 0.99 <= value <= axis.high * 1.01  # rounded to three digits
    return value in axis


@settings(deadline=None)  # the first example imports SciPy
@given(spaces, st.integers(1, 12), st.integers(0, 3))
def test_values_are_different_inside_and_the_first_of_more(space, count, own):
    """The method's own come first; a larger search repeats the smaller one's."""
    first = dict.fromkeys(space, float(own))
    tried = spread(space, count, first)
    assert tried[0] == first
    assert all(has(space[k], v) for values in tried[1:] for k, v in values.items())
    assert len({tuple(sorted(values.items())) for values in tried}) == len(tried)
    assert spread(space, count + 3, first)[:count] == tried
    if any(isinstance(axis, Range) for axis in space.values()):
        assert len(tried) == count


def test_a_space_of_lists_is_searched_to_its_end():
    """Nine pairs are nine trials, whatever more was asked for; the method's own is one of them."""
    space = {"opening": (0, 1, 2), "closing": (0, 1, 2)}
    tried = spread(space, 20, {"opening": 0, "closing": 1})
    assert {(v["opening"], v["closing"]) for v in tried} == {
        (a, b) for a in range(3) for b in range(3)
    }
    assert len(tried) == 9
    assert len(spread(space, 20, {"opening": 7, "closing": 1})) == 10


def test_one_parameter_gets_its_ends_and_then_the_middles():
    """On a logarithmic scale, where that was asked for, rounded as people write."""
    axis = Range(low=1e-4, high=1.0, log=True)
    tried = [values["weight"] for values in spread({"weight": axis}, 6, {"weight": 0.5})]
    assert tried == [0.5, 1e-4, 1.0, 1e-2, 1e-3, 0.1]
    linear = Range(low=0.0, high=1.0)
    assert [linear.at(x) for x in (0, 0.5, 1)] == [0.0, 0.5, 1.0]


def test_a_value_that_is_the_methods_own_is_not_tried_twice():
    """The middle is its own, so the next place takes its turn."""
    axis = Range(low=0.01, high=1.0, log=True)
    tried = [values["weight"] for values in spread({"weight": axis}, 4, {"weight": 0.1})]
    assert tried == [0.1, 0.01, 1.0, 0.0316]


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"weight": {"low": 2, "high": 1}}, "must be less than high"),
        ({"weight": {"low": 0, "high": 1, "log": True}}, "greater than 0 on a logarithmic"),
        ({"weight": {"low": 0, "hihg": 1}}, "search.weight"),
        ({"weight": 3}, "search.weight"),
    ],
)
def test_a_space_that_makes_no_sense_is_one_line(search, words):
    """With the place in the file."""
    data = {"name": "m", "title": "M", "regime": "supervised", "losses": [{"name": "dice"}]}
    with pytest.raises(UserError, match=words) as caught:
        parse({**data, "search": search}, MethodFile, "m")
    assert "\n" not in str(caught.value)


def test_a_search_is_written_with_dotted_keys_and_is_no_part_of_a_run():
    """Nested tables are names; what is written of a method has no search."""
    data = {"name": "m", "title": "M", "regime": "supervised", "losses": [{"name": "dice"}]}
    method = parse({**data, "search": {"dice": {"weight": [0.5, 1.0]}}}, MethodFile, "m")
    assert method.search == {"dice.weight": (0.5, 1.0)}
    assert "search" not in method.model_dump()
    with pytest.raises(ValidationError):
        Range(low=1, high=2, step=1)
