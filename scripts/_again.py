"""Run again, alone, the few tests of real servers and browsers that failed beside others.

    python scripts/_again.py

After ``pytest --cache-clear``. A server, a browser or a broker on a busy machine may keep a test
waiting too long, or end at an unlucky moment. Such a test has one more chance, and its name is
printed. A failed test of any other kind has none, and neither have many: something broke.

Exits with 0 if they passed, with 1 if not, or if there is a failure that is not run again.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
#: Tests that stand on processes of others.
REAL = ("tests/servers/", "tests/systems/", "tests/examples/")
MOST = 3


def main() -> int:
    """Run them; gives the exit status."""
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not 0 < len(failed) <= MOST or not all(name.startswith(REAL) for name in failed):
        return 1
    found = subprocess.run([sys.executable, "-m", "pytest", "-q", *failed]).returncode
    print("again, alone:", "failed" if found else "passed", *failed, sep="\n  ", flush=True)
    return int(found != 0)


if __name__ == "__main__":
    sys.exit(main())
