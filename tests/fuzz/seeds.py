#!/usr/bin/env python3
"""Writes the fuzz seeds that are made by hand: tests/fuzz/corpus/TARGET/NAME, from the hexadecimal below.

What libFuzzer found worth keeping lies beside them under the name of its digest; this script leaves it alone.
"""
import gzip
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, '..', '..', 'proto', 'PROTOCOL.md')


def worked_bytes():
    """PROTOCOL.md's worked bytes, by name."""
    with open(PAGE, encoding='utf-8') as page:
        lines = page.read().split('## Worked bytes')[1].split('```')[1].splitlines()
    found = {}
    for line in lines:
        match = re.match(r'(\w[\w ]*?)\s{2,}([0-9a-f |]+)$', line)
        if match:
            found[match.group(1).replace(' ', '-')] = match.group(2).replace('|', ' ')
    return found


def frame(kind, flags, stream, meta='', body=''):
    meta, body = bytes.fromhex(meta), bytes.fromhex(body)
    head = (len(meta) + len(body)).to_bytes(4, 'big') + bytes([kind, flags])
    return (head + len(meta).to_bytes(2, 'big') + stream.to_bytes(4, 'big') + meta + body).hex()


def conversations(page):
    """Streams of frames."""
    start = page['preface'] + page['hello']
    return {
        **page,
        'nothing': '',
        'unary-call': start + page['call-path-and-id'] + page['call-id-only'],
        'unary-answer': start + page['end-ok'] + page['end-not-found'],
        'fragments': start + frame(2, 1, 1, '10 01', '0a 04 61') + frame(3, 1, 1, '', '62') + frame(3, 4, 1, '', '63 64'),
        'control': start + page['ping'] + page['credit-connection'] + frame(7, 0, 5, '', '00 00 ff ff') + page['cancel'],
        'drain': start + page['goaway-drain'] + page['goaway-ack'] + frame(9, 1, 0, '08 05 10 0d 1a 03 62 79 65 20 0a'),
        'ignorable': start + frame(0x80, 0xff, 0, '01 02', '03') + page['ping'],
        'head-and-end': start + frame(4, 0, 1, '0a 06 0a 01 61 12 01 62 10 01') + frame(3, 0, 1, '', '0a 00')
                        + frame(5, 8, 1, '08 0e 12 02 c3 a9 1a 03 0a 01 78 22 06 0a 01 61 12 01 31 28 02 30 64 3a 02 10 01 40 07'),
        'two-versions': '8e 52 50 43 01 03 00 00',
        'bad-version': '8e 52 50 43 00 00 00 00',
        'cut-header': start + '00 00 00 05 02',
        'too-long': '00 01 00 01 03 00 00 00 00 00 00 01',
    }


METAS = {
    'meta-hello-full': '08 80 80 40 10 05 18 a8 46 20 e8 07 28 80 80 10 30 ff ff ff ff 0f 38 80 02 42 03 00 01 1f 48 0a 52 05 78 2f 30 2e 31'
                       ' 5a 05 70 72 6b 5f 31 60 ff ff ff ff ff ff ff ff ff 01 6a 03 6e c3 b6 70 4d 78 05',
    'meta-hello-codecs-unpacked': '40 00 40 01 42 02 02 03',
    'meta-call-full': '0a 04 2f 61 2f 62 10 07 18 90 a1 0f 22 19' + '30' * 25 + '2a 03 61 3d 62 32 11 0a 0d 78 2d 70 72 69 73 6d 2d 61 63 74 6f 72 12 00'
                      ' 38 01 42 01 68 48 02 50 01 58 00 60 03',
    'meta-call-scattered': '32 06 0a 01 61 12 01 31 38 00 32 06 12 01 32 0a 01 62 98 06 05 10 01',
    'meta-end-details': '08 09 1a 00 1a 03 61 62 63 1a 01 ff',
    'meta-unknown-fields': '98 06 ff 01 99 06 01 02 03 04 05 06 07 08 9a 06 01 61 9d 06 01 02 03 04 10 01',
    'meta-group': '10 01 9b 06 9c 06',
    'meta-twice': '10 01 10 01',
    'meta-bad-key': '10 01 32 06 0a 01 41 12 01 31',
}

