"""asv's suites: a module a theme; every benchmark also runs once in the tests (`tests/bench`).

The objectives are those of `bench.objectives`. The top folder of the checkout goes to the end of the path, so
that `fastad` is the one that asv has installed for a commit.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
