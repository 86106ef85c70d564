#!/usr/bin/env python3
"""Verifies an audit log of JSON lines with Python's standard library alone.

Usage: verify_log.py FILE --vkey TEXT --checkpoint FILE...
Written after docs/formats.md and sharing no code with the library, so that one checks the other. Leaves with 0
if every record follows the one before it and every checkpoint is met and signed; else prints the first fault and
leaves with 1. The key is the log's first: it follows the log from key to key."""
import base64, datetime, functools, hashlib, json, re, sys

MAX_INTEGER, MAX_BYTES, MAX_DEPTH, MAX_MEMBERS = 2**53 - 1, 65535, 16, 4096
TOKEN, FIELD = re.compile(r'[!#-\[\]-~]{1,256}'), re.compile(r'[@$a-z_][a-z0-9_.-]*')
CAUSE = re.compile(r'{"leaf":"sha-256:[0-9a-f]{64}","seq":[0-9]+,"stream":"[!#-*,-\[\]-~]{1,200}"}')
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', re.ASCII)

def need(condition, fault):
    if not condition:
        raise ValueError(fault)

def integer(text):
    need(text != '-0' and abs(int(text)) <= MAX_INTEGER, f'number {text}')
    return int(text)

def members(pairs):
    need(len(dict(pairs)) == len(pairs) <= MAX_MEMBERS, 'a key stands twice, or too many keys')
    return dict(pairs)

def canonical(value, depth=0):
    if isinstance(value, str):
        need('\0' not in value, 'NUL')
        return json.dumps(value, ensure_ascii=False)
    need(depth < MAX_DEPTH or not isinstance(value, (dict, list)), 'nested too deep')
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode('utf-16-be'))
        return '{' + ','.join(canonical(n) + ':' + canonical(value[n], depth + 1) for n in names) + '}'
    if isinstance(value, list):
        return '[' + ','.join(canonical(item, depth + 1) for item in value) + ']'
    return json.dumps(value)

def read(line):
    record = json.loads(line.decode('utf-8'), object_pairs_hook=members, parse_int=integer,
                        parse_float=integer, parse_constant=integer)
    need(len(text := canonical(record).encode('utf-8')) <= MAX_BYTES, 'too many bytes')
    return record, text

def sha256(*parts):
    return hashlib.sha256(b''.join(parts)).digest()

def check(record, stream, seq, prev):
    need(isinstance(record, dict) and record.get('!fmt') == 'countersign/record/1', 'format')
    need(record.get('stream') == stream and type(record.get('seq')) is int and record['seq'] == seq, 'place')
    need(record.get('prev') == prev.hex(), 'does not follow the record before it')
    need((record.get('event') == 'stream.opened') == (seq == 0), 'opening')
    need(isinstance(record.get('at'), str) and TIME.fullmatch(record['at']), 'at')
    datetime.datetime.strptime(record['at'].replace('0000-', '2000-', 1), '%Y-%m-%dT%H:%M:%S.%fZ')
    for name in {'event', 'id'} | {'key', 'review'} & set(record):
        need(isinstance(record.get(name), str) and TOKEN.fullmatch(record[name]), name)
    need('cause' not in record or CAUSE.fullmatch(canonical(c := record['cause'])) and c['stream'] != stream, 'cause')
    need(all(name == '!fmt' or FIELD.fullmatch(name) for name in record), 'name of a field')

def root(peaks):
    return functools.reduce(lambda right, left: sha256(b'\1', left, right), reversed(peaks)) if peaks else sha256()

# Ed25519 (RFC 8032), with affine points: slow and short
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def add(a, b):
    (x, y), (u, v) = a, b
    k = D * x * u * y * v
    return (x * v + y * u) * pow(1 + k, -1, P) % P, (y * v + x * u) * pow(1 - k, -1, P) % P

def times(number, point):
    result = (0, 1)
    while number:
        result = add(result, point) if number & 1 else result
        point, number = add(point, point), number >> 1
    return result

