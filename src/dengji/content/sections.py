"""The sections of pages that an agency edits, and what the software ships for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from dengji.core.errors import N_

#: Section → its name; the order in which lists show them.
SECTIONS = {
    "guide": N_("办事指南"),
    "policy": N_("政策法规"),
    "training": N_("培训资料"),
    "cases": N_("典型案例"),
    "help": N_("帮助"),
    "privacy": N_("个人信息处理告知书"),
}
#: Languages of pages, as directories of the shipped texts and as stored.
LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Text:
    """A title and a body in Markdown."""

    title: str
    body: str


@cache
def shipped(section: str, language: str) -> Text:
    """Return the text that a section shows until an agency writes its own: its first line is the title."""
    path = resources.files(__package__).joinpath("defaults", language, f"{section}.md")
    title, _, body = path.read_text("utf-8").partition("\n")
    return Text(title.removeprefix("# ").strip(), body.strip() + "\n")
