"""`erlen deploy`: what it writes is judged by the schemas and readers of those it is for."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
import yaml

from erlen.scaffolding import (
    Choices,
    Target,
    check_name,
    deployment_files,
    project_files,
    write_new,
    write_over,
)
from running import ROOT, free_port, running
from systems import checkers
from systems.scaffolds import PAIRWISE, make, name_of, run


def deployed(folder: Path, choices: Choices, asgi: bool = False) -> Path:
    names = check_name("my-shop")
    write_new(folder, project_files(names, choices))
    write_over(folder, deployment_files(Target(names, choices, "wsgi:app", asgi), folder), False)
    return folder


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Projects of each kind, with hashes, with pyproject.toml alone, and for ASGI."""
    folder = tmp_path_factory.mktemp("deployed")
    for choices in PAIRWISE:
        deployed(folder / name_of(choices), choices)
    deployed(folder / "asgi", Choices(), asgi=True)
    for name, text in (("hashes", "erlen==1.0 --hash=sha256:00\n"), ("project", None)):
        made = folder / name
        write_new(made, project_files(check_name("my-shop"), Choices()))
        (made / "requirements.txt").unlink()
        if text is not None:
            (made / "requirements.txt").write_text(text)
        target = Target(check_name("my-shop"), Choices(), "wsgi:app", True)
        write_over(made, deployment_files(target, made), False)
    return folder


