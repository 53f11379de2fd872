"""Comparison of networks over seeds, paired, with everything kept that the numbers came from."""
from .harness import Harness
from .study import Study, Variant, read_study
from .summary import Summary

__all__ = ['Harness', 'Study', 'Summary', 'Variant', 'read_study']
