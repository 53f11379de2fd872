"""Puts files where the layout wants them: whole or not at all, nothing twice, one run at a time."""
import fcntl
import os
import shutil
from contextlib import contextmanager

from mmfbr.files import InputError, atomic_path, read_object, write_json

NOTE = 'prepared.json'
LINKS = ('hard', 'symlink', 'copy')


@contextmanager
def workplace(out, data_set, owned):
    """Holds the folder ``out`` for one run that prepares ``data_set`` in it.

    Removes temporary files that a killed run left. What marks the folder as one of this data set is written at once.

    Args:
        out (Path): created when missing.
        data_set (str): 'voc12', 'coco14' or 'folder'.
        owned (Sequence[str]): folders below ``out`` that only this tool fills.

    Raises:
        InputError: another run is at work there, or it holds another data set or files that were not made here.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f'{out} is a file; choose a folder.')
    found = read_object(out / NOTE, 'The note').get('data_set') if (out / NOTE).exists() else None
    if found not in (None, data_set):
        raise InputError(f'{out} holds the data set {found!r}; choose another folder.')
    foreign = [name for name in owned if (out / name).is_dir() and any((out / name).iterdir())] if found is None else []
    if foreign:
        raise InputError(f'{out / foreign[0]} holds files that were not made here. Move it away, or choose another '
                         'folder.')
    out.mkdir(parents=True, exist_ok=True)
    with open(out / '.prepare.lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when the process dies
        except BlockingIOError as error:
            raise InputError(f'Another run of prepare_data.py is at work in {out}. Wait for it, or stop it.') from error
        for left in out.glob(f'.{NOTE}.*.part') if found is None else out.rglob('.*.????????.part'):
            left.unlink()
        if found is None:
            write_json(out / NOTE, dict(data_set=data_set))
        yield


def place(member, target, link='hard', check=None):
    """Brings a ``Member`` to ``target``; returns False when a file of its size is there already.

    A member that lies at ``target`` itself is only checked.

    Args:
        member (Member): of a folder it is linked, of an archive unpacked.
        target (Path): the file to make.
        link (str): 'hard' (a copy, where the file system is another one), 'symlink' or 'copy'.
        check (Callable | None): called with the bytes and the name for messages before anything is written.
    """
    in_place = member.path is not None and _named(member.path) == _named(target)
    if not in_place and target.exists() and target.stat().st_size == member.size:
        return False
    data = member.read() if check or member.path is None else None
    if check:
        check(data, member.what)
    if in_place:
        return False
    if member.path is not None:
        link_file(member.path, target, link)
    else:
        with atomic_path(target) as temporary:
            temporary.write_bytes(data)
    return True


def _named(path):
    return path.parent.resolve() / path.name


def link_file(source, target, link='hard'):
    """Makes ``target`` a link to, or a copy of, the file ``source``."""
    if link == 'copy' or not _linked(source.resolve(), target, os.symlink if link == 'symlink' else os.link):
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
            status = source.stat()
            os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))  # by which `is_placed` knows it again


def _linked(source, target, make):
    """Not by ``atomic_path``, whose chmod would reach through the link; False where the system cannot link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f'.{target.name}.{os.getpid():08d}.part'[-255:])
    try:
        make(source, temporary)
        os.replace(temporary, target)
    except OSError:
        return False
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
    return True


def is_placed(source, target):
    """True when ``target`` is a link to ``source``, or a copy of it as it is now."""
    if not target.exists():
        return False
    ours, theirs = target.stat(), source.stat()
    return os.path.samestat(ours, theirs) or (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def missing_files(paths, what, remedy):
    """Raises InputError that counts and names those of ``paths`` that do not exist."""
    paths = list(paths)
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise InputError(f'{len(missing)} of {len(paths)} {what} are missing: {few(missing)}. {remedy}')


def few(things, count=5):
    """The first of ``things`` as text, with the number of others."""
    named = ', '.join(map(str, things[:count]))
    return f'{named} and {len(things) - count} more' if len(things) > count else named


def lines(names):
    return ''.join(f'{name}\n' for name in names)


def silent(items, what, total=None):
    """Progress that says nothing; the tools pass one that prints."""
    return items
