"""From a trained model and a list of images to pseudo masks and CAM files, resumable."""
import os
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mmfbr.evaluation import Sweep, confusion, mask_from_cam, threshold_confusions
from mmfbr.files import InputError, clear_parts, existing
from mmfbr.image_files import read_cam, read_image, read_mask, write_cam, write_mask, write_relations

from .crf import CRF, Workers
from .inference import CamSettings, batch_cams
from .irn import IRN
from .nroi import NROI
from .pipeline import Finisher, read_ahead
from .refinement import check_unsure
from .sources import image_label_dataset, load_cam_model
from .work import check_claim, claim, groups_of, jobs_of, share, shares_sums, summed

SWEEP = tuple(round(0.01 * step, 2) for step in range(91))
CRF_SWEEP = tuple(round(0.05 * step, 2) for step in range(1, 15))  # each is an inference of its own


def make_pseudo_masks(config, checkpoint, out, image_list=None, threshold=0.3, cam_dir=None, use_labels=True,
                      settings=None, progress=iter, batch=4, refine=None, threshold_from=None, workers=None,
                      say=lambda text: None, unsure_from=None, relations=None):
    """Writes a palette mask ``out/ID.png`` for each image of a list, and its CAM file ``cam_dir/ID.npz`` when asked.

    A mask or CAM file that is there already is kept if it was made with the same model and settings; made with others,
    it is an error. Under several processes each does its share of the list. Stopped or shared, the files are those of
    an uninterrupted run in one process, byte for byte, on the same machine with as many threads.

    Args:
        config (Config): its training data set names the images' folder, labels and classes.
        checkpoint (str | Path): the trained weights.
        out (str | Path | None): folder of the masks; None writes CAM files only.
        image_list (str | Path | None): list of image ids, as given or relative to the data root; None: the training
            list.
        threshold (float): score of the background: a pixel whose best value is not above it is background.
        cam_dir (str | Path | None): folder of the CAM files, which hold the maps before refinement.
        use_labels (bool): restrict the classes to the image-level labels; else to those the network claims.
        settings (CamSettings | None): None: the config's ``cam_cfg``.
        progress (callable): wraps the list, place for a progress bar.
        batch (int): images that may go through the network together; the last bits of a CAM depend on it.
        refine (PAR | CRF | NROI | IRN | PSA | None): refinement between CAM and mask.
        threshold_from (tuple[str, str] | None): a list of images and a folder of ground truth masks, on which the
            threshold with the best mean IoU is taken instead of ``threshold``; noted beside the masks.
        workers (int | None): processes of a CRF; None: one less than there are processors.
        say (callable): is told the chosen threshold.
        unsure_from (float | None): a second, lower threshold (with a CRF's alpha, a greater alpha): background that is
            none by this one gets the label that is ignored. So labels for IRN and AffinityNet are made.
        relations (str | Path | None): folder of files ID.npz of what an ``IRN`` says of the images
            (``write_relations``).

    Returns:
        tuple[int, int]: images done now, and images whose files were there.
    """
    if not out and not cam_dir and not relations:
        raise InputError('There is nothing to write: give a folder for masks, for CAM files, or for both.')
    if relations and not isinstance(refine, IRN):
        raise InputError("Relations of pixels are IRN's: write them with the refinement irn.")
    settings = settings or CamSettings(**config.get('cam_cfg', {}))
    if not 0 <= threshold <= 1:
        raise InputError(f'The threshold is compared with values from 0 to 1; it is {threshold}.')
    if getattr(refine, 'alpha', None) is not None:
        if threshold_from:
            raise InputError('alpha gives the background its score: there is no threshold to choose.')
        threshold = None
    check_unsure(unsure_from, threshold, refine)
    dataset = image_label_dataset(config, image_list)
    version = existing(checkpoint, 'The checkpoint').stat().st_mtime_ns
    made_by = dict(checkpoint=[str(Path(checkpoint).resolve()), version], labels=use_labels, batch=batch,
                   **asdict(settings))
    groups = groups_of(jobs_of(dataset, out, cam_dir, use_labels, relations), settings, batch)
    with ExitStack() as stack:
        maker = MaskMaker(config, checkpoint, dataset, settings, refine, unsure_from=unsure_from)
        if hasattr(refine, 'check'):
            refine.check()
        if isinstance(refine, CRF):
            maker.run = stack.enter_context(Workers(workers or max(1, (os.cpu_count() or 1) - 1)))
        how = dict(name=refine.name, **asdict(refine)) if refine else dict(name='none')
        if out:
            masks_by = dict(made_by, refine=how, threshold=threshold, unsure_from=unsure_from, threshold_from=[
                str(Path(path).resolve() if Path(path).exists() else path) for path in threshold_from or ()])
            found = check_claim(out, 'png', masks_by, apart=['threshold'] if threshold_from else ())
        if cam_dir:
            claim(cam_dir, 'npz', made_by)
        if relations:
            claim(relations, 'npz', how)
        wanted = out and (not found or any(job.wants_mask for group in groups for job in group))
        if wanted and isinstance(refine, NROI) and refine.nroi_from:
            there = image_label_dataset(config, refine.nroi_from)
            maker.fill_gallery(groups_of(jobs_of(there, None, cam_dir, use_labels), settings, batch))
        if out and threshold_from and found:
            threshold = found['threshold']
            say(f'threshold {threshold:g}, as noted with the masks')
        elif out and threshold_from:
            there = image_label_dataset(config, threshold_from[0])
            sweep = maker.sweep(groups_of(jobs_of(there, None, cam_dir, use_labels), settings, batch),
                                threshold_from[1])
            threshold = sweep.best_threshold
            say(f'threshold {threshold:g}, the best of {len(sweep.thresholds)} on {threshold_from[0]}: '
                f'mIoU {100 * sweep.scores.mean_iou[sweep.best]:.2f} %')
        check_unsure(unsure_from, threshold, refine)
        if out:
            claim(out, 'png', dict(masks_by, threshold=threshold))
        return maker.write(groups, threshold, progress)