# The first byte chooses the type (message.c): 0 Shapes, 1 Deep, 2 Tree, 3 Wide, 4 Wants, 5 Empty, 6 EndMeta, 7 FileDescriptorProto.
MESSAGES = {
    'empty': '05',
    'empty-with-unknown-fields': '95 1b 00 00 20 60 00 00 00 62',
    'numbers': '00 08 01 10 02 1d 01 02 03 04 20 05 28 06 31 01 02 03 04 05 06 07 08 38 07 45 01 02 03 04 48 09 51 01 02 03 04 05 06 07 08',
    'more-numbers': '00 5d 00 00 80 3f 61 00 00 00 00 00 00 f0 3f 68 01 70 02 08 ff ff ff ff ff ff ff ff ff 01',
    'texts': '00 7a 09 c3 a9 e2 82 ac f0 9f 98 80 82 01 02 ff 00 8a 01 07 0a 01 61 12 02 01 02',
    'packed': '00 aa 01 03 01 02 03 b2 01 02 01 80 01 ba 01 04 01 02 03 04 d2 01 08 01 02 03 04 05 06 07 08 8a 02 03 00 01 01 92 02 02 01 07',
    'unpacked': '00 a8 01 01 a8 01 02 bd 01 01 02 03 04 88 02 01 b0 02 01 b8 02 00',
    'lists': '00 9a 02 01 61 9a 02 00 a2 02 01 ff aa 02 03 0a 01 61 aa 02 00',
    'oneof': '00 c8 02 05 d2 02 01 61 da 02 01 ff e2 02 03 0a 01 61 e8 02 01',
    'maps': '00 9a 03 05 0a 01 61 10 07 9a 03 00 a2 03 07 08 05 12 03 0a 01 62',
    'unknown-fields': '00 98 a6 06 01 9a a6 06 03 61 62 63 99 a6 06 01 02 03 04 05 06 07 08 9d a6 06 01 02 03 04',
    'deep': '01 1a 07 12 05 0a 03 0a 01 61',
    'tree': '02 0a 06 0a 04 0a 02 0a 00 0a 00',
    'wide': '03 1a 02 01 02 88 1a 05 8a 1a 01 05',
    'required-missing': '04 10 05',
    'required-given': '04 0a 01 61 10 05 1a 01 62',
    'end-meta': '06 08 0e 12 02 c3 a9 1a 03 0a 01 78 22 06 0a 01 61 12 01 31 28 02 30 64 3a 02 10 01 40 07',
    'descriptor': '07 0a 07 61 2e 70 72 6f 74 6f 12 01 70 22 17 0a 01 4d 12 12 0a 01 66 18 01 20 01 28 09 72 01 66 42 04 08 01 a8 06 01'
                  ' 62 06 70 72 6f 74 6f 33',
    'bad-utf8': '00 7a 02 c0 80',
    'bad-nul': '00 7a 03 61 00 62',
    'bad-twice': '00 8a 01 00 8a 01 00',
    'bad-group': '00 0b 0c',
    'bad-wire-type': '00 0d 01 02 03 04',
    'bad-packed-bool': '00 8a 02 02 81 00',
    'bad-length': '00 7a ff ff ff ff ff ff ff ff ff 01',
    'bad-tag': '00 88 80 80 80 80 00 01',
}

# One text for each format of rules.h, good and bad.
FORMATS = {
    'uuid': '018f3a5c-1b2d-7e4f-8a9b-0c1d2e3f4a5b',
    'slug': 'pg-bouncer-2',
    'story-key': 'PGB-701',
    'e-mail': 'first.last@example.org',
    'json-object': '{"a": [1, -2.5e+3, true, null], "\\u00e9\\ud83d\\ude00": {"b": "\\n"}}',
    'json-bad': '{"a":"\\u0000"}',
    'decimal': '12.50',
    'date': '2024-02-29',
    'date-bad': '2023-02-29',
    'color': '#aAbB09',
}


def texts():
    for name, text in FORMATS.items():
        data = text.encode()
        yield 'format-' + name, '00 9a 02' + bytes([len(data)]).hex() + data.hex()


ECHO = b'/prism.test.v1.EchoService/'


