"""Label sources: what each format says, images without an object, and a sentence for everything that cannot be used."""
import json

import pytest

from mmfbr.datasets import read_labels
from mmfbr.files import InputError

IDS = ['a', 'b', 'c']
LABELS = {'a': ['cow'], 'b': [], 'c': ['boat', 'traffic light']}


def voc_xml(folder, labels=LABELS):
    folder.mkdir()
    for image, names in labels.items():
        objects = ''.join(f'<object><name> {name}\n</name><part><name>head</name></part></object>' for name in names)
        (folder / f'{image}.xml').write_text(f'<annotation>{objects}</annotation>')
    return folder


def coco(path, **changes):
    content = dict(
        categories=[dict(id=7, name='cow'), dict(id=90, name='boat'), dict(id=3, name='traffic light')],
        images=[dict(id=number, file_name=f'train/{image}.jpg') for number, image in enumerate(IDS)],
        annotations=[dict(image_id=image, category_id=name) for image, name in ((0, 7), (2, 3), (2, 90), (2, 3))])
    path.write_text(json.dumps({**content, **changes}))
    return path


def written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(('source', 'write'), [
    ('voc_xml', lambda folder: voc_xml(folder / 'Annotations')),
    ('file', lambda folder: written(folder / 'labels.json', json.dumps(LABELS))),
    ('file', lambda folder: written(folder / 'labels.txt', 'a, cow\n\nb\nc,boat ,traffic light\n')),
    ('coco', lambda folder: coco(folder / 'instances.json')),
], ids=['voc_xml', 'json', 'commas', 'coco'])
def test_every_source_gives_the_same_labels(tmp_path, source, write):
    path = write(tmp_path)
    assert read_labels(source, path, IDS) == LABELS
    assert list(read_labels(source, str(path), ['c', 'b'])) == ['c', 'b']


def test_words_of_a_text_file_are_separated_by_spaces(tmp_path):
    path = written(tmp_path / 'labels.txt', ' a cow\tboat \nb\nc  boat\n')
    assert read_labels('file', path, IDS) == {'a': ['cow', 'boat'], 'b': [], 'c': ['boat']}


def test_an_object_that_occurs_twice_in_an_xml_is_one_label_for_its_reader(tmp_path):
    path = voc_xml(tmp_path / 'xml', {'a': ['cow', 'cow']})
    assert set(read_labels('voc_xml', path, ['a'])['a']) == {'cow'}


def test_unknown_source_names_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="source 'yolo' is unknown; use one of 'voc_xml', 'file', 'coco'"):
        read_labels('yolo', tmp_path, IDS)


@pytest.mark.parametrize(('source', 'name', 'sentence'), [
    ('voc_xml', 'Annotations', 'The folder of VOC annotations .*Annotations does not exist'),
    ('file', 'labels.json', 'The labels file .*labels.json does not exist'),
    ('file', 'labels.txt', 'The labels file .*labels.txt does not exist'),
    ('coco', 'instances.json', 'The COCO annotation file .*instances.json does not exist'),
])
def test_missing_file_is_named(tmp_path, source, name, sentence):
    with pytest.raises(InputError, match=sentence):
        read_labels(source, tmp_path / name, IDS)


@pytest.mark.parametrize(('source', 'write'), [
    ('voc_xml', lambda folder: voc_xml(folder / 'xml', {'a': ['cow']})),
    ('file', lambda folder: written(folder / 'labels.json', '{"a": ["cow"]}')),
    ('file', lambda folder: written(folder / 'labels.txt', 'a cow\n')),
    ('coco', lambda folder: coco(folder / 'one.json', images=[dict(id=0, file_name='a.jpg')], annotations=[])),
], ids=['voc_xml', 'json', 'text', 'coco'])
def test_images_without_an_entry_are_counted_and_named(tmp_path, source, write):
    with pytest.raises(InputError, match='has no labels for 2 of 3 images: b, c. Label them'):
        read_labels(source, write(tmp_path), IDS)


def test_a_long_list_of_unlabelled_images_is_cut(tmp_path):
    path = written(tmp_path / 'labels.txt', 'a\n')
    with pytest.raises(InputError, match=r'for 12 of 12 images: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\.\. Label'):
        read_labels('file', path, [str(number) for number in range(12)])


@pytest.mark.parametrize(('source', 'name', 'text', 'sentence'), [
    ('voc_xml', 'a.xml', '<annotation><object>', 'a.xml is not valid XML: no element found'),
    ('voc_xml', 'a.xml', '<?xml version="1.0" encoding="martian"?><annotation/>', 'a.xml is not valid XML'),
    ('file', 'labels.json', '{"a": ', 'labels.json is not valid JSON: Expecting value'),
    ('file', 'labels.json', '["a"]', 'labels.json must hold one object'),
    ('file', 'labels.json', '{"a": "cow"}', "must give image 'a' a list of class names; it gives 'cow'"),
    ('file', 'labels.json', '{"a": ["cow", 3]}', r"it gives \['cow', 3\]"),
    ('file', 'labels.txt', '\n \n', 'labels.txt is empty'),
    ('coco', 'coco.json', '{', 'coco.json is not valid JSON'),
    ('coco', 'coco.json', '{"images": []}', "coco.json is not a COCO annotation file: KeyError.'categories'"),
    ('coco', 'coco.json', '[1]', 'is not a COCO annotation file'),
    ('coco', 'coco.json', '{"categories": null, "images": [], "annotations": []}', 'is not a COCO annotation file'),
])
def test_malformed_file_is_named(tmp_path, source, name, text, sentence):
    path = written(tmp_path / name, text)
    with pytest.raises(InputError, match=sentence):
        read_labels(source, tmp_path if source == 'voc_xml' else path, ['a'])


@pytest.mark.parametrize(('changes', 'missing'), [
    (dict(annotations=[dict(image_id=9, category_id=7)]), '9'),
    (dict(annotations=[dict(image_id=0, category_id=1)]), '1'),
    (dict(images=[dict(id=0)]), "'file_name'"),
])
def test_coco_entry_that_refers_to_nothing_is_reported(tmp_path, changes, missing):
    with pytest.raises(InputError, match=rf'is not a COCO annotation file: KeyError\({missing}\)'):
        read_labels('coco', coco(tmp_path / 'coco.json', **changes), ['a'])


def test_text_that_is_not_utf8_is_reported(tmp_path):
    path = tmp_path / 'labels.txt'
    path.write_bytes(b'a caf\xe9\n')
    with pytest.raises(InputError, match='labels.txt is not a UTF-8 text file'):
        read_labels('file', path, ['a'])
