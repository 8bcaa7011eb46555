"""Requests for accounts (主体注册): asked for by anyone, decided by the agency or an administrator."""
