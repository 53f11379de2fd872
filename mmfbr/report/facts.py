"""Where the page was made: date, versions and machine."""
import os
import platform
import re
from datetime import datetime
from importlib import import_module
from pathlib import Path

from mmfbr.version import __version__

PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmseg', 'numpy', 'PIL')


def environment():
    """[(what, text), ...] on the process that calls it."""
    versions = ', '.join(f'{name} {getattr(import_module(name), "__version__", "?")}' for name in PACKAGES)
    return [('date', datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')),
            ('mmfbr', __version__),
            ('Python', platform.python_version()),
            ('packages', versions),
            ('system', f'{platform.system()} {platform.machine()}'),
            ('CPU', f'{_cpu()}, {os.cpu_count()} logical cores'),
            ('GPU', _gpu())]


def _cpu():
    cpuinfo = Path('/proc/cpuinfo')
    found = re.search(r'^model name\s*: (.+)$', cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _gpu():
    import torch
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'none'
