"""What each kind of act asks of an officer; a form gives the words of its service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dengji.law.record import FIELDS
from dengji.law.rulebook import Rulebook, vocabulary
from dengji.registration.api.base import say

from ..workspace.words import label, material_label
from .words import grounds

_AREA = forms.Textarea(attrs={"rows": 4, "maxlength": 4000})
_FREE_ITEMS = 3


class ActForm(forms.Form):
    """The form of one act; `words` is what its service takes beside the object."""

    #: Which field a wording fills; none where the act takes no free text.
    text_field = ""

    def __init__(self, *args: Any, rulebook: Rulebook, facts: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rulebook, self.facts = rulebook, facts
        self.set_up()

    def set_up(self) -> None:
        """Add what depends on the rulebook and the case."""

    def words(self) -> dict[str, Any]:
        """Return the service's own arguments."""
        return dict(self.cleaned_data)


class NothingForm(ActForm):
    """An act that needs no further word."""


class ReasonForm(ActForm):
    """An act that gives its reasons."""

    text_field = "reason"
    reason = forms.CharField(label=_("理由"), widget=_AREA, max_length=4000)


class OpinionForm(ActForm):
    """A reviewer's opinion, if there is one."""

    text_field = "opinion"
    opinion = forms.CharField(label=_("审核意见"), widget=_AREA, max_length=4000, required=False)


class GroundForm(ReasonForm):
    """An act on a ground of the rulebook."""

    grounds_key = ""
    ground = forms.ChoiceField(label=_("事由"))
    field_order = ("ground", "authority", "reason")

    def set_up(self) -> None:
        """Offer the grounds of the rulebook."""
        self.fields["ground"].choices = [("", gettext("请选择")), *grounds(self.rulebook, self.grounds_key)]  # type: ignore[attr-defined]


class SuspensionForm(GroundForm):
    """Why a notice is hidden at once."""

    grounds_key = "suspension.grounds"


class RevocationForm(GroundForm):
    """Why a registration is revoked."""

    grounds_key = "revocation.grounds"


class SuppressionForm(GroundForm):
    """Why content is removed for good, and who decided it; the number is typed once more."""

    grounds_key = "suppression.grounds"
    authority = forms.CharField(label=_("作出决定的机关"), max_length=200)
    understood = forms.BooleanField(label=_("我知道：屏蔽后原文在全部节点删除，不能恢复"))
    number = forms.CharField(label=_("请再输入一遍该事项的编号，以示确认"), max_length=64, required=False)

    def words(self) -> dict[str, Any]:
        """Leave out the two confirmations."""
        return {name: self.cleaned_data[name] for name in ("ground", "authority", "reason")}


class WayForm(ActForm):
    """By which way a code is asked for."""

    way = forms.CharField(
        label=_("赋码途径"), initial="upstream", max_length=40, help_text=_("upstream 或 lease:<编号>")
    )


class CodeForm(ActForm):
    """The code that the national platform has given."""

    code = forms.CharField(label=_("登记结果查询码"), max_length=64, required=False)


