"""What a page in a browser says and asks while a test looks at it."""

import re
from urllib.parse import urlsplit

# Of the other schemes (data, blob, about) nothing leaves the page.
NETWORK_SCHEMES = {"http", "https", "ws", "wss"}
# What a page gives up by itself, as when it is left while it still loads.
GIVEN_UP = "net::ERR_ABORTED"


class Watch:
    """Keeps what a page and its frames say and ask, and tells which of it is a fault.

    Attributes:
        page: The page.
        hosts: Where it may ask, as host:port.
        log: Errors and warnings of the console, exceptions, failed requests; in order.
    """

    def __init__(self, page, *hosts):
        self.page = page
        self.hosts = set(hosts)
        self.log = []
        self._faults = []
        self._expected = []
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self._note("exception", str(error)))
        page.on("request", self._note_request)
        page.on("requestfailed", self._note_failure)
        page.on("websocket", self._note_request)

    def expect(self, pattern):
        """Let a test provoke faults: those that match are none."""
        self._expected.append(re.compile(pattern))

    def faults(self):
        return [
            fault
            for fault in self._faults
            if not any(expected.search(fault) for expected in self._expected)
        ]

    def _note(self, kind, text, *, is_fault=True):
        self.log.append(f"{kind}: {text}")
        if is_fault:
            self._faults.append(self.log[-1])

    def _note_message(self, message):
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self._note(
                f"console {message.type}",
                f"{message.text} ({where})",
                is_fault=message.type == "error",
            )

    def _note_request(self, request):
        """Note where a request or a websocket goes, if it may not."""
        address = urlsplit(request.url)
        if address.scheme in NETWORK_SCHEMES and address.netloc not in self.hosts:
            self._note("another host", request.url)

    def _note_failure(self, request):
        self._note(
            "failed request",
            f"{request.url}: {request.failure}",
            is_fault=request.failure != GIVEN_UP,
        )
