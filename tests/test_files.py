import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from mmfbr import files, image_files
from mmfbr.files import InputError


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'result.txt'
    files.write_text(path, 'old')
    with pytest.raises(KeyboardInterrupt), files.atomic_path(path) as temporary:
        temporary.write_text('half')
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ['result.txt'] and path.read_text() == 'old'


def test_the_new_file_appears_whole_with_the_usual_rights_and_its_folder(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'result.txt'
    with files.atomic_path(path) as temporary:
        temporary.write_text('whole')
        assert temporary.parent == path.parent and not path.exists()
    (tmp_path / 'plain').write_text('')
    assert path.read_text() == 'whole' and os.listdir(path.parent) == ['result.txt']
    assert path.stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_leftovers_of_the_named_files_go_and_no_others(tmp_path):
    for name in ('.a.json.abcd1234.part', '.b.json.abcd1234.part', '.a.json', 'a.json.part', 'a.json'):
        (tmp_path / name).touch()
    files.clear_parts([tmp_path / 'a.json', tmp_path / 'nowhere' / 'a.json'])
    assert sorted(os.listdir(tmp_path)) == ['.a.json', '.b.json.abcd1234.part', 'a.json', 'a.json.part']


def test_files_move_over_older_ones_and_their_folder_goes(tmp_path):
    for name, text in (('new/a/1.txt', 'new'), ('new/2.txt', 'new'), ('out/2.txt', 'old'), ('out/3.txt', 'old')):
        files.write_text(tmp_path / name, text)
    files.move_files(tmp_path / 'new', tmp_path / 'out')
    assert os.listdir(tmp_path) == ['out']
    found = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob('*.txt')}
    assert found == {'out/a/1.txt': 'new', 'out/2.txt': 'new', 'out/3.txt': 'old'}


def test_json_round_trip_and_errors(tmp_path):
    files.write_json(tmp_path / 'a.json', {'ä': [1, None]})
    assert files.read_json(tmp_path / 'a.json', 'The file') == {'ä': [1, None]}
    (tmp_path / 'b.json').write_text('{')
    with pytest.raises(InputError, match='The file .*b.json is not valid JSON'):
        files.read_json(tmp_path / 'b.json', 'The file')
    with pytest.raises(InputError, match='The file .*c.json does not exist'):
        files.read_json(tmp_path / 'c.json', 'The file')


def test_lines(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes('a\r\n\n  ü b \n'.encode())
    assert files.read_lines(path, 'The list') == ['a', 'ü b']
    for content in (b'', b' \n\n', b'\xff\xfe\x00'):
        path.write_bytes(content)
        with pytest.raises(InputError, match='The list .*list.txt is'):
            files.read_lines(path, 'The list')


@pytest.mark.parametrize('values', [[[0, 1], [20, 255]], [[0]]])
def test_mask_round_trip(tmp_path, values):
    image_files.write_mask(tmp_path / 'm.png', np.array(values), image_files.voc_palette())
    mask = image_files.read_mask(tmp_path / 'm.png')
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, values)
    with Image.open(tmp_path / 'm.png') as image:
        assert image.mode == 'P' and image.getpalette()[3:6] == [128, 0, 0]


def test_values_beyond_a_short_palette_are_kept(tmp_path):
    mask = np.array([[0, 1, 255], [2, 4, 15]], np.uint8)
    for colours in (2, 4, 5, 16):
        image_files.write_mask(tmp_path / 'a.png', mask, image_files.voc_palette()[:colours])
        np.testing.assert_array_equal(image_files.read_mask(tmp_path / 'a.png'), mask)


def test_relations_round_trip(tmp_path):
    boundary, field = np.linspace(0, 1, 12).reshape(1, 3, 4), np.linspace(-9, 9, 24).reshape(2, 3, 4)
    image_files.write_relations(tmp_path / 'a.npz', boundary, field)
    for found, given in zip(image_files.read_relations(tmp_path / 'a.npz'), (boundary, field), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, given.astype(np.float16))
    image_files.write_cam(tmp_path / 'b.npz', field, [1, 2])
    with pytest.raises(InputError, match='file of relations .*b.npz cannot be read'):
        image_files.read_relations(tmp_path / 'b.npz')


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'I;16', '1'])
def test_masks_of_another_mode_are_refused(tmp_path, mode):
    Image.new(mode, (3, 2)).save(tmp_path / 'm.png')
    with pytest.raises(InputError, match=f'm.png has mode {mode}'):
        image_files.read_mask(tmp_path / 'm.png')