class MaskMaker:
    """A model, loaded when it is first needed, and what is made with it of groups of images.

    Args:
        config, checkpoint, settings, refine: as for ``make_pseudo_masks``.
        dataset (ImageLabelDataset): says the classes, their colours, the background and the value of void.
        model (CAMSegmentor | None): one that is loaded already.
        unsure_from (float | None): as for ``make_pseudo_masks``.

    ``run(function, *args)`` calls the refinement's inference, here or, a ``Workers``, in other processes.
    """

    def __init__(self, config, checkpoint, dataset, settings, refine=None, model=None, unsure_from=None):
        self.classes, self.palette = dataset.metainfo['classes'], dataset.metainfo['palette']
        self.bg_index, self.ignore_index = dataset.bg_index, dataset.ignore_index
        self.load = lambda: load_cam_model(config, checkpoint, len(self.classes))
        self.settings, self.refine, self.model, self.unsure_from = settings, refine, model, unsure_from
        self.run = lambda function, *args: function(*args)
        self.device = torch.device('cpu')
        if torch.cuda.is_available():  # named by number: which one is the current one is each thread's own
            self.device = torch.device('cuda', share()[0] % torch.cuda.device_count())
            torch.cuda.set_device(self.device)

    def write(self, groups, threshold, progress=iter):
        """Writes the missing files of this process's share; returns the numbers of images done and of those kept."""
        rank, world = share()
        groups = groups[rank::world]
        jobs, done = [job for group in groups for job in group], 0
        clear_parts(path for job in jobs for path in (job.mask_path, job.cam_path, job.relations_path) if path)
        with closing(self._cams(groups, _wants_a_file)) as cams, Finisher(self._threads) as finisher:
            for job in progress(jobs):
                wanted, image, cam = next(cams)
                if wanted:
                    finisher.submit(self._finish, job, image, cam, threshold)
                    done += 1
        return done, len(jobs) - done

    def sweep(self, groups, gt_dir):
        """The ``Sweep`` of thresholds over ``groups``, refined, against the masks ID.png of ``gt_dir``.

        CAM files are read where they are there, and written where they are missing. Under torchrun each process counts
        its share; with other launchers each counts all.
        """
        truth = {job: existing(gt_dir, 'The ground truth folder') / f'{job.image_id}.png'
                 for group in groups for job in group}
        missing = [str(path) for path in truth.values() if not path.exists()]
        if missing:
            raise InputError(f'{len(missing)} of {len(truth)} images have no ground truth to choose a threshold by: '
                             f'{", ".join(missing[:5])}{", ..." if len(missing) > 5 else ""}.')
        thresholds = CRF_SWEEP if isinstance(self.refine, CRF) else SWEEP
        rank, world = share() if shares_sums() else (0, 1)
        alone = world == share()[1]

        def count(job, image, maps, classes):
            if alone and job.wants_cam:
                _write(write_cam, job.cam_path, maps, classes)
            return self._count(job, image, maps, classes, read_mask(truth[job]), thresholds)

        none = np.zeros((len(thresholds), len(self.classes), len(self.classes)), np.int64)
        total = sum(self.each(groups[rank::world], count), none)
        return Sweep(np.asarray(thresholds), summed(total) if world > 1 else total)

    def fill_gallery(self, groups):
        """Shows the refinement, an ``NROI``, the images of ``groups`` with their CAMs."""
        self.refine.remember(self.each(groups, lambda job, image, maps, classes: self.refine.look(
            image, maps, classes, self.device)), len(self.classes), self.device)

    def each(self, groups, function, progress=iter):
        """[``function(job, image, maps, classes)``, ...] of the images in order, called in threads behind the network.

        The maps are rounded as a CAM file rounds them; ``image`` is None unless it was read for another reason.
        """
        jobs, results = [job for group in groups for job in group], {}

        def keep(job, image, cam):
            results[job] = function(job, image, *_as_stored(cam))

        with closing(self._cams(groups, lambda job: True)) as cams, Finisher(self._threads) as finisher:
            for job in progress(jobs):
                finisher.submit(keep, job, *next(cams)[1:])
        return [results[job] for job in jobs]

    @property
    def _threads(self):
        return max(2, getattr(self.run, 'count', 0))  # one waits for each process

    def _cams(self, groups, wanted):
        """Yields (wanted, image, CAM) of each image; image and CAM are None where nobody needs them.

        Where one CAM of a group is to be made, all images of the group go through the network.
        """
        for group, todo, stored, images in read_ahead(groups, partial(self._read, wanted=wanted)):
            cams = stored
            if any(job not in stored for job in todo):
                self.model = self.model or self.load()
                with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
                    made = batch_cams(self.model, [images[job] for job in group], [job.labels for job in group],
                                      self.settings)
                cams = {**dict(zip(group, made, strict=True)), **stored}
            for job in group:
                yield job in todo, images.get(job), cams.get(job)

    def _read(self, group, wanted):
        todo = [job for job in group if wanted(job)]
        stored = {job: read_cam(job.cam_path) for job in todo if job.cam_path and job.cam_path.exists()}
        needed = group if len(stored) < len(todo) else todo if self.refine else ()
        images = {job: read_image(job.image_path) for job in needed}
        for job in stored.keys() & images.keys():
            (_, height, width), own = stored[job][0].shape, images[job].shape
            if (height, width) != own[:2]:
                raise InputError(f'The CAM file {job.cam_path} has {width} x {height} pixels, its image {own[1]} x '
                                 f'{own[0]}. Delete it and make it again.')
        return group, todo, stored, images

    def _finish(self, job, image, cam, threshold):
        maps, classes = _as_stored(cam)
        if job.wants_cam:
            _write(write_cam, job.cam_path, maps, classes)
        known = {}
        if job.wants_relations:
            known = dict(relations=self.refine.relations(image, self.device))
            _write(write_relations, job.relations_path, *(part.cpu() for part in known['relations']))
        if job.wants_mask:
            _write(write_mask, job.mask_path, self._mask(image, maps, classes, threshold, **known), self.palette)

    def _mask(self, image, maps, classes, threshold, **known):
        """The mask (H, W) of an image; threshold None: the background has the score that the refinement gives it."""
        if isinstance(self.refine, CRF):
            ways = [(self.refine, threshold)]
            if self.unsure_from is not None:
                ways.append((self.refine, self.unsure_from) if threshold is not None else
                            (replace(self.refine, alpha=self.unsure_from), None))
            masks = [self.run(refine.mask, image, maps, classes, cut, self.bg_index) for refine, cut in ways]
        else:
            refined = self._refined(image, maps, classes, **known)
            cuts = [0.5 if threshold is None else threshold, *([] if self.unsure_from is None else [self.unsure_from])]
            masks = [mask_from_cam(refined, classes, cut, self.bg_index) for cut in cuts]
        unsure = (masks[0] == self.bg_index) & (masks[-1] != self.bg_index)
        return np.where(unsure, self.ignore_index, masks[0]).astype(np.uint8)

    def _count(self, job, image, maps, classes, truth, thresholds):
        """Confusion (T, C, C) of an image at each threshold; raises InputError with its name."""
        try:
            if isinstance(self.refine, CRF):
                masks = (self.run(self.refine.mask, image, maps, classes, threshold, self.bg_index)
                         for threshold in thresholds)
                return np.stack([confusion(mask, truth, len(self.classes), self.ignore_index)[:, :-1]
                                 for mask in masks])
            refined = self._refined(image, maps, classes)
            return threshold_confusions(refined, classes, truth, thresholds, len(self.classes), self.bg_index,
                                        self.ignore_index)
        except InputError as error:
            raise InputError(f'{job.image_id}: {error}') from error

    def _refined(self, image, maps, classes, **known):
        if isinstance(self.refine, NROI):
            known['classes'] = classes
        return self.refine.refine(image, maps, self.device, **known) if self.refine else maps


def _wants_a_file(job):
    return job.wants_mask or job.wants_cam or job.wants_relations


def _as_stored(cam):
    """(maps (K, H, W) float32, classes) rounded as a CAM file rounds them, so that no mask depends on one."""
    maps, classes = cam
    if isinstance(maps, torch.Tensor):
        maps = maps.half().cpu().numpy()
    return maps.astype(np.float16).astype(np.float32), classes


def _write(write, path, *content):
    try:
        write(path, *content)
    except OSError as error:
        raise InputError(f'{path} cannot be written ({error.strerror or error}). Make room or choose another folder, '
                         'and run the same command again: files that are finished are kept.') from error
