"""The directory of government data: files are read, matches proposed and decided by people, gaps listed."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
import xlsxwriter

from dengji.catalogue.directory import selectors, services
from dengji.catalogue.directory.models import Entry, Proposal
from dengji.core.errors import DomainError
from dengji.parties import services as parties
from dengji.parties.actor import NOBODY, Actor, importer
from tests.catalogue import kit
from tests.factories import world as w

pytestmark = pytest.mark.django_db
HEADINGS = (
    "信息资源标识符",
    "信息资源名称",
    "资源提供方",
    "统一社会信用代码",
    "行政区划代码",
    "共享类型",
    "是否向社会开放",
)


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def as_csv(*rows: Sequence[str], headings: Sequence[str] = HEADINGS) -> bytes:
    """A file of entries."""
    return "\n".join(",".join(row) for row in (headings, *rows)).encode()


def take(world: w.World, data: bytes, who: str = "agency_supervisor", tid: str = "", **more: Any) -> dict[str, Any]:
    """Import a file."""
    return services.import_file(
        actor=world.actor(who), transaction_id=tid or w.tid(), register_id=world.register.pk, data=data,
        source="目录.csv", **more,
    )  # fmt: skip


def propose(world: w.World, **more: Any) -> dict[str, Any]:
    return services.propose(
        actor=world.actor("agency_supervisor"), transaction_id=w.tid(), register_id=world.register.pk, **more
    )


def decide(world: w.World, act: Any, *proposals: Proposal, who: str = "agency_supervisor") -> dict[str, Any]:
    return services.decide(
        actor=world.actor(who), transaction_id=w.tid(), act=act, proposals=[one.pk for one in proposals]
    )


def counts(world: w.World) -> dict[str, Any]:
    return selectors.counts(world.actor("authority_supervisor"))


def row(world: w.World, number: str, name: str, **more: str) -> tuple[str, ...]:
    """One entry of the registrant's unit."""
    unit = more.get("unit", world.registrant.name)
    return number, name, unit, more.get("code", ""), more.get("region", "620700"), "无条件共享", more.get("open", "是")


def test_rows_are_taken_brought_up_to_date_or_refused_with_their_number(world: w.World) -> None:
    code = world.registrant.credit_code
    file = as_csv(row(world, "307-1", "公交站点", code=code), row(world, "307-2", "公交线路"))
    first = take(world, file, tid="a")
    assert first == {"added": 2, "updated": 0, "refused": 0, "refusals": []}
    assert (
        take(world, as_csv(row(world, "307-1", "公交站点", code=code), row(world, "307-2", "公交线路")), tid="a")
        == first
    )
    entry = Entry.objects.get(identifier="307-1")
    assert (entry.sharing, entry.openness, entry.unit_code, entry.region, entry.row) == (
        "unconditional", "unconditional", code, "620700", 2,
    )  # fmt: skip
    again = take(
        world,
        as_csv(
            row(world, "307-1", "公交站点信息"),
            row(world, "307-1", "重复"),
            row(world, "", "无标识"),
            row(world, "307-3", "错码", code="123"),
            row(world, "307-4", "错区划", region="999999"),
            row(world, "307-5", "错开放", open="也许"),
        ),
    )
    assert (again["added"], again["updated"], again["refused"]) == (0, 1, 5)
    assert [one["row"] for one in again["refusals"]] == [3, 4, 5, 6, 7]
    assert Entry.objects.get(identifier="307-1").name == "公交站点信息" and Entry.objects.count() == 2


