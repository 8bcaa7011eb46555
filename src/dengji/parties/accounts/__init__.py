"""Accounts of people: sessions, passwords, certificates, and requests for accounts."""
