#!/usr/bin/env python3
"""compare.py - how what Debian's tools say of devices differs in two machines: compare.py QEMU OURS, each the console of tests/devices/init.
For each section the lines that only one of them has, "-" QEMU's and "+" ours; where things are (addresses, IRQs, numbers of capabilities in
configuration space), when they were said and what is named after the emulator is left out."""
import re
import sys

LEFT_OUT = [
    (r'\[ *\d+\.\d+\].*', ''),  # the kernel's messages between the lines
    (r'(Memory|I/O ports|Expansion ROM) at [0-9a-f]+', r'\1'),
    (r' ?(routed to IRQ \d+|\[(disabled|virtual)\])', ''),
    (r'Address: [0-9a-f]+  Data: [0-9a-f]+', 'Address'),
    (r'(Local Time is: ).*', r'\1…'),
    (r'(?i)qemu|bootreel', 'EMULATOR'),
]


def sections(path):
    """The sections of a console: name, lines."""
    name, lines, found = None, [], []
    for line in open(path, errors='replace').read().replace('\r', '').split('\n'):
        for what, instead in LEFT_OUT:
            line = re.sub(what, instead, line)
        if line.startswith('==== end') and name:
            found.append((name, lines))
            name = None
        elif line.startswith('==== '):
            name, lines = line[5:], []
        elif name and line.strip():
            lines.append(line.rstrip())
    return found


def functions(lines):
    """lspci's lines, each after the function it is of and the capability."""
    function = capability = ''
    for line in lines:
        if re.match(r'[0-9a-f]{2}:', line):
            function, capability = re.sub(r'^[0-9a-f:.]+ ', '', line), ''
            function = function.split(' [')[0] + ' ' + re.search(r'\[(....:....)\]', function).group(1)
            yield function + ': ' + line.split(' ', 1)[1]
            continue
        text = line.strip()
        if text.startswith('Capabilities: '):
            text = re.sub(r'\[[0-9a-f ]+(v\d)?\] ', '', text)
            capability = text[14:].split(':')[-1 if 'VirtIO' in text else 0].split(' (')[0].strip() + ': '
        yield function + ': ' + (text if text.startswith('Capabilities') or not line.startswith('\t\t') else capability + text)


def columns(lines):
    """lsblk -P: a line for each column of each drive."""
    for line in lines:
        pairs = re.findall(r'([A-Z-]+(?::[A-Z]+)?)="(.*?)"', line)
        name = dict(pairs).get('NAME', '?')
        for key, value in pairs:
            yield '%s %s %s' % (name, key, value.strip())


FORMS = {'lspci -vvnn': functions, 'lsblk': columns}


def lines_of(name, lines):
    for begin, form in FORMS.items():
        if name.startswith(begin):
            return list(form(lines))
    return lines


def counted(lines):
    """Lines that are there several times are told apart."""
    seen, out = {}, []
    for line in lines:
        seen[line] = seen.get(line, 0) + 1
        out.append((line, seen[line]))
    return out


def main():
    left_out = ('cat ', 'dmesg', 'interrupts', 'lspci -xxxx')
    theirs, ours = (dict(sections(p)) for p in sys.argv[1:3])
    for name in list(theirs) + [n for n in ours if n not in theirs]:
        if name.startswith(left_out):
            continue
        a, b = (counted(lines_of(name, s.get(name, ['not there']))) for s in (theirs, ours))
        only = [('-', t) for t, n in a if (t, n) not in set(b)] + [('+', t) for t, n in b if (t, n) not in set(a)]
        if only:
            print('==', name)
            for sign, text in only:
                print(sign, text)


main()
