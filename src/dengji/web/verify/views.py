"""/verify: what a code, a scanned address or a receipt proves, and how the registration stands now; for anyone.

That a record was not changed is all that is ever said to be proven, never that its content is true.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dengji.core.errors import N_
from dengji.core.node import identity
from dengji.ledger.pure.receipts import MAX_BYTES
from dengji.registration.api.base import NOTICE, act_label, say

from ..limits import charge
from ..public import voices
from . import reading
from .forms import ByCode, ByFile

#: Standing → (tone of the box, title, words).
_STANDING: Mapping[str, tuple[str, str, str]] = {
    "valid": ("success", N_("登记现行有效"), N_("本节点登记有此查询码，登记在有效期内。")),
    "expired": ("warning", N_("登记已过有效期"), N_("曾经登记，有效期已于 {day} 届满，尚未续展。")),
    "superseded": (
        "warning",
        N_("此版本已被更新的版本取代"),
        N_("所核验的是第 {shown} 版，登记现为第 {now} 版：请以现行版本为准。"),
    ),
    "suppressed": ("warning", N_("登记内容已依法屏蔽"), N_("登记事项及其日期仍可核验，内容不再公开。")),
    "revoked": ("danger", N_("登记已被撤销"), N_("曾经登记，已于 {day} 被撤销，现在无效。")),
    "cancelled": ("danger", N_("登记已注销"), N_("曾经登记，已于 {day} 注销，现在无效。")),
}
#: In this order boxes stand: nobody shall read the good news and miss the bad.
_GRAVEST = ("danger", "warning", "info", "success")
_UNKNOWN = (
    "danger",
    N_("本节点没有这个查询码"),
    N_("请核对是否抄写有误；若出自他人出示的确认单或二维码，可能系伪造，请向登记机构核实。"),
)


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show what is to be verified, and what came of it."""
    by_code = ByCode(request.GET if "code" in request.GET else None)
    by_file = ByFile(request.POST, request.FILES) if request.method == "POST" else ByFile()
    form: ByCode | ByFile = by_file if request.method == "POST" else by_code
    context = {"by_code": by_code, "by_file": by_file, "host": reading.own_host(request), "origin": identity()[0]}
    wait = 0
    if form.is_bound:
        if wait := math.ceil(charge(request, voice=request.method == "POST")):
            form.add_error(None, _("核验过于频繁：请在 {n} 秒后再试").format(n=wait))
        elif isinstance(form, ByFile):
            context |= _of_file(request, form)
        elif form.is_valid():
            context |= _of_text(request, form.cleaned_data["code"])
    return voices.answer(request, "web/verify/page.html", context, form, wait)


def _of_text(request: HttpRequest, text: str) -> dict[str, Any]:
    host = reading.own_host(request)
    asked = reading.read(text, host)
    version = asked.version or reading.number(request.GET.get("version", ""))
    if asked.elsewhere:
        words = _(
            "二维码或网址指向 {found}，不是本节点 {host}。请勿打开该网址，也不要在其中填写任何信息：外观相似的域名"
            "是常见的伪造手法。"
        ).format(found=asked.elsewhere, host=host)
        return {"boxes": [{"kind": "danger", "title": _("这个网址不属于本节点"), "text": words}], "done": True}
    return _result(asked.code, version, reading.prove_code(asked.code, version))


