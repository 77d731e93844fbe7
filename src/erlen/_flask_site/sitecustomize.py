"""Put on ``PYTHONPATH`` for child processes; stands Erlen behind ``import flask`` there.

Python imports ``sitecustomize`` at start. This one gives way to the next
``sitecustomize`` on the path, if the machine has one, and leaves a finder that
loads Erlen only when somebody really asks for Flask: most child processes
never do.
"""

import importlib.machinery
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def _run_the_next_sitecustomize():
    path = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


class FlaskOnDemand:
    """Gives way to the real alias at the first question about Flask."""

    def _alias(self):
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        try:
            from erlen.flask_alias import finder, install_as_flask
        except ModuleNotFoundError as error:
            if error.name != "erlen":
                raise
            # Another interpreter than the one that was told to stand in for Flask.
            print(f"erlen: not installed for {sys.executable}, Flask stays Flask", file=sys.stderr)
            return None
        install_as_flask()
        return finder

    def find_spec(self, name, path=None, target=None):
        alias = self._alias() if name.partition(".")[0] == "flask" else None
        return alias.find_spec(name, path, target) if alias else None

    def find_distributions(self, context=None):
        name = getattr(context, "name", None)
        alias = self._alias() if name and name.lower() == "flask" else None
        return alias.find_distributions(context) if alias else ()

    def invalidate_caches(self):
        """Nothing is cached."""


if os.environ.get("ERLEN_AS_FLASK") == "1":
    sys.meta_path.insert(0, FlaskOnDemand())
_run_the_next_sitecustomize()
