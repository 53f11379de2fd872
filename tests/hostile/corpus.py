"""Damaged and hostile copies of a good file: named bytes, the same each time.

Families of like copies are thinned to every ninth, unless MMFBR_FUZZ is ``full``.
"""
import io
import json
import os
import random
import struct
import tarfile
import zipfile
import zlib
from itertools import islice

import numpy as np

FULL = os.environ.get('MMFBR_FUZZ') == 'full'
BOMB = 'bomb: '  # how the names of those begin that must be refused
HUGE = (1 << 32) - (1 << 21)
WRONG = (None, True, -1, 0, 3, 1e300, float('nan'), 10 ** 40, 10 ** 400, 3_000_000_000, '', 'x', '../../x', '/x',
         'nul\0', 'two\nlines', '\ud800', '{{ x }}', 'ä' * 3000, [], [[]], [None], {},
         dict(size=[4, 4], counts='x' * 50))


def few(family):
    return family if FULL else islice(family, 0, None, 9)


def damaged(content, flips=40):
    """(name, bytes) of what may happen to any file: cut, overwritten, another file in its place."""
    yield 'empty', b''
    yield from few((f'cut at {part} of 18', content[:len(content) * part // 18]) for part in range(1, 18))
    yield 'cut by a byte', content[:-1]
    yield 'only its first byte', content[:1]
    yield 'with more behind it', content + b'\0' * 512
    yield 'zeros', bytes(len(content))
    yield 'noise', random.Random(1).randbytes(len(content))
    yield 'a page instead', b'<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>\n'
    yield 'with a byte order mark', b'\xef\xbb\xbf' + content
    yield 'in UTF-16', content.decode('latin-1').encode('utf-16')
    yield from few(_holes(content))
    yield from few(_flipped(content, flips))


def _holes(content, parts=9):
    for part in range(parts):
        start = len(content) * part // parts
        hole = min(64, len(content) - start)
        yield f'a hole at {part} of {parts}', content[:start] + bytes(hole) + content[start + hole:]


def _flipped(content, flips):
    chance = random.Random(0)
    for number in range(flips * (10 if FULL else 1)):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 1, 4, 30))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        yield f'bytes changed, {number}', bytes(changed)


def damaged_json(content):
    """Those of ``damaged``, and for each place in the document: the entry gone, or another value there."""
    yield from damaged(content)
    yield 'endless brackets', b'[' * 200_000
    yield 'endless objects', b'{"a":' * 100_000
    yield 'a number of a million digits', b'{"a": ' + b'9' * 1_000_000 + b'}'
    document = json.loads(content)
    values = (*WRONG, [1], [dict()], dict(images=[], categories=[], annotations=[]))
    yield from few((f'all of it {value!r:.20}', _dumped(value)) for value in values)
    yield from few(_changed_places(document))


def _changed_places(document):
    for path in sorted(_places(document), key=repr):
        yield f'without {path}', _dumped(_changed_at(document, path, gone=True))
        for value in WRONG:
            yield f'{value!r:.20} at {path}', _dumped(_changed_at(document, path, value))


def _dumped(value):
    return json.dumps(value).encode()


def _places(document, at=()):
    """Paths of keys and positions to all values; of a list its first two entries and its last."""
    if isinstance(document, dict):
        entries = list(document.items())
    elif isinstance(document, list):
        shown = sorted({*range(min(2, len(document))), len(document) - 1} - {-1})
        entries = [(index, document[index]) for index in shown]
    else:
        return
    for key, value in entries:
        yield (*at, key)
        yield from _places(value, (*at, key))


def _changed_at(document, path, value=None, gone=False):
    copy = json.loads(json.dumps(document))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    if gone:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copy


def damaged_png(content):
    """Those of ``damaged``, and headers that claim what does not follow, with right check sums."""
    yield from damaged(content)
    width, height, *rest = struct.unpack('>IIBBBBB', content[16:29])
    for name, header in {'no width': (0, height, *rest), 'no height': (width, 0, *rest),
                         'of 13 000 x 13 000': (13_000, 13_000, *rest), 'of 50 000 x 50 000': (50_000, 50_000, *rest),
                         'of 2^31 - 1 columns': (2**31 - 1, height, *rest),
                         'one row too many': (width, height + 1, *rest), 'of 16 bits': (width, height, 16, *rest[1:]),
                         'of colour type 7': (width, height, rest[0], 7, *rest[2:]),
                         'interlaced': (width, height, *rest[:-1], 1)}.items():
        yield name, content[:8] + _chunk(b'IHDR', struct.pack('>IIBBBBB', *header)) + content[33:]
    zeros = b'\x78\x9c' + _packed(b'', HUGE)
    yield f'{BOMB}a comment of 4 GB', content[:33] + _chunk(b'zTXt', b'Comment\0\0' + zeros) + content[33:]
    header = struct.pack('>IIBBBBB', 60_000, 60_000, 8, 0, 0, 0, 0)
    parts = _chunk(b'IHDR', header) + _chunk(b'IDAT', zeros) + _chunk(b'IEND', b'')
    yield f'{BOMB}3.6 billion pixels', content[:8] + parts


def _chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def damaged_jpeg(content):
    """Those of ``damaged``, other sizes in the header, and files of other kinds under the name."""
    yield from damaged(content)
    at = content.index(b'\xff\xc0') + 5
    for name, size in {'no height': (0, 24), 'no width': (16, 0), 'of 65 535 x 65 535': (65_535, 65_535),
                       'of 13 000 x 13 000': (13_000, 13_000), 'one row too many': (17, 24)}.items():
        yield name, content[:at] + struct.pack('>HH', *size) + content[at + 4:]
    yield 'a PostScript program', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 24 16\n(x) (w) file\n%%EOF\n'
    yield 'an SVG', b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"><rect/></svg>'
    yield 'a TIFF of 2^31 rows', (b'II*\0\x08\0\0\0\x03\0' + b''.join(
        struct.pack('<HHII', tag, 4, 1, value) for tag, value in ((256, 24), (257, 2**31), (262, 1))) + bytes(4))
    header = struct.pack('<IHHIIiiHH', 80, 0, 0, 54, 40, 60_000, 60_000, 1, 24)
    yield 'a BMP of 60 000 x 60 000', b'BM' + header + bytes(40)


def damaged_xml(content):
    yield from damaged(content)
    entities = b''.join(b'<!ENTITY l%d "%s">' % (level, b'&l%d;' % (level - 1) * 10) for level in range(1, 10))
    for name, declared, used in (('a billion laughs', b'<!ENTITY l0 "lol">' + entities, b'&l9;'),
                                 ('a file of the machine', b'<!ENTITY f SYSTEM "file:///etc/passwd">', b'&f;')):
        yield name, (b'<!DOCTYPE a [' + declared + b']><annotation><object><name>' + used +
                     b'</name></object></annotation>')
    yield 'endless elements', b'<a>' * 200_000
    for old, new in ((b'5', b'nan'), (b'12', b'inf'), (b'14.0', b''), (b'name', b'nom'), (b'cow', b'../../x')):
        yield f'{new} in the place of {old}', content.replace(old, new)


def damaged_table(content):
    yield from damaged(content)
    text = content.decode()
    first, _, rest = text.partition('\n')
    for name, changed in {
            'no line but the first': first, 'the first line twice': f'{first}\n{text}', 'only commas': ',,,\n' * 3,
            'an open quotation mark': f'{first}\n"{rest}', 'no ids': f'{first}\n,cow\n',
            'a cell of a million characters': f'{text}b,{"x" * 1_000_000}\n', 'NUL in an id': f'{first}\na\0b,cow\n',
            'an id that leads out': f'{first}\n../../x,cow\n', 'an absolute id': f'{first}\n/etc/passwd,cow\n',
            'lines ended by carriage returns': text.replace('\n', '\r'),
            'braces in a label': f'{first}\na,{{{{ x }}}}\nb,\n',
            'ten thousand columns': ','.join(f'c{n}' for n in range(10_000)) + '\n' + rest}.items():
        yield name, changed.encode()


def damaged_cam(content):
    """Those of ``damaged``, arrays that are no CAM, and archives that unpack to more than they are."""
    yield from damaged(content, flips=200)
    one = np.ones((1, 16, 24))
    for name, arrays in dict(
            strings=dict(cam=np.array(['x']), classes=np.array(['y'])),
            complex=dict(cam=one.astype(complex), classes=[1]),
            nan=dict(cam=one * np.nan, classes=[1]), negative=dict(cam=-one, classes=[1]),
            flat=dict(cam=np.ones(3), classes=[1]), twice=dict(cam=one.repeat(2, 0), classes=[1, 1]),
            other_class=dict(cam=one, classes=[9])).items():
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        yield name, stream.getvalue()
    for name, cam in {'4 GB of zeros': (_npy('<f2', (1, 1 << 15, 65_504)), HUGE),
                      'a header that claims 8 TB': (_npy('<f8', (1, 1 << 20, 1 << 20)), 100)}.items():
        yield f'{BOMB}{name}', _zip({'cam.npy': cam, 'classes.npy': (_npy('<i8', (1, )), 8)})


def _npy(kind, shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, dict(descr=kind, fortran_order=False, shape=shape))
    return stream.getvalue()


def damaged_mat(content):
    """Those of ``damaged``, and a mask that unpacks to 4 GB under the name that is asked for."""
    yield from damaged(content, flips=200)
    name = b'GTinst' if b'GTinst' in zlib.decompress(content[136:]) else b'GTcls'
    # A matrix of bytes: its class, its size, its name, its bytes; each behind its kind and length.
    start = struct.pack('<II 4I 4I II8s II', 14, HUGE + 56, 6, 8, 9, 0, 5, 8, 1 << 16, HUGE >> 16, 1, len(name), name,
                        2, HUGE)
    packed = b'\x78\x9c' + _packed(start, HUGE)
    yield f'{BOMB}4 GB of zeros', content[:128] + struct.pack('<II', 15, len(packed)) + packed


def damaged_zip(content):
    """Those of ``damaged``, a file of 4 GB of zeros, and files that claim to be larger than they are."""
    yield from damaged(content, flips=200)
    yield f'{BOMB}4 GB of zeros', _zip({'kit/data/x.txt': (b'', HUGE)})
    for claim in (HUGE, 200_000_000):
        yield f'{BOMB}a claim of {claim} bytes', content.replace(struct.pack('<I', 3000), struct.pack('<I', claim))


def damaged_tar(content, packed):
    """Those of ``damaged``, and members that claim 4 GB, or unpack to them where the archive is ``packed``."""
    yield from damaged(content, flips=200)
    for what, kind in dict(file=tarfile.REGTYPE, name=tarfile.GNUTYPE_LONGNAME, attributes=tarfile.XHDTYPE).items():
        info = tarfile.TarInfo('kit/data/x.txt')
        info.type, info.size = kind, HUGE
        header = info.tobuf(tarfile.GNU_FORMAT)
        bomb = b'\x1f\x8b\x08' + bytes(6) + b'\xff' + _packed(header, HUGE) if packed else header + bytes(2048)
        yield f'{BOMB}{what} of 4 GB', bomb


def damaged_checkpoint(content):
    """Those of ``damaged``, and the same records compressed, the tensors being 4 GB of zeros."""
    yield from damaged(content, flips=300)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = {name: (archive.read(name), 0) for name in archive.namelist()}
    yield f'{BOMB}compressed records', _zip({name: (start, HUGE if '/data/' in name else 0)
                                            for name, (start, _) in records.items()})


def _packed(start, zeros):
    """A deflate stream of ``start`` and that many zeros, a megabyte of them compressed once."""
    packer = zlib.compressobj(wbits=-15)
    begin = packer.compress(start + bytes(zeros % (1 << 20))) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + block * (zeros >> 20) + packer.flush()


def _zip(members):
    """A zip archive of {name: (start, number of zeros behind it)}; its check sums are wrong, and not come to."""
    files, directory = b'', b''
    for name, (start, zeros) in members.items():
        data, name = _packed(start, zeros), name.encode()
        fields = struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 33, zlib.crc32(start), len(data), len(start) + zeros,
                             len(name), 0)
        directory += b'PK\1\2\x14\0' + fields + struct.pack('<HHHII', 0, 0, 0, 0, len(files)) + name
        files += b'PK\3\4' + fields + name + data
    end = struct.pack('<HHHHIIH', 0, 0, len(members), len(members), len(directory), len(files), 0)
    return files + directory + b'PK\5\6' + end
