"""The ``mmfbr`` command: ``mmfbr config NAME -o my.py`` copies a shipped config, flattened, to start from."""
import argparse
import difflib
import sys
from pathlib import Path

from mmfbr.files import InputError, write_text
from mmfbr.version import __version__


def shipped_configs():
    """{base name: path} of the configs that can be run: those of the installed package, else of the checkout."""
    package = Path(__file__).resolve().parent
    for root in (package / '.mim' / 'configs', package.parent / 'configs'):
        if root.is_dir():
            # resolve() leads through the links of an editable install, so that `_base_` paths are the checkout's own.
            return {path.stem: path for path in sorted(root.resolve().rglob('*.py'))
                    if not {'_base_', 'studies'} & {*path.relative_to(root.resolve()).parts}}
    raise InputError('No configs lie beside mmfbr. Install the package again: pip install mmfbr')


def copy_config(name, out=None, force=False):
    """Writes the shipped config ``name`` (with or without .py) without `_base_` to ``out`` and returns the path."""
    name = name.removesuffix('.py')
    configs = shipped_configs()
    if name not in configs:
        close = difflib.get_close_matches(name, configs, n=5, cutoff=0.4)
        hint = f'Close names: {", ".join(close)}.' if close else '`mmfbr config` lists them.'
        raise InputError(f'No shipped config is called {name}. {hint}')
    out = Path(out or f'{name}.py')
    if out.suffix != '.py':
        raise InputError(f'{out}: a config is a Python file, its name must end in .py.')
    if out.exists() and not force:
        raise InputError(f'{out} exists. Choose another name, or write over it with --force.')
    from mmengine.config import Config  # seconds to import: not before the arguments are known to be good
    text = Config.fromfile(configs[name], import_custom_modules=False).pretty_text
    write_text(out, f'# {name} of mmfbr {__version__}, with its base configs written out.\n{text.rstrip()}\n')
    return out


def main(arguments=None):
    parser = argparse.ArgumentParser(prog='mmfbr', description=__doc__)
    parser.add_argument('--version', action='version', version=f'mmfbr {__version__}')
    config = parser.add_subparsers(dest='command', required=True).add_parser(
        'config', help='copy a shipped config, flattened; without a name, list them')
    config.add_argument('name', nargs='?', help='base name of a shipped config')
    config.add_argument('-o', '--out', help='file to write (default: NAME.py in this folder)')
    config.add_argument('--force', action='store_true', help='write over an existing file')
    args = parser.parse_args(arguments)
    try:
        if args.name is None:
            print('\n'.join(sorted(shipped_configs())))
        else:
            print(f'wrote {copy_config(args.name, args.out, args.force)}')
    except (InputError, OSError) as error:
        print(f'mmfbr: {error}', file=sys.stderr)
        return 1
    return 0