SCHEMAS = {
    "compose-spec": "compose.yaml",
    "gitlab-ci": ".gitlab-ci.yml",
    "dependabot": ".github/dependabot.yml",
    "github-workflows": ".github/workflows/ci.yml",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(projects: Path, name: str, tmp_path: Path) -> None:
    paths = sorted(projects.glob(f"*/{SCHEMAS[name]}"))
    assert len(paths) == len(PAIRWISE) + 3
    checkers.passes(*checkers.schema(name, *paths))
    # The judge is awake: a word that nobody knows is found.
    broken = tmp_path / paths[0].name
    broken.write_text(paths[0].read_text() + "\nmisspelled: [1]\n")
    assert checkers.run(*checkers.schema(name, broken)).returncode == 1


def test_dockerfile(projects: Path, tmp_path: Path) -> None:
    hadolint = checkers.checker("hadolint")
    paths = sorted(projects.glob("*/Dockerfile"))
    # Not even notes, but one: base images get their tag by an argument.
    assert checkers.passes(hadolint, "--failure-threshold", "info", *paths) == ""
    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM debian\nRUN cd /tmp\n")
    assert checkers.run(hadolint, "--failure-threshold", "warning", broken).returncode == 1


def test_manifests(projects: Path, tmp_path: Path) -> None:
    judge = checkers.checker("kubernetes-validate")
    paths = sorted(projects.glob("*/kubernetes/*.yaml"))
    paths = [path for path in paths if path.name != "kustomization.yaml"]
    # Each text once: most do not depend on the choices.
    paths = list({path.read_text(): path for path in paths}.values())
    said = checkers.passes(judge, "--strict", *paths)
    assert said.count(" passed ") == len(paths) and "WARN" not in said
    broken = tmp_path / "service.yaml"
    broken.write_text(paths[0].read_text() + "misspelled: 1\n")
    assert checkers.run(judge, "--strict", broken).returncode != 0


@pytest.mark.parametrize("choices", PAIRWISE, ids=name_of)
def test_manifests_fit_together(projects: Path, choices: Choices) -> None:
    folder = projects / name_of(choices) / "kubernetes"
    files = {path.name: yaml.safe_load(path.read_text()) for path in folder.iterdir()}
    listed = set(files["kustomization.yaml"]["resources"])
    assert set(files) - listed == {"kustomization.yaml", "secret.yaml"} | (
        {"migrate.yaml"} if choices.database != "none" else set()
    )
    assert listed <= set(files) and ("worker.yaml" in files) == choices.tasks
    pod = files["deployment.yaml"]["spec"]["template"]
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    for name in ("service.yaml", "disruption-budget.yaml"):
        selector = files[name]["spec"]["selector"]
        assert (selector.get("matchLabels") or selector).items() <= labels.items()
    for probe, path in (("liveness", "/health"), ("startup", "/health"), ("readiness", "/ready")):
        assert container[f"{probe}Probe"]["httpGet"] == {"path": path, "port": "http"}
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    period = container["readinessProbe"]["periodSeconds"]
    assert (
        2 * period < int(env["MY_SHOP_DRAIN_DELAY"]) < pod["spec"]["terminationGracePeriodSeconds"]
    )
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    secret = files["secret.yaml"]
    assert container["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    assert secret["stringData"]["MY_SHOP_SECRET_KEY"] == "change-me"
    scaled = files["autoscaler.yaml"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == files["deployment.yaml"]["metadata"]["name"]
    assert scaled["minReplicas"] > files["disruption-budget.yaml"]["spec"]["maxUnavailable"]


def test_pipelines_of_jenkins(projects: Path, tmp_path: Path) -> None:
    node = checkers.modules()
    paths = {path.read_text(): path for path in sorted(projects.glob("*/Jenkinsfile"))}
    for number, text in enumerate(paths):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "Jenkinsfile").write_text(text)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "Jenkinsfile").write_text("pipeline { stages { stage('Test' { } } }\n")
    program = node / "node_modules" / "npm-groovy-lint" / "lib" / "index.js"
    options = ["--noserver", "--no-insight", "--failon", "none", "--output", "json"]
    done = checkers.run("node", program, *options, "--files", "**/Jenkinsfile", cwd=tmp_path)
    found = json.loads(done.stdout[done.stdout.index("{") :])["files"]
    errors = {
        Path(name).parent.name: [e for e in file["errors"] if e["severity"] == "error"]
        for name, file in found.items()
    }
    assert len(errors.pop("broken")) == 1
    assert len(errors) == len(paths) and not any(errors.values()), errors


def test_snyks_policy(projects: Path, tmp_path: Path) -> None:
    node = checkers.modules()
    said = checkers.passes("node", node / "snyk.mjs", projects / name_of(PAIRWISE[0]))
    policy = json.loads(said)
    assert policy["version"] == "v1.25.0" and not policy["ignore"]
    (tmp_path / ".snyk").write_text("version: v1.25.0\nignore: [\n")
    assert checkers.run("node", node / "snyk.mjs", tmp_path).returncode != 0


def test_nginx(projects: Path, tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        checkers.missing("nginx", "on Debian: apt-get install nginx-light")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout {key} -out {certificate}"
    checkers.passes("openssl", *words.split())
    text = (projects / "asgi" / "deploy" / "nginx.conf").read_text()
    text = text.replace("/etc/ssl/example.org.pem", str(certificate))
    text = text.replace("/etc/ssl/example.org.key", str(key))
    # Only syntax and names are tested: ports of one's own do not need root.
    text = text.replace("listen 80;", f"listen {free_port()};").replace("listen [::]:80;", "")
    text = text.replace("listen 443", f"listen {free_port()}").replace(
        "listen [::]:443 ssl http2;", ""
    )
    (tmp_path / "site.conf").write_text(text)
    main = f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ include site.conf; }}\n"
    (tmp_path / "nginx.conf").write_text(main)
    checkers.passes(nginx, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf")


def test_bill_of_materials(projects: Path, tmp_path: Path) -> None:
    # As the pipelines make it, and of the repository itself.
    for file in (
        projects / name_of(PAIRWISE[2]) / "requirements.txt",
        ROOT / "requirements/runtime.txt",
    ):
        output = tmp_path / "sbom.json"
        tool = checkers.checker("cyclonedx-py")
        checkers.passes(
            tool, "requirements", file, "--of", "JSON", "--output-reproducible", "-o", output
        )
        bill = json.loads(output.read_text())
        names = {component["name"].lower() for component in bill["components"]}
        assert bill["bomFormat"] == "CycloneDX" and names & {"erlen", "werkzeug"}
        output.unlink()


AUDIT = ("--strict", "--disable-pip", "--no-deps", "--progress-spinner", "off", "--timeout", "20")


def test_audit() -> None:
    """The package's dependencies have no known vulnerability; who can't ask doesn't pass."""
    tool = checkers.checker("pip-audit")
    file = ROOT / "requirements" / "runtime.txt"
    done = checkers.run(tool, *AUDIT, "-r", file, "--format", "json")
    if done.stdout.lstrip().startswith("{"):
        found = [one for one in json.loads(done.stdout)["dependencies"] if one.get("vulns")]
        assert not found, found
    else:
        # The vulnerability service is out of reach: the pipeline must not call that clean.
        assert done.returncode != 0, done
        assert re.search("could not be audited|onnection", done.stderr), done.stderr


class Advisories(http.server.BaseHTTPRequestHandler):
    """Answers as the service of osv.dev does (POST /v1/query) about one package."""

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        asked = json.loads(self.rfile.read(size))
        known: list[t.Any] = []
        if (asked["package"]["name"], asked["version"]) == ("werkzeug", "0.11.10"):
            ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.11.11"}]}]
            package = {"name": "werkzeug", "ecosystem": "PyPI"}
            known = [
                {
                    "id": "PYSEC-2017-43",
                    "details": "Cross-site scripting in the debugger.",
                    "modified": "2021-07-05T00:01:28Z",
                    "published": "2017-10-23T16:29:00Z",
                    "aliases": ["CVE-2016-10516"],
                    "affected": [{"package": package, "ranges": ranges}],
                }
            ]
        body = json.dumps({"vulns": known} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: t.Any) -> None:
        pass


def test_audit_finds_what_is_known(tmp_path: Path) -> None:
    """The same command line, asking a service of advisories on this machine."""
    tool = checkers.checker("pip-audit")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,))
        thread.start()
        address = f"http://127.0.0.1:{service.server_port}/v1/query"
        options = (*AUDIT, "-s", "osv", "--osv-url", address, "--format", "json", "-r")
        try:
            clean = checkers.run(tool, *options, ROOT / "requirements" / "runtime.txt")
            (tmp_path / "old.txt").write_text("werkzeug==0.11.10\nclick==8.1.3\n")
            old = checkers.run(tool, *options, tmp_path / "old.txt")
        finally:
            service.shutdown()
            thread.join()
    assert clean.returncode == 0, clean.stderr
    assert len(json.loads(clean.stdout)["dependencies"]) >= 7
    assert old.returncode == 1, old.stderr
    found = {one["name"]: one["vulns"] for one in json.loads(old.stdout)["dependencies"]}
    assert found["click"] == [] and found["werkzeug"][0]["fix_versions"] == ["0.11.11"]


