"""What an index knows of its terms shortens the way to the first page and never changes what stands on it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dengji.catalogue.documents import Document
from dengji.catalogue.engines import tantivy as engine
from dengji.catalogue.query import Order, Search, parse

_TOGETHER = {"agency": "示例登记机构", "codes": (), "data_type": "resource", "access_mode": "apply", "register": "r"}


@pytest.mark.parametrize("order", ["relevance", "newest", "oldest"])
def test_the_newest_are_the_same_whether_sought_among_the_newest_or_among_all(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, made = Random(5), engine.TantivyEngine.create(tmp_path / "index", "g")
    for n in range(1, 401):
        state = chance.choice(("VALID", "VALID", "VALID", "CANCELLED"))
        rank = (738_000 + chance.randrange(900)) << 40 | n
        title = chance.choice(("公交线路信息", "学校名录信息", "公交站点"))
        made._open_writer().add_document(
            engine.tantivy.Document(
                **engine.fields(Document(n, n, rank, title, "", intro="", state=state, year=2021, **_TOGETHER))  # type: ignore[arg-type]
            )
        )
    made.commit()

    def pages() -> list[tuple[int, ...]]:
        found = []
        for q in ("信息", "公交", "登记", "公交 -线路", "无此"):
            after = None
            for _ in range(4):
                hits = made.search(Search(parse(q), order=order, limit=15, after=after))
                found.append(hits.numbers)
                if (after := hits.next) is None:
                    break
        return found

    among_all = pages()
    monkeypatch.setattr(engine, "_LONG", 0)
    made.reload()
    assert pages() == among_all
    assert any(among_all)
