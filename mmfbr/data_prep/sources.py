"""Reads the files of an archive one after the other, or of the folder it was unpacked to; no archive is in memory."""
import bz2
import gzip
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mmfbr.files import InputError, check_names

BROKEN = (gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError,
          RuntimeError, ValueError)
PACKERS = {b'\x1f\x8b': gzip.open, b'BZh': bz2.open, b'\xfd7zXZ\0': lzma.open}
PIECE = 1 << 20  # bytes of a file that are read at a time
LARGEST = 1 << 28  # bytes of a file that is read whole; those of the data sets have less than a hundredth
PACKED = 100  # times that a file may be larger than it is in a zip; annotations are 5 times as large


@dataclass(frozen=True)
class Member:
    """A file of a source.

    Attributes:
        name (str): path below the source's ``anchor``, with slashes.
        size (int): bytes.
        what (str): how messages call it.
        path (Path | None): where it lies, when the source is a folder.
        open (Callable): gives a binary stream; of a tar archive only until the next member is asked for.
    """
    name: str
    size: int
    what: str
    path: Path | None
    open: Callable

    @contextmanager
    def stream(self):
        """``open``, with errors of a damaged archive as InputError."""
        try:
            with self._opened() as stream:
                yield stream
        except InputError:
            raise
        except BROKEN as error:
            raise InputError(f'{self.what} cannot be read ({error}): {REMEDY}') from error

    def _opened(self):
        try:
            return self.open()
        except OSError as error:  # a damaged table of contents leads to a place before the file
            raise InputError(f'{self.what} cannot be read ({error}): {REMEDY}') from error

    def read(self):
        """All of its bytes; raises InputError when the archive ends before, and for more than ``LARGEST``."""
        if self.size > LARGEST:
            raise InputError(f'{self.what} is said to have {self.size} bytes, and no file of this kind has more than '
                             f'{LARGEST}: {REMEDY}')
        with self.stream() as stream:
            data = b''.join(iter(partial(stream.read, PIECE), b''))
        if len(data) != self.size:
            raise InputError(f'{self.what} has {len(data)} of its {self.size} bytes: {REMEDY}')
        return data

    def names(self):
        """The names that it lists, as ``check_names`` allows them; raises InputError also when it is no text."""
        try:
            found = self.read().decode('utf-8').split()
        except UnicodeDecodeError as error:
            raise InputError(f'{self.what} is not a UTF-8 text file ({error.reason}): {REMEDY}') from error
        check_names(found, self.what)
        return found


REMEDY = 'the download is incomplete or damaged. Fetch the archive again; what was unpacked stays.'


class Source:
    """An official archive (tar, tar.gz or zip) or the folder that it was unpacked to.

    Args:
        path (str | Path): the archive; or the unpacked folder: one that holds ``anchor``, ``anchor`` itself, or one
            between.
        anchor (str): the folder inside of the archive that member names are relative to.
        marker (str): a path below ``anchor`` by which the folder is recognised.
    """

    def __init__(self, path, anchor, marker=''):
        self.path, self.anchor = Path(path), PurePosixPath(anchor)
        if not self.path.exists():
            raise InputError(f'{path} does not exist.')
        self.folder = self._unpacked(marker) if self.path.is_dir() else None
        self.zipped = self.folder is None and zipfile.is_zipfile(self.path)
        if self.folder is None and not self.zipped:
            try:
                with _open_tar(self.path):
                    pass
            except (OSError, *BROKEN) as error:
                raise InputError(f'{path} is no archive that can be read: {REMEDY}') from error

    @property
    def has_checksums(self):
        """True when reading a member whole says that its bytes are the archive's."""
        return self.zipped

    def members(self, wanted):
        """Yields a ``Member`` for each regular file for whose name ``wanted`` is true."""
        walk = self._files() if self.folder else self._zip() if self.zipped else self._tar()
        try:
            for member in walk:
                # Archives packed on a Mac hold a `._NAME` beside each file.
                if not PurePosixPath(member.name).name.startswith('._') and wanted(member.name):
                    check_names([member.name], self.path)
                    yield member
        except InputError:
            raise
        except BROKEN as error:
            raise InputError(f'{self.path} cannot be read to its end ({error}): {REMEDY}') from error

    def _unpacked(self, marker):
        parts = self.anchor.parts
        for start in range(len(parts) + 1):
            folder = Path(self.path, *parts[start:])
            if (folder / marker).exists():
                return folder
        raise InputError(f'{self.path} holds no {self.anchor / marker}: it is not the folder that the archive unpacks '
                         'to.')

    def _below(self, name):
        """The part of ``name`` below the anchor, or None."""
        parts, anchor = PurePosixPath(name).parts, self.anchor.parts
        for start in range(len(parts) - len(anchor)):
            if parts[start:start + len(anchor)] == anchor:
                return '/'.join(parts[start + len(anchor):])
        return None

    def _files(self):
        for folder, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                yield Member(path.relative_to(self.folder).as_posix(), path.stat().st_size, str(path), path,
                             partial(path.open, 'rb'))

    def _zip(self):
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                name = None if info.is_dir() else self._below(info.filename)
                if name and info.file_size > PIECE + PACKED * info.compress_size:
                    raise InputError(f'{info.filename} in {self.path} unpacks to {info.file_size} bytes from '
                                     f'{info.compress_size}, as no file of a data set does: {REMEDY}')
                if name:
                    yield Member(name, info.file_size, f'{info.filename} in {self.path}', None,
                                 partial(archive.open, info))

    def _tar(self):
        with _open_tar(self.path) as archive:
            while (info := archive.next()) is not None:
                archive.members.clear()  # tarfile keeps what it has passed
                name = self._below(info.name) if info.isfile() else None
                if name:
                    yield Member(name, info.size, f'{info.name} in {self.path}', None,
                                 partial(archive.extractfile, info))
            while archive.fileobj.read(1 << 20):  # to the end, where gzip has its checksum
                pass


@contextmanager
def _open_tar(path):
    with open(path, 'rb') as stream:
        start = stream.read(8)
    opener = next((opener for magic, opener in PACKERS.items() if start.startswith(magic)), open)
    with opener(path, 'rb') as stream, tarfile.TarFile(path, fileobj=_ByPieces(stream)) as archive:
        yield archive


class _ByPieces:
    """A stream that is read by ``PIECE`` bytes at most: ``tarfile`` takes in headers of any size that they claim."""

    def __init__(self, stream):
        self.stream, self.seek, self.tell = stream, stream.seek, stream.tell

    def read(self, size):
        if not 0 <= size <= PIECE:
            raise tarfile.ReadError(f'a header claims {size} bytes')
        return self.stream.read(size)


def find_source(given, option, folder, archive, anchor, marker, origin):
    """The ``Source`` at ``given``, or else that of the official name ``archive`` or ``anchor`` in ``folder``.

    Args:
        given (str | None): what the user passed to ``option``.
        option (str): the command line option.
        folder (str | Path): where downloads lie.
        archive (str): name of the official file.
        anchor, marker (str): as ``Source``.
        origin (str): where to get the archive, in words.
    """
    if given is not None:
        return Source(given, anchor, marker)
    for path in (Path(folder, anchor), Path(folder, archive)):
        if path.exists() and (path.is_file() or (path / marker).exists()):
            return Source(folder if path.is_dir() else path, anchor, marker)
    raise InputError(f'{Path(folder).resolve()} holds neither {archive} nor, unpacked, '
                     f'{PurePosixPath(anchor) / marker}. {archive} is {origin}. Put it there (--source), or say where '
                     f'it is with {option}.')
