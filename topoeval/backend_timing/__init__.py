"""What the persistence engines cost, side by side on one machine (``topoeval bench``)."""
