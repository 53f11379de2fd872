"""Files of arrays as MXNet writes them."""
import struct

import numpy as np

from mmfbr.engine.mxnet_params import KINDS, V2, V3

KIND_NUMBERS = {np.dtype(kind): number for number, kind in KINDS.items()}


def write_params(path, arrays, version=V2):
    """As ``mxnet.nd.save`` writes a dict of dense arrays; ``version`` None is the layout before versions."""
    out = [struct.pack('<QQQ', 0x112, 0, len(arrays))]
    for array in arrays.values():
        if version is not None:
            out.append(struct.pack('<I', version))
        if version in (V2, V3):
            out.append(struct.pack('<i', 0))
        shape = 'I' if version is None else 'q'
        out.append(struct.pack(f'<I{array.ndim}{shape}', array.ndim, *array.shape))
        out.append(struct.pack('<iii', 1, 0, KIND_NUMBERS[array.dtype]) + array.tobytes())
    out.append(struct.pack('<Q', len(arrays)))
    for name in arrays:
        out.append(struct.pack('<Q', len(name)) + name.encode())
    path.write_bytes(b''.join(out))
    return path
