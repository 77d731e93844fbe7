"""The example of webhooks behind nginx with TLS, sent what the vendors' own code signs."""

from __future__ import annotations

import importlib
import os
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from running import ROOT, Running
from servers.lines import serving
from services.certificates import Authority
from services.nginx import nginx
from systems.proxying import FORGED, HEADERS, Visitor

pytest.importorskip("stripe", reason="missing: pip install stripe")
pytest.importorskip("twilio", reason="missing: pip install twilio")

EXAMPLE = ROOT / "examples" / "webhooks"
SECRET, TOKEN = "whsec_for_tests", "token_for_tests"


@pytest.fixture(scope="module")
def samples() -> t.Iterator[t.Any]:
    """The example's own samples, which the vendors' code signs."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        yield importlib.import_module("webhooks.samples")
    finally:
        sys.path.remove(str(EXAMPLE))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def receiver(folder: Path, trusted: str = '["127.0.0.1"]') -> t.ContextManager[Running]:
    paths = [str(EXAMPLE), str(ROOT / "src"), str(ROOT / "tests")]
    env = {
        "PYTHONPATH": os.pathsep.join(paths),
        "WEBHOOKS_STRIPE_SECRET": SECRET,
        "WEBHOOKS_TWILIO_TOKEN": TOKEN,
        "WEBHOOKS_DATABASE": str(folder / "webhooks.sqlite"),
        "WEBHOOKS_TRUSTED_PROXIES": trusted,
        "WEBHOOKS_TRUSTED_PROXY_HEADERS": HEADERS,
    }
    # Gunicorn would believe X-Forwarded-Proto of its own accord, of this machine.
    options = "-w 2 --forwarded-allow-ips 192.0.2.1"
    return serving("gunicorn-gthread", "webhooks:create_app()", folder, options, **env)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Running]:
    with receiver(tmp_path_factory.mktemp("receiver")) as server:
        yield server


@pytest.fixture(scope="module")
def vendor(
    behind: Running, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(f"127.0.0.1:{behind.port}", authority.issue(), folder) as front:
        found = Visitor(authority, front.port)
        with found.client:
            yield found


def counts(vendor: Visitor) -> dict[str, int]:
    return t.cast("dict[str, int]", vendor.get("/").json())


def more(vendor: Visitor, known: dict[str, int]) -> dict[str, int]:
    """What has come since then."""
    return {name: n - known[name] for name, n in counts(vendor).items() if n != known[name]}


def test_stripe(vendor: Visitor, samples: t.Any) -> None:
    known, now = counts(vendor), int(time.time())
    body = samples.stripe_event()
    headers = samples.stripe_headers(body, SECRET, now - 5)

    def post(content: str, headers: dict[str, str]) -> tuple[int, str]:
        answer = vendor.client.post("/stripe/events", content=content, headers=headers)
        return answer.status_code, answer.json().get("status") or answer.json()["error"]

    status, text = post(body + "\n", headers)
    assert status == 400 and "No signatures found" in text
    status, text = post(body, samples.stripe_headers(body, "whsec_of_somebody_else"))
    assert status == 400 and "No signatures found" in text
    status, text = post(body, samples.stripe_headers(body, SECRET, now - 400))
    assert status == 400 and "tolerance" in text
    assert more(vendor, known) == {}
    assert post(body, headers) == (200, "done")
    assert post(body, headers)[0] == 409
    assert post(body, samples.stripe_headers(body, SECRET, now)) == (200, "known")
    assert more(vendor, known) == {"deliveries": 2, "events": 1, "payments": 1}


def test_stripe_in_two_workers_at_once(vendor: Visitor, samples: t.Any) -> None:
    known, body = counts(vendor), samples.stripe_event()
    headers = samples.stripe_headers(body, SECRET)

    # The client's connections of HTTP/2 are not for several threads.
    many = Visitor(vendor.authority, vendor.port, http2=False)

    def post(number: int) -> int:
        answer = many.client.post("/stripe/events", content=body, headers=headers)
        return int(answer.status_code)

    with many.client, ThreadPoolExecutor(8) as threads:
        found = sorted(threads.map(post, range(16)))
    assert found == [200] + [409] * 15
    assert more(vendor, known) == {"deliveries": 1, "events": 1, "payments": 1}


@pytest.mark.parametrize("prefix", ["", "/app"])
def test_twilio(vendor: Visitor, samples: t.Any, prefix: str) -> None:
    """The URL that is signed is the public one, of the proxy: scheme, port and prefix."""
    known, url = counts(vendor), f"{vendor.base}{prefix}/twilio/messages"
    form = samples.twilio_form()
    headers = samples.twilio_headers(url, form, TOKEN)

    def post(form: dict[str, str], headers: dict[str, str], query: str = "") -> t.Any:
        return vendor.client.post(
            f"{prefix}/twilio/messages{query}", data=form, headers={**FORGED, **headers}
        )

    assert post(form | {"Body": "Eve"}, headers).status_code == 403
    assert post(form, samples.twilio_headers(url, form, "another")).status_code == 403
    inside = samples.twilio_headers(url.replace("https", "http"), form, TOKEN)
    assert post(form, inside).status_code == 403
    late = f"?expires={int(time.time()) - 1}"
    assert post(form, samples.twilio_headers(url + late, form, TOKEN), late).status_code == 400
    assert more(vendor, known) == {}
    answer = post(form, headers)
    assert answer.status_code == 200 and "Thank you for 5 characters." in answer.text
    assert post(form, headers).status_code == 409
    assert more(vendor, known) == {"deliveries": 1, "events": 1, "messages": 1}


def test_twilio_behind_a_proxy_that_is_not_trusted(
    authority: Authority, samples: t.Any, tmp_path: Path
) -> None:
    with receiver(tmp_path, '["10.0.0.0/8"]') as server:
        with nginx(f"127.0.0.1:{server.port}", authority.issue(), tmp_path) as front:
            vendor = Visitor(authority, front.port)
            form = samples.twilio_form()
            headers = samples.twilio_headers(f"{vendor.base}/twilio/messages", form, TOKEN)
            with vendor.client as client:
                answer = client.post("/twilio/messages", data=form, headers=headers)
    assert answer.status_code == 403
    # It says which URL it took for the public one.
    assert f"http://localhost:{vendor.port}/twilio/messages" in answer.json()["error"]


def test_the_command_of_the_readme(behind: Running, tmp_path: Path) -> None:
    import subprocess

    env = {**os.environ, "PYTHONPATH": f"{EXAMPLE}{os.pathsep}{ROOT / 'src'}"}
    env |= {"WEBHOOKS_STRIPE_SECRET": SECRET, "WEBHOOKS_TWILIO_TOKEN": TOKEN}
    env["WEBHOOKS_DATABASE"] = str(tmp_path / "unused.sqlite")
    line = [sys.executable, "-m", "erlen", "--app", "webhooks", "send"]
    for name, text in (("stripe", '200 {"status":"done"}'), ("twilio", "Thank you")):
        done = subprocess.run(
            [*line, name, f"http://127.0.0.1:{behind.port}"],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert text in done.stdout, done.stdout + done.stderr
