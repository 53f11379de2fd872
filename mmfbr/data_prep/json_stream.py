"""Reads a large JSON object piece by piece: COCO's annotations take gigabytes once they are all Python objects."""
import codecs
import json

from mmfbr.files import InputError

CHUNK = 1 << 20
END_OF_NUMBER = tuple(' \t\r\n,]}')
LONGEST = 1 << 26  # characters of one piece; whatever has more is taken for damaged


def stream_json(stream, what):
    """Yields (key, element) for each element of the arrays of a JSON object, (key, value) for its other values.

    Args:
        stream: binary, UTF-8.
        what (str): its name in messages.

    Raises:
        InputError: it is no JSON object, or ends early.
    """
    text = _Text(codecs.getreader('utf-8')(stream))
    try:
        text.take('{')
        while text.next_is_not('}'):
            key = text.value()
            text.take(':')
            if text.peek() == '[':
                text.take('[')
                while text.next_is_not(']'):
                    yield key, text.value()
            else:
                yield key, text.value()
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError among them
        raise InputError(f'{what} is not a whole JSON object ({error}, about {text.passed >> 20} MB in). Fetch it '
                         'again.') from error


class _Text:

    def __init__(self, reader):
        self.reader, self.text, self.at, self.passed = reader, '', 0, 0
        self.decoder, self.first = json.JSONDecoder(), True

    def fill(self):
        """Drops what was read and takes in more; at the end it returns False and changes nothing."""
        # As much again as there is: a long piece is tried a few times, not once a chunk.
        more = ''.join(self.reader.read(CHUNK) for _ in range(1 + (len(self.text) - self.at) // CHUNK))
        if more:
            self.passed += self.at
            self.text, self.at = self.text[self.at:] + more, 0
        return bool(more)

    def peek(self):
        while True:
            while self.at < len(self.text) and self.text[self.at] in ' \t\r\n':
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.fill():
                raise ValueError('it ends early')

    def take(self, character):
        if self.peek() != character:
            raise ValueError(f'{character!r} expected, {self.text[self.at:self.at + 20]!r} found')
        self.at += 1
        self.first = character in '{['

    def next_is_not(self, closing):
        """True before another element, past its comma; False past ``closing``."""
        if self.peek() == closing:
            self.take(closing)
            return False
        if not self.first:
            self.take(',')
        return True

    def value(self):
        self.peek()
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError:
                if len(self.text) - self.at > LONGEST or not self.fill():
                    raise
                continue
            # Of a number that is cut, say 1.5e3, the beginning is a number too.
            if self.text[end:end + 1] not in END_OF_NUMBER and isinstance(value, (int, float)) and self.fill():
                continue
            self.at, self.first = end, False
            return value
