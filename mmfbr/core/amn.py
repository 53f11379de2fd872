"""AMN's per-pixel classification loss on plain tensors (Lee et al., "Threshold Matters in WSSS", CVPR 2022)."""


def balanced_cross_entropy(logits, labels, bg_index=0, ignore_index=255, smoothing=0.4):
    """Mean of two means, over background and over foreground pixels, of the cross-entropy with smoothed labels.

    The smoothing keeps the two levels of activation apart by a set amount, so that no part of an object runs ahead of
    the rest.

    Args:
        logits (Tensor): (N, C, H, W).
        labels (Tensor): (N, H, W) int, ``ignore_index`` where nobody is sure.
        smoothing (float): probability that is spread evenly over the other classes, in [0, 1).

    Returns:
        Tensor: scalar; where there is no background pixel, or no foreground pixel, its half is 0.
    """
    counts = labels != ignore_index
    target = labels.where(counts, 0)[:, None]
    log_p = logits.log_softmax(1)
    own, others = log_p.gather(1, target)[:, 0], log_p.sum(1)
    spread = smoothing / (logits.shape[1] - 1)
    loss = -(1 - smoothing - spread) * own - spread * others

    def mean(which):
        return (loss * which).sum() / which.sum().clamp(min=1)

    background = labels == bg_index
    return (mean(counts & background) + mean(counts & ~background)) / 2
