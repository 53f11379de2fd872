"""What the command line tools call: training, testing, loading a trained model."""
from .load import load_model, load_state
from .preflight import check_config
from .run import load_config, run_tool, test, train

__all__ = ['check_config', 'load_config', 'load_model', 'load_state', 'run_tool', 'test', 'train']