def test_every_form_of_file_and_any_headings_are_read(world: w.World) -> None:
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as out:
        sheet = out.add_worksheet()
        for at, text in enumerate(("目录编码", "目录名称", "数源单位", "备注")):
            sheet.write(0, at, text)
        sheet.write_row(1, 0, (30701, "客运站", "甘肃省张掖市示例单位", "x"))
    assert take(world, book.getvalue())["added"] == 1
    assert (Entry.objects.get().identifier, Entry.objects.get().region) == ("30701", "620700")
    lines = [{"identifier": "b-1", "name": "路灯", "提供单位": "示例单位"}, {"identifier": "b-2"}, [1]]
    made = take(world, "\n".join(json.dumps(one) for one in lines).encode())
    assert (made["added"], made["refused"]) == (1, 2)
    own = as_csv(("c-1", "井盖", "示例单位"), headings=("号", "何物", "谁"))
    with pytest.raises(DomainError) as refused:
        take(world, own)
    assert refused.value.code == "headings_missing"
    assert take(world, own, mapping={"号": "identifier", "何物": "name", "谁": "unit_name"})["added"] == 1
    for mapping, code in (({"号": "colour"}, "directory_mapping"), ({"无": "name"}, "directory_mapping")):
        with pytest.raises(DomainError) as refused:
            take(world, own, mapping=mapping)
        assert refused.value.code == code


def test_matches_are_proposed_by_identifier_then_by_name_unit_and_place_and_never_made(world: w.World) -> None:
    named = w.registered(world, title="城市公交站点信息", fields={"alternative_identifiers": ["307-9"]})
    like = w.registered(world, title="道路客运班线基础信息")
    kit.catch_up()
    take(
        world,
        as_csv(
            row(world, "307-9", "另有其名的数据"),
            row(world, "307-10", "道路客运班线基础信息"),
            row(world, "307-11", "道路客运班线基础信息", unit="北京市示例单位", region="110000"),
            row(world, "307-12", "渔业养殖水面数据"),
        ),
    )
    made = propose(world)
    assert made == {"looked": 4, "identifier": 1, "name": 1}
    by = {one.basis: one for one in Proposal.objects.select_related("entry")}
    assert (by["identifier"].object_id, by["identifier"].entry.identifier) == (UUID(named["registration"]), "307-9")
    assert (by["name"].object_id, by["name"].entry.identifier) == (UUID(like["registration"]), "307-10")
    assert by["name"].percent >= 80 and by["name"].same_unit
    assert not Entry.objects.exclude(object_id=None).exists(), "nothing is matched before a person says so"
    assert propose(world)["name"] == 0, "nothing is proposed twice"
    first = propose(world, limit=2)
    assert first["looked"] == 2 and propose(world, after=UUID(first["next"]))["looked"] == 2


def test_a_person_decides_once_and_can_take_it_back(world: w.World) -> None:
    coded = w.registered(world, title="道路客运班线基础信息")
    w.registered(world, title="道路客运班线基础信息表")
    kit.catch_up()
    take(world, as_csv(row(world, "1", "道路客运班线基础信息")))
    propose(world)
    one, other = sorted(Proposal.objects.all(), key=lambda p: str(p.object_id) != coded["registration"])
    assert decide(world, "confirm", one, who="authority_supervisor") == {"decided": 1}
    assert str(Entry.objects.get().object_id) == coded["registration"]
    assert Proposal.objects.get(pk=one.pk).decided_by == world.people["authority_supervisor"]
    for act, proposal, code in (
        ("confirm", one, "proposal_decided"),
        ("confirm", other, "entry_matched"),
        ("undo", other, "proposal_open"),
    ):
        with pytest.raises(DomainError) as refused:
            decide(world, act, proposal)
        assert refused.value.code == code
    decide(world, "reject", other)
    decide(world, "undo", one)
    assert Entry.objects.get().object_id is None
    propose(world)
    assert {p.state for p in Proposal.objects.all()} == {"open", "rejected"}, "a rejected one is not asked again"


