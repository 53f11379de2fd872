"""`CAMSegmentor`: an mmseg segmentor that is trained from image-level labels."""
from mmengine.structures import LabelData
from mmseg.models import EncoderDecoder


class CAMSegmentor(EncoderDecoder):
    """``EncoderDecoder`` with a ``CAMHead``: same keys, same inference calls; predictions also carry image-level
    scores.

    ``predict`` adds ``pred_label.score`` (C,) to each sample, what ``ImageLabelMetric`` validates.
    """

    def predict(self, inputs, data_samples=None):
        """As in ``EncoderDecoder``, plus ``pred_label``."""
        # One pass serves both: the head is asked again for the scores, which costs a pooling.
        features = self.extract_feat(inputs)
        metas = [sample.metainfo for sample in data_samples] if data_samples is not None else [
            dict(ori_shape=inputs.shape[2:], img_shape=inputs.shape[2:])] * len(inputs)
        results = self.postprocess_result(self.decode_head.predict(features, metas, self.test_cfg), data_samples)
        for sample, score in zip(results, self.decode_head.image_scores(features), strict=True):
            sample.pred_label = LabelData(score=score)
        return results