def call(stream, flags, method, body='', number=0):
    path = ECHO + method
    meta = '0a' + bytes([len(path)]).hex() + path.hex() + ('10' + bytes([number]).hex() if number else '')
    return frame(2, flags, stream, meta, body)


# What a client says after its greeting (session.c); the first byte: in pieces of so many bytes.
SESSIONS = {
    'unary': '00' + call(1, 4, b'Echo', '0a 02 68 69', 1) + frame(2, 4, 3, '10 01', '0a 01 78'),
    'in-pieces': '03' + call(1, 4, b'Echo', '0a 02 68 69'),
    'parts': '00' + call(1, 1, b'Echo', '0a 04 61') + frame(3, 1, 1, '', '62') + frame(3, 4, 1, '', '63 64'),
    'client-streaming': '00' + call(1, 8, b'Collect') + frame(3, 0, 1, '', '0a 01 61') * 3 + frame(3, 12, 1),
    'slow-handler': '00' + call(1, 8, b'Dawdle') + frame(3, 0, 1, '', '0a 01 ff') + frame(3, 0, 1, '', '0a 01 61'),
    'bidirectional': '00' + call(1, 8, b'Chat') + frame(3, 0, 1, '', '0a 01 61') + frame(3, 12, 1),
    'server-streaming': '00' + call(1, 4, b'Expand', '08 03 10 05'),
    'blocked-by-credit': '00' + call(1, 4, b'Expand', '08 05 10 a0 9c 01') + frame(7, 0, 1, '', '00 01 00 00') + frame(7, 0, 0, '', '00 01 00 00'),
    'cancel': '00' + call(1, 4, b'Wait', '08 e0 d4 03') + frame(6, 0, 1, '08 01') + frame(3, 0, 1, '', '61'),
    'fail': '00' + call(1, 4, b'Fail', '08 05 12 02 6e 6f 20 02'),
    'unknown-and-missing': '00' + call(1, 4, b'No') + call(3, 4, b'Missing') + call(5, 4, b'Allocate', '08 80 80 80 40'),
    'size': '00' + call(1, 4, b'Small', '0a 80 08' + '78' * 1024),
    'deadline': '00' + frame(2, 4, 1, '0a 1f' + (ECHO + b'Wait').hex() + '18 01', '08 64'),
    'ping': '00' + frame(8, 0, 0, '', '31 32 33 34 35 36 37 38') * 5,
    'goaway': '00' + call(1, 8, b'Chat') + frame(9, 0, 0, '10 00') + frame(3, 12, 1),
    'fault': '00' + call(1, 8, b'Chat') + frame(5, 8, 1),
    'own-greeting': '81 8e 52 50 43 01 05 00 00' + frame(1, 0, 0, '08 80 80 40 28 ff ff ff ff 07 5a 01 78') + call(1, 4, b'Echo'),
    'http': '80' + b'GET / HTTP/1.1'.hex(),
}


# The same over HTTP/2.
def h2(kind, flags, stream, payload=b''):
    return (len(payload).to_bytes(3, 'big') + bytes([kind, flags]) + stream.to_bytes(4, 'big') + payload).hex()


def h2_request(stream, method, content=b'application/grpc', more=()):
    block = b''
    for name, value in ((b':method', b'POST'), (b':scheme', b'http'), (b':path', ECHO + method), (b':authority', b'x'),
                        (b'content-type', content), *more):
        block += b'\x40' + bytes([len(name)]) + name + bytes([len(value)]) + value
    return h2(1, 4, stream, block)


def h2_data(flags, stream, message, compressed=0):
    return h2(0, flags, stream, bytes([compressed]) + len(message).to_bytes(4, 'big') + message)


