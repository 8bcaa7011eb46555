"""Faults put in on purpose: nothing may be half-done, lost or done twice."""
