"""Open Sound Control messages over UDP, which animation, sound and light programs receive.

Each frame is a bundle; the order of its messages is:

    /pose/frame               frame seconds width height       int float int int
    /pose/ids                 id id ...                        ints, none where there is nobody
    /pose/<id>/box            x1 y1 x2 y2 score confirmed      floats, then 0 or 1
    /pose/<id>/joint/<name>   x y score                        floats

Each joint has an address of its own, since receivers make a channel of each address. Positions are shares of the image:
0 0 is its top-left corner, 1 1 its bottom-right one. A frame with many people takes several bundles.

The encoding is that of the OSC 1.0 specification. It is written here, since python-osc takes 8 ms for a frame with 8
people, during which no other thread runs.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pose_track.pipeline.live_result import LiveResult
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.person import Person

MAX_BUNDLE_BYTES = 8192
"""A datagram at most; some systems send none above 9216 bytes."""

_BUNDLE_HEAD = b"#bundle\0" + struct.pack(">Q", 1)  # the time tag "immediately"
_NOT_IN_ADDRESS = re.compile(r"[^!-~]|[#*,?\[\]{}]")  # OSC 1.0, "OSC Address Spaces and OSC Addresses"


class Osc:
    """A sink that sends OSC bundles, see this module.

    host: also a broadcast address. Nobody has to listen.
    width, height: pixels of the frames.

    Raises OSError for an unknown host.
    """

    name = "osc"
    poses_only = True

    def __init__(self, host: str, port: int, width: int, height: int) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._address = address
        self._size = width, height
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, result: LiveResult) -> None:
        for bundle in bundles(messages(result.people, *self._size)):
            self._socket.sendto(bundle, self._address)

    def close(self) -> None:
        self._socket.close()


def messages(people: TrackedPoses, width: int, height: int) -> Iterator[bytes]:
    """Those of one frame. width, height: its size in pixels."""
    yield _message("/pose/frame", people.frame_index, float(people.pts_seconds), width, height)
    yield _message("/pose/ids", *people.track_ids.tolist())
    for person in people:
        yield from _person_messages(person, width, height)


def _person_messages(person: Person, width: int, height: int) -> Iterator[bytes]:
    def share(x: float, y: float) -> tuple[float, float]:
        return (x + 0.5) / width, (y + 0.5) / height  # the centre of the top-left pixel is 0 0, its corner -0.5 -0.5

    x1, y1, x2, y2 = person.box
    yield _message(f"/pose/{person.id}/box", *share(x1, y1), *share(x2, y2), person.score, int(person.confirmed))
    for name, joint in person.joints.items():
        yield _message(f"/pose/{person.id}/joint/{name}", *share(joint.x, joint.y), joint.score)


def _message(address: str, *arguments: int | float) -> bytes:
    """Integers of 32 bits, and floats of 32 bits; struct has the same letters for these types."""
    types = "".join("i" if isinstance(argument, int) else "f" for argument in arguments)
    return _head(address, types) + struct.pack(f">{types}", *arguments)


@lru_cache(8192)  # the same ones come again each frame
def _head(address: str, types: str) -> bytes:
    """Address and types; characters that no address may have become underscores."""
    return _padded(_NOT_IN_ADDRESS.sub("_", address)) + _padded(f",{types}")


def _padded(text: str) -> bytes:
    """An OSC string: it ends with 1 to 4 zero bytes, so that its length is a multiple of 4.

    >>> _padded("abc"), _padded("abcd")
    (b'abc\\x00', b'abcd\\x00\\x00\\x00\\x00')
    """
    return text.encode("ascii") + bytes(4 - len(text) % 4)


def bundles(content: Iterable[bytes]) -> Iterator[bytes]:
    """The messages in bundles of at most MAX_BUNDLE_BYTES."""
    bundle = _BUNDLE_HEAD
    for message in content:
        element = struct.pack(">i", len(message)) + message
        if len(bundle) + len(element) > MAX_BUNDLE_BYTES:
            yield bundle
            bundle = _BUNDLE_HEAD
        bundle += element
    yield bundle
