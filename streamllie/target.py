"""The output's name: checked before any work, given when the file is complete, taken from no other file."""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from streamllie.errors import OutputExists, SinkError
from streamllie.place import reads

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NAME_BYTES = 255  # of one name on any usual file system


def check_target(target: Path, *, source: Path | None = None, overwrite: bool = False) -> None:
    """Raise if a file must not or cannot be written under this name. Call it before any work."""
    if "\0" in str(target):  # the system would end the name there
        raise SinkError(f"the name {str(target)!r} has a NUL character in it; choose another")
    try:
        exists = target.exists()
    except OSError as error:  # a name that is too long, a folder that must not be entered
        raise write_error(target, error) from error
    if source is not None and exists and reads(source, target):
        raise SinkError(f'"{target}" is the input itself, or a part of it; choose another name for the output')
    if target.is_dir():
        raise SinkError(f'"{target}" is a folder; name a file in it')
    if exists and not target.is_file():
        raise SinkError(f'"{target}" is a pipe or a device; choose another name, and the file is made there')
    if target.is_symlink() and not exists:
        raise SinkError(f'"{target}" is a link to a file that is not there; choose another name, or remove the link')
    if exists and not overwrite:
        raise OutputExists(f'"{target}" exists; choose another name, or allow it with --overwrite')
    folder = _followed(target).parent
    if not folder.is_dir():
        raise SinkError(f'there is no folder "{folder}"; make it first')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SinkError(f'the folder "{folder}" cannot be written to; choose another or ask its owner')


def temporary_name(target: Path) -> Path:
    """A hidden name beside the target that no other run uses, with the same extension."""
    return _beside(_followed(target), before=".", after=f".{os.getpid()}-{secrets.token_hex(4)}")


def give_name(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Rename a finished file into place, in one step. Without overwrite, a file that came meanwhile stays.

    Raises:
        OutputExists, SinkError: it cannot have that name; it is kept as `<stem>.finished<ext>`, where that can be.
    """
    try:
        with temporary.open("rb+") as file:  # Windows writes through what may be written alone
            os.fsync(file.fileno())  # the name must not survive a power cut that the data does not
        if overwrite:
            temporary.replace(_followed(target))
            return
        _move_to_free_name(temporary, target)
    except FileExistsError as error:
        kept = keep_as(temporary, target, "finished")
        raise OutputExists(
            f'"{target}" was made by another program meanwhile; this result is kept as "{kept.name}"'
        ) from error
    except OSError as error:
        failure = write_error(target, error)
        try:
            kept = keep_as(temporary, target, "finished")
        except OSError:
            raise failure from error
        raise SinkError(f'{failure}; this result is kept as "{kept.name}"') from error


def write_whole(target: Path, write: Callable[[Path], object], *, overwrite: bool) -> None:
    """Let `write` make a file of another name in the same folder, then give it the target's.

    Raises:
        SinkError: the file cannot be written; what was there still is.
    """
    temporary = temporary_name(target)
    try:
        write(temporary)
        give_name(temporary, target, overwrite=overwrite)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def keep_as(temporary: Path, target: Path, word: str) -> Path:
    """Keep a file as `<stem>.<word><ext>` beside the target, or with a number if that name is taken."""
    number, target = 1, _followed(target)
    while True:
        kept = _beside(target, after=f".{word}{'' if number == 1 else f'-{number}'}")
        try:
            _move_to_free_name(temporary, kept)
        except FileExistsError:
            number += 1
        else:
            return kept


def write_error(target: Path, error: Exception) -> SinkError:
    """What a failure of libav or of the system means for the person who waits for the file."""
    code = getattr(error, "errno", None)
    why = str(getattr(error, "strerror", None) or error)
    if code in NO_SPACE:
        return SinkError(f'the disk is full or a limit is reached ({why}) while writing "{target}"; make room')
    if code in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return SinkError(f'"{target}" cannot be written ({why}); choose another folder')
    return SinkError(f'writing "{target}" failed ({why})')


def _followed(target: Path) -> Path:
    """What a link leads to: that is written, and the link stays one."""
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def _beside(target: Path, *, before: str = "", after: str) -> Path:
    """The target's name with more around its stem, which is cut if the whole would be too long."""
    stem = target.stem
    while stem and len(os.fsencode(f"{before}{stem}{after}{target.suffix}")) > NAME_BYTES:
        stem = stem[:-1]
    return target.with_name(f"{before}{stem}{after}{target.suffix}")


def _move_to_free_name(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)  # unlike a rename, this fails if the name is taken
    except FileExistsError:
        raise
    except OSError:  # a file system without links: reserve the name, then take it
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            temporary.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return
    with contextlib.suppress(OSError):
        temporary.unlink()
