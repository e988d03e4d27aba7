"""bootreel - a recorded boot for Python programs in gdb.

    (gdb) source scripts/gdb/bootreel.py
    (gdb) boot-open boot.reel
    (gdb) python
    import bootreel
    with bootreel.at("stage:kernel.initcalls") as here:
        print(here.icount, here.mode, gdb.parse_and_eval("jiffies"))
    for event in bootreel.events("exception vector=14", end="50%"):
        print(event.icount, event.fields["cr2"])

A position is what boot-seek takes (1234567, 5M, 1.5s, 40%, #EVENT, stage:NAME, console:TEXT, mark:NAME), or a number. Everything here but
seek() leaves gdb where it is. What cannot be done raises gdb.GdbError with the reason. docs/gdb.md has examples.
"""
import contextlib
import json

import gdb

_session = {}  # what bootreel.py gives: monitor(command) and move(command)


def connect(monitor, move):
    """For bootreel.py: how a monitor command is executed, and one that moves."""
    _session.update(monitor=monitor, move=move)


class _Answer:
    """What bootreel says of something, by the names of its members."""

    def __init__(self, members):
        self.__dict__.update(members)

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % m for m in sorted(self.__dict__.items())))


class Position(_Answer):
    """icount, time (ns of guest time), last (icount of the end), cpu, pc, mode, stage (or None), diverted."""


class Event(_Answer):
    """number, icount, time, cpu, kind, times (how often it happened, if it was folded), fields (a dict), data (or None), text."""

    data = None


class Stage(_Answer):
    """name, depth, begin, end (icounts), begin_time, end_time, open (it had not ended), failed."""


class Process(_Answer):
    """pid, parent, name."""


class Link(_Answer):
    """icount, time, pc, instruction, function (None where nothing wrote it), ends, source (a word, at the end), image (or None), text."""

    icount = time = pc = instruction = function = None


class Hit(_Answer):
    """icount, time, cpu, pc, place; of a write before and after, of a read after (texts)."""


def monitor(command):
    """What a monitor command says, as text."""
    return _session["monitor"](command)


def _ask(question):
    if "\n" in question or "\r" in question:
        raise gdb.GdbError("bootreel: a question has one line: %r" % question)
    answer = monitor("json " + question)
    try:
        return json.loads(answer)
    except ValueError:
        raise gdb.GdbError("bootreel: %s" % answer.strip())


def here():
    """The position at which gdb stands: a Position."""
    return Position(_ask("where"))


def seek(position):
    """Goes to a position; gdb shows it. Returns the Position."""
    _session["move"]("seek %s" % position)
    return here()


@contextlib.contextmanager
def at(position):
    """with bootreel.at(POSITION) as here: gdb stands at that position inside of the block, and afterwards where it was."""
    before = here()
    if before.diverted:
        raise gdb.GdbError("bootreel.at: this is a private run, which ends when it is left: boot-undo first")
    _session["move"]("seek %s" % position, quiet=True)
    try:
        yield here()
    finally:
        if here().diverted:  # the block has changed something: that run ends
            monitor("undo")
        _session["move"]("seek %d" % before.icount, quiet=True)


_BATCH = 500


def events(filter="", start="0", end=None):
    """The recorded events that match (all without a filter: "irq", "pio port=0x3f8", "exception vector=14", "console:TEXT"), in order,
    from one position on and up to another (the end of the record). They are read as they are taken: a loop may end at any time."""
    last = here().last if end is None else resolve(end)
    place = str(start)
    while True:
        batch = [Event(e) for e in _ask("events %s %d %s" % (place, _BATCH, filter))]
        for event in batch:
            if event.icount > last:
                return
            yield event
        if len(batch) < _BATCH:
            return
        place = "#%d" % (batch[-1].number + 1)


def resolve(position):
    """The icount of a position, without going there."""
    if isinstance(position, int):
        return position
    return _ask("resolve %s" % position)


def stages():
    """The stages of the boot, as boot-stages lists them: a list of Stage."""
    return [Stage(s) for s in _ask("stages")]


def processes():
    """The processes at this position, by the record: a list of Process."""
    return [Process(p) for p in _ask("processes")]


def _place(expression):
    """ADDRESS BYTES of a variable or an address, as a monitor command takes it."""
    value = gdb.parse_and_eval(str(expression))
    if value.address is not None:
        address, size = int(value.address), value.type.sizeof
    else:
        address, size = int(value), 1
    return "0x%x %d" % (address & (1 << 64) - 1, size)


def origin(expression):
    """Where the value of a register ("$rax") or variable here comes from: a list of Link, back to the source."""
    text = str(expression).strip()
    register = text.startswith("$") and text[1:].isalnum()
    return [Link(link) for link in _ask("origin " + (text if register else _place(text)))]


def find(what, expression):
    """All moments of the record at which a variable is written or read ("write", "read"), or an instruction is executed ("exec", with a
    function or an address): a list of Hit, the first hundred thousand."""
    if what == "exec":
        value = gdb.parse_and_eval(str(expression).lstrip("*"))
        address = value.address if value.type.code == gdb.TYPE_CODE_FUNC else value
        place = "0x%x" % (int(address) & (1 << 64) - 1)
    else:
        place = _place(expression)
    return [Hit(h) for h in _ask("find %s %s" % (what, place))]
