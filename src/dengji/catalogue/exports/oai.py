"""OAI-PMH 2.0 at /oai: six verbs, oai_dc and dcat, sets by industry and region, deleted records kept for ever.

Lists go by the place in the log of a record's last change: what changes while somebody harvests comes again later in
the same harvest, nothing is missed. Tokens hold the whole request and do not expire.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import orjson
from django.db.models import Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase

from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.ledger.models import Cursor, Entry, Pending

from ..follow import CONSUMER
from ..models import Item
from . import iris, records
from .http import open_data
from .oai_forms import FORMATS, answer, error, header, moment, sets, tag

_PAGE = 200
_DAY, _SECOND = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"
_SETS = {"industry": ("industries", re.compile(r"[0-9]{2}")), "region": ("provinces", re.compile(r"[0-9]{2}"))}
#: verb → (arguments it needs, arguments it may have)
_VERBS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
}


class OaiError(Exception):
    """One of the protocol's own errors."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Selection:
    """What a list request selects: form, set, bounds as given, and the place behind which it goes on."""

    prefix: str
    chosen: str = ""
    since: str = ""
    until: str = ""
    after: int = -1

    def token(self, after: int) -> str:
        """Return the resumption token behind a place."""
        parts = [self.prefix, self.chosen, self.since, self.until, after]
        return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")

    @classmethod
    def of_token(cls, token: str) -> Selection:
        """Return what a token goes on with; raises OaiError badResumptionToken."""
        try:
            data = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            prefix, chosen, since, until, after = data
            found = cls(prefix, chosen, since, until, after)
            texts = all(isinstance(one, str) for one in (prefix, chosen, since, until))
            if not texts or not isinstance(after, int) or not -1 <= after < 1 << 63 or prefix not in FORMATS:
                raise ValueError
            found.condition()
        except (ValueError, TypeError, binascii.Error, orjson.JSONDecodeError, OaiError):
            raise OaiError("badResumptionToken", "The token is not one of ours.") from None
        return found

    def condition(self) -> Q:
        """Return the selection as a condition on items; raises OaiError badArgument."""
        found = Q(position__gt=self.after)
        since, until = _bound(self.since, "from"), _bound(self.until, "until")
        if since and until and len(self.since) != len(self.until):
            raise OaiError("badArgument", "from and until differ in granularity.")
        if since and until and since > until:
            raise OaiError("badArgument", "from is later than until.")
        if since:
            found &= Q(changed_at__gte=since)
        if until:
            width = timedelta(days=1) if len(self.until) == 10 else timedelta(seconds=1)
            found &= Q(changed_at__lt=until + width)
        return found & self._of_set()

    def _of_set(self) -> Q:
        if not self.chosen:
            return Q()
        kind, _, value = self.chosen.partition(":")
        if kind not in _SETS or (value and not _SETS[kind][1].fullmatch(value)) or self.chosen.endswith(":"):
            raise OaiError("badArgument", "There is no such set.")
        column = _SETS[kind][0]
        return Q(**{f"{column}__contains": [value]}) if value else Q(**{f"{column}__len__gt": 0})


def _bound(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        form = _DAY if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) else _SECOND
        found = datetime.strptime(text, form).replace(tzinfo=UTC)
        if found.strftime(form) != text or not 1900 <= found.year <= 9000:
            raise ValueError
    except ValueError:
        raise OaiError("badArgument", f"{name} is no UTC date or date and time to the second.") from None
    return found


@open_data("GET", "POST")
def oai(request: HttpRequest) -> HttpResponseBase:
    """Answer a request of the protocol; its errors are answers of status 200."""
    asked: Mapping[str, str] = {}
    try:
        asked = _arguments(request)
        return _reply(asked, _ANSWERS[asked["verb"]](asked))
    except OaiError as found:
        shown = {} if found.code in ("badVerb", "badArgument") else asked
        return _reply(shown, error(found.code, found.text))


def _reply(asked: Mapping[str, str], body: str) -> HttpResponse:
    text = answer(f"{iris.base()}/oai", asked, moment(_complete_until()), body)
    return HttpResponse(text.encode(), content_type="text/xml; charset=utf-8", headers={"Cache-Control": "no-cache"})


def _arguments(request: HttpRequest) -> dict[str, str]:
    """Return the arguments, each once; raises OaiError badVerb, badArgument."""
    given: QueryDict = request.POST if request.method == "POST" else request.GET
    verbs = given.getlist("verb")
    if len(verbs) != 1 or verbs[0] not in _VERBS:
        raise OaiError("badVerb", "The verb is missing, repeated or none of the protocol's.")
    verb, asked = verbs[0], {name: str(given[name]) for name in given}
    needed, optional = _VERBS[verb]
    names = set(asked) - {"verb"}
    if any(len(values) > 1 for _, values in given.lists()):
        raise OaiError("badArgument", "An argument is repeated.")
    if verb.startswith("List") and verb != "ListMetadataFormats" and names == {"resumptionToken"}:
        return asked
    if not needed <= names or not names <= needed | optional:
        raise OaiError("badArgument", "An argument is missing or not one of this verb's.")
    return asked


