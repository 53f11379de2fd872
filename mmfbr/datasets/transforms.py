"""Pipeline steps for image-level labels."""
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.structures import LabelData
from mmseg.datasets.transforms import PackSegInputs

from mmfbr.files import InputError


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
        """As in mmseg, plus ``gt_label``."""
        packed = super().transform(results)
        packed['data_samples'].gt_label = LabelData(multi_hot=torch.from_numpy(results['image_labels'].copy()))
        return packed
