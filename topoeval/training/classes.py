"""Targets and predictions of several classes; `topoeval.datasets.classes` says what they are."""

from __future__ import annotations

import torch

from topoeval.errors import UserError


def with_background(targets: torch.Tensor) -> torch.Tensor:
    """Return the targets of exclusive classes with the background as first channel.

    Parameters
    ----------
    targets
        ``(B, C, *spatial)`` in [0, 1], which sum to at most 1 at each voxel.

    Returns
    -------
    ``(B, C + 1, *spatial)``, which sum to 1.

    Raises
    ------
    UserError
        They sum to more than 1 somewhere: the classes overlap.
    """
    background = 1 - targets.sum(1, keepdim=True)
    if background.numel() and float(background.min()) < -1e-4:
        raise UserError(
            f"targets of exclusive classes sum to {1 - float(background.min()):.4g} at a voxel; "
            "classes that overlap are regions (exclusive = false in the dataset's card)"
        )
    return torch.cat([background.clamp(min=0), targets], dim=1)


def activated(logits: torch.Tensor, softmax: bool) -> torch.Tensor:
    """Return the probabilities of all channels of ``(B, C, *spatial)`` logits."""
    return logits.softmax(1) if softmax else logits.sigmoid()


def at_most_one(maps: torch.Tensor) -> torch.Tensor:
    """Return means of maps of exclusive classes, in which each voxel has at most one class.

    Two classes can reach 0.5 in a mean of several answers. Both then do so exactly, and the first
    is predicted: the other one gets the largest value below 0.5.

    Parameters
    ----------
    maps
        ``(N, C, *spatial)``, means of what `class_maps` returned for exclusive classes.

    Examples
    --------
    >>> at_most_one(torch.tensor([0.5, 0.5, 0.2]).reshape(1, 3, 1, 1)).flatten() >= 0.5
    tensor([ True, False, False])
    """
    predicted = maps >= 0.5
    second = predicted & (predicted.cumsum(1) > 1)
    below = torch.nextafter(maps.new_tensor(0.5), maps.new_tensor(0.0))
    return torch.where(second, below, maps)


def class_maps(logits: torch.Tensor, softmax: bool) -> torch.Tensor:
    r"""Return a map in [0, 1] for each class: the class is predicted where it is 0.5 or more.

    Of overlapping classes it is the sigmoid. Of exclusive ones, with logits z and background 0,

    .. math:: q_c = \sigma(z_c - \max_{j \ne c} z_j),

    the probability of a class against the strongest other one: 0.5 or more exactly where the
    class has the largest logit. Softmax probabilities do not have that property (of four classes
    the largest may have 0.3), and all that reads predictions has one threshold.

    Parameters
    ----------
    logits
        ``(B, C, *spatial)``; of exclusive classes with the background as first channel.
    softmax
        Whether the classes are exclusive.

    Returns
    -------
    ``(B, C', *spatial)``, the classes without the background.

    Examples
    --------
    >>> logits = torch.tensor([0.0, 1.0, 0.9]).reshape(1, 3, 1, 1)
    >>> class_maps(logits, softmax=True).flatten() >= 0.5
    tensor([ True, False])
    """
    if not softmax:
        return logits.sigmoid()
    best, second = logits.topk(2, dim=1).values.unbind(1)
    winner = logits.argmax(1, keepdim=True)
    labels = torch.arange(logits.shape[1], device=logits.device)
    wins = labels.view(1, -1, *(1,) * (logits.ndim - 2)) == winner
    rivals = torch.where(wins, second[:, None], best[:, None])
    maps = (logits - rivals).sigmoid()
    # two classes with the same logit: the first of them is predicted, and no other
    below = torch.nextafter(maps.new_tensor(0.5), maps.new_tensor(0.0))
    return torch.where(wins, maps, torch.minimum(maps, below))[:, 1:]
