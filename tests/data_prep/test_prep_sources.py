"""Sources give the same files from an archive as from the folder it unpacks to, and name what is damaged or missing."""
import gzip

import pytest
from official_archives import write_folder, write_tar, write_zip

from mmfbr.data_prep.sources import Source, find_source
from mmfbr.files import InputError

FILES = {'list.txt': b'a\nb\n', 'img/a.jpg': bytes(range(256)) * 40, 'img/deep/b.jpg': b'', 'img/._a.jpg': b'mac'}


def read(source, wanted=lambda name: True):
    return {member.name: member.read() for member in source.members(wanted)}


@pytest.fixture(params=['a.tar', 'a.tgz', 'a.zip', 'folder', 'kit', 'inner'])
def source(request, tmp_path):
    if request.param.endswith('.zip'):
        path = write_zip(tmp_path / 'a.zip', FILES, 'kit/data')
    elif '.' in request.param:
        path = write_tar(tmp_path / request.param, FILES, './kit/data')
    else:
        write_folder(tmp_path / 'kit' / 'data', FILES)
        path = dict(folder=tmp_path, kit=tmp_path / 'kit', inner=tmp_path / 'kit' / 'data')[request.param]
    return Source(path, 'kit/data', 'img')


def test_members_of_every_kind(source):
    assert read(source) == {name: data for name, data in FILES.items() if '._' not in name}
    assert [*read(source, lambda name: name.endswith('.txt'))] == ['list.txt']


def test_what_lies_beside_the_anchor_is_passed_over(tmp_path):
    files = {'other/x.txt': b'1', 'kit/data/y.txt': b'2'}
    path = write_tar(tmp_path / 'a.tar', files, 'top')
    assert read(Source(path, 'kit/data')) == {'y.txt': b'2'}


def test_a_source_has_checksums_where_its_format_has(tmp_path):
    for name in ('a.tar', 'a.tgz'):  # that of gzip comes after all files
        assert not Source(write_tar(tmp_path / name, FILES, 'kit'), 'kit').has_checksums
    assert Source(write_zip(tmp_path / 'a.zip', FILES, 'kit'), 'kit').has_checksums
    assert not Source(write_folder(tmp_path / 'kit', FILES), 'kit').has_checksums


@pytest.mark.parametrize(('name', 'left'), [('a.tar', 0.6), ('a.tar', 0.0), ('a.tgz', 0.6), ('a.tgz', 0.02),
                                            ('a.tgz', 0.99), ('a.zip', 0.6)])
def test_truncated_archive_is_named(tmp_path, name, left):
    noise = {f'{index}.jpg': bytes((index * 7 + k * k) % 256 for k in range(9000)) for index in range(5)}
    path = (write_zip if name.endswith('zip') else write_tar)(tmp_path / name, noise, 'kit')
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size * left)])
    with pytest.raises(InputError, match=rf'{name} .*the download is incomplete or damaged'):
        read(Source(path, 'kit'))


def test_flipped_bits_in_a_gzip_are_noticed(tmp_path):
    path = write_tar(tmp_path / 'a.tgz', {'x': bytes(5000)}, 'kit')
    data = gzip.decompress(path.read_bytes())
    packed = bytearray(gzip.compress(data, 0))
    packed[2000] ^= 1
    path.write_bytes(packed)
    with pytest.raises(InputError, match='a.tgz'):
        read(Source(path, 'kit'))


def test_a_text_file_is_no_archive(tmp_path):
    (tmp_path / 'a.tar').write_text('<html>Not found</html>')
    with pytest.raises(InputError, match='a.tar is no archive'):
        Source(tmp_path / 'a.tar', 'kit')


def test_a_folder_without_the_marker_is_refused(tmp_path):
    with pytest.raises(InputError, match='holds no kit/data/img: it is not the folder'):
        Source(tmp_path, 'kit/data', 'img')


def test_find_source_takes_the_given_the_unpacked_and_the_archive_in_this_order(tmp_path):

    def found(given=None):
        return find_source(given, '--kit', tmp_path, 'kit.tar', 'kit/data', 'img', 'the kit page (1 GB)').path

    with pytest.raises(InputError, match=r'holds neither kit.tar nor, unpacked, kit/data/img. kit.tar is the kit page '
                                         r'\(1 GB\). Put it there \(--source\), or say where it is with --kit.'):
        found()
    archive = write_tar(tmp_path / 'kit.tar', FILES, 'kit/data')
    assert found() == archive
    write_folder(tmp_path / 'kit' / 'data', FILES)
    assert found() == tmp_path
    elsewhere = write_tar(tmp_path / 'else' / 'where.tar', FILES, 'kit/data')
    assert found(elsewhere) == elsewhere
    with pytest.raises(InputError, match='nowhere does not exist'):
        found(tmp_path / 'nowhere')
