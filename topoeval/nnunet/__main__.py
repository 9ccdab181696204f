"""Print the folder to export as ``nnUNet_extTrainer``, and on stderr the trainers in it."""

from __future__ import annotations

import sys

from topoeval.nnunet import FOLDER, TRAINERS

# the folder alone on stdout: it is put into a variable
print(FOLDER.resolve())
print("trainers:", *TRAINERS, sep="\n  ", file=sys.stderr)
