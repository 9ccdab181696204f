"""Parameters of methods by name."""

import pytest

from topoeval import UserError
from topoeval.harness.suites.catalogue import load_method, method_names
from topoeval.harness.suites.parameters import (
    check_params,
    keywords,
    takes_backend,
    value_of,
    with_params,
)
from topoeval.harness.suites.toml import parse
from topoeval.losses import LOSSES
from topoeval.records.parts import Method


def leaves(value, path=()):
    """Yield path and value of everything in nested data."""
    if isinstance(value, dict | list | tuple):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


@pytest.mark.parametrize(
    ("name", "params", "where", "value"),
    [
        ("betti_prior", {"weight": 0.5}, lambda m: m.losses[1].weight, 0.5),
        ("betti_prior", {"cross_entropy.weight": 0.5}, lambda m: m.losses[0].weight, 0.5),
        ("betti_prior", {"max_bars": 7}, lambda m: m.losses[1].params["max_bars"], 7),
        ("cldice", {"iterations": 9}, lambda m: m.losses[1].params["iterations"], 9),
        ("betti_prior_post", {"steps": 5}, lambda m: m.adaptation.steps, 5),
        ("betti_prior_post", {"adaptation.anchor": 2.0}, lambda m: m.adaptation.anchor, 2.0),
        ("morphology", {"closing": 3}, lambda m: m.remedy.params["closing"], 3),
        ("boundary", {"include_background": False},
         lambda m: m.losses[1].params["include_background"], False),
        ("cape", {"weight": 0.3}, lambda m: m.losses[1].weight, 0.3),
        ("betti_prior", {"gradient_ratio": 0.3}, lambda m: m.losses[1].gradient_ratio, 0.3),
    ],
)  # fmt: skip
def test_a_parameter_reaches_what_it_names(name, params, where, value):
    """By its last part the method's own loss, by its full name any; nothing else changes."""
    before = load_method(name)
    after = with_params(before, params)
    assert where(after) == value
    ((key, _),) = params.items()
    assert value_of(after, key) == value
    shown = f"{value}".lower() if isinstance(value, bool) else value
    assert after.label == f"{name}[{key}={shown}]"
    told = [dict(leaves(method.model_dump(exclude={"variant"}))) for method in (before, after)]
    differing = {path[-1] for path in told[0].keys() | told[1].keys()
                 if told[0].get(path) != told[1].get(path)}  # fmt: skip
    # a weight takes the place of a ratio, and the other way round
    assert differing - {"weight", "gradient_ratio"} <= {key.rpartition(".")[2]}
    assert key.rpartition(".")[2] in differing


def test_a_weight_takes_the_place_of_a_ratio_and_back():
    """A term has one of the two."""
    cape = load_method("cape")
    assert (value_of(cape, "weight"), value_of(cape, "gradient_ratio")) == (None, 0.5)
    weighted = with_params(cape, {"weight": 0.3})
    assert (weighted.losses[1].gradient_ratio, value_of(weighted, "gradient_ratio")) == (None, None)
    with pytest.raises(UserError, match="weight or gradient_ratio, not both"):
        with_params(cape, {"weight": 0.3, "gradient_ratio": 0.1})


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"wieght": 1}, "no parameter 'wieght'; did you mean 'weight'"),
        ({"betti_prior.rmap": 1}, "did you mean 'betti_prior.ramp'"),
        ({"backend": "gudhi"}, "no parameter 'backend'"),
        ({"weight": "much"}, r"losses.1.weight: .*valid number.*'much'"),
        ({"ramp": 2.0}, "less than or equal to 1"),
    ],
)
def test_a_wrong_parameter_is_one_line(params, words):
    """With the nearest name, or what is wrong with the value."""
    with pytest.raises(UserError, match=words) as caught:
        with_params(load_method("betti_prior"), params)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", method_names())
def test_every_baseline_has_only_parameters_that_there_are(name):
    """And all that its losses take can be named."""
    method = load_method(name)
    check_params(method)
    for term in method.losses:
        for key in keywords(LOSSES.load(term.name)):
            if key not in ("topology", "backend"):
                value_of(method, f"{term.name}.{key}")


def test_a_misspelt_parameter_of_a_loss_is_found_without_building_it():
    """Wherever in the classes above it the parameter would have been."""
    data = {"name": "m", "title": "M", "regime": "supervised"}
    wrong = {"name": "dice", "params": {"include_backgruond": False}}
    with pytest.raises(UserError, match=r"loss 'dice' has no.*did you mean 'include_background'"):
        check_params(parse({**data, "losses": [wrong]}, Method, "m"))
    given = {"name": "betti_prior", "params": {"topology": "V"}}
    with pytest.raises(UserError, match="no parameter 'topology'; it is the suite's"):
        check_params(parse({**data, "losses": [given]}, Method, "m"))
    remedy = {"name": "morphology", "params": {"open": 1}}
    with pytest.raises(UserError, match=r"remedy 'morphology' has no.*did you mean 'opening'"):
        check_params(parse({**data, "regime": "remedy", "remedy": remedy}, Method, "m"))


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("edit", {"settle": "maybe"}, "true or false as settle, got 'maybe'"),
        ("edit", {"settle": 1}, "true or false as settle, got 1"),
        ("edit", {"width": "wide"}, "a number as width, got 'wide'"),
        ("edit", {"radius": True}, "a number as radius, got True"),
        ("morphology", {"closing": 1.5}, "a whole number as closing, got 1.5"),
        ("threshold_for_prior", {"steps": None}, "a whole number as steps, got None"),
    ],
)
def test_a_value_of_another_type_is_no_value_of_a_remedy(name, params, told):
    """Refused while the suite is read, with what it takes."""
    said = {"name": "m", "title": "M", "regime": "remedy"}
    with pytest.raises(UserError) as refused:
        check_params(parse({**said, "remedy": {"name": name, "params": params}}, Method, "m"))
    assert str(refused.value) == f"method 'm': remedy {name!r} takes {told}"
    right = {"settle": True, "width": 2, "evidence": 0.5}
    check_params(parse({**said, "remedy": {"name": "edit", "params": right}}, Method, "m"))


def test_keywords_are_those_of_all_constructors_that_are_called():
    """Up to the first that hands nothing on; one that takes anything is not held to a list."""

    class Base:
        def __init__(self, *, a=1, b=2): ...

    class Middle(Base):
        def __init__(self, *, b=3, **rest): ...

    class Open:
        def __init__(self, **anything): ...

    assert keywords(Middle) == {"a": 1, "b": 3}
    assert keywords(Open) is None


def test_only_losses_of_barcodes_take_a_backend():
    """And so do the methods that they are part of."""
    assert takes_backend(load_method("betti_prior"))
    assert not takes_backend(load_method("dice_ce"))
    assert not takes_backend(load_method("largest_component"))
