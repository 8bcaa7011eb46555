"""The API under /api/v1: who may call, how fast, how errors look, and a complete OpenAPI document (design §8)."""

from __future__ import annotations

import functools
import math
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.datastructures import MultiValueDict
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from ninja.renderers import BaseRenderer

from dengji.catalogue.api import router as catalogue
from dengji.catalogue.directory.api import router as directory
from dengji.catalogue.following.api import router as followers
from dengji.catalogue.statistics.api import router as figures
from dengji.core.errors import N_, DomainError
from dengji.core.frame import MAX_TRANSACTION_ID
from dengji.documents.api import router as documents
from dengji.imports.api import router as imports
from dengji.notify.api import router as notifications
from dengji.registration.api import routers
from dengji.registration.api.base import Bearer
from dengji.registration.api.schemas import Problem

from . import limits
from .marks import mark
from .problems import CONTENT_TYPE, HANDLERS, STATUSES, of_authentication, problem

_DEEPEST = 32
_MAX_SAFE = 2**53 - 1
_JSON_TYPES = frozenset({"application/json"})
_WRITES = ("post", "patch", "put", "delete")
_NOT_TEXT = N_("文本中有不能使用的字符")


def _refuse(code: str, message: str, status: int) -> DomainError:
    return DomainError(code, message, status=status)


def _clean(value: Any, depth: int = 0) -> None:
    """Refuse what the database or canonical JSON cannot hold: NUL, integers beyond 2^53-1, nesting without end."""
    kind = type(value)
    if kind is str:
        if "\0" in value:
            raise _refuse("invalid_input", _NOT_TEXT, 422)
    elif kind is int or kind is float:
        if abs(value) > _MAX_SAFE:
            raise _refuse("invalid_input", N_("数值超出范围"), 422)
    elif kind is dict or kind is list:
        if depth > _DEEPEST:
            raise _refuse("invalid_input", N_("内容嵌套过深"), 422)
        if kind is dict:
            for key in value:
                _clean(key)
        for item in value.values() if kind is dict else value:
            _clean(item, depth + 1)


class JSONParser(Parser):
    """Reads JSON by orjson, after looking at its type and size."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the body; raises DomainError media_type 415, too_large 413, malformed_json 400, invalid_input 422."""
        if request.content_type not in _JSON_TYPES:
            raise _refuse("media_type", N_("请以 application/json 提交"), 415)
        voice = bool(getattr(request, "dengji_voice", False))
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if voice else settings.DENGJI_MAX_JSON_BYTES
        if len(request.body) > most:
            raise _refuse("too_large", STATUSES[413], 413)
        try:
            value = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            if "surrogate in string" in str(error):
                raise _refuse("invalid_input", _NOT_TEXT, 422) from None
            raise _refuse("malformed_json", N_("请求内容不是有效的 JSON"), 400) from None
        _clean(value)
        return value

    def parse_querydict(self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest) -> Any:
        """Return the query; raises DomainError invalid_input for a NUL in it."""
        if any("\0" in value for _, values in data.lists() for value in values):
            raise _refuse("invalid_input", _NOT_TEXT, 422)
        return super().parse_querydict(data, list_fields, request)


class JSONRenderer(BaseRenderer):
    """Writes JSON by orjson, with the mark of a demonstration node."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """Return the answer's bytes."""
        return orjson.dumps(mark(data) if isinstance(data, dict) else data)


class API(NinjaAPI):
    """NinjaAPI whose OpenAPI document is made once and names every header and every problem."""

    @functools.cached_property
    def document(self) -> bytes:
        """The OpenAPI document."""
        return orjson.dumps(self.get_openapi_schema(), option=orjson.OPT_NON_STR_KEYS)

    def get_openapi_schema(self, **kw: Any) -> OpenAPISchema:
        """Return the document with what every operation has in common."""
        schema = super().get_openapi_schema(**kw)
        schema["components"]["schemas"].update(_problem_schema())
        schema["components"].setdefault("securitySchemes", {})["Bearer"] = {"type": "http", "scheme": "bearer"}
        for operations in schema["paths"].values():
            for method, operation in operations.items():
                _complete(method, operation)
        return schema


def _problem_schema() -> dict[str, Any]:
    model = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {**model.pop("$defs", {}), "Problem": model}


def _complete(method: str, operation: dict[str, Any]) -> None:
    for status, title in STATUSES.items():
        reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
        operation["responses"].setdefault(status, {"description": title, "content": {CONTENT_TYPE: reference}})
    if "security" not in operation:
        operation["security"] = [{}, {"Bearer": []}]
    if method in _WRITES and not any(p["name"] == "Idempotency-Key" for p in operation["parameters"]):
        operation["parameters"].append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": True,
                "description": "事务号：相同的请求重复提交，结果不变。A retry under the same key answers the same.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_TRANSACTION_ID,
                    "pattern": "^[!-~]+$",
                },
            }
        )


def _unauthenticated(request: HttpRequest, error: Any) -> HttpResponse:
    """Charge a wrong token to the caller's address, so that tokens cannot be tried out without end."""
    if wait := limits.charge(request):
        return problem(request, 429, headers={"Retry-After": str(math.ceil(wait))})
    return of_authentication(request, error)


api = API(
    title="登记 Dengji",
    version="1",
    description="公共数据资源登记 / public-data-resource registration",
    urls_namespace="api",
    auth=Bearer(),
    throttle=[limits.Limits()],
    renderer=JSONRenderer(),
    parser=JSONParser(),
    docs_url=None,
    openapi_url=None,
)
# First what is asked for most: addresses are tried in this order.
for _router in (catalogue, figures, *routers(), imports, notifications, followers, directory, documents):
    api.add_router("", _router)
for _error, _handler in HANDLERS.items():
    api.add_exception_handler(_error, _handler)
api.add_exception_handler(AuthenticationError, _unauthenticated)


def openapi(request: HttpRequest) -> HttpResponse:
    """Serve the OpenAPI document."""
    return HttpResponse(api.document, content_type="application/json")
