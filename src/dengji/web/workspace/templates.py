"""Forms of materials as .docx, what the draft knows filled in; to be read, corrected, stamped and uploaded."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from docx import Document

from . import words

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_BLANK = "＿＿＿＿＿＿＿＿"
_SIGN = ("登记主体（盖章）：" + _BLANK, "负责人（签字）：" + _BLANK, "日期：＿＿＿＿年＿＿月＿＿日")
Piece = Mapping[str, Any]


def _get(piece: Piece, name: str) -> str:
    return words.show(name, piece["content"].get(name)) or _BLANK


def _commitment(piece: Piece) -> tuple[str, list[str]]:
    return "公共数据资源登记承诺书", [
        f"本单位 {_get(piece, 'registrant_name')}（统一社会信用代码 {_get(piece, 'registrant_credit_code')}）"
        f"就“{_get(piece, 'name')}”申请公共数据资源登记，郑重承诺：",
        "一、所提交的登记信息和材料真实、完整、合法、有效，并对其负责。",
        "二、数据来源合法合规，不含国家秘密、工作秘密，拟公示内容已经保密及公开审查。",
        "三、登记事项发生变化时，及时申请变更登记、更正登记或者注销登记。",
        "四、依法依规使用登记结果，不作虚假或者引人误解的宣传。",
        *_SIGN,
    ]


def _letter(piece: Piece) -> tuple[str, list[str]]:
    return "委托代理书", [
        f"委托人：{_get(piece, 'registrant_name')}（{_get(piece, 'registrant_credit_code')}）",
        f"代理机构：{_get(piece, 'agent_name')}（{_get(piece, 'agent_credit_code')}）",
        f"兹委托上述代理机构办理“{_get(piece, 'name')}”的公共数据资源登记事宜。",
        "委托权限：＿＿＿＿＿＿＿＿　　委托期限：＿＿＿＿年＿＿月＿＿日至＿＿＿＿年＿＿月＿＿日",
        *_SIGN,
    ]


def _review(piece: Piece) -> tuple[str, list[str]]:
    return "公共数据资源登记业务审核表", [
        f"登记主体：{_get(piece, 'registrant_name')}",
        f"登记数据名称：{_get(piece, 'name')}",
        f"数据内容简介：{_get(piece, 'intro')}",
        "业务审核意见：" + _BLANK,
        "保密及公开审查人：" + _BLANK,
        "保密及公开审查结论（可以公开／不宜公开）：" + _BLANK,
        *_SIGN,
    ]


def _description(piece: Piece) -> tuple[str, list[str]]:
    names = ("name", "intro", "industries", "coverage_regions", "coverage_start", "coverage_end", "data_format")
    more = ("update_frequency", "data_items", "collection_basis", "duty_basis", "scenarios")
    return "公共数据资源登记说明文档", [f"{words.label(name)}：{_get(piece, name)}" for name in (*names, *more)]


KINDS: dict[str, Callable[[Piece], tuple[str, list[str]]]] = {
    "commitment_letter": _commitment,
    "agency_letter": _letter,
    "business_review_form": _review,
    "description_document": _description,
}


def make(kind: str, piece: Piece) -> bytes:
    """Return the form of a kind of material as the bytes of a .docx file; raises KeyError for one without a form."""
    title, lines = KINDS[kind](piece)
    document = Document()
    document.add_heading(title, level=1)
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
