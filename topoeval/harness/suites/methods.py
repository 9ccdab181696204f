"""The methods of a suite: their parameters, and the chain of what each starts from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from topoeval.errors import UserError, nearest
from topoeval.harness.suites.catalogue import load_method
from topoeval.harness.suites.parameters import check_params, with_params
from topoeval.harness.suites.suite import Suite
from topoeval.records.parts import TRAINED, Method
from topoeval.records.variant import Variant, variants


def methods_of(
    suite: Suite, named: Sequence[Variant], included: Sequence[Variant]
) -> dict[str, Method]:
    """Return the suite's methods and all that they start from by label, checked.

    Parameters
    ----------
    named, included
        Methods that the suite names itself, and in its ``[[include]]`` parts.

    Raises
    ------
    UserError
        An override of no method; an unknown method or parameter; a reference that is no method, or
        several; methods that start from each other, or from what leaves no network.
    """
    names = {one.name for one in (*named, *included)}
    for name in suite.override:
        if name not in names:
            raise UserError(
                f"suite {suite.name!r}: override of {name!r}, which is not among its methods"
                f"{nearest(name, names)}"
            )
    methods = {
        "start": Method(
            name="start",
            title="Common start",
            role="start",
            regime="supervised",
            starts_from=None,
            losses=suite.start.losses,
        )
    }
    wanted = [*named, *included]
    while wanted:
        one = wanted.pop()
        if str(one) not in methods:
            found = load_method(one.name, suite.override.get(one.name), suite.folders).method
            methods[str(one)] = method = with_params(found, one.params)
            if (before := beginning(method)) is not None:
                wanted.extend(variants(before))
    _check_reference(suite, named)
    for method in methods.values():
        _check_chain(method, methods)
        check_params(method)
    return methods


def _check_reference(suite: Suite, named: Sequence[Variant]) -> None:
    """Refuse a reference that is not one row of the suite's table.

    A row is named by its label, as ``cldice[weight=0.5]``, or by its method where that has one row.
    """
    labels = [str(one) for one in named]
    if suite.reference in labels or any(str(one) in labels for one in variants(suite.reference)):
        meant = [str(one) for one in variants(suite.reference)]
    else:
        meant = [str(one) for one in named if one.name == suite.reference]
    if not meant and "reference" not in suite.model_fields_set:
        raise UserError(
            f"suite {suite.name!r} names no reference, and the one without a word, "
            f"{suite.reference!r}, is not among its methods; write reference = "
            f'"{named[0]}", or another of them'
        )
    if not meant:
        raise UserError(
            f"suite {suite.name!r}: reference {suite.reference!r} is not among its methods"
            f"{nearest(suite.reference, {*labels, *(one.name for one in named)})}"
        )
    if len(meant) > 1:
        raise UserError(
            f"suite {suite.name!r}: reference {suite.reference!r} is several methods "
            f"({', '.join(meant)}); choose one that is a single row"
        )


def without_base(suite: Suite, methods: Collection[Method]) -> dict[str, str]:
    """Return by label of a method the base it names that is no row of the suite.

    Such a method is run all the same; its column of differences stays empty.
    """
    texts = [*suite.methods, *(text for part in suite.include for text in part.method)]
    rows = {name for text in texts for one in variants(text) for name in (one.name, str(one))}
    rows |= {name for method in methods for name in (method.name, method.label)}
    return {one.label: one.base for one in methods if one.base and one.base not in rows}


def beginning(method: Method) -> str | None:
    """Return the label of the method whose network another one starts from; None for a start."""
    if method.starts_from is None:
        return None
    first, *more = variants(method.starts_from)
    if more:
        raise UserError(
            f"method {method.name!r} starts from {method.starts_from!r}, which is several methods"
        )
    return str(first)


def _check_chain(method: Method, methods: Mapping[str, Method]) -> None:
    """Refuse a method that begins with what leaves no network, or in the end with itself."""
    chain = [method.label]
    while (before := beginning(methods[chain[-1]])) is not None:
        if methods[before].regime not in TRAINED:
            raise UserError(
                f"method {chain[-1]!r} starts from {before!r}, which corrects answers "
                "and leaves no network to start from"
            )
        if before in chain:
            raise UserError(f"methods start from each other: {' -> '.join((*chain, before))}")
        chain.append(before)
