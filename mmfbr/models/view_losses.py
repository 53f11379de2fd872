"""Losses that compare the views of a batch, thin classes around the functions of `mmfbr.core`."""
from torch import nn

from mmfbr.core.eps import saliency_loss
from mmfbr.core.ppc import class_prototypes, intra_view_contrast, pixel_labels, prototype_contrast
from mmfbr.core.seam import cross_equivariance, equivariance, minimum_pooling
from mmfbr.core.views import min_max, resize


class ViewLoss(nn.Module):
    """A loss that ``ViewCAMHead`` calls with the views of a batch (list of ``CamView``) and the background's class; it
    returns a dict of scalars whose keys begin with ``loss_``."""


class EquivarianceLoss(ViewLoss):
    """L_ER, L_ECR and minimum pooling of SEAM (Wang et al., CVPR 2020), at the size of the second view's maps.

    Args:
        w_er, w_ecr, w_min (float): weights; the released code's by default.
        hardest (float): share of the scores that L_ECR is taken over.
    """

    def __init__(self, w_er=1.0, w_ecr=1.0, w_min=1.0, hardest=0.2):
        super().__init__()
        self.w_er, self.w_ecr, self.w_min, self.hardest = w_er, w_ecr, w_min, hardest

    def forward(self, views, bg_index):
        """``loss_er``, ``loss_ecr`` and ``loss_min`` of two views with refined maps."""
        def scores(view, maps):
            return resize(min_max(maps, view.present, view.valid), size)

        first, second = views
        valid, size = second.valid, second.cam.shape[2:]
        cams = [scores(view, view.cam) for view in views]
        crossed = (cross_equivariance(cams[1], scores(first, first.refined), valid, bg_index, self.hardest)
                   + cross_equivariance(cams[0], scores(second, second.refined), valid, bg_index, self.hardest))
        least = sum(minimum_pooling(view.refined, view.present, view.valid, bg_index) for view in views) / len(views)
        return dict(loss_er=self.w_er * equivariance(*cams, valid, bg_index), loss_ecr=self.w_ecr * crossed,
                    loss_min=self.w_min * least)


class SaliencyLoss(ViewLoss):
    """L_sal of EPS (Lee et al., CVPR 2021) on the class maps of each view, and on the refined ones where there are any.

    Args:
        tau (float): share of a class's region that must be salient for the class to count as foreground, in [0, 1].
        lam (float): weight of the foreground's estimate, in [0, 1]; the background's has the rest.
        loss_weight (float): factor.
    """

    def __init__(self, tau=0.4, lam=0.5, loss_weight=1.0):
        super().__init__()
        if not 0 <= tau <= 1 or not 0 <= lam <= 1:
            raise ValueError(f'SaliencyLoss: tau and lam must lie in [0, 1]; they are {tau!r} and {lam!r}.')
        self.tau, self.lam, self.loss_weight = tau, lam, loss_weight

    def forward(self, views, bg_index):
        """``loss_sal``, mean over the views.

        Raises:
            ValueError: when the samples carry no saliency maps.
        """
        if views[0].saliency is None:
            raise ValueError("SaliencyLoss: the samples carry no saliency maps. Name their folder in the data set's "
                             "data_prefix (saliency_path='Saliency') and load them in the pipeline, after the image "
                             "(dict(type='LoadCheckedSaliency')).")
        value = sum(saliency_loss(maps, view.saliency, view.present, view.valid, bg_index, self.tau, self.lam)
                    for view in views for maps in (view.cam, view.refined) if maps is not None)
        return dict(loss_sal=self.loss_weight * value / len(views))


class PrototypeContrastLoss(ViewLoss):
    """Cross-view and intra-view pixel-to-prototype contrast of PPC (Du et al., CVPR 2022), at the size of the second
    view's maps. It has the projection, which inference does not run.

    Args:
        in_channels (int): L, channels of the classified map.
        channels (int): D, of the projection.
        tau (float): temperature.
        w_prototype, w_label, w_intra (float): weights of the contrast with the other view's prototypes, with the other
            view's labels, and within the view.
        prototype_divisor (int): a prototype is the mean of H * W / divisor pixels.
        bg_score (float): score of the background, above which a class must be.
    """

    def __init__(self, in_channels, channels=128, tau=0.1, w_prototype=0.1, w_label=0.1, w_intra=0.1,
                 prototype_divisor=8, bg_score=0.2):
        super().__init__()
        self.projection = nn.Conv2d(in_channels, channels, 1, bias=False)
        nn.init.xavier_uniform_(self.projection.weight)
        self.tau, self.w_prototype, self.w_label, self.w_intra = tau, w_prototype, w_label, w_intra
        self.prototype_divisor, self.bg_score = prototype_divisor, bg_score

    def forward(self, views, bg_index):
        """``loss_prototype``, ``loss_label`` and ``loss_intra``, means over the two views with refined maps."""
        def mean(contrast, protos, labels):
            return sum(contrast(z, *p, y, valid, self.tau) for z, p, y in zip(pixels, protos, labels, strict=True)) / 2

        valid, size = views[1].valid, views[1].cam.shape[2:]
        pixels, labels, protos = [], [], []
        for view in views:
            pixels.append(resize(self.projection(view.feature.float()).relu(), size))
            scores = min_max(resize(view.refined.detach(), size), view.present, valid)
            labels.append(pixel_labels(scores, view.present, bg_index, self.bg_score))
            protos.append(class_prototypes(pixels[-1], scores, labels[-1], valid, bg_index, self.prototype_divisor))
        return dict(loss_prototype=self.w_prototype * mean(prototype_contrast, protos[::-1], labels),
                    loss_label=self.w_label * mean(prototype_contrast, protos, labels[::-1]),
                    loss_intra=self.w_intra * mean(intra_view_contrast, protos, labels))