H2 = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'.hex() + h2(4, 0, 0)
GZIP = ((b'grpc-encoding', b'gzip'), (b'grpc-accept-encoding', b'gzip'))
SESSIONS |= {
    'http2-unary': '80' + H2 + h2_request(1, b'Echo') + h2_data(1, 1, b'\x0a\x02hi'),
    'http2-in-pieces': '83' + H2 + h2_request(1, b'Echo') + h2_data(1, 1, b'\x0a\x02hi'),
    'http2-parts': '80' + H2 + h2_request(1, b'Echo') + h2(0, 0, 1, b'\0\0\0\0\4\x0a') + h2(0, 1, 1, b'\x02hi'),
    'http2-metadata': '80' + H2 + h2_request(1, b'Echo', more=(
        (b'grpc-timeout', b'1S'), (b'a-bin', b'AAEC,/w'), (b'traceparent', b'00-' + b'1' * 32 + b'-' + b'2' * 16 + b'-01'))),
    'http2-gzip': '80' + H2 + h2_request(1, b'Echo', more=GZIP) + h2_data(1, 1, gzip.compress(b'\x0a\x02hi', mtime=0), 1),
    'http2-chat': '80' + H2 + h2_request(1, b'Chat') + h2_data(0, 1, b'\x0a\x01a') * 3 + h2(0, 1, 1),
    'http2-windows': '80' + H2 + h2(4, 0, 0, b'\0\4\0\0\0\0') + h2_request(1, b'Expand') + h2_data(1, 1, b'\x08\x05\x10\xa0\x9c\x01')
                     + h2(8, 0, 1, b'\0\0\0\x40') + h2(8, 0, 1, b'\0\x01\0\0'),
    'http2-cancel': '80' + H2 + h2_request(1, b'Wait') + h2_data(1, 1, b'\x08\xe0\xd4\x03') + h2(3, 0, 1, b'\0\0\0\x08'),
    'http2-fail': '80' + H2 + h2_request(1, b'Fail') + h2_data(1, 1, b'\x08\x05\x12\x02no\x20\x02'),
    'http2-json': '80' + H2 + h2_request(1, b'Echo', b'application/json') + h2(0, 1, 1, b'{"data": "aGk="}'),
    'http2-json-fail': '80' + H2 + h2_request(1, b'Fail', b'application/json') + h2(0, 1, 1, b'{"code": 5, "details": 1}'),
    'http2-json-gzip': '80' + H2 + h2_request(1, b'Echo', b'application/json', ((b'content-encoding', b'gzip'), (b'accept-encoding', b'gzip')))
                       + h2(0, 1, 1, gzip.compress(b'{}', mtime=0)),
    'http2-web': '80' + H2 + h2_request(1, b'Expand', b'application/grpc-web+proto') + h2_data(1, 1, b'\x08\x02\x10\x05'),
    'http2-connect': '80' + H2 + h2_request(1, b'Chat', b'application/connect+proto') + h2_data(0, 1, b'\x0a\x01a') * 2 + h2(0, 1, 1),
    'http2-connect-json': '80' + H2 + h2_request(1, b'Chat', b'application/connect+json') + h2_data(0, 1, b'{"data": "aGk="}') * 2 + h2(0, 1, 1),
    'http2-connect-fail': '80' + H2 + h2_request(1, b'Fail', b'application/connect+json') + h2_data(1, 1, b'{"code": 5, "message": "no", "details": 1}'),
    'http2-connect-gzip': '80' + H2 + h2_request(1, b'Chat', b'application/connect+json', (
        (b'connect-content-encoding', b'gzip'), (b'connect-accept-encoding', b'gzip'))) + h2_data(1, 1, gzip.compress(b'{}', mtime=0), 1),
    'http2-early-json': '80' + H2 + h2_request(1, b'Nope', b'application/json') + h2(0, 0, 1, b'{'),
    'http2-trailers': '80' + H2 + h2_request(1, b'Echo') + h2_data(0, 1, b'') + h2(1, 5, 1, b'\x40\x01a\x01b'),
    'http2-control': '80' + H2 + h2(6, 0, 0, b'12345678') + h2(2, 0, 1, b'\0\0\0\0\1') + h2(7, 0, 0, b'\0\0\0\0\0\0\0\0') + h2(99, 0, 0),
}


# What a server says to the calls of answers.c (streams 1 to 7, a ping with number 0); the first byte as there.
NOTE = b'\x0a\x01a'


def h2_fields(flags, stream, *fields):
    return h2(1, flags | 4, stream, b''.join(b'\0' + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields))