# Verbs


def _identify(asked: Mapping[str, str]) -> str:
    earliest = Item.objects.aggregate(first=Min("changed_at"))["first"] or legal_now()
    return (
        tag("repositoryName", "登记目录 Dengji catalogue")
        + tag("baseURL", f"{iris.base()}/oai")
        + tag("protocolVersion", "2.0")
        + tag("adminEmail", f"postmaster@{iris.host()}")
        + tag("earliestDatestamp", moment(earliest))
        + tag("deletedRecord", "persistent")
        + tag("granularity", "YYYY-MM-DDThh:mm:ssZ")
    )


def _formats(asked: Mapping[str, str]) -> str:
    if identifier := asked.get("identifier"):
        _by_identifier(identifier)
    return "".join(
        f"<metadataFormat>{tag('metadataPrefix', name)}{tag('schema', form.schema)}"
        f"{tag('metadataNamespace', form.namespace)}</metadataFormat>"
        for name, form in FORMATS.items()
    )


def _sets(asked: Mapping[str, str]) -> str:
    if "resumptionToken" in asked:
        raise OaiError("badResumptionToken", "The list of sets is always whole.")
    return "".join(f"<set>{tag('setSpec', spec)}{tag('setName', name)}</set>" for spec, name in sets())


def _get(asked: Mapping[str, str]) -> str:
    form = _form(asked["metadataPrefix"])
    return form(_by_identifier(asked["identifier"]))


def _identifiers(asked: Mapping[str, str]) -> str:
    return _list(asked, lambda prefix: header)


def _records(asked: Mapping[str, str]) -> str:
    return _list(asked, _form)


def _list(asked: Mapping[str, str], written: Callable[[str], Callable[[records.Record], str]]) -> str:
    if token := asked.get("resumptionToken"):
        chosen = Selection.of_token(token)
    else:
        chosen = Selection(
            asked.get("metadataPrefix", ""), asked.get("set", ""), asked.get("from", ""), asked.get("until", "")
        )
    _form(chosen.prefix)
    places = list(_selected(chosen).values_list("number", "position")[: _PAGE + 1])
    page = places[:_PAGE]
    if not page and not token:
        raise OaiError("noRecordsMatch", "No record meets these arguments.")
    write = written(chosen.prefix)
    body = "".join(write(record) for record in records.by_numbers([number for number, _ in page]))
    if len(places) > _PAGE:
        return body + tag("resumptionToken", chosen.token(page[-1][1]))
    return body + ("<resumptionToken/>" if token else "")


def _selected(chosen: Selection) -> QuerySet[Item]:
    return Item.objects.filter(chosen.condition()).order_by("position")


def _form(prefix: str) -> Callable[[records.Record], str]:
    if prefix not in FORMATS:
        raise OaiError("cannotDisseminateFormat", "There is no such format.")
    form = FORMATS[prefix]

    def write(record: records.Record) -> str:
        metadata = f"<metadata>{form.write(record)}</metadata>" if record.live else ""
        return f"<record>{header(record)}{metadata}</record>"

    return write


def _by_identifier(identifier: str) -> records.Record:
    own = f"oai:{iris.host()}:"
    try:
        if not identifier.startswith(own):
            raise OaiError("idDoesNotExist", "The identifier is none of this repository's.")
        return records.by_code(unquote(identifier.removeprefix(own), errors="strict").replace("\0", ""))
    except (DomainError, UnicodeDecodeError):
        raise OaiError("idDoesNotExist", "There is no such record.") from None


def _complete_until() -> datetime:
    """Return the legal time up to which the catalogue certainly holds every change.

    A harvester goes on next time from this moment; what is on its way to the catalogue must not fall before it.
    """
    cursor = Cursor.objects.filter(consumer=CONSUMER).values_list("next_index", flat=True).first() or 0
    waiting = [
        Entry.objects.filter(leaf__index__gte=cursor).aggregate(at=Min("at"))["at"],
        Entry.objects.filter(pk__in=Pending.objects.values("entry_id")).aggregate(at=Min("at"))["at"],
    ]
    whole: datetime = min([legal_now() - timedelta(seconds=_OPEN_SECONDS), *(at for at in waiting if at)])
    return whole


#: An act whose transaction has not ended yet is at most this old.
_OPEN_SECONDS = 10
_ANSWERS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "Identify": _identify,
    "ListMetadataFormats": _formats,
    "ListSets": _sets,
    "GetRecord": _get,
    "ListIdentifiers": _identifiers,
    "ListRecords": _records,
}
