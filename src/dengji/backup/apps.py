"""Backup and recovery of a node."""

from django.apps import AppConfig


class BackupConfig(AppConfig):
    """The room that copies everything and brings it back."""

    name = "dengji.backup"
    label = "backup"
