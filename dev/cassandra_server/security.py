"""How a local Cassandra and its clients authenticate each other."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUPERUSER = "cassandra"
# A new server's superuser has it.
DEFAULT_PASSWORD = "cassandra"  # noqa: S105 - Cassandra's own, the same everywhere
# With the default, each grant would take effect only after two seconds.
AUTH_CACHE_VALIDITY = "500ms"


@dataclass(frozen=True)
class Security:
    """TLS and passwords; a server without it accepts any client.

    Attributes:
        certificate: PEM file of the server's key in PKCS#8 and then its chain.
        authorities: PEM file of the trusted authorities.
        client_certificate: PEM file of a key and its chain, signed by one of the authorities,
            that the programs in dev/ present. If given, every client must present one.
        superuser_password: Of the role `cassandra`. A server that still has Cassandra's
            default also counts as ready.
    """

    certificate: Path
    authorities: Path
    client_certificate: Path | None = None
    superuser_password: str = field(default=DEFAULT_PASSWORD, repr=False)

    @property
    def requires_client_certificate(self) -> bool:
        """Whether clients must present a certificate."""
        return self.client_certificate is not None

    def probe_context(self) -> ssl.SSLContext:
        """Return a TLS context that accepts every server, to check whether one is ready.

        A test's certificate may be bad on purpose; the server is identified by its pid.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return self._with_certificate(context)

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context that checks the server's chain and its name or address."""
        return self._with_certificate(ssl.create_default_context(cafile=self.authorities))

    def settings(self) -> dict[str, Any]:
        """Return its settings for cassandra.yaml."""
        return {
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "role_manager": "CassandraRoleManager",
            "roles_validity": AUTH_CACHE_VALIDITY,
            "permissions_validity": AUTH_CACHE_VALIDITY,
            "credentials_validity": AUTH_CACHE_VALIDITY,
            "client_encryption_options": {
                "enabled": True,
                "optional": False,
                "require_client_auth": self.requires_client_certificate,
                **self._pem_files(),
            },
            # No other node may join over the storage port, either.
            "server_encryption_options": {
                "internode_encryption": "all",
                "optional": False,
                "require_client_auth": True,
                **self._pem_files(),
            },
        }

    def _pem_files(self) -> dict[str, Any]:
        return {
            "ssl_context_factory": {
                "class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"
            },
            "keystore": str(self.certificate),
            "truststore": str(self.authorities),
        }

    def _with_certificate(self, context: ssl.SSLContext) -> ssl.SSLContext:
        if self.client_certificate is not None:
            context.load_cert_chain(self.client_certificate)
        return context
