"""Files come whole, once, without touching what they are linked to; one run at a time."""
import os

import pytest
from official_archives import jpeg, png, write_folder

from mmfbr.data_prep.checks import check_image, check_mask
from mmfbr.data_prep.place import few, is_placed, link_file, place, workplace
from mmfbr.data_prep.sources import Source
from mmfbr.files import InputError


@pytest.fixture
def member(tmp_path):
    write_folder(tmp_path / 'kit', {'a.txt': b'content'})
    os.chmod(tmp_path / 'kit' / 'a.txt', 0o440)
    return next(Source(tmp_path, 'kit').members(lambda name: True))


@pytest.mark.parametrize('link', ['hard', 'symlink', 'copy'])
def test_place_links_or_copies_once(member, tmp_path, link):
    target = tmp_path / 'out' / 'deep' / 'a.txt'
    assert place(member, target, link)
    assert target.read_bytes() == b'content' and [path.name for path in target.parent.iterdir()] == ['a.txt']
    assert target.is_symlink() == (link == 'symlink')
    assert (target.stat().st_ino == member.path.stat().st_ino) == (link != 'copy')
    assert member.path.stat().st_mode & 0o777 == 0o440  # the source's permissions are its own
    assert not place(member, target, link)
    assert is_placed(member.path, target)


def test_a_half_file_is_replaced(member, tmp_path):
    target = tmp_path / 'a.txt'
    target.write_text('con')
    assert place(member, target) and target.read_bytes() == b'content'


def test_a_copy_where_links_cannot_be_made(member, tmp_path, monkeypatch):

    def refuse(*args):
        raise OSError(18, 'Invalid cross-device link')

    monkeypatch.setattr(os, 'link', refuse)
    place(member, tmp_path / 'a.txt')
    assert (tmp_path / 'a.txt').read_bytes() == b'content'
    assert (tmp_path / 'a.txt').stat().st_ino != member.path.stat().st_ino


def test_a_file_that_fails_its_check_does_not_appear(member, tmp_path):

    def check(data, what):
        raise InputError(f'{what}: {data.decode()}')

    with pytest.raises(InputError, match='kit/a.txt: content'):
        place(member, tmp_path / 'out' / 'a.txt', check=check)
    assert not (tmp_path / 'out').exists()
    with pytest.raises(InputError, match='kit/a.txt: content'):
        place(member, member.path, check=check)  # in place, it is checked all the same


def test_a_source_that_changed_is_not_placed(tmp_path):
    source, target = tmp_path / 'a', tmp_path / 'b'
    source.write_text('one')
    assert not is_placed(source, target)
    link_file(source, target, 'copy')
    assert is_placed(source, target)
    source.write_text('two')
    os.utime(source, ns=(1, 1))
    assert not is_placed(source, target)


def test_one_run_at_a_time_and_no_leftovers(tmp_path):
    out = tmp_path / 'out'
    with workplace(out, 'voc12', ['masks']):
        (out / 'masks').mkdir()
        (out / 'masks' / '.a.png.abcd1234.part').touch()
        (out / 'masks' / 'mine.part').touch()
        with pytest.raises(InputError, match='Another run of prepare_data.py is at work'), workplace(out, 'voc12', []):
            pass
    with workplace(out, 'voc12', ['masks']):
        assert [path.name for path in (out / 'masks').iterdir()] == ['mine.part']


def test_folders_of_others_are_refused(tmp_path):
    write_folder(tmp_path / 'out', {'masks/a.png': b''})
    with (pytest.raises(InputError, match='masks holds files that were not made here'),
          workplace(tmp_path / 'out', 'voc12', ['masks'])):
        pass
    with workplace(tmp_path / 'new', 'coco14', []):
        pass
    with pytest.raises(InputError, match="holds the data set 'coco14'"), workplace(tmp_path / 'new', 'voc12', []):
        pass
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='is a file'), workplace(tmp_path / 'file', 'voc12', []):
        pass


def test_check_image_tells_the_upright_size_and_what_is_damaged(tmp_path):
    data = jpeg((40, 24))
    assert check_image(data, 'x') == (40, 24)
    for broken in (data[:len(data) // 2], data[:100], b'', b'no image'):
        with pytest.raises(InputError, match='The image x.jpg cannot be decoded'):
            check_image(broken, 'x.jpg')
    assert check_image(png([[0, 1, 2]]), 'x') == (3, 1)


def test_check_image_reads_the_orientation(tmp_path):
    from PIL import Image
    image = Image.new('RGB', (40, 24))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / 'a.jpg', exif=exif)
    assert check_image((tmp_path / 'a.jpg').read_bytes(), 'a') == (24, 40)


@pytest.mark.parametrize(('data', 'sentence'), [
    (png([[0, 1]], 'RGB'), 'The mask m.png has mode RGB; class indices need a palette'),
    (png([[0, 1]])[:40], 'The mask m.png cannot be decoded'),
    (png([[0, 4]]), 'has the values 4; class indices go from 0 to 3, and 255 is ignored'),
    (png([[0], [1]]), 'has 1 x 2 pixels, its image 2 x 1'),
])
def test_check_mask_names_the_fault(data, sentence):
    assert check_mask(png([[3, 255]], 'L'), 'm.png', 4, (2, 1)).tolist() == [[3, 255]]
    with pytest.raises(InputError, match=sentence):
        check_mask(data, 'm.png', 4, (2, 1))


def test_few():
    assert few('abc') == 'a, b, c' and few('abcdefg') == 'a, b, c, d, e and 2 more'
