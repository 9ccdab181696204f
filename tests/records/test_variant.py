"""Names with parameters: read, listed, written."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from topoeval import UserError
from topoeval.records.variant import Variant, variants

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,6}(\.[a-z][a-z0-9_]{0,6})?", fullmatch=True)
SCALARS = (
    st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of a loaded machine
@given(NAMES, st.dictionaries(KEYS, VALUES, max_size=3))
def test_what_is_written_is_read_back(name, params):
    """Whatever the values: text, numbers, lists."""
    heads = [key.split(".")[0] for key in params]
    if len(set(heads)) < len(heads):
        return  # `a` and `a.b` cannot both be keys of one table
    written = Variant(name, params)
    (read,) = variants(str(written))
    assert read == written
    assert [type(value) for value in read.params.values()] == [
        type(value) for value in params.values()
    ]


def test_lists_stand_for_each_of_their_values():
    """The product of all lists, the last varying fastest; a list in a list is a value."""
    assert [one.params for one in variants("m[a=[1, 2], b=[x, y]]")] == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert [one.params for one in variants("m[pairs=[[0, 1]]]")] == [{"pairs": [0, 1]}]
    assert variants("m") == [Variant("m")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("m[a=word]", "word"),
        ("m[a=true]", True),
        ("m[a=1e-3]", 1e-3),
        ("m[ a = 'two words' ]", "two words"),
        ('m[a="x, y=z"]', "x, y=z"),
        ("m[a.b=1]", 1),
    ],
)
def test_values_are_those_of_toml_and_bare_words(text, value):
    """Quotes are needed only where TOML and a shell would need them, too."""
    (one,) = variants(text)
    assert list(one.params.values()) == [value]
    assert json.dumps(one.params)


@pytest.mark.parametrize(
    "text", ["", "m[", "m[]", "m[a]", "m[a=]", "m[a=1]]x", "m[a=1", "a b", "[a=1]"]
)
def test_what_is_no_name_is_refused_in_one_line(text):
    """With the form that it should have."""
    with pytest.raises(UserError, match=r"not of the form NAME or NAME\[KEY=VALUE"):
        variants(text)


def test_a_list_without_values_names_nothing():
    """It would leave the method out in silence."""
    with pytest.raises(UserError, match="lists no value"):
        variants("m[a=[]]")
