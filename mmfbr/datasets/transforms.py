"""Pipeline steps for image-level labels, and loading with errors that name the file."""
import numpy as np
import torch
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine.structures import LabelData, PixelData
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs

from mmfbr.files import InputError
from mmfbr.image_files import check_mask_values, read_saliency


class LoadCheckedImage(LoadImageFromFile):
    """``LoadImageFromFile`` that names the file when it cannot be decoded."""

    def transform(self, results):
        """As in mmcv; raises InputError with the path for whatever goes wrong."""
        try:
            loaded = super().transform(results)
            if loaded is None:  # what mmcv returns in place of an error with ignore_empty=True
                raise ValueError('it is empty')
        except Exception as error:  # decoders differ in what they raise
            reason = ' '.join(str(error).split())
            raise InputError(f'The image {results["img_path"]} cannot be decoded ({reason}). Replace the file or take '
                             'it off the list.') from error
        return loaded


class PackImageLabelInputs(PackSegInputs):
    """``PackSegInputs`` that also packs the image-level labels, as ``gt_label.multi_hot`` (C,) bool, and a saliency map
    where one was loaded, as ``gt_saliency`` (1, H, W) uint8."""

    def transform(self, results):
        """As in mmseg, plus ``gt_label``; an image of no data set (``mmseg.apis.inference_model``) has none."""
        packed = super().transform(results)
        if 'image_labels' in results:
            packed['data_samples'].gt_label = LabelData(multi_hot=torch.from_numpy(results['image_labels'].copy()))
        if 'gt_saliency' in results:
            saliency = np.ascontiguousarray(results['gt_saliency'])
            packed['data_samples'].gt_saliency = PixelData(data=torch.from_numpy(saliency)[None])
        return packed


class LoadCheckedAnnotations(LoadAnnotations):
    """``LoadAnnotations`` that names a mask which is missing, damaged, in colours, of another size, or out of range.

    Args:
        num_classes (int | None): indices must be below it, or 255; None: not checked.
        kwargs: as ``LoadAnnotations``.
    """

    def __init__(self, *args, num_classes=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.num_classes = num_classes

    def transform(self, results):
        """As in mmseg; raises InputError with the path."""
        path = results['seg_map_path']
        try:
            results = super().transform(results)
        except Exception as error:  # decoders differ in what they raise
            reason = ' '.join(str(error).split())
            raise InputError(f'The mask {path} cannot be read ({reason}). Write it again, or take its image off the '
                             'list.') from error
        mask, size = results['gt_seg_map'], results.get('ori_shape')
        if mask.ndim != 2:
            raise InputError(f'The mask {path} holds colours; class indices need a palette or 8-bit grey PNG.')
        check_mask_values(mask, path, self.num_classes, size, 'Write it again at the size of the image.')
        return results


class LoadCheckedSaliency(BaseTransform):
    """Loads the saliency map of an image, (H, W) uint8, as ``gt_saliency``; later steps move it with the image.

    It comes after the image and before anything that changes its size.
    """

    def transform(self, results):
        """As in mmcv; raises InputError with the path of a map that is missing, damaged, in colours, or of another size
        than its image."""
        if 'saliency_path' not in results:
            raise InputError("LoadCheckedSaliency needs the folder of the saliency maps: data_prefix=dict("
                             "img_path=..., saliency_path='Saliency').")
        results['gt_saliency'] = read_saliency(results['saliency_path'], results['ori_shape'])
        results['seg_fields'].append('gt_saliency')  # those are what mmseg's transforms move with the image
        return results
