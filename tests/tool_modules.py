"""The command line tools as modules, for tests that call their ``main``."""
import importlib.util
from pathlib import Path


def load_tool(name):
    """The module ``tools/NAME.py``."""
    spec = importlib.util.spec_from_file_location(f'{name}_tool', Path(__file__).parents[1] / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
