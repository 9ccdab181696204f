"""The specifications of plugins, as checks that their authors run.

>>> from topoeval.losses import DiceLoss
>>> {result.outcome for result in check_loss(DiceLoss)} <= {"passed", "not applicable"}
True
"""

from topoeval.errors import naming_extra
from topoeval.testing.results import CheckResult, NotApplicable

with naming_extra("topoeval.testing"):
    from topoeval.testing.backends import assert_backend, backend_checks, check_backend
    from topoeval.testing.losses import check_loss, loss_checks
    from topoeval.testing.typed_errors import KINDS, with_errors

__all__ = [
    "KINDS",
    "CheckResult",
    "NotApplicable",
    "assert_backend",
    "backend_checks",
    "check_backend",
    "check_loss",
    "loss_checks",
    "with_errors",
]
