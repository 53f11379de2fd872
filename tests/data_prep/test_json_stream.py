"""The streamed pieces are those of the whole object, wherever the pieces of text are cut."""
import io
import json

import pytest

from mmfbr.data_prep import json_stream
from mmfbr.data_prep.json_stream import stream_json
from mmfbr.files import InputError

CONTENT = {'info': {'year': 2014, 'unit': 'µm [,]}"'}, 'images': [{'id': 1}, {'id': 22}, 333, -4.5e-30, 'x', [], None],
           'none': [], 'yes': True, 'count': 12345, 'last': [{'a': [[1.5, 2], []]}]}


def expected(content):
    for key, value in content.items():
        yield from ((key, item) for item in value) if isinstance(value, list) else [(key, value)]


@pytest.mark.parametrize('chunk', [1, 2, 3, 7, 50, 10_000])
@pytest.mark.parametrize('indent', [None, 1])
def test_pieces_are_those_of_the_whole(monkeypatch, chunk, indent):
    monkeypatch.setattr(json_stream, 'CHUNK', chunk)
    text = json.dumps(CONTENT, indent=indent, ensure_ascii=False).encode()
    assert list(stream_json(io.BytesIO(text), 'x')) == list(expected(CONTENT))
    assert list(stream_json(io.BytesIO(b' { } '), 'x')) == []


def test_no_more_than_a_piece_is_read_ahead(monkeypatch):
    monkeypatch.setattr(json_stream, 'CHUNK', 100)
    stream = io.BytesIO(json.dumps({'a': list(range(10_000))}).encode())
    pieces = stream_json(stream, 'x')
    next(pieces)
    assert stream.tell() < 10_000


@pytest.mark.parametrize('text', [b'', b'[1]', b'{"a": [1, 2', b'{"a": [1 2]}', b'{"a" 1}', b'{"a": [1,]}',
                                  b'{"a": tru}', b'{"a": [1]', b'{"a": ["\xff"]}', b'{"a": [1.]}'])
def test_damaged_text_is_refused(text):
    with pytest.raises(InputError, match='instances.json is not a whole JSON object'):
        list(stream_json(io.BytesIO(text), 'instances.json'))
