"""Certificates for tests: an authority of their own, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import typing as t
from pathlib import Path

import pytest

x509 = pytest.importorskip("cryptography.x509", reason="missing: pip install cryptography")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402

NAMES = ("localhost", "notes.example.org", "127.0.0.1")


class Issued(t.NamedTuple):
    """A certificate and its key: in two files, and both in one."""

    chain: Path
    key: Path
    both: Path


class Authority:
    """A certificate authority that nobody knows but the test.

    Args:
        folder: For its files.
        name: Its name.
    """

    def __init__(self, folder: Path, name: str = "Authority of a test") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(*[False] * 5, True, True, False, False)
        certificate = (
            self._builder(self._name, self._key.public_key(), days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._certificate = certificate
        #: The file that clients are to trust.
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: t.Any, key: t.Any, days: float) -> t.Any:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=2))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

    def issue(self, *names: str, days: float = 1) -> Issued:
        """Sign a certificate.

        Args:
            names: Hosts and addresses. Default: :data:`NAMES`.
            days: Until it expires; may be negative.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [_general_name(name) for name in names or NAMES]
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            self._builder(x509.Name([]), key.public_key(), days)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        chain = certificate.public_bytes(pem)
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        stem = f"server-{certificate.serial_number:x}"
        issued = Issued(*(self.folder / f"{stem}.{end}" for end in ("pem", "key", "both")))
        for file, content in zip(issued, (chain, private, chain + private), strict=True):
            file.write_bytes(content)
            file.chmod(0o600)
        return issued

    def context(self) -> ssl.SSLContext:
        """What a client needs to trust this authority, and no other."""
        return ssl.create_default_context(cafile=str(self.file))


def _general_name(name: str) -> t.Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
