"""Files of masks to tables of scores: anyone's predictions, and anyone's labels.

Whatever is wrong with a file is a `Problem` that names it; the others are evaluated all the same.
"""

from topoeval.evaluate.audit import Audit, audit
from topoeval.evaluate.classes import Classes, parse_classes, parse_priors
from topoeval.evaluate.evaluation import Evaluation, Options, evaluate
from topoeval.evaluate.label_map import LabelMap, read_labels
from topoeval.evaluate.pairs import FilePair, match_files
from topoeval.evaluate.parallel import Problem
from topoeval.evaluate.record import record
from topoeval.evaluate.summary import summarise

__all__ = [
    "Audit",
    "Classes",
    "Evaluation",
    "FilePair",
    "LabelMap",
    "Options",
    "Problem",
    "audit",
    "evaluate",
    "match_files",
    "parse_classes",
    "parse_priors",
    "read_labels",
    "record",
    "summarise",
]
