"""On which background ("stuff") classes the false positives of each thing fall, where all-class masks exist."""
from dataclasses import dataclass

import numpy as np

from mmfbr.evaluation.confusion import class_indices, json_number, mean_of_defined, percent, ratio, same_size
from mmfbr.files import InputError

VOID = '(void)'


def stuff_confusion(prediction, truth, all_mask, num_classes, num_all, ignore_index=255):
    """False positives of one image by predicted class and by what is really there.

    Args:
        prediction, truth: (H, W) masks in [0, num_classes), or ``ignore_index``; pixels whose truth is ``ignore_index``
            are not counted, nor those whose prediction is.
        all_mask: (H, W) mask of things and stuff in [0, num_all), or ``ignore_index``.

    Returns:
        (C, A + 1) int64: predicted class, class of the all-class mask; the last column where that mask is void.

    Raises InputError for masks of different size or with other values.
    """
    same_size(prediction, truth, 'the prediction and the ground truth')
    same_size(all_mask, truth, 'the all-class mask and the ground truth')
    rows = class_indices(prediction, num_classes, ignore_index, 'the prediction')
    columns = class_indices(all_mask, num_all, ignore_index, 'the all-class mask')
    true = class_indices(truth, num_classes, ignore_index, 'the ground truth')
    wrong = (np.asarray(truth) != ignore_index) & (rows != true) & (rows < num_classes)
    cells = np.bincount(rows[wrong] * (num_all + 1) + columns[wrong], minlength=num_classes * (num_all + 1))
    return cells.reshape(num_classes, num_all + 1)


def cooccurrence(truth, all_mask, num_classes, num_all, ignore_index=255):
    """What one image shows together with each class of its truth.

    Returns:
        (2, C, A + 1) int64, zero for classes c that are not in ``truth``: ``[0, c, a]`` is 1 if the image holds class a
        of the all-class mask, ``[1, c, a]`` the pixels of it. The last column stands for the image: 1, and all pixels.

    Raises InputError for masks of different size or with values out of range.
    """
    same_size(all_mask, truth, 'the all-class mask and the ground truth')
    present = np.setdiff1d(truth, ignore_index)
    class_indices(present, num_classes, ignore_index, 'the ground truth')
    columns = class_indices(all_mask, num_all, ignore_index, 'the all-class mask')
    area = np.bincount(columns.ravel(), minlength=num_all + 1)
    area[num_all] = columns.size
    together = np.zeros((2, num_classes, num_all + 1), np.int64)
    together[0, present] = area > 0
    together[1, present] = area
    return together


def stuff_columns(classes, all_classes, bg_index=0):
    """Indices into ``all_classes`` of the names that are no thing of ``classes``; things share their names with both.

    Raises InputError when no name is shared, since the lists cannot belong together then.
    """
    things = {name for index, name in enumerate(classes) if index != bg_index}
    if things.isdisjoint(all_classes):
        raise InputError('The class list and the all-class list share no name of a thing; write things alike in both.')
    return [index for index, name in enumerate(all_classes) if name not in things]


def companions(together, stuff):
    """Accompanying stuff of each class: found in the largest share of the class's images, of equals the largest area.

    Args:
        together: ``cooccurrence`` summed over the images of a split, (2, C, A + 1).
        stuff: indices of the stuff classes, see ``stuff_columns``.

    Returns:
        (C,) int64 index into the all-class list, -1 for a class that was never seen with any stuff.
    """
    images, area = together
    chosen = [max(stuff, key=lambda a: (images[c, a], area[c, a]), default=-1) for c in range(len(images))]
    return np.array([a if a >= 0 and images[c, a] else -1 for c, a in enumerate(chosen)], np.int64)


@dataclass(frozen=True, eq=False)
class StuffScores:
    """What the false positives of each thing say about its background.

    Args:
        confusion: (C, C) or (C, C + 1) counts of the same images, see ``confusion``.
        stuff_confusion: (C, A + 1) counts, see ``stuff_confusion``.
        together: (2, C, A + 1) counts that say which stuff accompanies a class, see ``cooccurrence``.
        classes, all_classes: C and A names. bg_index: the class that is no thing.
    """
    confusion: np.ndarray
    stuff_confusion: np.ndarray
    together: np.ndarray
    classes: list
    all_classes: list
    bg_index: int = 0

    @property
    def stuff(self):
        return stuff_columns(self.classes, self.all_classes, self.bg_index)

    @property
    def confusion_ratio(self):
        """(C, A + 1): false positives of c on class a over true positives of c (m of EPS, CVPR 2021); 0 / 0 is NaN."""
        return ratio(self.stuff_confusion, np.diagonal(self.confusion)[:, None])

    @property
    def companions(self):
        return companions(self.together, self.stuff)

    @property
    def companion_images(self):
        """(C,): share of the images of c that show its accompanying stuff; NaN without a companion."""
        return self._of_companion(ratio(self.together[0], self.together[0, :, -1:]))

    @property
    def cooccurrence_share(self):
        """(C,): false positives of c on its accompanying stuff over all pixels predicted as c; NaN without either."""
        predicted = self.confusion.sum(axis=0)[:len(self.classes), None]
        return self._of_companion(ratio(self.stuff_confusion, predicted))

    @property
    def mean_cooccurrence_share(self):
        """Mean of ``cooccurrence_share`` over the things for which it is defined."""
        return mean_of_defined(self.cooccurrence_share[self.things])

    @property
    def things(self):
        return [c for c in range(len(self.classes)) if c != self.bg_index]

    def _of_companion(self, table):
        chosen = self.companions
        return np.where(chosen < 0, np.nan, table[np.arange(len(chosen)), chosen])

    def as_dict(self):
        """For JSON: per thing its companion, share, false positives by all-class name and ratios by stuff name."""
        names, ratios, chosen = [*self.all_classes, VOID], self.confusion_ratio, self.companions
        images, share = self.companion_images, self.cooccurrence_share
        return {
            'mean_cooccurrence_share': json_number(self.mean_cooccurrence_share),
            'classes': [{
                'name': self.classes[c],
                'companion': self.all_classes[chosen[c]] if chosen[c] >= 0 else None,
                'companion_images': json_number(images[c]),
                'cooccurrence_share': json_number(share[c]),
                'false_positives': dict(zip(names, self.stuff_confusion[c].tolist(), strict=True)),
                'confusion_ratio': {names[a]: json_number(ratios[c, a]) for a in [*self.stuff, len(self.all_classes)]},
            } for c in self.things]}

    def table(self, top=3):
        """Plain text, one line a thing: companion, share of positives on it, and the ``top`` stuff classes by ratio."""
        names, ratios, chosen = [*self.all_classes, VOID], self.confusion_ratio, self.companions
        images, share = self.companion_images, self.cooccurrence_share
        rows = [('class', 'companion', 'images %', 'share %', 'confusion ratio (FP on stuff / TP)')]
        for c in self.things:
            columns = [a for a in [*self.stuff, len(self.all_classes)] if self.stuff_confusion[c, a]]
            columns.sort(key=lambda a: -self.stuff_confusion[c, a])
            rows.append((self.classes[c], self.all_classes[chosen[c]] if chosen[c] >= 0 else '-', percent(images[c]),
                         percent(share[c]), ', '.join(f'{names[a]} {ratios[c, a]:.3f}' for a in columns[:top]) or '-'))
        rows.append(('mean', '', '', percent(self.mean_cooccurrence_share), ''))
        first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
        return '\n'.join(f'{name:<{first}}  {stuff:<{second}}  {found:>8}  {on_it:>7}  {most}'.rstrip()
                         for name, stuff, found, on_it, most in rows)
