"""The style guide: every part in its states, from made-up content; nothing of the register is read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dengji.law.procedure import STATES

from .forms import Sample, SampleFilters, refused

_DAY = date(2026, 12, 1)
_AT = datetime(2026, 11, 16, 1, 30, tzinfo=UTC)
_COLOURS = ("ink", "soft", "line", "wash", "brand", "brand-deep", "brand-wash", "gold", "warn", "bad", "good")


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every part; search engines are kept away."""
    here = reverse("styleguide")
    context = {
        "form": Sample(auto_id="new_%s"),
        "wrong_form": refused(),
        "filter_form": SampleFilters(auto_id="filter_%s"),
        "colours": _COLOURS,
        "badges": [(kind, state) for kind in ("application", "objection", "registration") for state in STATES[kind]],
        **_lists(here),
        **_times(),
        **_numbers(here),
    }
    response = render(request, "web/design/styleguide.html", context)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _lists(here: str) -> dict[str, Any]:
    return {
        "rows": [
            {"label": _("登记数据名称"), "value": "示例客运线路数据", "change_url": here, "zh": True},
            {"label": _("数据内容简介"), "value": "", "change_url": here, "hint": _("公示前须填写。")},
            {"label": _("有效期"), "value": "2026-07-01 – 2029-06-30"},
        ],
        "tasks": [
            {"title": _("数据基本信息"), "url": here, "status": "done"},
            {"title": _("数据存储信息"), "url": here, "status": "doing", "hint": _("还有 2 项必填")},
            {"title": _("说明文档"), "url": here, "status": "todo"},
            {"title": _("提交"), "url": here, "status": "blocked", "hint": _("前面各项完成后办理")},
        ],
        "tabs": [
            {"title": _("待办"), "url": here, "count": 12, "active": True},
            {"title": _("即将超期"), "url": here, "count": 3},
            {"title": _("已办"), "url": here},
        ],
        "saved": [
            {"title": _("我的待办"), "url": here, "active": True},
            {"title": _("本周截止"), "url": here, "remove_url": here},
        ],
        "materials": [
            {
                "id": "1",
                "kind": "data_description",
                "name": "数据说明.pdf",
                "content_type": "application/pdf",
                "size": 348_160,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "added_at": _AT,
                "url": here,
                "remove_url": here,
            }
        ],
        "side": [
            {"title": _("待办"), "url": here, "count": 12, "active": True},
            {"title": _("异议"), "url": here, "count": 1},
            {"title": _("统计"), "url": here},
        ],
    }


def _times() -> dict[str, Any]:
    return {
        "day": _DAY,
        "steps": [
            {"title": _("申请"), "state": "done", "at": _AT},
            {"title": _("受理"), "state": "done", "at": _AT},
            {"title": _("形式审核"), "state": "now", "note": _("20 个工作日内")},
            {"title": _("公示"), "state": "next"},
            {"title": _("赋码"), "state": "next"},
        ],
        "events": [
            {"at": _AT, "title": _("受理"), "who": _("受理人员"), "tone": "good"},
            {"at": _AT, "title": _("要求补正"), "text": _("请补充数据来源说明。"), "tone": "wait"},
            {"at": _AT, "title": _("提交"), "who": _("业务审核人"), "tone": "work", "receipt_url": "#timeline"},
        ],
    }


def _numbers(here: str) -> dict[str, Any]:
    months = ["2026-07", "2026-08", "2026-09", "2026-10"]
    return {
        "tiles": [
            {"label": _("已登记资源"), "value": "1,284", "url": here},
            {"label": _("正在公示"), "value": 17, "url": here},
            {"label": _("按期办结率"), "value": "99.2 %", "note": _("近 12 个月")},
        ],
        "chart": {
            "title": _("各月受理与办结"),
            "kind": "bar",
            "labels": months,
            "series": [
                {"name": _("受理"), "values": [32, 41, 38, 52]},
                {"name": _("办结"), "values": [30, 37, 40, 47]},
            ],
        },
        "columns": [{"title": _("登记数据名称")}, {"title": _("登记主体")}, {"title": _("件数"), "number": True}],
        "cells": [
            [{"text": "示例客运线路数据", "url": here, "zh": True}, {"text": "示例市交通运输局", "zh": True}, _cell(3)],
            [{"text": "示例气象观测数据", "url": here, "zh": True}, {"text": "示例市气象局", "zh": True}, _cell(12)],
        ],
    }


def _cell(number: int) -> dict[str, Any]:
    return {"text": number, "number": True}
