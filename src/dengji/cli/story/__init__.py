"""The example: real public notices and side stories taken through the whole procedure of a demonstration node.

`load` is the way in; `facts` may be read without a database. Nothing here imports models before `load` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .facts import LEGAL_START

__all__ = ["LEGAL_START", "load"]


def load(report: Callable[[Mapping[str, Any]], None] | None = None) -> dict[str, Any]:
    """Load the example into this demonstration node once, and return what it holds (design §3).

    `report` gets every act as it happens: {at, story, act, label, name, state, last_day …}. A node that holds the
    example already is left as it is. Raises DomainError demonstration_only in production, demo_clock_passed.
    """
    from .telling import load_example

    return load_example(report or (lambda event: None))
