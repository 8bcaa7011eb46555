"""`python -m dengji.cli` is the `dengji` command."""

import sys

from .main import main

sys.exit(main())
