"""What people type is answered by what they mean; `make relevance` prints the figures."""

from __future__ import annotations

from pathlib import Path

from dengji.catalogue.engines.tantivy import TantivyEngine
from tests.relevance import measure


def test_recall_is_as_promised_and_no_query_with_an_answer_finds_nothing(tmp_path: Path) -> None:
    documents = measure.corpus()
    engine = TantivyEngine.create(tmp_path)
    engine.apply(documents)
    results = measure.run(engine, documents)
    engine.close()
    assert len(results) >= 120
    assert all(one.grades for one in measure.queries(documents))
    assert measure.enough(results), measure.table(results)