def _of_file(request: HttpRequest, form: ByFile) -> dict[str, Any]:
    if voices.too_large(request, form) or not form.is_valid():
        return {}
    file = form.cleaned_data["file"]
    if file.size > MAX_BYTES:
        form.add_error("file", _("文件过大：不超过 {n} MB").format(n=MAX_BYTES // 1_000_000))
        return {}
    proof = reading.prove(file.read())
    if not proof.good:
        return {"boxes": [_failed(proof)], "done": True}
    code, version = proof.public.get("code"), proof.public.get("version")
    shown = version if isinstance(version, int) else 1
    if code:
        return _result(str(code), shown, proof)
    return {"boxes": [*_sheet(proof), _proven()], "done": True, **_told(proof)}


def _result(code: str, version: int | None, proof: reading.Proof | None) -> dict[str, Any]:
    found = reading.standing(code, version)
    if found is None:
        tone, title, words = _UNKNOWN
        return {"boxes": [{"kind": tone, "title": say(title), "text": say(words)}], "done": True, "code": code[:64]}
    how, record = found
    tone, title, words = _STANDING[how]
    day = record["valid_to"] if how == "expired" else record["ended_on"]
    text = say(words, {"day": str(day), "shown": version, "now": record["version"]})
    boxes = [{"kind": tone, "title": say(title), "text": text}]
    if proof is None:
        boxes.append({"kind": "info", "title": _("回执制作中"), "text": _("登记事项刚刚写入日志，请稍后再核验一次。")})
    else:
        boxes.append(_proven() if proof.good else _failed(proof))
        boxes = sorted([*_sheet(proof), *boxes], key=lambda box: _GRAVEST.index(box["kind"]))
    told = _told(proof) if proof is not None and proof.good else {}
    return {"boxes": boxes, "done": True, "code": record["code"], "rows": _rows(record, how), **told}


def _proven() -> dict[str, str]:
    title, text = _("已证实：日志中有此记录，且未被改动"), _("这证明记录未被改动，不等于内容真实。")
    return {"kind": "success", "title": title, "text": text}


def _sheet(proof: reading.Proof) -> list[dict[str, str]]:
    """What is to be said of the sheet that a receipt came in: the bytes this node issued, or some other page."""
    if proof.issued is None:
        return []
    if proof.issued:
        text = _("文件与本节点出具的确认单逐字节一致。")
        return [{"kind": "success", "title": _("确认单是原件"), "text": text}]
    text = _(
        "其中所附回执属实，但文件不是本节点出具的原件：页面文字可能被改动，附件可能被调换。请只以下面列出的登记内容为准。"
    )
    return [{"kind": "danger", "title": _("确认单不是原件"), "text": text}]


def _failed(proof: reading.Proof) -> dict[str, str]:
    (message, params), *_more = proof.sentences
    text = _("不能证明任何登记：文件可能被改动、伪造，或不是本节点出具的。{why}").format(why=say(message, params))
    return {"kind": "danger", "title": _("未能证实"), "text": text}


def _rows(record: Mapping[str, Any], how: str) -> list[dict[str, Any]]:
    hidden = how == "suppressed"
    rows = [
        (_("登记结果查询码"), record["code"]),
        (_("数据名称"), "" if hidden else record["name"]),
        (_("登记主体"), "" if hidden else record["registrant_name"]),
        (_("登记机构"), record["agency_name"]),
        (_("赋码日期"), str(record["coded_on"])),
        (_("有效期"), f"{record['valid_from']} – {record['valid_to']}"),
        (_("现行版本"), str(record["version"])),
    ]
    return [{"label": label, "value": value, "zh": True} for label, value in rows if value]


def _told(proof: reading.Proof) -> dict[str, Any]:
    entry = proof.entry
    said = [say(message, params) for message, params in proof.sentences]
    if proof.stamped:
        said.insert(-1, _("回执附有时间戳，本页未予核验：请用命令行并给出时间戳机构的根证书"))
    said.insert(-1, _("核验所用公钥取自本节点：要独立核验，请在自己的机器上用 dengji verify 和另一途径取得的公钥"))
    entry_rows = [
        (_("事项"), act_label(str(entry["act"])) if isinstance(entry.get("act"), str) else ""),
        (_("节点所记时间"), entry.get("at", "")),
        (_("检查点条数"), proof.size),
        (_("检查点根摘要"), proof.root),
    ]
    return {
        "said": said,
        "entry_rows": [{"label": label, "value": value} for label, value in entry_rows],
        "notice": _(NOTICE),
        "command": "dengji verify receipt.json --vkey vkey",
        "log_name": settings.DENGJI_SITE_NAME or identity()[0],
    }
