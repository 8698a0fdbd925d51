"""Files that are read whole: regular ones alone, up to a size. A device, a pipe or an endless file is an error."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

MIB = 1 << 20


def open_regular(path: Path, most: int) -> BinaryIO:
    """The file, opened. Raises OSError, with the path and what is wrong: what is no regular file, one of more than
    ``most`` bytes, a name that no file can have."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for its writer
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have such a name", str(path)) from error
    found = os.fstat(number)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return os.fdopen(number, "rb")
    os.close(number)
    why = f"larger than {_size(most)}" if stat.S_ISREG(found.st_mode) else "is no regular file"
    raise OSError(errno.EINVAL, why, str(path))


def read_regular(path: Path, most: int) -> bytes:
    """The content of a file. Raises as `open_regular`."""
    with open_regular(path, most) as stream:
        content = stream.read(most + 1)
    if len(content) > most:  # it grew
        raise OSError(errno.EINVAL, f"larger than {_size(most)}", str(path))
    return content


def _size(most: int) -> str:
    return f"{most // MIB} MiB" if most >= MIB else f"{most} bytes"
