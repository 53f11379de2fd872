"""The report: one self-contained HTML page that compares a network trained with FBR with one trained without."""
from .comparison import Comparison
from .runs import Run
from .write import Report, write_report

__all__ = ['Comparison', 'Report', 'Run', 'write_report']