def test_images_become_rgb(tmp_path):
    Image.new('L', (3, 2), 7).save(tmp_path / 'grey.png')
    np.testing.assert_array_equal(image_files.read_image(tmp_path / 'grey.png'), np.full((2, 3, 3), 7))


@pytest.mark.parametrize('read', [image_files.read_image, image_files.read_mask, image_files.read_cam])
def test_missing_empty_and_garbage_files_are_named(tmp_path, read):
    with pytest.raises(InputError, match='x does not exist.$'):
        read(tmp_path / 'x')
    for content in (b'', b'garbage', b'PK\x03\x04' + bytes(40), b'\x89PNG\r\n\x1a\n' + bytes(40)):
        (tmp_path / 'x').write_bytes(content)
        with pytest.raises(InputError, match=f'{tmp_path}/x cannot be'):
            read(tmp_path / 'x')


def test_cut_images_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).save(tmp_path / 'm.png')
    whole = (tmp_path / 'm.png').read_bytes()
    for length in range(0, len(whole) - 20, 101):
        (tmp_path / 'm.png').write_bytes(whole[:length])
        for read in (image_files.read_image, image_files.read_mask):
            with pytest.raises(InputError):
                read(tmp_path / 'm.png')


@pytest.mark.parametrize('num_maps', [0, 1, 3])
def test_cam_round_trip(tmp_path, num_maps):
    cam = np.random.default_rng(0).random((num_maps, 5, 7))
    image_files.write_cam(tmp_path / 'c.npz', cam, range(1, num_maps + 1))
    read, classes = image_files.read_cam(tmp_path / 'c.npz')
    assert read.dtype == np.float32 and classes.dtype == np.int64
    np.testing.assert_array_equal(read, cam.astype(np.float16))
    np.testing.assert_array_equal(classes, range(1, num_maps + 1))


def test_damaged_cam_files_are_refused_or_read_right(tmp_path):
    """Cut at, or with a bit flipped in, any second byte: an InputError, or the content that was written."""
    path = tmp_path / 'c.npz'
    cam = np.random.default_rng(0).random((2, 6, 6)).astype(np.float16)
    image_files.write_cam(path, cam, [3, 1])
    whole = path.read_bytes()
    for position in range(0, len(whole), 2):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        for damaged in (whole[:position], bytes(flipped)):
            path.write_bytes(damaged)
            try:
                read, classes = image_files.read_cam(path)
            except InputError:
                continue
            np.testing.assert_array_equal(read, cam)
            np.testing.assert_array_equal(classes, [3, 1])


def archive(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize('content', [
    archive(cam=np.zeros((1, 2, 2))),
    archive(cam=np.zeros((2, 2)), classes=np.zeros(2)),
    archive(cam=np.zeros((2, 2, 2)), classes=np.zeros(3)),
    archive(cam=np.zeros((2, 2, 2)), classes=np.zeros((2, 1))),
    archive(cam=np.array([['a']]), classes=np.zeros(1)),
    archive(cam=np.array([None]), classes=np.zeros(1)),
    npy(np.zeros((1, 2, 2))),
])
def test_cam_files_of_another_content_are_refused(tmp_path, content):
    (tmp_path / 'c.npz').write_bytes(content)
    with pytest.raises(InputError, match='c.npz cannot be read .*make it again'):
        image_files.read_cam(tmp_path / 'c.npz')


def test_a_pickle_in_a_cam_file_is_never_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'harm'),)

    path = tmp_path / 'c.npz'
    with zipfile.ZipFile(path, 'w') as stream:
        for name in ('cam', 'classes'):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.array([Harm()]), allow_pickle=True)
            stream.writestr(f'{name}.npy', content.getvalue())
    with pytest.raises(InputError):
        image_files.read_cam(path)
    assert not (tmp_path / 'harm').exists()


def test_voc_palette():
    palette = image_files.voc_palette()
    assert len(set(palette)) == 256
    assert [palette[i] for i in (0, 1, 15, 20, 255)] == [(0, 0, 0), (128, 0, 0), (192, 128, 128), (0, 64, 128),
                                                        (224, 224, 192)]


def test_images_are_turned_as_their_exif_says(tmp_path):
    image = Image.new('RGB', (8, 4))
    exif = image.getexif()
    exif[0x0112] = 6  # orientation: a quarter turn
    image.save(tmp_path / 'a.jpg', exif=exif)
    assert image_files.read_image(tmp_path / 'a.jpg').shape == (8, 4, 3)