def h2_answer(stream, *messages, status=b'0', more=()):
    return h2_fields(0, stream, (b':status', b'200'), (b'content-type', b'application/grpc')) + ''.join(
        h2_data(0, stream, message) for message in messages) + h2_fields(1, stream, (b'grpc-status', status), *more)


H2_START = h2(4, 0, 0, b'\0\3\0\0\0\x64') + h2(4, 1, 0)
NATIVE_START = '8e 52 50 43 01 01 00 00' + frame(1, 0, 0, '10 80 80 80 02')
ANSWERS = {
    'unary': '00' + NATIVE_START + frame(5, 0, 1, '', NOTE.hex()) + frame(5, 8, 3, '08 05 12 02 6e 6f'),
    'streams': '05' + NATIVE_START + frame(3, 1, 3, '', '0a') + frame(3, 0, 3, '', '01 61') + frame(5, 8, 3) + frame(5, 0, 5, '', NOTE.hex())
               + frame(3, 0, 7, '', NOTE.hex()) + frame(7, 0, 7, '', '00 00 10 00') + frame(5, 8, 7, '08 0e 28 01'),
    'control': '00' + NATIVE_START + frame(8, 1, 0, '', '00' * 8) + frame(8, 0, 0, '', '01' * 8) + frame(9, 0, 0, '08 03 1a 01 78'),
    'grpc-unary': '80' + H2_START + h2_answer(1, NOTE) + h2_answer(3, status=b'5', more=((b'grpc-message', b'n%C3%B6'),)),
    'grpc-streams': '83' + H2_START + h2_answer(3, NOTE, b'', NOTE) + h2_answer(7, NOTE, status=b'14', more=(
        (b'prism-outcome', b'not-executed'), (b'grpc-retry-pushback-ms', b'5'), (b'grpc-status-details-bin', b'CAMSAm5v'))),
    'grpc-parts': '80' + H2_START + h2_fields(0, 1, (b':status', b'103')) + h2_fields(0, 1, (b':status', b'200'), (b'content-type', b'application/grpc'))
                  + h2(0, 0, 1, b'\0\0\0\0\3\x0a') + h2(0, 0, 1, b'\x01a') + h2_fields(1, 1, (b'grpc-status', b'0')),
    'grpc-http': '80' + H2_START + h2_fields(0, 1, (b':status', b'503'), (b'content-type', b'text/html')) + h2(0, 1, 1, b'<p>'),
    'grpc-resets': '80' + H2_START + h2(3, 0, 1, b'\0\0\0\7') + h2(3, 0, 3, b'\0\0\0\x08') + h2(0, 1, 5),
    'grpc-goaway': '80' + H2_START + h2(7, 0, 0, b'\0\0\0\3\0\0\0\x0btoo_many_pings') + h2_answer(1, NOTE),
    'grpc-control': '80' + H2_START + h2(6, 1, 0, b'\0' * 8) + h2(6, 0, 0, b'12345678') + h2(8, 0, 0, b'\0\0\1\0') + h2(8, 0, 5, b'\0\0\1\0'),
    'metadata': '00' + NATIVE_START + frame(4, 0, 1, '0a 06 0a 01 6b 12 01 76') + frame(5, 0, 1, '22 06 0a 01 6b 12 01 76', NOTE.hex())
                + frame(5, 8, 3, '3a 08 0a 06 0a 01 6b 12 01 76'),
    'grpc-metadata': '80' + H2_START + h2_fields(0, 1, (b':status', b'200'), (b'content-type', b'application/grpc'), (b'k', b'v'), (b'k-bin', b'AA,/w'))
                     + h2_data(0, 1, NOTE) + h2_fields(1, 1, (b'grpc-status', b'0'), (b'k', b''), (b'k-bin', b'?')),
    'grpc-gzip': '83' + H2_START + h2_fields(0, 3, (b':status', b'200'), (b'content-type', b'application/grpc'), (b'grpc-encoding', b'gzip'))
                 + h2_data(0, 3, gzip.compress(NOTE, mtime=0), 1) + h2_data(0, 3, NOTE) + h2_data(0, 3, b'no', 1),
    'grpc-compressed': '80' + H2_START + h2_fields(0, 1, (b':status', b'200'), (b'content-type', b'application/grpc')) + h2_data(0, 1, NOTE, 1),
    'grpc-not-http2': '80' + b'HTTP/1.1 400 Bad Request\r\n\r\n'.hex(),
}


