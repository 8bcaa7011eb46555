"""Figures of the catalogue: exact, at any past day, each with its definition (Art. 14; R58, R66)."""
