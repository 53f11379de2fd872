"""The ground truth of a study: read for scoring only, the same for all of its runs."""
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmfbr.cam.sources import image_label_dataset
from mmfbr.cam.work import jobs_of
from mmfbr.evaluation import count_cooccurrence, image_cells, stuff_columns
from mmfbr.evaluation.stuff import companions
from mmfbr.files import InputError, read_lines, require_files
from mmfbr.image_files import read_mask

from .study import stem


@dataclass(frozen=True, eq=False)
class Truth:
    """Masks of the images of a config's data set.

    Args:
        study (Study): where its masks lie, relative to the data root, and the thresholds.
        config (Config): whose training data set names root and classes.
    """
    study: object
    config: object

    @cached_property
    def dataset(self):
        return image_label_dataset(self.config, self.study.choose_on)

    @property
    def classes(self):
        return list(self.dataset.metainfo['classes'])

    @property
    def bg_index(self):
        return self.dataset.bg_index

    @property
    def things(self):
        return [index for index in range(len(self.classes)) if index != self.bg_index]

    @property
    def mask_dir(self):
        return self._under(self.study.masks)

    @property
    def all_dir(self):
        return self.study.all_masks and self._under(self.study.all_masks)

    @cached_property
    def all_classes(self):
        """Names of things and stuff; empty where there are no such masks."""
        if not self.study.all_classes:
            return []
        names = read_lines(self._under(self.study.all_classes), 'The all-class list')
        stuff_columns(self.classes, names, self.bg_index)  # refuses lists that do not fit
        return names

    def _under(self, name):
        return Path(self.dataset.data_root or '', name)

    def ids(self, image_list):
        """The images of a list, as given or relative to the data root."""
        return [job.image_id for job in jobs_of(image_label_dataset(self.config, image_list))]

    def check(self, ids):
        """InputError that names the images without a mask."""
        require_files(self.mask_dir, ids, '.png', 'ground truth')
        if self.all_dir:
            require_files(self.all_dir, ids, '.png', 'all-class mask')

    def cells(self, job, image, maps, classes):
        """``image_cells`` of an image's CAM; raises InputError with its name."""
        name = f'{job.image_id}.png'
        try:
            return image_cells(maps, classes, read_mask(self.mask_dir / name), self.study.thresholds, len(self.classes),
                               read_mask(self.all_dir / name) if self.all_dir else None, len(self.all_classes),
                               self.bg_index, self.dataset.ignore_index)
        except InputError as error:
            raise InputError(f'{job.image_id}: {error}') from error

    @cached_property
    def together(self):
        """``cooccurrence`` (2, C, A + 1) over the images of ``choose_on``; there must be masks of stuff."""
        return count_cooccurrence(self.mask_dir, self.all_dir, self.ids(self.study.choose_on), len(self.classes),
                                  len(self.all_classes), self.dataset.ignore_index)

    @cached_property
    def companions(self):
        """(C,) the stuff that accompanies each class on the images of ``choose_on``: an index into ``all_classes``, -1
        where there is none."""
        if not self.all_dir:
            return [-1] * len(self.classes)
        found = companions(self.together, stuff_columns(self.classes, self.all_classes, self.bg_index))
        return [int(stuff) if index != self.bg_index else -1 for index, stuff in enumerate(found)]

    def check_lists(self, configs):
        """InputError when a held-out image chooses something, or one of ``configs`` {variant: Config} trains on it."""
        used = {f'choose_on ({self.study.choose_on})': self.ids(self.study.choose_on)}
        for name, config in configs.items():
            used[f'the training list of {name}'] = [job.image_id for job in jobs_of(image_label_dataset(config))]
        for held_out in self.study.hold_out:
            ids = {*self.ids(held_out)}
            for what, others in used.items():
                both = sorted(ids & {*others})
                if both:
                    raise InputError(f'{len(both)} images of the held-out list {stem(held_out)} are in {what} too, '
                                     f'first {both[0]}. Held-out images neither train nor choose.')
