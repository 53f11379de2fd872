"""Pipeline steps for image-level labels, and loading with errors that name the file."""
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.structures import LabelData
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs

from mmfbr.files import InputError, check_mask_values


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
    """``PackSegInputs`` that also packs the image-level labels, as ``gt_label.multi_hot`` (C,) bool."""

    def transform(self, results):
        """As in mmseg, plus ``gt_label``; an image of no data set (``mmseg.apis.inference_model``) has none."""
        packed = super().transform(results)
        if 'image_labels' in results:
            packed['data_samples'].gt_label = LabelData(multi_hot=torch.from_numpy(results['image_labels'].copy()))
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
