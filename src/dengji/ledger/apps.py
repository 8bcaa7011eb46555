"""Ledger: the entries of every act, in an order nobody can rewrite."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The log of the node."""

    name = "dengji.ledger"
    label = "ledger"
