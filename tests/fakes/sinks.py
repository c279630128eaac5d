"""Servers on this machine that take mails and posts, and show what they took."""

import json
import socketserver
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


class _SmtpSession(socketserver.StreamRequestHandler):
    def handle(self):
        envelope = SimpleNamespace(sender="", recipients=[])
        self._answer("220 sink")
        while line := self.rfile.readline():
            command = line.decode().strip()
            match command.split(":")[0].split(" ")[0].upper():
                case "MAIL":
                    envelope = SimpleNamespace(sender=command.split("<")[1], recipients=[])
                case "RCPT" if self.server.refuses:
                    self._answer("550 no such mailbox")
                    continue
                case "RCPT":
                    envelope.recipients.append(command.split("<")[1].rstrip(">"))
                case "DATA":
                    self._answer("354 go on")
                    envelope.message = message_from_bytes(self._body(), policy=policy.default)
                    self.server.taken.append(envelope)
                case "QUIT":
                    self._answer("221 bye")
                    return
            self._answer("250 fine")

    def _body(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _answer(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class _SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _SmtpSession)
        self.taken = []
        self.refuses = False


class _Post(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append(
            SimpleNamespace(path=self.path, headers=dict(self.headers), body=body)
        )
        self._answer()

    def do_GET(self):
        """A page, such as a redirected post would be answered with."""
        self.server.taken.append(SimpleNamespace(path=self.path, headers={}, body=None))
        self.send_response(200)
        self.end_headers()

    def _answer(self):
        self.send_response(self.server.status)
        if self.server.status // 100 == 3:
            self.send_header("Location", "/log-in")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args):
        """Say nothing."""


class _HttpServer(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Post)
        self.taken = []
        self.status = 200


@contextmanager
def _running(server):
    server.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mail_sink():
    """Run a mail server: `taken` mails, and whether it `refuses` every recipient."""
    return _running(_SmtpServer())


def http_sink():
    """Run a web server: `taken` posts, and the `status` it answers with."""
    return _running(_HttpServer())
