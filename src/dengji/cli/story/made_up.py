"""Made-up records of the side stories: each says 示例 in its name and its brief, and belongs to a made-up unit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from dengji.core import clock

from . import stage
from .stage import FIRST_MATERIALS, Scene


def example_content(scene: Scene, title: str, **more: Any) -> dict[str, Any]:
    """Return the content of a made-up record, marked 示例 in name and brief."""
    return stage.content(
        scene.world,
        more.pop("organisation", "unit"),
        more.pop("name", f"甘肃省张掖市-居民服务业-示例{title}"),
        f"示例内容：示例单位在提供居民服务过程中形成的{title}，仅供演示，不对应任何真实数据。",
        **{
            "industries": ["80"],
            "coverage_regions": ["620700"],
            "evidence_time": clock.legal_now() - timedelta(minutes=1),
            **more,
        },
    )


def submitted(scene: Scene, title: str) -> UUID:
    """Draft, review in house and submit a made-up record; return its id."""
    application = scene.draft("unit", example_content(scene, title), FIRST_MATERIALS)
    scene.on(application, "submit_for_business_review", "clerk")
    scene.submit(application)
    return application


def published(scene: Scene, title: str) -> tuple[UUID, dict[str, Any]]:
    """Take a made-up record up to its notice; return its id and what opening the notice answered."""
    application = submitted(scene, title)
    scene.review(application)
    return application, scene.on(application, "open_notice", "notice_opener")


def code(scene: Scene, application: UUID) -> UUID:
    """Close the notice and give the code; return the id of the registration."""
    scene.on(application, "close_notice", "clock")
    return UUID(scene.on(application, "assign_code", "issuer")["registration"])
