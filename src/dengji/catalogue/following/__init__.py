"""Webhooks: whoever follows a record or a search is told of each change by a signed message."""
