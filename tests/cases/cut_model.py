"""A second model made of the default one: the first layers of it, under another name.

    cut_model(path, layers=2)
    cut_model(path, layers=12, bare=True)   # only what other programs that read GGUF files know
"""
import os
import struct

from harness import SOURCE

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self):
        return self.take(self.number("<Q"))

    def skip_value(self, kind):
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            inner, n = self.number("<I"), self.number("<Q")
            if inner in SIZES:
                self.take(SIZES[inner] * n)
            else:
                for _ in range(n):
                    self.skip_value(inner)
        else:
            self.take(SIZES[kind])


def text(value):
    return struct.pack("<Q", len(value)) + value


def cut_model(path, layers=2, name=b"cut", bare=False):
    with open(os.path.join(SOURCE, "data", "cognate-e5-512.gguf"), "rb") as file:
        r = Reader(file.read())
    magic, version, tensors, pairs = r.take(4), r.number("<I"), r.number("<Q"), r.number("<Q")
    assert magic == b"GGUF" and version == 3
    head, kept_pairs = b"", 0
    for _ in range(pairs):
        start = r.at
        key, kind = r.text(), r.number("<I")
        r.skip_value(kind)
        pair = r.data[start:r.at]
        if key == b"bert.block_count":
            pair = text(key) + struct.pack("<II", 4, layers)
        elif key == b"general.name":
            pair = text(key) + struct.pack("<I", STRING) + text(name)
        elif key.startswith(b"cognate.canary"):
            continue  # its known answers are the whole model's
        elif bare and (key.startswith(b"cognate.") or key == b"bert.embedding_length_out"):
            continue
        head, kept_pairs = head + pair, kept_pairs + 1
    infos = []
    for _ in range(tensors):
        key, dimensions = r.text(), r.number("<I")
        shape, kind, offset = [r.number("<Q") for _ in range(dimensions)], r.number("<I"), r.number("<Q")
        infos.append((key, shape, kind, offset))
    begin = (r.at + 31) // 32 * 32
    ends = sorted(info[3] for info in infos) + [len(r.data) - begin]
    table, data, kept = b"", bytearray(), 0
    for key, shape, kind, offset in infos:
        if key.startswith(b"blk.") and int(key.split(b".")[1]) >= layers or bare and key.startswith(b"cognate."):
            continue
        size = ends[ends.index(offset) + 1] - offset
        table += text(key) + struct.pack("<I%dQIQ" % len(shape), len(shape), *shape, kind, len(data))
        data += r.data[begin + offset:begin + offset + size]
        data += bytes(-len(data) % 32)
        kept += 1
    out = b"GGUF" + struct.pack("<IQQ", 3, kept, kept_pairs) + head + table
    with open(path, "wb") as file:
        file.write(out + bytes(-len(out) % 32) + data)
