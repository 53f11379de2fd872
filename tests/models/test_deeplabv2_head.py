"""`DeepLabV2Head`: the sum of its dilated classifiers."""
import torch

from mmfbr.models import DeepLabV2Head


def test_logits_are_the_sum_over_dilations():
    head = DeepLabV2Head(in_channels=6, num_classes=4, in_index=0, dilations=(2, 5))
    head.init_weights()
    x = torch.zeros(1, 6, 15, 15)
    x[0, :, 7, 7] = 1
    logits = head((x, ))
    assert logits.shape == (1, 4, 15, 15)
    for row, column, branch, tap in ((7, 5, 0, (1, 2)), (2, 7, 1, (2, 1))):  # reached by one branch alone
        expected = head.branches[branch].weight[:, :, tap[0], tap[1]].sum(1) + sum(b.bias for b in head.branches)
        torch.testing.assert_close(logits[0, :, row, column], expected)
    assert not any('conv_seg' in key for key in head.state_dict())
    assert head.branches[0].weight.std() < 0.02
