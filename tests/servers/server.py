"""What all servers of tests share: threads that send paced frames to clients, and can be killed or stall."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

_NUM_NOTED = 1000


def read_header(client: socket.socket) -> str:
    """The header of the next request. Raises OSError where there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = client.recv(4096)
        if not received:
            raise ConnectionError("the client left")
        data += received
    return data.decode()


class Server:
    """Listens on a port of the loopback and runs `serve` in a thread for each client; a context manager that stops it.

    port: where it listens; 0 for any.
    fps: at which frames are sent.
    sent: by number, when each of the last frames was sent last, by `time.monotonic`.
    num_clients: that have connected.
    stalled: while it is set, nothing is sent.
    """

    def __init__(self, port: int = 0, fps: float = 30.0) -> None:
        self.fps = fps
        self.sent: dict[int, float] = {}
        self.num_clients = 0
        self.stalled = threading.Event()
        self.stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def serve(self, client: socket.socket) -> None:
        """Answer a client until it leaves or `stopped` is set; OSError ends it."""
        raise NotImplementedError

    def pace(self, start: float, number: int) -> bool:
        """Wait until it is time for a frame, counted from `start`; False once the server is stopped."""
        while self.stalled.is_set() and not self.stopped.wait(0.01):
            pass
        return not self.stopped.wait(max(0.0, start + number / self.fps - time.monotonic()))

    def note_sent(self, number: int) -> None:
        """Record that a frame is sent now."""
        self.sent[number] = time.monotonic()
        self.sent.pop(number - _NUM_NOTED, None)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.num_clients += 1
                self._clients.append(client)
                thread = threading.Thread(target=self._serve, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self.serve(client)

    def kill(self) -> None:
        """Close all connections and the port, and wait for all threads."""
        self.stopped.set()
        for connection in (self._listener, *self._clients):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
