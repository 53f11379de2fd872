"""What the command line tools call: training, testing, loading a trained model."""
from .load import load_model, load_state
from .memory import keep_memory
from .preflight import check_config
from .run import load_config, test, train

__all__ = ['check_config', 'keep_memory', 'load_config', 'load_model', 'load_state', 'test', 'train']
