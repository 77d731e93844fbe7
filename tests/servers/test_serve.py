"""``erlen serve`` with the real Granian."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running, free_port, running

pytest.importorskip("granian", reason="granian is missing: pip install granian")


def serve(app: str, folder: Path, *options: str, **env: str) -> t.ContextManager[Running]:
    port = free_port()
    command = [sys.executable, "-m", "erlen", "--app", f"servers.serve_app:{app}", "serve"]
    return running([*command, "--port", str(port), *options], port, folder, **env)


def get(server: Running, path: str, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    connection: http.client.HTTPConnection
    if context is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    else:
        connection = http.client.HTTPSConnection(
            "localhost", server.port, timeout=20, context=context
        )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(("app", "protocol"), [("app", "ASGI"), ("sync", "WSGI")])
def test_the_protocol_is_chosen(app: str, protocol: str, tmp_path: Path) -> None:
    with serve(app, tmp_path, "--access-log") as server:
        status, body = get(server, "/")
        assert status == 200 and json.loads(body)["scheme"] == "http"
        server.wait_for_text(f"Protocol: {protocol}")
        if app == "app":
            server.wait_for_text("for the websocket '/echo'")
        server.wait_for_text('"GET / HTTP/1.1" 200')
        assert get(server, "/fail")[0] == 500
        server.wait_for_text("ZeroDivisionError")
        assert server.stop() == 0
        assert server.text.count("ended") == (app == "app")


def test_workers_and_threads(tmp_path: Path) -> None:
    with serve("sync", tmp_path, "--workers", "2", "--threads", "4") as server:
        pids: set[int] = set()
        begun = time.monotonic()
        found: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: found.append(get(server, "/slow?seconds=1")[1]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [b"slow done"] * 4
        assert time.monotonic() - begun < 3.5
        while len(pids) < 2 and time.monotonic() - begun < 15:
            pids.add(json.loads(get(server, "/")[1])["pid"])
        assert len(pids) == 2
        assert server.stop() == 0


def test_a_reload_loses_no_request(tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.write_text("one")
    pid = tmp_path / "pid"
    with serve("app", tmp_path, "--pid-file", str(pid), VERSION_FILE=str(version)) as server:
        assert json.loads(get(server, "/")[1])["version"] == "one"
        version.write_text("two")
        os.kill(int(pid.read_text()), signal.SIGHUP)
        end = time.monotonic() + 20
        found = []
        while time.monotonic() < end:
            status, body = get(server, "/")
            assert status == 200
            found.append(json.loads(body)["version"])
            if found[-10:] == ["two"] * 10 and "Stopped old worker" in server.text:
                break
            time.sleep(0.02)
        assert found[-1] == "two"
        assert server.stop() == 0


def test_tls_and_http_2(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    options = ["--ssl-certificate", str(certificate), "--ssl-keyfile", str(key)]
    context = ssl.create_default_context(cafile=str(certificate))
    with serve("app", tmp_path, *options) as server:
        status, body = get(server, "/", context)
        assert status == 200 and json.loads(body)["scheme"] == "https"
        httpx = pytest.importorskip("httpx", reason="httpx is missing: pip install 'httpx[http2]'")
        pytest.importorskip("h2", reason="h2 is missing: pip install 'httpx[http2]'")
        with httpx.Client(http2=True, verify=context, trust_env=False) as client:
            reply = client.get(f"https://localhost:{server.port}/")
            assert reply.http_version == "HTTP/2"
            assert reply.json()["scheme"] == "https"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def command(*args: str, before: str = "") -> subprocess.CompletedProcess[str]:
    code = f"{before}\nfrom erlen.cli import main; main()"
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    without = "import sys; sys.modules['granian'] = None"
    done = command("--app", "servers.serve_app", "serve", before=without)
    assert done.returncode == 1
    assert "pip install 'erlen[serve]'" in done.stderr
    done = command("--app", "servers.nothing", "serve")
    assert done.returncode == 2 and "Could not import 'servers.nothing'" in done.stderr
    key = tmp_path / "key.pem"
    key.write_text("")
    done = command("--app", "servers.serve_app", "serve", "--ssl-keyfile", str(key))
    assert done.returncode == 2 and "--ssl-certificate is missing" in done.stderr
    broken = tmp_path / "broken.py"
    broken.write_text("raise LookupError('on purpose')")
    done = command("--app", str(broken), "serve")
    assert done.returncode == 1 and "on purpose" in done.stderr
