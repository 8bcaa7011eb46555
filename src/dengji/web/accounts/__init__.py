"""Accounts: signing in, second factor, organisations' sign-up, people and roles."""
