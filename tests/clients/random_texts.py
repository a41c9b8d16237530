"""Random texts for comparing tokenizers: every script, and what makes them differ. No line ends, no surrogates."""
import random
import unicodedata


def random_texts(count):
    """Words and runs of letters of one script, of several, of marks on letters, of emoji and of anything that Unicode has."""
    r = random.Random(20240229)
    scripts = {}
    for code in range(0x20, 0x30000):
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"):
            scripts.setdefault(unicodedata.name(chr(code), "CONTROL").split()[0], []).append(chr(code))
    names = sorted(name for name in scripts if len(scripts[name]) >= 8)
    marks = [c for c in map(chr, range(0x300, 0x10000)) if unicodedata.category(c) in ("Mn", "Mc", "Me")]
    spaces = [" ", "  ", "\u00a0", "\u3000", "\u200b", "\t", "\u2003", "\u2581", "\u00ad", "\ufeff"]
    controls = [chr(c) for c in list(range(1, 32)) + list(range(0x7f, 0xa0)) + [0x200c, 0x200d, 0x200e, 0x202a, 0x2060] if chr(c) not in "\n\r\x85"]
    emoji = [chr(c) for c in range(0x1f300, 0x1fb00)] + ["\u200d", "\ufe0f", "\U0001f3fd", "\U0001f1e9", "\u20e3", "#", "1"]

    def word(letters):
        return "".join(r.choice(letters) for _ in range(r.randint(1, 9)))

    def one():
        kind = r.randrange(8)
        if kind == 0:
            return "".join(chr(r.choice((r.randrange(0x20, 0x3000), r.randrange(0x3000, 0xd800), r.randrange(0xe000, 0x110000)))) for _ in range(r.randint(1, 24)))
        if kind == 1:
            return "".join(r.choice(emoji) for _ in range(r.randint(1, 12)))
        if kind == 2:
            return "".join(r.choice(scripts[r.choice(("LATIN", "GREEK", "CYRILLIC", "HANGUL", "HIRAGANA"))]) + word(marks)[:r.randint(0, 4)] for _ in range(r.randint(1, 8)))
        if kind == 3:
            return word(controls) + "".join(r.choice(("a", "de", " ", r.choice(controls))) for _ in range(r.randint(1, 12)))
        if kind == 4:
            return unicodedata.normalize(r.choice(("NFD", "NFKD", "NFC")), r.choice(spaces).join(word(scripts[r.choice(names)]) for _ in range(r.randint(1, 5))))
        letters = scripts[r.choice(names)]
        return r.choice(spaces if kind == 5 else [" "]).join(word(letters if r.random() < 0.8 else scripts[r.choice(names)]) for _ in range(r.randint(1, 10)))

    texts = [one() for _ in range(count)]
    return ["".join(c for c in text if c not in "\n\r" and not 0xd800 <= ord(c) < 0xe000) for text in texts]
