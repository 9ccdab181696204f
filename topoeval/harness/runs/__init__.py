"""One run and many: what a run does, in which process, and where its record goes."""
