"""uml-tables.py - sourced by uml-tables.sh in gdb: the tables of processes at many positions of a user-mode Linux, against each other.

The trace's (monitor processes) must be the host's own (gdb's threads: the engine's tasks) and the kernel's own: its list of
tasks, read from its memory. Where the members of its structures are follows from what is known of some tasks.
"""
import random
import re
import struct

import gdb


TASK = 4096  # bytes of a task that are looked at
STACKS = (0x4000, 0x8000, 0x2000)
KERNEL = 1000


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def words(data):
    return struct.unpack("<%dQ" % (len(data) // 8), data)


class Layout:
    """Offsets in the kernel's structures: comm, tasks, pid, mm; in the mm the host's process."""

    def __init__(self, current, processes, kernel_threads, hosts):
        first = memory(current, TASK)
        self.comm = next(o for o in range(0, TASK, 8) if self.is_name(first, o, processes[0]))
        self.list = next(o for o in range(0, TASK - 16, 8) if len(self.walk(current, o)) > len(kernel_threads))
        tasks = [(t, memory(t, TASK)) for t in self.walk(current, self.list)]
        named = [(n, d) for n, d in ((self.name(d), d) for t, d in tasks) if n in ("init", "kthreadd")]
        want = {"init": 1, "kthreadd": 2}
        self.pid = next(o for o in range(0, TASK, 4) if all(self.int(d, o) == want[n] for n, d in named))
        users = [d for t, d in tasks if self.int(d, self.pid) in processes[1]]
        threads = [d for t, d in tasks if self.int(d, self.pid) in kernel_threads]
        for o in range(0, TASK, 8):
            mms = [words(d)[o // 8] for d in users]
            if not all(m >> 24 and m % 8 == 0 for m in mms) or any(words(d)[o // 8] for d in threads):
                continue
            self.mm = o
            inside = [memory(m, 2048) for m in mms]
            fits = [i for i in range(0, 2048, 4) if all(self.int(d, i) in hosts for d in inside)]
            if fits:
                self.host = fits[0]
                return
        raise gdb.GdbError("the kernel's structures were not understood")

    def is_name(self, data, o, name):
        return data[o : o + len(name) + 1] == name.encode() + b"\0"

    def name(self, data):
        return data[self.comm : self.comm + 16].split(b"\0")[0].decode("latin1")

    def int(self, data, o):
        return struct.unpack_from("<i", data, o)[0]

    def walk(self, task, o):
        """The tasks that a list at that offset connects, if it is one: it comes back, and all have names."""
        found, at = [task], task
        for _ in range(1000):
            try:
                at = words(memory(at + o, 8))[0] - o
                if at == task:
                    return found
                if words(memory(at + o + 8, 8))[0] - o != found[-1] or not memory(at + self.comm, 1)[0:1].isalpha():
                    return []
            except (gdb.MemoryError, gdb.error, OverflowError):
                return []
            found.append(at)
        return []

    def table(self, current):
        """{pid: host's process or None}"""
        table = {}
        for t in self.walk(current, self.list):
            data = memory(t, TASK)
            mm = words(data)[self.mm // 8]
            table[self.int(data, self.pid)] = self.int(memory(mm + self.host, 4), 0) if mm else None
        return table


ROW = re.compile(r"[* ] *(\d+) +(\d+) +\d+  (.{13})  (.{6}) +(\d+)  (\S+)(?:.*  in host process (\d+))?")


def recorded(text):
    """What the trace says: the kernel's {pid: (host's process, name, kind)}, and the host's processes."""
    mine, hosts = {}, set()
    for m in filter(None, map(ROW.match, text.splitlines())):
        kind = m.group(3).strip()
        if kind.startswith("host"):
            hosts.add(int(m.group(1)))
        else:
            mine[int(m.group(1))] = (int(m.group(7)) if m.group(7) else None, m.group(6), kind)
    return mine, hosts


def hosts_now():
    gdb.execute("info threads", to_string=True)
    return {t.ptid[1]: t for t in gdb.selected_inferior().threads()}


def monitor(command):
    return gdb.execute("monitor " + command, to_string=True)


def seek(position):
    monitor("seek %s" % position)
    refresh(monitor("when"))


def understand(first):
    """The kernel's structures, and a task that is always there; the process called `first` runs."""
    threads = hosts_now()
    threads[KERNEL].switch()
    mine, hosts = recorded(monitor("processes"))
    sp = int(gdb.parse_and_eval("(unsigned long long)$rsp"))
    users = {p for p, (host, name, kind) in mine.items() if host}
    kernel = {p for p, (host, name, kind) in mine.items() if kind == "kernel thread"}
    for size in STACKS:
        try:
            current = words(memory(sp & -size, 8))[0]
            layout = Layout(current, (first, users), kernel, set(threads))
        except (StopIteration, gdb.error):
            continue
        idle = [t for t in layout.walk(current, layout.list) if layout.int(memory(t, TASK), layout.pid) == 0]
        return layout, idle[0]
    raise gdb.GdbError("the current task was not found")


def exited(pid):
    """Whether the trace says here that the process has exited."""
    rows = filter(None, map(ROW.match, monitor("processes ever").splitlines()))
    return any(int(m.group(1)) == pid and m.group(4) == "exited" for m in rows if not m.group(3).startswith("host"))


def compare_here(layout, idle):
    """Prints what differs; returns how many processes were compared."""
    here = int(gdb.parse_and_eval("$icount"))
    threads = hosts_now()
    mine, hosts = recorded(monitor("processes"))
    if set(threads) != hosts:
        print("at %d: the host has also %s, the trace %s" % (here, set(threads) - hosts, hosts - set(threads)))
    threads[KERNEL].switch()
    theirs = layout.table(idle)
    theirs.pop(0)
    for pid in sorted(set(mine) | set(theirs)):
        a, b = mine.get(pid, ("none",))[0], theirs.get(pid, "none")
        if a != b and not (a == "none" and b is None and exited(pid)):  # nobody has waited for it yet
            print("at %d: process %d runs in %s, by the kernel's memory in %s" % (here, pid, a, b))
    return len(theirs) + len(hosts)


def compare(first, position, begin, count):
    """Compares at `count` positions between `begin` and `position`, where the process called `first` runs."""
    seek(begin)
    low = int(gdb.parse_and_eval("$icount"))
    seek(position)
    high = int(gdb.parse_and_eval("$icount"))
    layout, idle = understand(first)
    random.seed(count)
    n = 0
    for at in sorted(random.randrange(low, high) for _ in range(count)):
        seek(at)
        n += compare_here(layout, idle)
    print("%d positions compared: %d processes" % (count, n))
