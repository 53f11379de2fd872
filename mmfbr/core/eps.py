"""EPS on plain tensors: which class maps are the object, and their saliency loss (Lee et al., CVPR 2021)."""
import torch


@torch.no_grad()
def salient_classes(probabilities, saliency, present, valid, bg_index, tau):
    """(N, C) bool: classes of the image of whose region more than ``tau`` is salient (EPS, section 3.2).

    A class's region are the pixels with a probability above 0.5; a present class without such a pixel is none.

    Args:
        probabilities (Tensor): (N, C, H, W), softmax over the classes and the background.
        saliency (Tensor): (N, H, W) in [0, 1].
        present (Tensor): (N, C) bool.
        valid (Tensor): (N, H, W) bool.
    """
    region = (probabilities > 0.5) & valid[:, None]
    overlap = (region & (saliency > 0.5)[:, None]).sum((2, 3)) / region.sum((2, 3)).clamp(min=1)
    chosen = present & (overlap > tau)
    chosen[:, bg_index] = False
    return chosen


def estimated_saliency(probabilities, chosen, present, bg_index, lam):
    """(N, H, W) in [0, 1]: lam * (sum of the chosen classes) + (1 - lam) * (1 - sum of the others and the background).

    Args:
        probabilities (Tensor): (N, C, H, W), with gradient.
        chosen (Tensor): (N, C) bool, of ``salient_classes``.
        present (Tensor): (N, C) bool; of classes that are not in the image nothing counts.
        lam (float): weight of the foreground, in [0, 1].
    """
    rest = present & ~chosen
    rest[:, bg_index] = True
    foreground, background = (torch.einsum('nchw,nc->nhw', probabilities, which.to(probabilities.dtype))
                              for which in (chosen, rest))
    return lam * foreground + (1 - lam) * (1 - background)


def saliency_loss(maps, saliency, present, valid, bg_index, tau=0.4, lam=0.5):
    """L_sal: mean squared difference of estimated and given saliency over the valid pixels (EPS, section 3.2).

    Args:
        maps (Tensor): (N, C, H, W) raw class maps, the background among them, with gradient.
        tau (float): share of a class's region that must be salient, in [0, 1].
    """
    probabilities = maps.softmax(1)
    chosen = salient_classes(probabilities, saliency, present, valid, bg_index, tau)
    estimate = estimated_saliency(probabilities, chosen, present, bg_index, lam)
    return ((estimate - saliency).square() * valid).sum() / valid.sum().clamp(min=1)
