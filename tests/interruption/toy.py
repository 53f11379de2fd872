"""A tool that breaks one promise, by its name, so that the tests see that a broken one is noticed: toy.py NAME."""
import json
import os
import sys
from pathlib import Path


def write(path, text, whole=True):
    part = path.with_name(f'.{path.name}.part') if whole else path
    part.write_text(text)
    os.replace(part, path)


def main(broken):
    out = Path('out')
    out.mkdir(exist_ok=True)
    started = len(list(out.glob('*.json')))
    for number in range(6):
        path = out / f'{number}.json'
        if broken == 'again' or not path.exists():
            write(path, json.dumps(started if broken == 'differs' and number == 5 else number), broken != 'in place')
    if broken == 'leaves' and started:
        (out / '.5.json.part').touch()
    if broken == 'loses' and started:
        (out / '0.json').unlink()
    if broken == 'fails' and started:
        sys.exit(3)


if __name__ == '__main__':
    main(sys.argv[1])
