"""Measurements beside the peers, in one run, as ratios (design §9)."""
