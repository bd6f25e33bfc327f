"""Opening cameras, screens and streams with FFmpeg, within a time limit and without a password in any message."""

from __future__ import annotations

import time

import av
from av.container import InputContainer

from pose_track.video import devices
from pose_track.video.devices import Device
from pose_track.video.local_files import allowed_formats
from pose_track.video.locations import Location
from pose_track.video.stream_options import StreamOptions

# The protocols that a stream may use, its playlists and redirections included: never a file.
_PROTOCOLS = {
    "rtsp": "tcp,udp,rtp", "rtsps": "tls,tcp,udp,rtp", "rtmp": "rtmp,tcp", "rtmps": "rtmps,tls,tcp",
    "http": "http,https,tls,tcp,crypto,data", "https": "http,https,tls,tcp,crypto,data",
    "udp": "udp", "tcp": "tcp", "srt": "srt", "rtp": "rtp,udp",
}  # fmt: skip
_REMEDIES = {
    "camera": "check that it is connected, that no other program uses it, and that you may read it",
    "screen": "check that the part lies within the screen, and that you may read it",
    "stream": "check the address, user name and password",
}
_FORMATS = {"rtsp": "rtsp", "rtsps": "rtsp", "rtp": "rtp"}  # others are told from the data


def connect(location: Location, options: StreamOptions) -> InputContainer:
    """Open a camera, screen or stream.

    Raises TimeoutError where nothing comes in time, ConnectionError where it cannot be reached, and ValueError where it
    is no video or this system cannot open such a location.
    """
    started = time.monotonic()
    try:
        if location.kind == "stream":
            return _open_stream(location, options)
        make_device = devices.screen if location.kind == "screen" else devices.camera
        return _open_device(make_device(location, options), options)
    except av.FFmpegError as error:  # its text holds the address, with a password
        raise explained(error, location, time.monotonic() - started, options.open_timeout_seconds) from None


def _open_stream(location: Location, options: StreamOptions) -> InputContainer:
    scheme = location.scheme
    ff_options = {"protocol_whitelist": _PROTOCOLS[scheme]}
    if scheme.startswith("rtsp"):
        ff_options |= {"rtsp_transport": options.rtsp_transport, "allowed_media_types": "video"}
    if scheme.startswith("http"):  # of a file, FFmpeg reads on at the byte where it was
        ff_options |= {"reconnect": "1", "reconnect_delay_max": f"{max(1, round(options.max_backoff_seconds))}"}
    if scheme in ("udp", "srt"):  # the packets of MPEG-TS are whole frames, and parsing them waits for the next one
        ff_options["fflags"] = "noparse"
    if scheme == "udp":
        ff_options |= {"overrun_nonfatal": "1"}
    if scheme not in _FORMATS:
        ff_options["format_whitelist"] = allowed_formats("hls") if scheme.startswith("http") else allowed_formats()
    return _open(location.address, _FORMATS.get(scheme), ff_options, options)


def _open_device(device: Device, options: StreamOptions) -> InputContainer:
    return _open(device.name, device.format, device.options, options)


def _open(address: str, container: str | None, ff_options: dict[str, str], options: StreamOptions) -> InputContainer:
    timeout = options.open_timeout_seconds, options.read_timeout_seconds
    return av.open(address, format=container, options=ff_options, timeout=timeout, metadata_errors="replace")


def explained(
    error: av.FFmpegError, location: Location, seconds: float, limit: float
) -> TimeoutError | ConnectionError | ValueError:
    """An error of opening as one in the user's words, without the address.

    seconds: how long opening took; limit: how long it may take.
    """
    if seconds >= limit or isinstance(error, av.error.ExitError):
        return TimeoutError(f"{location.text!r} sent nothing for {limit:g} seconds; check that it is running")
    if isinstance(error, av.error.ProtocolNotFoundError):
        return ValueError(
            f"{location.text!r} needs the protocol {location.scheme}, which this system's PyAV does not have"
        )
    if isinstance(error, av.error.InvalidDataError):
        return ValueError(f"{location.text!r} sends nothing that FFmpeg knows as video ({error.strerror})")
    return ConnectionError(f"{location.text!r} cannot be opened ({error.strerror}); {_REMEDIES[location.kind]}")
