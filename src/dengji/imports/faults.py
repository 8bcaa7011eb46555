"""What is wrong with a file or a cell before the law is asked: the findings that only an import makes."""

from __future__ import annotations

from dengji.core.errors import N_, DomainError
from dengji.law.checks.model import Finding, Severity, Spec
from dengji.law.codes import CodeError

#: code → Spec, beside those of `law.checks`; a report looks texts up in both.
SPECS: dict[str, Spec] = {}


def _spec(code: str, message: str, fix: str, severity: Severity = "error", article: str = "") -> Spec:
    SPECS[code] = Spec(code, None, severity, article, message, fix)
    return SPECS[code]


NOT_INTEGER = _spec(
    "cell_not_integer", N_("“{label}”应为整数，现为“{value}”"), N_("只填数字，不带单位和文字；单位填在单位一列")
)
NOT_DATE = _spec("cell_not_date", N_("“{label}”应为日期，现为“{value}”"), N_("按 2025-01-31 的格式填写"))
NOT_TIME = _spec(
    "cell_not_time", N_("“{label}”应为日期和时间，现为“{value}”"), N_("按 2025-01-31 09:30:00 的格式填写（北京时间）")
)
NOT_CHOICE = _spec("cell_not_choice", N_("“{label}”没有“{value}”这一选项"), N_("从下拉列表中选择：{choices}"))
NOT_BOOLEAN = _spec("cell_not_boolean", N_("“{label}”应填是或否，现为“{value}”"), N_("填“是”或“否”"))
NOT_INDUSTRY = _spec(
    "cell_not_industry", N_("“{value}”不是国民经济行业大类的代码或名称"), N_("填两位大类代码或大类全称，多个以；分隔")
)
NOT_REGION = _spec(
    "cell_not_region", N_("“{value}”不是行政区划的代码或全称"), N_("填六位代码或全称，如 620700 或 甘肃省张掖市")
)
NOT_PARTNER = _spec(
    "cell_not_partner",
    N_("“{label}”中的“{value}”缺少18位统一社会信用代码"),
    N_("按“单位名称（信用代码）”填写，多个以；分隔"),
)
NOT_GROUP = _spec("cell_not_group", N_("“{label}”中的“{value}”不成格式"), N_("按“材料组：理由”填写，多个以；分隔"))
DIGITS_LOST = _spec(
    "cell_digits_lost",
    N_("“{label}”以数值保存，位数过多，表格软件已丢失末尾数字"),
    N_("把该列设为文本格式后重新填写"),
)
NOT_TEXT = _spec("cell_not_text", N_("“{label}”含有不可见的控制字符或残缺字符"), N_("删除这些字符后重新填写"))
TOO_LONG = _spec("cell_too_long", N_("“{label}”超过 {limit} 个字符"), N_("缩短内容"))
FORMULA_ERROR = _spec("cell_formula_error", N_("“{label}”是公式错误值 {value}"), N_("填写数值或文字，不用公式"))
NOT_AN_OBJECT = _spec("row_not_object", N_("此行不是 JSON 对象"), N_("每行一个 JSON 对象：一行一条记录"))
OTHER_REGISTRANT = _spec(
    "other_registrant",
    N_("此行的统一社会信用代码 {value} 不是本次导入的登记主体 {expected}"),
    N_("每个登记主体分别导入；或更正该代码"),
)
DUPLICATE_IN_FILE = _spec(
    "duplicate_in_file",
    N_("与本文件第 {row} 行重复：同一名称、同一地区"),
    N_("删除其中一行，或在名称中写明区别"),
    article="第十一条",
)
NEAR_IN_FILE = _spec(
    "near_duplicate_in_file",
    N_("名称与本文件第 {row} 行相近（{percent}%）"),
    N_("核对是否重复；确为不同数据的，在名称中写明区别"),
    "warning",
    "第十一条",
)
REQUIRED = _spec("adopt_required", N_("缺少“{label}”"), N_("填写“{label}”"))
CODE_TWICE = _spec("code_twice", N_("登记结果查询码与本文件第 {row} 行相同"), N_("每项登记一行；核对查询码"))
_MEND = N_("按提示更正后重新导入")


def refusal(error: DomainError | CodeError, name: str | None = None) -> Finding:
    """Return the finding for a rule that the register or a standard itself refused, in its own words."""
    field = name or getattr(error, "field", None)
    article = str(getattr(error, "article", ""))
    return Finding(error.code, field, "error", article, error.message, _MEND, error.params)