# A FileDescriptorProto behind a message of its types (schema.c).
def part(number, value):
    if isinstance(value, int):
        return bytes([number << 3, value])
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + (bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])) + data


def member(name, number, kind, of='', label=1, more=b''):
    return part(2, part(1, name) + part(3, number) + part(4, label) + part(5, kind) + (part(6, of) if of else b'') + more)


def described(message, *items, syntax='proto3'):
    method = part(1, 'Get') + part(2, '.a.M') + part(3, '.a.M')
    file = part(1, 'a.proto') + part(2, 'a') + b''.join(items) + part(6, part(1, 'S') + part(2, method)) + part(12, syntax)
    return (len(message).to_bytes(2, 'big') + message + file).hex()


def map_entry(key, value, of=''):
    return part(3, part(1, 'N') + member('key', 1, key) + member('value', 2, value, of) + part(7, part(7, 1)))


COLORS = part(5, part(1, 'E') + part(2, part(1, 'NONE') + part(2, 0)) + part(2, part(1, 'RED') + part(2, 7)))
SCHEMAS = {
    'scalars': described(b'\x08\x05\x12\x01a\x19' + b'\1' * 8, part(4, part(1, 'M') + member('i', 1, 5) + member('s', 2, 9) + member('d', 3, 1))),
    'lists': described(b'\x0a\x02\1\2\x12\x01a', part(4, part(1, 'M') + member('i', 1, 17, label=3) + member('s', 2, 9, label=3))),
    'itself': described(b'\x0a\x02\x10\x07', part(4, part(1, 'M') + member('m', 1, 11, '.a.M') + member('e', 2, 14, '.a.E')), COLORS),
    'oneof': described(b'\x08\5\x12\x01a\x1a\0', part(4, part(1, 'M') + b''.join(
        member(name, number, kind, of, more=part(9, 0)) for name, number, kind, of in (('i', 1, 5, ''), ('s', 2, 9, ''), ('m', 3, 11, '.a.M')))
        + part(8, part(1, 'one')))),
    'optional': described(b'\x08\0', part(4, part(1, 'M') + member('i', 1, 5, more=part(9, 0) + b'\x88\1\1') + part(8, part(1, '_i')))),
    'proto2': described(b'\x08\1\x12\x01a', part(4, part(1, 'M') + member('i', 1, 5) + member('s', 2, 12, label=2)), syntax='proto2'),
    'nested': described(b'\x0a\2\x08\1', part(4, part(1, 'M') + member('n', 1, 11, '.a.M.N') + part(3, part(1, 'N') + member('i', 1, 3)))),
    'well-known': described(b'\x0a\2\x08\1', part(4, part(1, 'M') + member('t', 1, 11, '.google.protobuf.Timestamp'))),
    'map': described(b'\x0a\5\x0a\1k\x10\1', part(4, part(1, 'M') + member('m', 1, 11, '.a.M.N', 3) + map_entry(9, 5))),
    'map-of-itself': described(b'\x0a\4\x08\1\x12\0\x0a\0', part(4, part(1, 'M') + member('m', 1, 11, '.a.M.N', 3) + map_entry(8, 11, '.a.M'))),
    'json-name': described(b'\x08\1', part(4, part(1, 'M') + member('i', 1, 5, more=part(10, '"\u00fc')))),
    'bad-type': described(b'', part(4, part(1, 'M') + member('m', 1, 11, '.a.No'))),
    'bad-group': described(b'', part(4, part(1, 'M') + member('m', 1, 10, '.a.M'))),
}


def write(target, seeds):
    folder = os.path.join(HERE, 'corpus', target)
    os.makedirs(folder, exist_ok=True)
    for name, text in seeds.items():
        with open(os.path.join(folder, name), 'wb') as seed:
            seed.write(bytes.fromhex(text))


if __name__ == '__main__':
    write('frame', {**conversations(worked_bytes()), **METAS})
    write('message', {**MESSAGES, **dict(texts())})
    write('session', SESSIONS)
    write('answers', ANSWERS)
    write('schema', SCHEMAS)
