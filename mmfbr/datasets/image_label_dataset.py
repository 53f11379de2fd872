"""`ImageLabelDataset`: images with image-level labels; the labels are the image's own, fixed before any cropping."""
from pathlib import Path

import numpy as np
from mmseg.datasets import BaseSegDataset

from mmfbr.files import InputError, read_ids, require_files

from .label_sources import read_labels


class ImageLabelDataset(BaseSegDataset):
    """Images of a list and the classes that each contains; never looks at a mask unless the pipeline loads one.

    Each item carries ``image_labels`` (C,) bool over ``metainfo['classes']`` with the background always true.

    Args:
        labels (dict): ``source`` and ``path`` as in ``read_labels``; the path is relative to ``data_root``.
        bg_index (int): the background's place in ``metainfo['classes']``.
        ignore_classes (Sequence[str]): names in the labels that this data set does not use and passes over.
        allow_empty_classes (bool): accept classes without an image in the list, which cannot be learned from it.
        background_only (str | None): a second list, of images whose labels are empty, relative to ``data_root``. They
            train the classifier to be silent, and FBR takes all their pixels for background.
        kwargs: as ``BaseSegDataset``; ``metainfo`` with ``classes``, and ``ann_file``, a list of image ids, are needed.
            ``data_prefix`` may also have ``saliency_path``, a folder of saliency maps ID.png.

    Raises:
        InputError: for an empty or missing list, missing images or saliency maps, images without labels, labels that
            are no class, a class without an image, or one in ``background_only``; each with the file and the remedy.
    """

    def __init__(self, *args, labels, bg_index=0, ignore_classes=(), allow_empty_classes=False, background_only=None,
                 **kwargs):
        self.labels, self.bg_index = dict(labels), bg_index
        self.ignore_classes, self.allow_empty_classes = frozenset(ignore_classes), allow_empty_classes
        self.background_only = background_only
        super().__init__(*args, **kwargs)

    def load_data_list(self):
        """One dict an image: ``img_path``, ``image_labels``, and ``seg_map_path`` and ``saliency_path`` if the config
        has such folders."""
        classes = self.metainfo.get('classes')
        if not classes or not 0 <= self.bg_index < len(classes):
            raise InputError('ImageLabelDataset needs metainfo=dict(classes=...) with the background at '
                             f'bg_index={self.bg_index}; the classes are {classes}.')
        if not self.ann_file:
            raise InputError('ImageLabelDataset needs ann_file, a text file with one image id a line.')
        ids = read_ids(self.ann_file, 'The image list')
        objects = len(ids)
        if self.background_only is not None:
            ids += read_ids(Path(self.data_root or '', self.background_only), 'The list background_only')
        images, masks = self.data_prefix['img_path'], self.data_prefix.get('seg_map_path')
        paths = [Path(images, image + self.img_suffix) for image in ids]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise InputError(f'{len(missing)} of {len(paths)} images of {self.ann_file} do not exist: '
                             f'{", ".join(missing[:5])}{", ..." if len(missing) > 5 else ""}. Check data_prefix, '
                             'img_suffix and the list.')
        table = self._label_table(ids, classes)
        wrong = [image for image, row in zip(ids[objects:], table[objects:], strict=True) if row.sum() > 1]
        if wrong:
            raise InputError(f'{len(wrong)} images of the list background_only ({self.background_only}) are labelled '
                             f'with a class, first {wrong[0]}. Correct their labels, or take them off the list.')
        items = [dict(img_path=str(path), image_labels=row, seg_fields=[], label_map=self.label_map,
                      reduce_zero_label=self.reduce_zero_label)
                 for path, row in zip(paths, table, strict=True)]
        if masks is not None:
            for image, item in zip(ids, items, strict=True):
                item['seg_map_path'] = str(Path(masks, image + self.seg_map_suffix))
        saliency = self.data_prefix.get('saliency_path')
        if saliency is not None:
            if not self.test_mode:  # only training reads them
                require_files(saliency, ids, '.png', 'saliency map')
            for image, item in zip(ids, items, strict=True):
                item['saliency_path'] = str(Path(saliency, f'{image}.png'))
        return items

    def _label_table(self, ids, classes):
        path = Path(self.data_root or '', self.labels['path'])
        labels = read_labels(self.labels['source'], path, ids)
        column = {name: index for index, name in enumerate(classes)}
        table = np.zeros((len(ids), len(classes)), bool)
        for row, image in zip(table, ids, strict=True):
            for name in labels[image]:
                if name in column:
                    row[column[name]] = True
                elif name not in self.ignore_classes:
                    raise InputError(f'{path} labels image {image!r} with {name!r}, which is none of the classes '
                                     f'{tuple(classes)}. Correct the label, add the class to metainfo, or name it in '
                                     'ignore_classes.')
        table[:, self.bg_index] = True
        empty = [name for name, used in zip(classes, table.any(0), strict=True) if not used]
        if empty and not self.test_mode and not self.allow_empty_classes:
            raise InputError(f'No image of {self.ann_file} is labelled {", ".join(map(repr, empty))}, so '
                             f'{"they" if len(empty) > 1 else "it"} cannot be learned. Take the classes out of '
                             'metainfo, or set allow_empty_classes=True.')
        return table
