"""Files of masks to tables of scores: anyone's predictions, and anyone's labels.

Whatever is wrong with a file is a `Problem` that names it; the others are evaluated all the same.
"""

from topoeval.evaluate.audit import Audit, audit
from topoeval.evaluate.classes import Classes, parse_classes, parse_priors, parse_tolerances
from topoeval.evaluate.evaluation import Evaluation, evaluate, evaluate_pairs
from topoeval.evaluate.label_names import LabelNames, read_label_names
from topoeval.evaluate.nnunet import NnUnetResults, read_nnunet
from topoeval.evaluate.pairs import FilePair, Matched, match_files
from topoeval.evaluate.parallel import Problem
from topoeval.evaluate.record import record
from topoeval.evaluate.scoring import Options
from topoeval.evaluate.summary import summarise

__all__ = [
    "Audit",
    "Classes",
    "Evaluation",
    "FilePair",
    "LabelNames",
    "Matched",
    "NnUnetResults",
    "Options",
    "Problem",
    "audit",
    "evaluate",
    "evaluate_pairs",
    "match_files",
    "parse_classes",
    "parse_priors",
    "parse_tolerances",
    "read_label_names",
    "read_nnunet",
    "record",
    "summarise",
]
