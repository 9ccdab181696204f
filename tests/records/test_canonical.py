"""Values with one text: what is written, what is left out, what is refused."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from topoeval.checksums import canonical_text
from topoeval.records.canonical import (
    ABSENT_WHEN_DEFAULT,
    Frozen,
    canonical_json,
    digest,
)
from topoeval.records.parts import LossTerm


class Old(Frozen):
    """A value as it was."""

    size: int = 1
    kind: str = Field("plain", alias="type")


class New(Old):
    """The same value with fields that came later."""

    decay: Annotated[str, ABSENT_WHEN_DEFAULT] = "none"
    names: Annotated[dict[str, int], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    other: Annotated[float | None, ABSENT_WHEN_DEFAULT] = Field(None, alias="else", gt=0)


@given(size=st.integers(), kind=st.text())
def test_a_later_field_leaves_identities_as_they_were(size, kind):
    """As long as it has its default, even where that was given in so many words."""
    old = canonical_json(Old(size=size, kind=kind))
    assert canonical_json(New(size=size, kind=kind)) == old
    assert canonical_json(New(size=size, kind=kind, decay="none", names={})) == old


def test_a_later_field_is_written_where_it_says_something():
    """By its alias where that is asked for, and read again."""
    value = New(decay="cosine", names={"a": 1}, other=2.0)
    text = canonical_json(value)
    assert text == '{"decay":"cosine","else":2.0,"names":{"a":1},"size":1,"type":"plain"}'
    assert New.model_validate_json(text) == value
    assert value.model_dump()["other"] == 2.0
    assert "other" not in New().model_dump()
    assert dict(New())["other"] is None


def test_fields_inside_of_values_are_left_out_too():
    """Wherever the value stands."""

    class Outer(Frozen):
        inner: tuple[New, ...]

    assert canonical_json(Outer(inner=(New(),))) == '{"inner":[{"size":1,"type":"plain"}]}'


def test_a_term_has_one_strength():
    """The weight, or in its place the ratio."""
    assert "gradient_ratio" not in LossTerm(name="dice").model_dump()
    assert "weight" not in LossTerm(name="dice", gradient_ratio=0.5).model_dump()


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_no_value_is_without_a_word_in_json(value):
    """Neither a number of a model nor a parameter."""
    with pytest.raises(ValidationError, match="finite number"):
        LossTerm(name="dice", weight=value)
    with pytest.raises(ValidationError, match="finite number"):
        LossTerm(name="dice", params={"smooth": value})


def test_a_digest_names_a_text():
    """The head of its SHA-256; the order of keys is none of its matters."""
    text = canonical_text({"b": 1, "a": [True, None]})
    assert text == canonical_text({"a": [True, None], "b": 1})
    # printf '%s' '{"a":[true,null],"b":1}' | sha256sum
    assert digest(text) == "51705a2c9eb3e7e4"
