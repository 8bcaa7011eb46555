"""The codes of the law: credit codes, industries, regions, registration codes, serials; pure, over data files."""

from .credit import make_credit_code, validate_credit_code
from .errors import CodeError
from .industry import DIVISIONS, SECTIONS, Division, Section, division, division_by_name
from .region import (
    NATION,
    Region,
    find_region_prefix,
    is_within,
    match_region_prefix,
    region,
    regions,
    validate_regions,
)
from .registration import (
    CHECKERS,
    DEMONSTRATION_PREFIX,
    ISSUERS,
    LOCAL_PREFIX,
    MAX_LENGTH,
    Checker,
    DemoIssuer,
    Issuer,
    NationalIssuer,
    OpaqueChecker,
    check_code,
    is_local_number,
    local_number,
)
from .serial import LAST_SEQUENCE, format_serial, parse_serial

__all__ = [
    "CHECKERS",
    "DEMONSTRATION_PREFIX",
    "DIVISIONS",
    "ISSUERS",
    "LAST_SEQUENCE",
    "LOCAL_PREFIX",
    "MAX_LENGTH",
    "NATION",
    "SECTIONS",
    "Checker",
    "CodeError",
    "DemoIssuer",
    "Division",
    "Issuer",
    "NationalIssuer",
    "OpaqueChecker",
    "Region",
    "Section",
    "check_code",
    "division",
    "division_by_name",
    "find_region_prefix",
    "format_serial",
    "is_local_number",
    "is_within",
    "local_number",
    "make_credit_code",
    "match_region_prefix",
    "parse_serial",
    "region",
    "regions",
    "validate_credit_code",
    "validate_regions",
]
