"""Lets Babel read our sources and Django templates, so that no GNU gettext is needed to collect texts."""

from __future__ import annotations

import ast
import io
import os
import re
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dengji.config.settings")

from babel.messages.extract import extract_python
from django.utils.translation.template import templatize

_CHINESE = re.compile("[\u4e00-\u9fff]")


def extract(fileobj: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Yield the messages of one template, through Django's own rewriting of templates into Python calls."""
    source = templatize(fileobj.read().decode("utf-8"))
    return extract_python(io.BytesIO(source.encode("utf-8")), keywords, comment_tags, options)


def extract_source(fileobj: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Yield the Chinese messages of one Python file, by its syntax tree.

    Babel's own reader works on tokens: it sees into f-strings only from Python 3.12 on, and takes the key of
    `_(LABELS["act"])` for a message.
    """
    for node in ast.walk(ast.parse(fileobj.read())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        texts = tuple(a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
        if name in keywords and texts and _CHINESE.search("".join(texts)):
            yield node.lineno, name, texts, []