def point(data):
    y, sign = int.from_bytes(data, 'little') & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and x * x % P == square and not (x == 0 and sign), 'not a point')
    need(times(8, (x, y)) != (0, 1), 'point of small order')
    return x if x & 1 == sign else P - x, y

def signed(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], 'little')
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), 'little') % L
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, 'little'))
    return len(signature) == 64 and s < L and times(s, base) == add(point(r), times(h, point(key)))

def verifier(text):
    stream, key_id, key = text.split('+', 2)
    key, expected = base64.b64decode(key, validate=True), sha256(stream.encode(), b'\n', base64.b64decode(key))[:4]
    need(key[:1] == b'\1' and key_id == expected.hex(), 'verifier key')
    return stream, (expected, key[1:])

def checkpoint(note, stream):
    text, _, lines = note.rpartition('\n\n')
    origin, size, root_hash, *more = text.split('\n')
    need(origin == stream and re.fullmatch(r'0|[1-9][0-9]*', size, re.ASCII), 'malformed checkpoint')
    found = [base64.b64decode(line.split(' ')[2], validate=True) for line in lines.splitlines()
             if line.startswith(f'— {stream} ')]
    says = lambda key: [signed(key[1], (text + '\n').encode(), data[4:]) for data in found if data[:4] == key[0]]
    return int(size), base64.b64decode(root_hash, validate=True), says, more

def rotate(terms, note, stream, seq, tree):
    size, known, says, [more] = checkpoint(note, stream)
    name, new = verifier(more.removeprefix('countersign/rotation/v1 '))
    fits = more.startswith('countersign/rotation/v1 ') and name == stream and size <= seq
    need(fits and (size < seq or known == tree) and says(new) and all(says(new)), 'malformed rotation')
    named = [term for term in terms if says(term[0])]
    need(named in ([], terms[-1:]) and all(all(says(key)) and size > above for key, above in named), 'no key in charge')
    terms.extend((new, size) for _ in named)

def main(path, options):
    [(stream, key)] = [verifier(value) for name, value in options if name == '--vkey']
    kept = [open(value, encoding='utf-8').read() for name, value in options if name == '--checkpoint']
    kept = sorted((checkpoint(note, stream) for note in kept), key=lambda note: note[:2])
    need(kept, 'no checkpoint: the log could have been rewritten as a whole')
    terms, peaks, seq, closed, prev = [(key, -1)], [], 0, False, sha256(b'countersign/genesis/v1\0', stream.encode())
    need(all(note[0] or note[1] == root([]) for note in kept), 'log differs at 0 records')
    for line in open(path, 'rb'):
        try:
            record, text = read(line)
            check(record, stream, seq, prev)
            need(not closed, 'comes after the record that closed the stream')
            if record['event'] == 'key.rotated':
                rotate(terms, record['note'], stream, seq, root(peaks))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as fault:
            raise ValueError(f'record {seq}: {fault}') from None
        prev = peak = sha256(b'\0', text)
        bits, seq, closed = seq, seq + 1, record['event'] == 'stream.closed'
        while bits & 1:
            peak, bits = sha256(b'\1', peaks.pop(), peak), bits >> 1
        peaks.append(peak)
        need(all(note[0] != seq or note[1] == root(peaks) for note in kept), f'log differs at {seq} records')
    for size, _, says, _ in kept:
        [key] = [key for (key, above), (_, until) in zip(terms, terms[1:] + [(None, 2**64)]) if above < size <= until]
        need(says(key) and all(all(says(other)) for other, _ in terms), f'checkpoint of {size} is not signed')
    need(seq >= kept[-1][0], f'log has {seq} records, a checkpoint has {kept[-1][0]}')
    print(f'sound: {seq} records, {seq - kept[-1][0]} of them not covered by a checkpoint')

if __name__ == '__main__':
    try:
        main(sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2])))
    except (ValueError, LookupError, OSError) as fault:
        sys.exit(f'not sound: {fault}')
