"""What an act takes beside its object: one shape per kind of act."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from .schemas import In, Reason, Short, Words


class Nothing(In):
    """An act that needs no further word."""


class Reasoned(In):
    """An act that must give its reasons."""

    reason: Reason


class MaybeReason(In):
    """An act that may give its reasons."""

    reason: Words = ""


class Submission(In):
    """The preview seen, and the secrecy and publication review (保密及公开审查)."""

    preview_acknowledged: bool = False
    secrecy_conclusion: Short = ""
    secrecy_date: date | None = None
    secrecy_reviewer: Annotated[str, Field(max_length=100)] = ""


class SupplementItem(In):
    """One item to be mended: the field or kind of material, and what is wrong."""

    field: Annotated[str, Field(min_length=1, max_length=60)]
    text: Annotated[str, Field(min_length=1, max_length=1000)]


class Supplement(In):
    """Everything to be mended, once and completely (一次性告知)."""

    items: list[SupplementItem] = Field(min_length=1, max_length=200)
    reason: Words = ""


class Opinion(In):
    """A reviewer's opinion."""

    opinion: Words = ""


class Cleared(In):
    """A hit of the sensitive scan that an officer has looked at."""

    code: Short
    field: Short | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class Opening(In):
    """The hits of the personal and sensitive scan that were cleared."""

    cleared: list[Cleared] = Field(default_factory=list, max_length=200)


class Grounded(In):
    """An act on a ground of the rulebook, with reasons."""

    ground: Annotated[str, Field(min_length=1, max_length=60)]
    reason: Reason


class Suppression(Grounded):
    """A suppression names the authority that decided it."""

    authority: Annotated[str, Field(min_length=1, max_length=200)]


class Way(In):
    """The way a code is asked for: upstream or lease:<id>."""

    way: Annotated[str, Field(min_length=1, max_length=40)] = "upstream"


class Assigned(In):
    """The code given by the national platform."""

    code: Annotated[str, Field(max_length=64)] = ""


class FollowKey(In):
    """The key given at lodging, for somebody without an account."""

    key: Annotated[str, Field(max_length=64)] = ""
