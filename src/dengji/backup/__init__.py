"""Backup and recovery: one encrypted file, restored into an empty place, then compared with what others know."""