def test_counts_and_gaps_by_unit_agree_with_the_lists(world: w.World) -> None:
    coded = [w.registered(world, title=f"道路客运{word}基础信息") for word in ("班线", "站场", "企业")]
    kit.catch_up()
    names = ("道路客运班线基础信息", "道路客运站场基础信息", "渔业养殖水面数据")
    rows = [row(world, str(n), name, open="是" if n else "否") for n, name in enumerate(names)]
    take(world, as_csv(*rows, row(world, "9", "路灯", unit="另一示例单位")))
    propose(world)
    decide(world, "confirm", *Proposal.objects.filter(percent=100))
    found = counts(world)
    assert found["total"]["catalogued"] == 4 and found["total"]["registered"] == 2 and found["uncatalogued"] == 1
    own = next(unit for unit in found["units"] if unit["unit_name"] == world.registrant.name)
    assert (own["catalogued"], own["registered"], own["to_open"]) == (3, 2, 2)
    actor = world.actor("agency_supervisor")

    def gap(kind: str, **more: Any) -> list[str]:
        names, after = [], ""
        while True:
            page = selectors.gaps(actor, kind=kind, after=after, limit=1, **more)
            names += [one.get("identifier") or one["code"] for one in page["items"]]
            if page["next"] is None:
                return names
            after = page["next"]

    assert gap("unregistered") == ["2", "9"] and gap("unregistered", unit="另一示例单位") == ["9"]
    assert gap("uncatalogued") == [coded[2]["code"]]
    assert len(gap("unopened")) == found["total"]["to_open"] - found["total"]["open"]
    kit.cancel(world, coded[0])
    kit.catch_up()
    assert counts(world)["total"]["registered"] == 1 and gap("unregistered") == ["0", "2", "9"]


@pytest.mark.parametrize("who", ["clerk", "acceptor", "reviewer", "system_admin", "citizen", "gateway"])
def test_only_supervisors_of_the_register_or_its_territory_see_and_keep_it(world: w.World, who: str) -> None:
    w.registered(world, title="道路客运班线基础信息")
    kit.catch_up()
    take(world, as_csv(row(world, "1", "道路客运班线基础信息")))
    propose(world)
    actor: Actor = world.actor(who)
    for caller in (actor, NOBODY, importer(world.register.pk)):
        for read in (selectors.counts, selectors.proposals):
            with pytest.raises(DomainError) as refused:
                read(caller)
            assert refused.value.status == 403
        with pytest.raises(DomainError) as refused:
            selectors.gaps(caller, kind="unregistered")
        assert refused.value.status == 403
        with pytest.raises(DomainError) as refused:
            services.import_file(
                actor=caller, transaction_id=w.tid(), register_id=world.register.pk, data=b"x", source="a"
            )
        assert refused.value.status == 403
        with pytest.raises(DomainError) as refused:
            services.decide(actor=caller, transaction_id=w.tid(), act="confirm", proposals=[Proposal.objects.get().pk])
        assert refused.value.status in (403, 404)
    assert Proposal.objects.get().state == "open"


def test_a_supervisor_elsewhere_finds_nothing(world: w.World) -> None:
    w.registered(world, title="道路客运班线基础信息")
    kit.catch_up()
    take(world, as_csv(row(world, "1", "道路客运班线基础信息")))
    propose(world)
    other = w.build(rulebook="cn-tj", region="120000")
    with pytest.raises(DomainError) as refused:
        decide(other, "confirm", Proposal.objects.get())
    assert refused.value.code == "not_found"
    assert selectors.proposals(other.actor("agency_supervisor"))["items"] == []
    assert selectors.counts(other.actor("authority_supervisor"))["total"]["catalogued"] == 0
    with pytest.raises(DomainError) as refused:
        services.propose(actor=other.actor("agency_supervisor"), transaction_id=w.tid(), register_id=world.register.pk)
    assert refused.value.code == "forbidden"


def test_nobody_decides_on_a_match_of_their_own_organisation(world: w.World) -> None:
    w.registered(world, title="道路客运班线基础信息")
    kit.catch_up()
    take(world, as_csv(row(world, "1", "道路客运班线基础信息")))
    propose(world)
    parties.grant_role(
        actor=parties.OPERATOR, person=world.people["agency_supervisor"], kind="clerk", organisation=world.registrant
    )
    with pytest.raises(DomainError) as refused:
        decide(world, "confirm", Proposal.objects.get())
    assert refused.value.code == "forbidden" and Proposal.objects.get().state == "open"
    assert decide(world, "confirm", Proposal.objects.get(), who="authority_supervisor") == {"decided": 1}
