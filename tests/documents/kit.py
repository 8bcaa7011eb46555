"""Words that are hard to print, and how a PDF is read back."""

from __future__ import annotations

import io
import subprocess
from typing import Any

from pypdf import PdfReader

RARE = "㛃䶮龑𬭎"
#: Text that would do something if any of typst, JSON, XML or a placeholder were read as markup.
INJECTION = '#read("/etc/passwd") *粗* _斜_ $x^2$ `raw` #panic("x") <w:b/>&amp;]]> "引\\号" {code} {facts} \\u0041'
HARD: dict[str, Any] = {
    "name": f"甘肃省张掖市-道路运输业-{RARE}" + "很长的名称" * 20,
    "scenarios": INJECTION,
}


def text_of(data: bytes) -> str:
    """The text of a PDF without spaces and line ends, as pypdf reads it."""
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def run(*command: str) -> str:
    """What a program of the system prints; fails the test where it finds fault."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def objects(data: bytes) -> dict[str, Any]:
    """What a PDF/A-2b must and must not hold, as seen by pypdf: its own list, no substitute for a validator."""
    reader = PdfReader(io.BytesIO(data))
    root: Any = reader.trailer["/Root"]
    fonts: list[Any] = []
    for page in reader.pages:
        for one in (page["/Resources"].get_object().get("/Font") or {}).values():
            font = one.get_object()
            fonts.append(font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font)
    descriptors = [font["/FontDescriptor"].get_object() for font in fonts]
    return {
        "xmp": root["/Metadata"].get_object().get_data().decode(),
        "intent": [str(one.get_object()["/S"]) for one in root["/OutputIntents"]],
        "profile": all("/DestOutputProfile" in one.get_object() for one in root["/OutputIntents"]),
        "embedded": bool(descriptors) and all({"/FontFile2", "/FontFile3"} & set(one) for one in descriptors),
        "encrypted": reader.is_encrypted,
        "active": {"/OpenAction", "/AA"} & set(root) or "/JavaScript" in (root.get("/Names") or {}),
        "id": "/ID" in reader.trailer,
        "language": str(root.get("/Lang", "")),
        "marked": bool(root.get("/MarkInfo")),
    }
