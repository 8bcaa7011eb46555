"""Notices per second and memory: typst as documents use it, beside WeasyPrint where a venv of it is named.

    python -m bench.documents --count 200 --peer /tmp/peers/.venvs/venv-weasy/bin/python

The peer is no dependency: it gets the same words as HTML and runs in its own interpreter, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

_PEER = """
import html, json, resource, sys, time
from weasyprint import HTML
d = json.load(sys.stdin); n = d["count"]; p = d["inputs"]["zh"]; size = 0
def page(i):
    rows = "".join(f"<tr><td>{html.escape(a)}</td><td>{html.escape(b)}</td></tr>" for a, b in p["blocks"][1]["rows"])
    said = "".join(f"<p>{html.escape(b['text'])}</p>" for b in p["blocks"] if b["kind"] == "p")
    head = "<html lang=zh-CN><title>x</title><style>@page{size:A4;margin:32mm 26mm}"
    face = "body{font-family:'Noto Serif SC','Noto Serif CJK SC'}</style>"
    return f"{head}{face}<h1>{html.escape(p['title'])}</h1><p>{i}</p>{said}<table>{rows}</table></html>"
t = time.perf_counter()
for i in range(n): size += len(HTML(string=page(i)).write_pdf(pdf_variant="pdf/a-2b"))
print(json.dumps({"per_second": round(n / (time.perf_counter() - t), 1), "bytes": size // n,
    "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


def inputs() -> dict[str, Any]:
    """One notice of acceptance, as `composing.inputs` gives it."""
    part = {
        "title": "公共数据资源登记受理通知书", "number": "数登受〔2026〕1号", "addressee": "示例单位：", "remedies": [],
        "blocks": [
            {"kind": "p", "text": "你单位于2026年11月2日提交的公共数据资源首次登记申请收悉。"},
            {"kind": "facts", "rows": [["登记申请流水号", "20261123000001"], ["登记数据名称", "城市客运信息㛃䶮龑"]]},
            {"kind": "p", "text": "经审查，申请材料齐全、符合规定形式，本机构决定予以受理。" * 4},
        ],
        "closing": ["特此通知。"], "signs": [], "agency": "示例登记中心", "date": "2026年11月23日", "contact": "",
        "seal": "（印章）", "reference": "",
    }  # fmt: skip
    foot = {"zh": "示例", "en": "Example"}
    return {
        "demonstration": True,
        "agency": "示例登记中心",
        "date": "2026-11-23",
        "short-id": "0",
        "foot": foot,
        "zh": part,
    }


def ours(count: int) -> dict[str, Any]:
    """Render `count` notices that differ; return rate, mean size and the largest memory of this process."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dengji.config.settings")
    django.setup()
    from dengji.documents.rendering import render

    made, size = inputs(), 0
    began = time.perf_counter()
    for number in range(count):
        size += len(render("letter", {**made, "short-id": str(number)}))
    seconds = time.perf_counter() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"per_second": round(count / seconds, 1), "bytes": size // count, "rss_mib": rss}


def main() -> int:
    """Print one line of JSON: ours, the peer's, and the ratio of the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--peer", default="", help="python of a venv that has WeasyPrint")
    args = parser.parse_args()
    found: dict[str, Any] = {"count": args.count, "typst": ours(args.count)}
    if args.peer:
        told = json.dumps({"count": max(5, args.count // 20), "inputs": inputs()})
        done = subprocess.run([args.peer, "-c", _PEER], input=told, capture_output=True, text=True, check=True)
        found["weasyprint"] = json.loads(done.stdout)
        found["ratio"] = round(found["typst"]["per_second"] / found["weasyprint"]["per_second"], 1)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
