"""Everybody who may knock: the roles of R1, the same roles elsewhere, people without one, and worn-out tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from dengji.core.clock import real_now
from dengji.parties import actor as actors
from dengji.parties import services as parties
from dengji.parties.actor import CLOCK, NOBODY, Actor
from dengji.parties.models import Organisation, Person, Role, Token
from dengji.parties.services import OPERATOR
from tests.api.conftest import Caller
from tests.factories import world as w


@dataclass(frozen=True)
class Column:
    """One column of the tables: its name, how it is headed, what it means, and the callers it stands for."""

    key: str
    head: str
    zh: str
    en: str
    callers: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The callers of the column: one of the column's own name, or several that must always fare alike."""
        return self.callers or (self.key,)


#: People, in the order of the tables.
COLUMNS = (
    Column("clerk", "经办", "登记主体经办人", "clerk of the registrant"),
    Column("business_reviewer", "业审", "登记主体业务审核人", "business reviewer of the registrant"),
    Column("agent", "代理", "该件的委托代理人", "agent named in the file"),
    Column("co_registrant", "共同", "该件共同登记主体的经办人", "clerk of a co-registrant of the file"),
    Column("acceptor", "受理", "登记机构受理人员", "acceptor of the agency"),
    Column("reviewer", "审核", "登记机构审核人员", "reviewer of the agency"),
    Column("notice_opener", "公示", "登记机构公示人员", "notice opener of the agency"),
    Column("objection_officer", "异议", "登记机构异议处理人员", "objection officer of the agency"),
    Column("agency_supervisor", "负责", "登记机构负责人", "supervisor of the agency"),
    Column("gateway", "网关", "国家平台网关", "gateway to the national platform"),
    Column("authority_supervisor", "监管", "本辖区数据主管部门监管人员", "authority supervisor of the territory"),
    Column("system_admin", "系统", "系统管理员", "system administrator"),
    Column("security_admin", "安全", "安全管理员", "security administrator"),
    Column("audit_admin", "审计", "审计管理员", "audit administrator"),
    Column("objector", "异议人", "有账号的异议人", "objector with an account"),
    Column("interested_party", "利害", "利害关系人（更正申请人）", "interested party who applied for a rectification"),
    Column(
        "own_agency",
        "自办",
        "兼任登记主体经办人的登记机构人员（全部机构角色）",
        "clerk of the registrant who also holds every role of the agency",
    ),
    Column("other_agency", "他机构", "其他登记簿的机构人员（全部机构角色）", "every agency role, of another register"),
    Column("other_authority", "他监管", "其他辖区的监管人员", "authority supervisor of another territory"),
    Column(
        "stranger",
        "他单位",
        "无关单位的经办人、业务审核人、代理人",
        "clerk, business reviewer and agent of strangers",
        ("stranger_clerk", "stranger_business_reviewer", "stranger_agent"),
    ),
    Column(
        "citizen",
        "公民",
        "无角色账号、角色已终止的账号",
        "account without a role, or whose roles have ended",
        ("citizen", "former"),
    ),
    Column("nobody", "公众", "无账号", "nobody: no token"),
    Column(
        "dead",
        "失效",
        "令牌已过期、已撤销、账号已停用、不存在",
        "token expired, revoked, unknown, or of a closed account",
        ("expired", "revoked", "closed", "unknown"),
    ),
)
#: The system's own actors: they do not come over HTTP.
SYSTEM = (
    Column("clock", "时钟", "系统时钟", "the system's clock"),
    Column("issuer", "赋码", "本登记簿赋码器", "code issuer of the register"),
    Column("importer", "命令行", "本机命令行导入", "importer at the machine's command line"),
)
CALLERS = tuple(name for column in COLUMNS for name in column.names)
_DEAD = frozenset({"nobody", "expired", "revoked", "closed", "unknown"})
ACCOUNTS = frozenset(CALLERS) - _DEAD


@dataclass
class Ground:
    """A register with its people, a second one elsewhere, and everybody's way to call."""

    world: w.World
    agency: Organisation
    partner: Organisation
    strange: Organisation
    other: w.World
    callers: dict[str, Caller] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        """The actor behind a caller or one of the system's own; dead tokens are nobody."""
        if name == "importer":
            return actors.importer(self.world.register.pk)
        if name == "clock":
            return CLOCK
        return NOBODY if name in _DEAD else self.world.actor(name)


def _with(kind: str, name: str, unit: Organisation, people: dict[str, Person]) -> None:
    people[name] = w.person(name)
    parties.grant_role(actor=OPERATOR, person=people[name], kind=kind, organisation=unit)


def ground() -> Ground:
    """Everybody, each with a token."""
    world, other = w.build(), w.build(region="330000")
    agency, partner, strange = (w.organisation(f"示例{n}") for n in ("代理机构", "共同登记单位", "另一代理机构"))
    made = Ground(world, agency, partner, strange, other)
    people = world.people
    _with("agent", "agent", agency, people)
    _with("agent", "stranger_agent", strange, people)
    _with("clerk", "co_registrant", partner, people)
    for name in ("own_agency", "former"):
        _with("clerk", name, world.registrant, people)
        for kind in w.AGENCY_KINDS:
            parties.grant_role(actor=OPERATOR, person=people[name], kind=kind, register=world.register)
    for role in Role.objects.filter(person=people["former"]):
        parties.end_role(actor=OPERATOR, role=role)
    people["other_agency"] = w.person("other_agency")
    for kind in w.AGENCY_KINDS:
        parties.grant_role(actor=OPERATOR, person=people["other_agency"], kind=kind, register=other.register)
    people["other_authority"] = other.people["authority_supervisor"]
    for name in ("objector", "interested_party"):
        people[name] = w.person(name)
    _tokens(made)
    return made


def _tokens(made: Ground) -> None:
    people = made.world.people
    for name in ACCOUNTS:
        token = parties.create_token(actor=OPERATOR, person=people[name], label=name)
        made.callers[name] = Caller(token)
        made.tokens[name] = Token.objects.get(person=people[name], label=name).pk
    made.callers["nobody"] = Caller()
    made.callers["unknown"] = Caller("dj_unknown")
    closed = w.person("closed")
    for name, person in (("expired", "agency_supervisor"), ("revoked", "clerk"), ("closed", "")):
        owner = people[person] if person else closed
        made.callers[name] = Caller(parties.create_token(actor=OPERATOR, person=owner, label=name))
    Token.objects.filter(label="expired").update(expires_at=real_now() - timedelta(minutes=1))
    parties.revoke_token(actor=OPERATOR, token_id=Token.objects.get(label="revoked").pk)
    Person.objects.filter(pk=closed.pk).update(is_active=False)
