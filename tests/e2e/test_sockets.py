"""Every server of a whole stack listens on this machine's own address, and on no other."""

from ipaddress import ip_address

import psutil

from dev.machine.processes import Processes


def listening(process):
    """Return the addresses that a process listens on."""
    try:
        return [
            each.laddr
            for each in process.net_connections(kind="tcp")
            if each.status == psutil.CONN_LISTEN
        ]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def is_loopback(host):
    """Tell whether a host is this machine; Java listens on 127.0.0.1 as an address of IPv6."""
    address = ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def test_listens_on_loopback_only(product):
    home = product.stack.home
    sessions = [record.session() for record in Processes(home.run, home.logs).records()]
    cassandra = Processes(home.cassandra / "run", home.logs).records()
    processes = {
        process.pid: process
        for session in [*sessions, *(record.session() for record in cassandra)]
        for process in session
    }
    places = [
        (process.name(), *each) for process in processes.values() for each in listening(process)
    ]

    ports = {port for _, _, port in places}
    named = product.stack.ports
    assert {named.airflow, named.exchange, named.cassandra, named.postgres} <= ports
    assert [each for each in places if not is_loopback(each[1])] == []
