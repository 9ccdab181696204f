"""The specifications of plugins, as checks that their authors run.

>>> from topoeval.losses import DiceLoss
>>> {result.outcome for result in check_loss(DiceLoss)} <= {"passed", "not applicable"}
True
"""

from topoeval.testing.losses import check_loss, loss_checks
from topoeval.testing.results import CheckResult, NotApplicable

__all__ = ["CheckResult", "NotApplicable", "check_loss", "loss_checks"]
