"""From inputs to PDF/A by typst: values go in as data, never as markup; the same inputs give the same bytes."""

from __future__ import annotations

import importlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from dengji.core.errors import N_, DomainError

try:
    _typst: Any = importlib.import_module("typst")
except ImportError:  # no wheel for this machine, as on LoongArch: documents wait, `dengji doctor` says so
    _typst = None

HERE = Path(__file__).parent / "layouts"
#: Layout → version. A change of a layout that changes what is printed takes a new version.
LAYOUTS = {"letter": 1, "sheet": 1, "form": 1, "report": 1}
FAMILY = "Noto Serif SC"
_STANDARD = "a-2b"
_UNDISPLAYED = re.compile(r'the text `"(.+?)"` could not be displayed', re.S)
_LOCK = threading.Lock()


def layout_version(layout: str) -> str:
    """Return what a document notes of its layout: name@version."""
    return f"{layout}@{LAYOUTS[layout]}"


def fonts() -> list[Path]:
    """Return the files of the typefaces that documents use, of all directories in the settings that exist."""
    found: list[Path] = []
    for directory in map(Path, settings.DENGJI_FONT_DIRS):
        if directory.is_dir():
            found += sorted(p for p in directory.rglob("*") if p.suffix.lower() in (".ttf", ".otf", ".ttc"))
    return found


def missing() -> DomainError | None:
    """Return what keeps this node from rendering, None where nothing does."""
    if _typst is None:
        return DomainError("renderer_missing", N_("本机没有排版组件 typst，文书暂不能制作"), status=503)
    if not fonts():
        return DomainError(
            "font_missing", N_("找不到文书所用字体：请运行 make setup，或者设置 DENGJI_FONT_DIRS"), status=503
        )
    return None


@lru_cache(maxsize=2)
def _faces(directories: tuple[str, ...]) -> Any:
    return _typst.Fonts(font_paths=list(directories), include_system_fonts=False)


@lru_cache(maxsize=8)
def _compiler(layout: str, directories: tuple[str, ...]) -> Any:
    return _typst.Compiler(str(HERE / f"{layout}.typ"), root=str(HERE), font_paths=_faces(directories))


def render(layout: str, inputs: Mapping[str, Any], *, standard: str = _STANDARD) -> bytes:
    """Return the PDF/A of a layout with these inputs; equal inputs and fonts give equal bytes.

    Raises DomainError renderer_missing, font_missing (503), glyph_missing naming the character, render_failed.
    """
    if (gap := missing()) is not None:
        raise gap
    data = orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS).decode()
    with _LOCK:  # a compiler keeps one world; it is not for two threads
        try:
            made = _compiler(layout, _directories()).compile(
                format="pdf", sys_inputs={"data": data}, pdf_standards=[standard]
            )
        except Exception as error:
            raise _failed(error) from error
    return bytes(made)


def render_visibly(layout: str, inputs: Mapping[str, Any], *, standard: str = _STANDARD) -> tuple[bytes, list[str]]:
    """Return (PDF/A, characters no typeface has): each of these is printed as its number, 〔U+20000〕, never left out.

    Raises what `render` raises, but for glyph_missing.
    """
    lacking: list[str] = []
    while True:
        try:
            return render(layout, _numbered(inputs, lacking), standard=standard), lacking
        except DomainError as error:
            found = [one for one in (error.params or {}).get("lacking", "") if one not in lacking]
            if error.code != "glyph_missing" or not found:
                raise
            lacking += found


def _numbered(value: Any, lacking: Sequence[str]) -> Any:
    if isinstance(value, str):
        return "".join(f"〔U+{ord(one):04X}〕" if one in lacking else one for one in value)
    if isinstance(value, Mapping):
        return {name: _numbered(one, lacking) for name, one in value.items()}
    return [_numbered(one, lacking) for one in value] if isinstance(value, list) else value


def seal_place(layout: str, inputs: Mapping[str, Any]) -> tuple[int, float, float] | None:
    """Return (page, x, y) in points from the top left of where the signature begins, None without such a place."""
    data = orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS).decode()
    with _LOCK:
        compiler = _typst.Compiler(
            str(HERE / f"{layout}.typ"), root=str(HERE), font_paths=_faces(_directories()), sys_inputs={"data": data}
        )
        answer = compiler.query("<seal>", field="value")
    found: Sequence[Mapping[str, Any]] = json.loads(answer)
    if not found:
        return None
    place = found[0]
    return int(place["page"]), float(str(place["x"]).removesuffix("pt")), float(str(place["y"]).removesuffix("pt"))


def _directories() -> tuple[str, ...]:
    return tuple(sorted({str(path.parent) for path in fonts()}))


def _failed(error: Exception) -> DomainError:
    if (text := _UNDISPLAYED.search(str(error))) is not None:
        return DomainError(
            "glyph_missing",
            N_("字体中没有文书所用的字：{characters}；请在 DENGJI_FONT_DIRS 中增加含有此字的字体"),
            status=500,
            params={
                "lacking": text[1],
                "characters": "、".join(f"{c}（U+{ord(c):04X}）" for c in dict.fromkeys(text[1])),
            },
        )
    return DomainError("render_failed", N_("文书排版失败"), status=500)
