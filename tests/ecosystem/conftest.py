"""Applications of our own for extensions whose source distributions carry no tests.

``conformance/run NAME`` runs them in an environment which has the extension, first on Flask,
then on Erlen; a plain ``pytest`` passes them by.
"""

import os

collect_ignore_glob = [] if "CONFORMANCE_ON" in os.environ else ["test_*.py"]
