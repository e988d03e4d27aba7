#!/usr/bin/env python3
"""check.py - whether output of bootreel is harmless: check.py text|names|json|jsonlines|csv|html|svg FILE...

text: no character that docs/escapes.md excludes but new lines and tabs, and valid UTF-8.
json: one document, strict: no NaN, no key twice, and none of those characters in the file either. jsonlines: one a line.
csv: text, and every record has as many fields as the first. html, svg: text, and no element or attribute that the writer does not make.
"""
import csv
import html.parser
import io
import json
import sys

BAD = set(map(chr, [*range(0, 0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]))


def text(data, allowed="\n\t"):
    s = data.decode("utf-8")
    for at, c in enumerate(s):
        if c in BAD and c not in allowed:
            raise ValueError(f"U+{ord(c):04X} at {at}: {s[max(0, at - 30):at + 10]!r}")
    return s


def unique(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key twice: {keys}")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def check_json(s):
    json.loads(s, object_pairs_hook=unique, parse_constant=no_constant)


class Page(html.parser.HTMLParser):
    FORBIDDEN = {"script", "img" , "a", "b!", "iframe", "object", "embed", "form", "link", "base"}

    def __init__(self):
        super().__init__()
        self.open_pre = 0

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "img" and (values.get("src") or "").startswith("data:image/png;base64,") and "onerror" not in values:
            return
        if tag == "a" and (values.get("href") or "").startswith("#"):
            return
        if tag in self.FORBIDDEN or any(k.startswith("on") for k in values):
            raise ValueError(f"<{tag} {attrs}>")

    def handle_comment(self, data):
        raise ValueError(f"a comment: {data[:40]!r}")


def check(kind, data):
    if kind in ("json", "jsonlines"):
        s = text(data, "\n")
        for part in s.splitlines() if kind == "jsonlines" else [s]:
            check_json(part)
    elif kind == "csv":
        rows = list(csv.reader(io.StringIO(text(data, "\r\n"), newline="")))
        if any(len(r) != len(rows[0]) for r in rows):
            raise ValueError("records of several lengths")
    elif kind in ("html", "svg"):
        p = Page()
        p.feed(text(data))
        p.close()
    else:
        text(data)


bad = 0
for name in sys.argv[2:]:
    try:
        with open(name, "rb") as f:
            check(sys.argv[1], f.read())
    except (ValueError, UnicodeDecodeError) as e:
        print(f"{name}: {e}")
        bad = 1
sys.exit(bad)
