"""The plan for many processes: its formulae, and the table of the documentation."""
from pathlib import Path

import pytest
import torch

from mmfbr.benchmark.scale import scale, table
from mmfbr.core import NROIBank

ROOT = Path(__file__).resolve().parents[2]


def test_numbers_by_hand():
    plan = scale(3, 5, NROIBank(num_clusters=2, capacity=120, channels=4))
    assert plan == dict(processes=3, images=5, rows=30, turnover=pytest.approx(0.25), oldest=4.0, sent=8 + 10 * 5 * 4,
                        received=2 * 208)


def test_oldest_entry_of_a_full_bank_is_as_old_as_planned():
    bank = NROIBank(num_clusters=2, capacity=120, channels=4)
    for step in range(10):
        bank.push(torch.full((30, 4), float(step)))  # of 3 processes with 5 images
    assert 9 - bank.content.min() + 1 == scale(3, 5, bank)['oldest']


def test_documentation_shows_the_table_of_the_command():
    assert table((8, 64, 512), (2, 16)) in (ROOT / 'docs' / 'reliability.md').read_text()
