"""Reads and writes the files of this package: whole or not at all, with errors that name the file and the remedy."""
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

LONGEST_MESSAGE = 4000  # characters
BREAKS = '\0-\x1f\x7f\x85\u2028\u2029\ud800-\udfff'  # characters that end a line, or are no text
NO_NAME = re.compile(rf'\s*$|[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)|.*[{BREAKS}]', re.DOTALL)


class InputError(ValueError):
    """Something the user gave cannot be used; the message names it and says what to do.

    A file may put text of any length into it; of a long message the beginning and the end are told.
    """

    def __str__(self):
        text = super().__str__()
        return text if len(text) <= LONGEST_MESSAGE else f'{text[:LONGEST_MESSAGE * 3 // 4]} [...] {text[-400:]}'


@contextmanager
def atomic_path(path):
    """Yields a temporary path in the folder of ``path``; it takes the name ``path`` only when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', suffix='.part', dir=path.parent)
    os.close(handle)
    try:
        yield Path(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def move_files(source, target):
    """Moves the files below the folder ``source`` to the same places below ``target``, each in one step."""
    source, target = Path(source), Path(target)
    for path in sorted(path for path in source.rglob('*') if path.is_file()):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
    shutil.rmtree(source, ignore_errors=True)


def clear_parts(paths):
    """Deletes the temporary files that a killed run left beside ``paths``; no other process may be writing these."""
    names = {}
    for path in map(Path, paths):
        names.setdefault(path.parent, set()).add(path.name)
    for folder, own in names.items():
        for part in folder.glob('.*.part') if folder.is_dir() else ():
            if part.name[1:].rsplit('.', 2)[0] in own:
                part.unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path, text):
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def write_json(path, content):
    write_text(path, json.dumps(content, indent=1) + '\n')


def existing(path, what):
    """``path`` as a Path; raises InputError with ``what`` (say "the labels file") when there is nothing there."""
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f'{what} {path} does not exist.')
    except OSError as error:  # say, a name that is too long
        raise InputError(f'{what} {path} cannot be looked for ({error.strerror}).') from error
    return path


def _content(path, what):
    try:
        return existing(path, what).read_bytes()
    except OSError as error:
        raise InputError(f'{what} {path} cannot be read ({error.strerror}).') from error


def read_lines(path, what):
    """The non-empty lines of a text file, stripped; raises InputError when missing, not UTF-8, or empty."""
    try:
        lines = [line.strip() for line in _content(path, what).decode('utf-8-sig').splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f'{what} {path} is not a UTF-8 text file ({error.reason}).') from error
    lines = [line for line in lines if line]
    if not lines:
        raise InputError(f'{what} {path} is empty: it must name at least one image.')
    return lines


def read_ids(path, what):
    """``read_lines`` of a list of images, each of them checked as ``check_names`` does."""
    ids = read_lines(path, what)
    check_names(ids, f'{what} {path}')
    return ids


def check_names(names, what):
    """Raises InputError unless the ``names`` that ``what`` (say "the image list L") gives are those of files below a
    folder.

    Names of images become names of the files made of them: one that leads out of its folder has them written anywhere.
    """
    for name in names:
        if NO_NAME.match(name):
            raise InputError(f'{what} names {name!r}. It must be the name of a file below a folder: not empty, not '
                             'absolute, without ".." and without control characters. Correct the name.')


def check_class_names(names, what):
    """Raises InputError for a name that a list of classes, a line each, or a config cannot hold."""
    for name in names:
        # mmengine fills in what stands between double braces, wherever in a config.
        if not isinstance(name, str) or not name.strip() or re.search(f'[{BREAKS}]|{{{{', name):
            raise InputError(f'{what} has the class name {name!r}. A class name is text of one line, without '
                             '"{{". Correct it.')


def require_files(folder, ids, suffix, what):
    """Raises InputError naming the images without a file ID.suffix (``what``, say "mask"), before any is read."""
    if not ids:
        raise InputError('The list of images is empty; give at least one.')
    folder = existing(folder, 'The folder')
    missing = [name for name in ids if not (folder / f'{name}{suffix}').is_file()]
    if missing:
        raise InputError(f'{len(missing)} of {len(ids)} images have no {what} ({suffix}) in {folder}: '
                         f'{_first(missing, ", ")}. Make the missing files or list the images that have them.')


def for_each(ids, function, progress, done):
    """Yields ``function(name)`` of the images; what they refuse is collected, so that one run tells all.

    Raises InputError after the last image, if any could not be ``done`` (say "scored"); names up to ten of them.
    """
    problems = []
    for name in progress(ids):
        try:
            result = function(name)
        except InputError as error:
            problems.append(f'{name}: {error}')
        else:
            yield result
    if problems:
        raise InputError(f'{len(problems)} of {len(ids)} images cannot be {done}.\n' + _first(problems, '\n'))


def _first(entries, separator, shown=10):
    rest = len(entries) - shown
    return separator.join(entries[:shown]) + (f'{separator}and {rest} more' if rest > 0 else '')


def read_json(path, what):
    content = _content(path, what)
    try:
        return json.loads(content.decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise InputError(f'{what} {path} is not valid JSON: {error}') from error


def read_object(path, what, form='{"key": value, ...}'):
    """``read_json`` of a file that holds an object, as a dict; InputError with its ``form`` for anything else."""
    content = read_json(path, what)
    if not isinstance(content, dict):
        raise InputError(f'{what} {path} must hold one object, {form}.')
    return content
