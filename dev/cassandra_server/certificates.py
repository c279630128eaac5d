"""Certificates for laptops and tests: an authority that signs for servers and clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from include.storage.whole_files import write_whole

KEY_MODE = 0o600


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key as PEM files.

    Attributes:
        chain: The certificate, then the authorities between it and the root: NAME.crt.
        key: Its key in PKCS#8, not encrypted, mode 600: NAME.key.
        combined: The key and then the chain in one file, mode 600: NAME.pem.
    """

    chain: Path
    key: Path
    combined: Path


class Authority:
    """Signs certificates; its own key never leaves memory, so no later process can sign more.

    Args:
        name: Its organisation, as written in each certificate.
    """

    def __init__(self, name: str = "minute prices, local") -> None:
        self._name = name
        self._root = trustme.CA(organization_name=name)

    def write(self, path: Path) -> Path:
        """Write the authority's own certificate, for others to trust; return the path."""
        write_whole(path, self._root.cert_pem.bytes().decode())
        return path

    def issue_server(
        self, folder: Path, name: str, *identities: str, is_expired: bool = False
    ) -> Certificate:
        """Issue a server's certificate.

        Args:
            folder: Where its files go.
            name: The name of its files, without a suffix.
            identities: Host names and IP addresses that clients may use for it.
            is_expired: Whether it expired an hour ago.
        """
        return self._issue(folder, name, identities, is_expired=is_expired)

    def issue_client(self, folder: Path, name: str, *, is_expired: bool = False) -> Certificate:
        """Issue a client's certificate.

        Args:
            folder: Where its files go.
            name: The client, in letters, digits and hyphens; also the name of its files.
            is_expired: Whether it expired an hour ago.
        """
        # Java refuses a certificate whose list of identities is empty.
        return self._issue(folder, name, (name,), is_expired=is_expired)

    def _issue(
        self, folder: Path, name: str, identities: tuple[str, ...], *, is_expired: bool
    ) -> Certificate:
        end = datetime.now(UTC) - timedelta(hours=1)
        leaf = self._root.issue_cert(
            *identities,
            common_name=name,
            organization_name=self._name,
            not_before=end - timedelta(days=1) if is_expired else None,
            not_after=end if is_expired else None,
        )
        chain = "".join(part.bytes().decode() for part in leaf.cert_chain_pems)
        key = _as_pkcs8(leaf.private_key_pem.bytes())
        files = Certificate(*(folder / f"{name}.{suffix}" for suffix in ("crt", "key", "pem")))
        write_whole(files.chain, chain)
        write_whole(files.key, key, KEY_MODE)
        write_whole(files.combined, key + chain, KEY_MODE)
        return files


def _as_pkcs8(pem: bytes) -> str:
    """Convert a key to the one form that Cassandra reads from PEM files."""
    key = load_pem_private_key(pem, password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
