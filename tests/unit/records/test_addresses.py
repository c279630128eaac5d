import pytest

from include.records.addresses import may_connect, problem_with_url

PRIVATE = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",  # noqa: S104 - refused, not bound to
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:127.0.0.1",
    "64:ff9b::10.1.2.3",
    "64:ff9b::a9fe:a9fe",
    "2002:a01:203::1",
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_may_not_lead_into_a_private_network(address):
    assert not may_connect("hooks.example.com", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_name_may_lead_to_a_public_address(address):
    assert may_connect("hooks.example.com", address)


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::7", "127.0.0.1"])
def test_a_named_host_may_lead_into_a_private_network(address):
    assert may_connect("Hooks.internal", address, {"hooks.internal"})
    assert not may_connect("other.internal", address, {"hooks.internal"})


@pytest.mark.parametrize("address", ["10.1.2.3", "1.1.1.1", "no address", ""])
def test_this_machine_leads_nowhere_else(address):
    assert not may_connect("localhost", address, {"localhost"})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_may_be_asked_without_tls(scheme, host):
    assert problem_with_url(f"{scheme}://{host}:8080/hooks?a=b") is None
    assert may_connect(host, "::1" if ":" in host else "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    ["https://hooks.slack.com/services/T0/B0/X", "https://1.1.1.1/", "https://[2606:4700::1111]/"],
)
def test_others_are_asked_by_https(url):
    assert problem_with_url(url) is None
    assert "by https" in problem_with_url(url.replace("https", "http"))


@pytest.mark.parametrize("address", [each for each in PRIVATE if "%" not in each])
def test_no_private_address_is_an_address_to_post_to(address):
    host = f"[{address}]" if ":" in address else address
    problem = problem_with_url(f"https://{host}/")

    is_loopback = address in {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert (problem is None) is is_loopback
    assert problem_with_url(f"https://{host}/", {address}) is None


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "10.0x1", "1.1.1.1.", "0x7f.1"]
)
def test_a_number_is_no_address(host):
    """A resolver reads each as an address; a name never ends in a number."""
    assert problem_with_url(f"https://{host}/") is not None
    assert problem_with_url(f"http://{host}/") is not None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com",
        "https://",
        "https:///path",
        "ftp://hooks.example.com",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "https://hooks.example.com:port",
        "https://hooks.example.com:99999",
        "https://[::1",
        "https://hooks.example.com\\@10.0.0.1/",
        "https://hooks.example.com\r\nHost: 10.0.0.1/",
        "https://hooks.example.com/\x00",
    ],
)
def test_what_is_no_url_is_refused(url):
    assert "is not a URL" in problem_with_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cr3t@hooks.example.com/",
        "https://hooks.example.com@10.0.0.1/",
        "https://s3cr3t@hooks.example.com/",
        "http://127.0.0.1:s3cr3t@10.0.0.1/",
        "https://a@b@hooks.example.com/",
    ],
)
def test_a_login_in_the_address_is_refused_and_not_repeated(url):
    problem = problem_with_url(url)

    assert "login" in problem
    assert "s3cr3t" not in problem
