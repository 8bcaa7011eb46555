"""Print recall@20 and nDCG@10 of each class of queries: `make relevance`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Measure with the index of files; return 1 where the figures are not reached."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dengji.config.settings")
    import django

    django.setup()
    from dengji.catalogue.engines.tantivy import TantivyEngine

    from . import measure

    with tempfile.TemporaryDirectory() as directory:
        documents = measure.corpus()
        engine = TantivyEngine.create(Path(directory))
        engine.apply(documents)
        results = measure.run(engine, documents)
        engine.close()
    print(measure.table(results))
    for one in results:
        if one.recall < 1 or "-v" in sys.argv:
            print(f"  {one.recall:.2f} {one.ndcg:.2f}{' ~' if one.near else ''}  {one.query}")
    return 0 if measure.enough(results) else 1


if __name__ == "__main__":
    sys.exit(main())
