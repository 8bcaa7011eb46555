"""Lets Babel read Django templates, so that no GNU gettext is needed to collect texts."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dengji.config.settings")

from babel.messages.extract import extract_python
from django.utils.translation.template import templatize


def extract(fileobj: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Yield the messages of one template, through Django's own rewriting of templates into Python calls."""
    source = templatize(fileobj.read().decode("utf-8"))
    return extract_python(io.BytesIO(source.encode("utf-8")), keywords, comment_tags, options)
