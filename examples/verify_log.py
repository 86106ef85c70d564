#!/usr/bin/env python3
"""Verifies an audit log of JSON lines with Python's standard library alone.

Usage: verify_log.py FILE --vkey TEXT --checkpoint FILE...

Written after docs/formats.md and sharing no code with the library, so that one checks the other. Leaves
with 0 if every record follows the one before it and every checkpoint is met and signed; else prints the
first fault and leaves with 1.
"""
import base64, datetime, hashlib, json, re, sys

MAX_INTEGER, MAX_BYTES, MAX_DEPTH, MAX_MEMBERS = 2**53 - 1, 65535, 16, 4096
TOKEN = re.compile(r'[!#-\[\]-~]{1,256}')
FIELD = re.compile(r'[@$a-z_][a-z0-9_.-]*')
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', re.ASCII)

def need(condition, fault):
    if not condition:
        raise ValueError(fault)

# JSON of the audit profile

def integer(text):
    need(text != '-0' and abs(int(text)) <= MAX_INTEGER, f'number {text}')
    return int(text)

def members(pairs):
    need(len(dict(pairs)) == len(pairs) <= MAX_MEMBERS, 'a key stands twice, or too many keys')
    return dict(pairs)

def refuse(text):
    need(False, f'number {text}')

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
                        parse_float=refuse, parse_constant=refuse)
    text = canonical(record).encode('utf-8')
    need(len(text) <= MAX_BYTES, 'too many bytes')
    return record, text

# The chain and its tree

def sha256(*parts):
    return hashlib.sha256(b''.join(parts)).digest()

def check(record, stream, seq, prev):
    need(isinstance(record, dict) and record.get('!fmt') == 'countersign/record/1', 'format')
    need(record.get('stream') == stream, 'stream')
    need(type(record.get('seq')) is int and record['seq'] == seq, 'number')
    need(record.get('prev') == prev.hex(), 'does not follow the record before it')
    need((record.get('event') == 'stream.opened') == (seq == 0), 'opening')
    need(isinstance(record.get('at'), str) and TIME.fullmatch(record['at']), 'at')
    datetime.datetime.strptime(record['at'].replace('0000-', '2000-', 1), '%Y-%m-%dT%H:%M:%S.%fZ')
    for name in ['event', 'id'] + [name for name in ('key', 'review') if name in record]:
        need(isinstance(record.get(name), str) and TOKEN.fullmatch(record[name]), name)
    need(all(name == '!fmt' or FIELD.fullmatch(name) for name in record), 'name of a field')

def root(peaks):
    result = peaks[-1] if peaks else sha256()
    for left in reversed(peaks[:-1]):
        result = sha256(b'\1', left, result)
    return result

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
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result

def point(data):
    y, sign = int.from_bytes(data, 'little') & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and x * x % P == square and not (x == 0 and sign), 'not a point')
    result = (x if x & 1 == sign else P - x, y)
    need(times(8, result) != (0, 1), 'point of small order')
    return result

def signed(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], 'little')
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), 'little') % L
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, 'little'))
    return len(signature) == 64 and s < L and times(s, base) == add(point(r), times(h, point(key)))

def checkpoint(note, stream, key, key_id):
    text, _, signatures = note.rpartition('\n\n')
    origin, size, root_hash = text.split('\n')[:3]
    need(origin == stream and re.fullmatch(r'0|[1-9][0-9]*', size, re.ASCII), 'malformed checkpoint')
    found = [base64.b64decode(line.split(' ')[2], validate=True) for line in signatures.splitlines()
             if line.startswith(f'— {stream} ')]
    found = [signed(key, (text + '\n').encode(), data[4:]) for data in found if data[:4] == key_id]
    need(found and all(found), 'checkpoint is not signed')
    return int(size), base64.b64decode(root_hash, validate=True)

def main(path, options):
    [vkey] = [value for name, value in options if name == '--vkey']
    stream, key_id, key = vkey.split('+', 2)
    key, key_id = base64.b64decode(key, validate=True), bytes.fromhex(key_id)
    need(key[:1] == b'\1' and key_id == sha256(stream.encode(), b'\n', key)[:4], 'verifier key')
    notes = [open(value, encoding='utf-8').read() for name, value in options if name == '--checkpoint']
    kept = sorted(checkpoint(note, stream, key[1:], key_id) for note in notes)
    need(kept, 'no checkpoint: the log could have been rewritten as a whole')
    peaks, seq, prev = [], 0, sha256(b'countersign/genesis/v1\0', stream.encode())
    need(all(size or known == root([]) for size, known in kept), 'log differs at 0 records')
    for line in open(path, 'rb'):
        try:
            record, text = read(line)
            check(record, stream, seq, prev)
        except (ValueError, RecursionError) as fault:
            raise ValueError(f'record {seq}: {fault}') from None
        prev = peak = sha256(b'\0', text)
        bits, seq = seq, seq + 1
        while bits & 1:
            peak, bits = sha256(b'\1', peaks.pop(), peak), bits >> 1
        peaks.append(peak)
        need(all(size != seq or known == root(peaks) for size, known in kept), f'log differs at {seq} records')
    newest = kept[-1][0]
    need(seq >= newest, f'log has {seq} records, a checkpoint has {newest}')
    print(f'sound: {seq} records, {seq - newest} of them not covered by a checkpoint')

if __name__ == '__main__':
    try:
        main(sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2])))
    except (ValueError, LookupError, OSError) as fault:
        sys.exit(f'not sound: {fault}')
