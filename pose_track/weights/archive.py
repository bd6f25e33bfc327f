"""Networks that their publishers put into zip archives."""

from __future__ import annotations

import errno
import shutil
import zipfile
from pathlib import Path, PurePosixPath

MEMBER = "end2end.onnx"
"""Name of the network in an archive of MMDeploy; its folder there varies."""

_SHOWN_NAMES = 4


def is_archive(address: str) -> bool:
    """Whether a file of this name or address has to be unpacked.

    >>> is_archive("https://somewhere/rtmo-s.zip"), is_archive("https://somewhere/rtmo-s.onnx")
    (True, False)
    """
    return address.endswith(".zip")


def unpack_network(archive: Path, target: Path) -> None:
    """Write the network of an archive to `target`. Nothing else of the archive is unpacked.

    Raises ValueError, saying what the archive is or holds, if it is no zip file or does not hold exactly one network;
    OSError if the disk is full.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            member = _network_of(file)
            free = shutil.disk_usage(target.parent).free
            if member.file_size > free:
                raise OSError(errno.ENOSPC, f"no space to unpack {member.file_size} bytes in {str(target.parent)!r}")
            with file.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ValueError(f"is not a whole zip archive ({error})") from None


def _network_of(file: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [info for info in file.infolist() if not info.is_dir()]
    networks = [info for info in members if PurePosixPath(info.filename).name == MEMBER]
    if len(networks) == 1:
        return networks[0]
    names = [PurePosixPath(info.filename).name for info in members]
    rest = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    held = f"holds {', '.join(names[:_SHOWN_NAMES])}{rest}" if names else "is empty"
    raise ValueError(f"is a zip archive that {held}, instead of one {MEMBER}")
