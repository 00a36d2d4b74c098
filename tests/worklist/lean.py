"""The app as a program of its own without the released networks, which take seconds to open: for what is killed often.

    python -m tests.worklist.lean --port 8000

The bundles are those in $RADIOLENS_HOME/bundles; everything else is as `radiolens serve` has it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from radiolens.cli import main
from radiolens.web import app

if __name__ == "__main__":
    app.RELEASED = Path(__file__).parent / "no-bundles"
    sys.argv[1:] = ["serve", *sys.argv[1:]]
    main()
