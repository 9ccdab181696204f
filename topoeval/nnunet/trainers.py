"""nnU-Net's trainer with a topological term, and one named class for each loss.

Settings are class attributes: nnU-Net names a result's folder after its class, so another setting
is another class, three lines in a folder of your own that ``nnUNet_extTrainer`` names as well::

    from topoeval.nnunet.trainers import nnUNetTrainerTopoevalClDice

    class nnUNetTrainerTopoevalClDiceStrong(nnUNetTrainerTopoevalClDice):
        gradient_ratio = 0.5
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from topoeval.errors import UserError
from topoeval.losses import LOSSES
from topoeval.nnunet.term import TopologicalTerm
from topoeval.topology import Topology

PRIOR_FILE = "topoeval_prior.json"


class TopoevalMixin:
    """Adds a topological loss to that of the trainer it stands before.

    Attributes
    ----------
    loss_name, loss_params
        Name in `topoeval.losses.LOSSES`, and arguments of the constructor.
    gradient_ratio, weight
        Strength of the term; one of the two. See `topoeval.nnunet.term.TopologicalTerm`.
    start, ramp, every
        When the term is added.
    """

    loss_name: ClassVar[str]
    loss_params: ClassVar[dict[str, Any]] = {}
    gradient_ratio: ClassVar[float | None] = 0.1
    weight: ClassVar[float | None] = None
    start: ClassVar[float] = 0.0
    ramp: ClassVar[float] = 0.0
    every: ClassVar[int] = 1

    def _build_loss(self) -> TopologicalTerm:
        trainer: Any = self
        info = LOSSES.load(self.loss_name).info
        ndim = len(trainer.configuration_manager.patch_size)
        if ndim not in info.ndims:
            raise UserError(f"loss {self.loss_name!r} takes {info.ndims}D images, not {ndim}D")
        base = super()._build_loss()  # type: ignore[misc]
        term = TopologicalTerm(
            base,
            self.loss_name,
            dict(self.loss_params),
            regions=trainer.label_manager.has_regions,
            ignore_label=trainer.label_manager.ignore_label,
            gradient_ratio=self.gradient_ratio,
            weight=self.weight,
            start=self.start,
            ramp=self.ramp,
            every=self.every,
            prior=self._prior(ndim) if info.needs_prior else None,
        )
        trainer.print_to_log_file(f"topoeval: {term.info.title}, {term.extra_repr()}")
        return term

    def _prior(self, ndim: int) -> list[Sequence[int]]:
        """Return the Betti numbers of each class but the background, from a file.

        The file stands in the dataset's folder of ``nnUNet_preprocessed`` and names the labels, or
        regions, as ``dataset.json`` does: ``{"ring": [1, 1], "disc": [1, 0]}``.
        """
        trainer: Any = self
        path = Path(str(nnUNet_preprocessed)) / trainer.plans_manager.dataset_name / PRIOR_FILE
        if not path.exists():
            raise UserError(
                f"{path} is not there; it gives the Betti numbers of each label, for example "
                '{"vessel": [1, 0]}'
            )
        given = json.loads(path.read_text(encoding="utf-8"))
        named = [
            name for name in trainer.dataset_json["labels"] if name not in ("background", "ignore")
        ]
        if not isinstance(given, dict) or set(given) != set(named):
            raise UserError(f"{path} has to have a list of Betti numbers for {', '.join(named)}")
        for name, numbers in given.items():
            if len(numbers) != ndim or any(type(n) is not int or n < 0 for n in numbers):
                raise UserError(f"{path}: {name} needs {ndim} Betti numbers, got {numbers}")
        return [given[name] for name in named]

    def on_train_epoch_start(self) -> None:
        """Tell the term how far the training is."""
        super().on_train_epoch_start()  # type: ignore[misc]
        trainer: Any = self
        trainer.loss.progress = (trainer.current_epoch + 1) / trainer.num_epochs

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Write the line of the term into the log."""
        super().on_train_epoch_end(train_outputs)  # type: ignore[misc]
        trainer: Any = self
        trainer.print_to_log_file(trainer.loss.report())

    def on_train_end(self) -> None:
        """Refuse a training in which the term was never added, after it is saved."""
        super().on_train_end()  # type: ignore[misc]
        loss: TopologicalTerm = self.loss  # type: ignore[attr-defined]
        if loss.steps and not loss.calls:
            why = (
                f"all {loss.skipped} patches contradicted the prior"
                if loss.skipped
                else f"start={loss.start} and every={loss.every} left it no step"
            )
            raise UserError(
                f"the training is saved, and it is nnU-Net's alone: the term "
                f"{loss.info.name!r} was never added; {why}"
            )

    def save_checkpoint(self, filename: str) -> None:
        """Save with the name of nnU-Net's trainer: the network is its own.

        So a checkpoint is read, and predicts, where topoeval is not installed.
        """
        kind = type(self)
        plain = next(
            (cls for cls in kind.__mro__ if cls.__module__.startswith("nnunetv2.")), nnUNetTrainer
        )
        own = kind.__name__
        # nnU-Net writes `self.__class__.__name__`, the one thing that would need this package
        kind.__name__ = plain.__name__
        try:
            super().save_checkpoint(filename)  # type: ignore[misc]
        finally:
            kind.__name__ = own


class nnUNetTrainerTopoevalClDice(TopoevalMixin, nnUNetTrainer):  # noqa: N801  # nnU-Net's style
    """Soft clDice from the first step."""

    loss_name = "cldice"


class nnUNetTrainerTopoevalCbDice(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """cbDice, after a tenth of the training: an empty prediction gives it no gradient."""

    loss_name = "cbdice"
    # a patch cuts vessels: their centrelines run on beyond its border
    loss_params: ClassVar[dict[str, Any]] = {"topology": Topology(border="framed")}
    start = 0.1
    ramp = 0.1


class nnUNetTrainerTopoevalSkeletonRecall(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """Skeleton recall from the first step."""

    loss_name = "skeleton_recall"
    loss_params: ClassVar[dict[str, Any]] = {"topology": Topology(border="framed")}


class nnUNetTrainerTopoevalBettiMatching(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """Betti matching in the second half, in every fifth step: it is dear in 3D."""

    loss_name = "betti_matching"
    start = 0.5
    ramp = 0.25
    every = 5


class nnUNetTrainerTopoevalSparseBettiMatching(nnUNetTrainerTopoevalBettiMatching):  # noqa: N801
    """Betti matching where prediction or target is likely foreground."""

    loss_name = "sparse_betti_matching"


class nnUNetTrainerTopoevalBettiPrior(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """The Betti prior in the second half; the numbers of each class come from a file."""

    loss_name = "betti_prior"
    start = 0.5
    ramp = 0.25


class nnUNetTrainerTopoevalTopograph(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """Topograph in the second half; 2D."""

    loss_name = "topograph"
    start = 0.5
    ramp = 0.25


class nnUNetTrainerTopoevalWarping(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """Homotopy warping in the last third, as its author does."""

    loss_name = "warping"
    start = 0.7
    ramp = 0.1


class nnUNetTrainerTopoevalSCNP(TopoevalMixin, nnUNetTrainer):  # noqa: N801
    """SCNP from the first step, as strong as nnU-Net's own loss: it is one of its kind."""

    loss_name = "scnp"
    gradient_ratio = 1.0
