"""Fixtures for the core: a seeded generator, and the two ways in which sizes are found."""
import pytest
import torch

from mmfbr.core import sync


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def bounded(monkeypatch):
    """On the CPU as on a device: sizes are upper bounds and flags say which rows are real."""
    monkeypatch.setattr(sync, 'is_free', lambda tensor: False)


@pytest.fixture(params=['counted', 'bounded'])
def either_way(request):
    """Runs a test with the sizes counted, as on the CPU, and bounded, as on a device."""
    if request.param == 'bounded':
        request.getfixturevalue('bounded')
    return request.param