class TestCommand:
    def test_a_project_that_was_made(self, tmp_path: Path) -> None:
        folder = make(tmp_path, Choices("postgresql", "redis", True, True, "pages"))
        done = run(folder, "-m", "erlen", "deploy", "--host", "shop.example.org")
        assert "kubernetes/secret.yaml" in done.stdout and "To edit" in done.stdout
        assert done.stderr == ""
        assert "shop.example.org" in (folder / "kubernetes" / "ingress.yaml").read_text()
        assert '"wsgi:app"]' in (folder / "Dockerfile").read_text()
        assert (folder / "kubernetes" / "worker.yaml").exists()

    def test_nothing_is_overwritten(self, tmp_path: Path) -> None:
        folder = make(tmp_path, Choices())
        (folder / "Dockerfile").write_text("FROM mine\n")
        said = run(folder, "-m", "erlen", "deploy", "docker").stdout
        assert "Dockerfile     left as it is; --force replaces it" in said
        assert (folder / "Dockerfile").read_text() == "FROM mine\n"
        assert not (folder / "compose.yaml").exists()
        said = run(folder, "-m", "erlen", "deploy", "docker", "--force").stdout
        assert "Dockerfile     replaced" in said and ".dockerignore  is there already" in said

    def test_somebody_elses_project(self, tmp_path: Path) -> None:
        (tmp_path / "chatter.py").write_text(
            "from erlen import Erlen\n"
            "def create_app():\n"
            "    app = Erlen(__name__)\n"
            "    @app.get('/')\n"
            "    async def index(): return ''\n"
            "    app.add_readiness('/is-ready')\n"
            "    return app\n"
        )
        command = ["-m", "erlen", "--app", "chatter", "deploy", "--name", "chatter", "docker"]
        done = run(tmp_path, *command, ok=False)
        assert done.returncode == 1 and "pip freeze > requirements.txt" in done.stderr
        (tmp_path / "requirements.txt").write_text("erlen\nGunicorn>=25\n")
        done = run(tmp_path, *command, "kubernetes")
        assert "has no /health" in done.stderr
        text = (tmp_path / "Dockerfile").read_text()
        assert '"chatter:create_app()"' in text and "uvicorn_worker.UvicornWorker" in text
        assert "uvicorn-worker==" in text and "gunicorn==" not in text
        assert "/is-ready" in (tmp_path / "kubernetes" / "deployment.yaml").read_text()

    def test_the_command_of_the_image_serves(self, tmp_path: Path) -> None:
        """What the Dockerfile's last line says, run here."""
        folder = make(tmp_path, Choices())
        run(folder, "-m", "erlen", "deploy", "docker")
        line = (folder / "Dockerfile").read_text().splitlines()[-1]
        port = free_port()
        words = json.loads(line.removeprefix("CMD ").replace("0.0.0.0:8000", f"127.0.0.1:{port}"))
        gunicorn = shutil.which(words[0], path=str(Path(sys.executable).parent))
        assert gunicorn is not None
        env = {"MY_SHOP_ENV": "production", "MY_SHOP_SECRET_KEY": "x", "WEB_CONCURRENCY": "2"}
        with running([gunicorn, *words[1:]], port, tmp_path, folder, **env):
            health = next(
                part
                for part in (folder / "Dockerfile").read_text().split("CMD ")
                if "urlopen" in part
            )
            check = json.loads(health.splitlines()[0].replace(":8000", f":{port}"))
            assert subprocess.run(check, timeout=20).returncode == 0
        assert subprocess.run(check, timeout=20, capture_output=True).returncode != 0
