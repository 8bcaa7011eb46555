"""Parties: who takes part, in which role, for which register."""

from django.apps import AppConfig


class PartiesConfig(AppConfig):
    """Registers, jurisdictions, organisations, people, roles, access log."""

    name = "dengji.parties"
    label = "parties"
