"""The card of a network, and how one is built and tried."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from topoeval.errors import UserError, nearest

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[..., "nn.Module"]
"""Called as ``build(ndim=, in_channels=, out_channels=, **params)``."""

_GIVEN = ("ndim", "in_channels", "out_channels")
_NOTHING = "none"


def _any_side(params: Mapping[str, Any]) -> int:
    return 1


def halved_by(levels: str) -> Callable[[Mapping[str, Any]], int]:
    """Return the `multiple` of a network that halves the sides between its levels.

    Parameters
    ----------
    levels
        Name of the parameter that has one entry a level.

    Examples
    --------
    >>> halved_by("channels")({"channels": [8, 16, 32]})
    4
    """

    def multiple(params: Mapping[str, Any]) -> int:
        return 1 << max(0, len(params[levels]) - 1)

    return multiple


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Parameters
    ----------
    name, title
        Name in suites, words in tables.
    build
        Returns the module; ``build(ndim=, in_channels=, out_channels=, **params)``. Its further
        keyword arguments with their defaults are the parameters of the network. The module takes
        ``(B, in_channels, *spatial)`` images in [0, 1] and returns logits ``(B, out_channels,
        *spatial)``; with deep supervision, in training mode, a list of such logits, the best first.
    ndims
        Spatial dimensions that it takes.
    multiple
        Given the parameters, what each side of an image must be a multiple of.
    citation, advice
        The paper, and when to use it.
    revision
        Raise it when networks of the same parameters become others.

    Examples
    --------
    >>> card = Architecture("plain", "One layer", lambda *, ndim, in_channels, out_channels, k=3: 0)
    >>> card.settings({})
    {'k': 3}
    >>> card.settings({"kk": 5})
    Traceback (most recent call last):
    ...
    topoeval.errors.UserError: network 'plain' has no parameter 'kk'; did you mean 'k'?
    """

    name: str
    title: str
    build: Builder
    ndims: tuple[int, ...] = (2, 3)
    multiple: Callable[[Mapping[str, Any]], int] = _any_side
    citation: str = ""
    advice: str = ""
    revision: str = "1"

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The parameters of the network with their defaults."""
        known = inspect.signature(self.build).parameters
        return {name: p.default for name, p in known.items() if name not in _GIVEN}

    def settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, those not given at their defaults, as JSON would hold them.

        The word ``"none"`` stands for `None`, which TOML does not have.

        Raises
        ------
        UserError
            An unknown parameter, with the nearest name; a value of another kind than the default.
        """
        for name, value in params.items():
            if name not in self.defaults:
                raise UserError(
                    f"network {self.name!r} has no parameter {name!r}{nearest(name, self.defaults)}"
                )
            self._check_kind(name, value)
        for name, value in self.defaults.items():
            if value is inspect.Parameter.empty and name not in params:
                raise UserError(f"network {self.name!r} needs a value of {name!r}")
        return {name: _plain(params.get(name, value)) for name, value in self.defaults.items()}

    def network(
        self, ndim: int, in_channels: int, out_channels: int, params: Mapping[str, Any]
    ) -> nn.Module:
        """Return a new network; see `topoeval.networks.build`."""
        if ndim not in self.ndims:
            takes = " and ".join(f"{known}D" for known in self.ndims)
            raise UserError(f"network {self.name!r} takes {takes} images, not {ndim}D")
        settings = self.settings(params)
        try:
            return self.build(
                ndim=ndim, in_channels=in_channels, out_channels=out_channels, **settings
            )
        except (TypeError, ValueError, AssertionError, IndexError) as error:
            shown = ", ".join(f"{name} = {value}" for name, value in settings.items())
            raise UserError(f"network {self.name!r} with {shown}: {_line(error)}") from error

    def output_shape(
        self, shape: Sequence[int], out_channels: int, params: Mapping[str, Any]
    ) -> tuple[int, ...]:
        """Return the shape of the logits of two images; see `topoeval.networks.output_shape`."""
        import torch

        channels, *sides = shape
        self._check_sides(sides, params)
        with torch.device("meta"):
            network = self.network(len(sides), channels, out_channels, params).train()
        try:
            logits = network(torch.empty((2, channels, *sides), device="meta"))
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"network {self.name!r} does not take images of {_sides(sides)}: {_line(error)}; "
                "give it fewer levels, or larger images"
            ) from error
        first = logits[0] if isinstance(logits, list) else logits
        found = tuple(first.shape)
        if found != (2, out_channels, *sides):
            raise UserError(
                f"network {self.name!r} returns logits of shape {found} for two images of "
                f"{_sides(sides)} and {out_channels} classes; {(2, out_channels, *sides)} was "
                "expected"
            )
        return found

    def _check_sides(self, sides: Sequence[int], params: Mapping[str, Any]) -> None:
        multiple = self.multiple(self.settings(params))
        if any(side % multiple for side in sides):
            raise UserError(
                f"network {self.name!r} takes sides that are multiples of {multiple}, and the "
                f"images have {_sides(sides)}; give it fewer levels, choose other sides, or train "
                "on patches"
            )

    def _check_kind(self, name: str, value: Any) -> None:
        default = self.defaults[name]
        if default is inspect.Parameter.empty or default is None or value in (None, _NOTHING):
            return
        kinds: dict[type, tuple[type, ...]] = {
            bool: (bool,),
            int: (int,),
            float: (int, float),
            str: (str,),
            tuple: (tuple, list),
        }
        wanted = kinds.get(type(default))
        if wanted is None:
            return
        wrong = not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)
        if isinstance(default, tuple) and default and not wrong:
            wrong = not all(type(one) is type(default[0]) for one in value)
            # numbers of channels, blocks, sizes: where none is 0 by default, none can be
            wrong = wrong or (min(default) > 0 and bool(value) and min(value) <= 0)
        if wrong:
            raise UserError(
                f"network {self.name!r}: {name} = {value!r}; a value like {_plain(default)!r} was "
                "expected"
            )


def _plain(value: Any) -> Any:
    if value == _NOTHING:
        return None
    return list(value) if isinstance(value, tuple) else value


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _sides(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))