class SupplementForm(ActForm):
    """Everything to be mended in one list: what the checks found, and what the officer adds (一次性告知)."""

    text_field = "reason"
    reason = forms.CharField(
        label=_("总的说明"), widget=forms.Textarea(attrs={"rows": 3}), max_length=4000, required=False
    )

    def set_up(self) -> None:
        """One line for each finding, and a few free ones."""
        self.lines: list[dict[str, Any]] = []
        for i, found in enumerate(self.facts.get("findings", ())):
            self._line(
                f"f{i}", found.field or "", say(found.message, found.params), say(found.fix, found.params), found
            )
        for i in range(_FREE_ITEMS):
            self._line(f"x{i}", "", "", "", None)
        late = self.facts.get("late", ())
        if late:
            self.fields["late_known"] = forms.BooleanField(
                label=_("我知道：所列事项中有上一轮已存在且未改动的内容，本应当时一次告知"), required=False
            )
        self.order_fields([*(n for n in self.fields if n not in ("reason", "late_known")), "reason", "late_known"])

    def _line(self, key: str, field: str, message: str, fix: str, found: Any) -> None:
        free = found is None or not field
        self.fields[f"{key}_on"] = forms.BooleanField(
            label=message or gettext("另外补充一项"), required=False, initial=bool(found and found.severity == "error")
        )
        if free:
            self.fields[f"{key}_field"] = forms.ChoiceField(
                label=_("字段或材料"), choices=targets(), required=False, initial=field
            )
        self.fields[f"{key}_text"] = forms.CharField(
            label=_("须补正的内容"),
            widget=forms.Textarea(attrs={"rows": 2}),
            max_length=1000,
            required=False,
            initial=f"{message} {fix}".strip(),
        )
        self.lines.append({"key": key, "field": field, "found": found, "late": field in self.facts.get("late", ())})

    def drawn(self) -> list[dict[str, Any]]:
        """Return the lines with their bound fields."""
        names = {"on": "on", "field": "target", "text": "text"}
        found = []
        for line in self.lines:
            keys = {told: f"{line['key']}_{name}" for name, told in names.items()}
            found.append({**line, **{told: self[key] for told, key in keys.items() if key in self.fields}})
        return found

    def items(self) -> list[dict[str, str]]:
        """Return what was chosen: [{field, text}]; a free line counts once it has a text."""
        chosen = []
        for line in self.lines:
            key, text = line["key"], str(self.cleaned_data.get(f"{line['key']}_text", "")).strip()
            wanted = self.cleaned_data.get(f"{key}_on") or (line["found"] is None and text)
            if wanted:
                chosen.append({"field": self.cleaned_data.get(f"{key}_field") or line["field"], "text": text})
        return chosen

    def clean(self) -> dict[str, Any]:
        """Refuse an empty list, an item without field or text, and late items that nobody has taken note of (R10)."""
        data = super().clean() or {}
        chosen = self.items()
        if not chosen:
            self.add_error(None, gettext("请至少选择或填写一项须补正的内容，并一次列全"))
        if any(not item["field"] or not item["text"] for item in chosen):
            self.add_error(None, gettext("每一项都要对应一个字段或材料，并写明须补正的内容"))
        late = [item["field"] for item in chosen if item["field"] in self.facts.get("late", ())]
        if late and not data.get("late_known"):
            named = "、".join(target_label(name) for name in dict.fromkeys(late))
            text = gettext("上一轮补正时下列内容已经如此且未改动，本应一次告知：{fields}。确需提出的，请勾选下方确认。")
            self.add_error("late_known", text.format(fields=named))
        return data

    def words(self) -> dict[str, Any]:
        """Return the items and the covering words."""
        return {"items": self.items(), "reason": self.cleaned_data["reason"]}


def targets() -> list[tuple[str, Any]]:
    """Return what an item may be tied to: fields of the form, kinds of material."""
    fields = [(name, label(name)) for name in FIELDS]
    kinds = [(kind, material_label(kind)) for kind in vocabulary("material")]
    return [("", gettext("请选择")), (gettext("字段"), fields), (gettext("材料"), kinds)]


def target_label(name: str) -> str:
    """Return what a field or a kind of material is called."""
    return label(name) if name in FIELDS else material_label(name)


class OpeningForm(ActForm):
    """What a notice shows has been looked at, and each hit of the sensitive scan cleared by a human (R50)."""

    def set_up(self) -> None:
        """One reason for each hit."""
        self.hits = list(self.facts.get("hits", ()))
        for i, hit in enumerate(self.hits):
            self.fields[f"hit{i}"] = forms.CharField(
                label=say(hit.message, hit.params),
                help_text=_("核看后认为可以公示的，写明理由；不能公示的，请退出并按程序处理"),
                widget=forms.Textarea(attrs={"rows": 2}),
                max_length=1000,
            )
        self.fields["seen"] = forms.BooleanField(label=_("我已核看上列将公开的全部内容"))

    def words(self) -> dict[str, Any]:
        """Return the cleared hits with their reasons."""
        told = [
            {"code": hit.code, "field": hit.field, "reason": self.cleaned_data[f"hit{i}"]}
            for i, hit in enumerate(self.hits)
        ]
        return {"cleared": told}
