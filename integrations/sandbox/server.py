"""The sandbox over real HTTP: a threaded server that keeps connections alive and can drop them.

werkzeug's own request handler ends every connection after one answer. A PMS does not, and a
client's connection pool behaves differently then, so the handler here keeps it open.
"""

import io
import socket
import sys
from contextlib import suppress
from threading import Lock, Thread
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_content_length


class ConnectionDropped(ConnectionError):
    """The application wants the connection to break instead of an answer."""


class PortTaken(OSError):
    """The address cannot be listened on, most often because another program does already."""


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves in two writes, head and body; with Nagle's algorithm the second would wait
    # for the client's delayed acknowledgement, 40 ms on Linux.
    disable_nagle_algorithm = True
    server: "Server"

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        # The whole body is read first, so that the next request on this connection starts where
        # this one ends, whatever the application did with it.
        if environ.get("wsgi.input_terminated"):
            body = io.BufferedReader(environ["wsgi.input"]).read()
            del environ["HTTP_TRANSFER_ENCODING"]
            environ["CONTENT_LENGTH"] = str(len(body))
        else:
            body = self.rfile.read(get_content_length(environ) or 0)
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
        except ConnectionDropped:
            self.close_connection = True
            return
        self.send_response(response.status_code, response.status.partition(" ")[2])
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.get_data())

    def log(self, type: str, message: str, *args: Any) -> None:
        if self.server.verbose:
            sys.stderr.write(f"{message % args if args else message}\n")


class Server(ThreadedWSGIServer):
    """Serves one application on one address. Stopping it also ends the connections it holds."""

    def __init__(self, host: str, port: int, app: WSGIApplication, *, verbose: bool = False):
        self.verbose = verbose
        self._connections: set[socket.socket] = set()
        self._connections_lock = Lock()
        self._thread = Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True
        )
        # The socket is bound here, because werkzeug answers a taken port by ending the process.
        with _listen(host, port) as listener:
            super().__init__(host, port, app, handler=Handler, fd=listener.fileno())

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        with self._connections_lock:
            for connection in self._connections:
                _hang_up(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        # What went wrong stands before a bracket with the address.
        reason = str(error.strerror).partition(" (")[0]
        raise PortTaken(error.errno, f"cannot listen on {host}:{port}: {reason}") from error


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # the client may have been faster
        connection.shutdown(socket.SHUT_RDWR)
