"""Reads MXNet's ``.params`` files without MXNet, and renames the published ResNet-38 weights for `ResNet38d`."""
import re
import struct

import numpy as np
import torch

from mmfbr.files import InputError, existing

LIST_MAGIC = 0x112
# How an array begins tells its version; before there were versions it began with its number of dimensions.
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
KINDS = {0: np.float32, 1: np.float64, 2: np.float16, 3: np.uint8, 4: np.int32, 5: np.int8, 6: np.int64}
NORM = {'gamma': 'weight', 'beta': 'bias', 'moving_mean': 'running_mean', 'moving_var': 'running_var'}


class _Reader:
    def __init__(self, content, path):
        self.content, self.position, self.path = memoryview(content), 0, path

    def take(self, size):
        part = self.content[self.position:self.position + size]
        if size < 0 or len(part) < size:
            raise InputError(f'The MXNet file {self.path} ends at byte {len(self.content)}, in the middle of an array. '
                             'Download it again.')
        self.position += size
        return part

    def numbers(self, kinds):
        """Little-endian numbers of the ``struct`` format ``kinds``."""
        return struct.unpack('<' + kinds, self.take(struct.calcsize('<' + kinds)))


def read_params(path):
    """{name: numpy array} of a file written by ``mxnet.nd.save``; names keep their 'arg:' or 'aux:'.

    The layout is that of MXNet's ``src/ndarray/ndarray.cc``: a list of arrays, then a list of their names. Dense arrays
    of every version are read.

    Raises:
        InputError: when the file is missing, truncated, of another kind, or holds sparse arrays.
    """
    reader = _Reader(existing(path, 'The MXNet file').read_bytes(), path)
    if len(reader.content) < 24 or reader.numbers('QQ')[0] != LIST_MAGIC:
        raise InputError(f'{path} is not an MXNet .params file: it does not begin as one.')
    arrays = [_array(reader) for _ in range(reader.numbers('Q')[0])]
    names = [str(reader.take(reader.numbers('Q')[0]), 'utf-8', 'replace') for _ in range(reader.numbers('Q')[0])]
    if len(names) != len(arrays):
        raise InputError(f'The MXNet file {path} holds {len(arrays)} arrays and {len(names)} names; a file of network '
                         'weights has one name for each.')
    return dict(zip(names, arrays, strict=True))


def _array(reader):
    version, = reader.numbers('I')
    if version in (V2, V3) and reader.numbers('i')[0] not in (0, -1):
        raise InputError(f'The MXNet file {reader.path} holds a sparse array, which is not read. Save it dense.')
    ndim, size = (reader.numbers('I')[0], 'q') if version in (V1, V2, V3) else (version, 'I')
    if ndim > 32:
        raise InputError(f'The MXNet file {reader.path} is damaged: an array claims {ndim} dimensions.')
    shape = reader.numbers(f'{ndim}{size}')
    if not ndim and version != V3:
        return np.zeros(0, np.float32)  # an array that was never filled: nothing follows
    _, _, kind = reader.numbers('iii')  # the device's kind and number, then the type
    if kind not in KINDS or any(length < 0 for length in shape):
        raise InputError(f'The MXNet file {reader.path} is damaged: type {kind}, shape {shape}.')
    kind = np.dtype(KINDS[kind]).newbyteorder('<')
    count = int(np.prod(shape, dtype=object))
    return np.frombuffer(reader.take(count * kind.itemsize), kind).reshape(shape).copy()


def resnet38d_state(params, path='The file'):
    """State dict of ``ResNet38d`` from {name: array} of the ImageNet model A1; its classifier is left out.

    ``path``: what errors call the file.

    Raises:
        InputError: for a name that belongs to another network.
    """
    state = {}
    for name, array in params.items():
        key = _key(name.partition(':')[2] or name, path)
        if key is not None:
            state[key] = torch.from_numpy(array.astype(np.float32))
    return state


def _key(name, path):
    if name.startswith('linear1000'):
        return None
    if name == 'conv1a_weight':
        return 'conv1a.weight'
    found = re.fullmatch(r'bn7_(\w+)', name)
    if found and found[1] in NORM:
        return f'bn7.{NORM[found[1]]}'
    # res2a and bn2a are of a stage's first block, res2b1 and bn2b1 of the next.
    found = re.fullmatch(r'(res|bn)(\d)(?:a|b(\d+))_(branch\w+?)_(weight|gamma|beta|moving_mean|moving_var)', name)
    if not found or (found[1] == 'res') != (found[5] == 'weight'):
        raise InputError(f'{path} holds another network: its array {name!r} is none of ResNet-38 (model A1).')
    kind, stage, block, branch, entry = found.groups()
    module = f'b{stage}' + (f'_{block}' if block else '')
    return f'{module}.{"conv" if kind == "res" else "bn"}_{branch}.{NORM.get(entry, entry)}'
