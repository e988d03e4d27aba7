"""bootreel.py - gdb commands for a recorded boot; the architecture follows the processor's mode.

    (gdb) source scripts/gdb/bootreel.py
    (gdb) boot-open TRACE
    (gdb) help boot

boot-open is `target remote | bootreel gdb TRACE --stdio`, over a local socket.

It takes gdb's hook-stop: what one of your own should do too, put into the command boot-stop-hook.
Convenience variables: $boot_icount, $boot_time (ns of guest time), $boot_mode (16, 32 or 64).
"""
import os
import re
import subprocess
import sys

import gdb

# Not __file__: that is of the outermost script, if another one sources this.
HERE = os.path.dirname(os.path.abspath(sys._getframe().f_code.co_filename))
sys.path.insert(0, HERE)
import bootreel_api
import bootreel_orc

ARCHITECTURES = {16: "i8086", 32: "i386", 64: "i386:x86-64"}
FAILED = "error: "
TRACED = re.compile(r"^\++monitor .*\n", re.M)  # by `set trace-commands on`


def number(expression):
    """The value of an expression as a number; None if it has none (another target, no process)."""
    try:
        return int(gdb.parse_and_eval(expression))
    except (gdb.error, OverflowError):
        return None


def need_boot():
    if number("$icount") is None:
        raise gdb.GdbError("no recorded boot is open: boot-open TRACE")


def monitor(command):
    """What a monitor command says. A failure becomes gdb's error."""
    need_boot()
    text = gdb.execute("monitor try " + command, to_string=True)
    text = TRACED.sub("", text)
    if text.startswith(FAILED):
        raise gdb.GdbError(text[len(FAILED) :].strip())
    return text


KERNEL_FILE = "target:/bootreel/kernel"
kernel = {"from": 0, "to": -1}  # from which step and up to which gdb has the right one


def follow_kernel(icount):
    """A kernel that another one started (kexec) has the same names: gdb gets its file where it runs. Asks the stub only where that can be."""
    if kernel["from"] <= icount < kernel["to"]:
        return
    try:
        name, begin, end = monitor("kernel").split()
    except (gdb.error, gdb.GdbError, ValueError):
        name, begin, end = "", "0", str(1 << 64)  # another stub
    kernel.update({"from": int(begin), "to": int(end)})
    has = gdb.current_progspace().filename or ""
    if name and has.startswith(KERNEL_FILE) and has != "target:" + name:  # it is not a file of the user's own
        try:
            gdb.execute("symbol-file target:" + name, to_string=True)
        except gdb.error:
            pass  # nothing is known of that kernel: what gdb has stays


def kernel_stopped(event=None):
    """After a stop was shown: gdb then no longer looks for the place of the breakpoint that it was at, which it makes anew with another file."""
    icount = number("$icount")
    if icount is not None:
        follow_kernel(icount)


def forget_kernel(event=None):
    kernel.update({"from": 0, "to": -1})


def boot_stopped(quiet=False):
    """From hook-stop: before gdb shows the stop. Fetches the target description again if the processor's mode has
    changed since gdb read it. What it looks at comes with every stop, so it costs no packet; and no frame is asked
    who it is, for that takes an unwinder."""
    bits, icount = number("$code_bits"), number("$icount")
    if bits is None or icount is None:
        return  # another target, or none
    if gdb.selected_inferior().architecture().name() != ARCHITECTURES.get(bits):
        gdb.execute("unset tdesc filename", to_string=True)
    gdb.set_convenience_variable("boot_icount", icount)
    gdb.set_convenience_variable("boot_time", number("$time_ns"))
    gdb.set_convenience_variable("boot_mode", bits)
    if bits == 16 and not quiet:
        cs, base, pc = (number(e) for e in ("$cs", "$cs_base", "$pc"))
        print("[%04x:%04x]" % (cs, (pc - base) & 0xFFFF))


def called(event):
    """After `call f()`, gdb has put the registers back, and does not say that it has stopped."""
    if isinstance(event, gdb.InferiorCallPostEvent):
        try:
            boot_stopped(quiet=True)
        except gdb.error:
            pass


def refresh(when, quiet=False):
    """gdb forgets what it knew: the target was moved without it. `when` is what monitor when says."""
    gdb.execute("maintenance flush register-cache", to_string=True)
    gdb.execute("maintenance flush dcache", to_string=True)
    bootreel_orc.orc.forget_frames()
    cpu = re.search(r"^CPU (\d+) at ", when, re.M)
    guest = re.search(r"tasks; here runs (\d+)", monitor("threads"))
    task = re.search(r"^CPU .*, thread (\d+) of the host", when, re.M)
    runs = int(task.group(1)) if task else cpu and int(cpu.group(1)) + 1
    if guest:
        runs = int(guest.group(1))
    if task or guest:
        gdb.execute("info threads", to_string=True)  # not those that gdb knows
    try:
        selected = gdb.selected_thread()
    except SystemError:  # a task that is not there at this position
        selected = None
    for thread in gdb.selected_inferior().threads():
        if thread.is_valid() and thread.ptid[1] == runs and thread != selected:
            thread.switch()
    boot_stopped(quiet)
    kernel_stopped()
    gdb.execute("frame", to_string=quiet)


def move(command, quiet=False):
    """A monitor command that moves. After a Ctrl-C it stands somewhere on the way."""
    try:
        text = monitor(command)
        if not quiet:
            sys.stdout.write(text)
    except KeyboardInterrupt:
        print("interrupted")
    refresh(monitor("when"), quiet)


def monitor_shown(command):
    """The same as monitor, but what it says is shown as it comes, not returned."""
    need_boot()
    try:
        gdb.execute("monitor " + command)
    except gdb.error:
        raise gdb.GdbError("boot-%s failed" % command.split()[0])


SUMMARIES = []  # a line a command


# ---- completion of arguments: each of these returns the words that may stand where a word begins


def words_of(what):
    """A list that bootreel has; none where no boot is open."""
    try:
        return bootreel_api._ask("words " + what)
    except (gdb.error, gdb.GdbError, ValueError):
        return []


def complete_positions(words):
    try:
        stages = ["stage:" + s.name for s in bootreel_api.stages()]
    except (gdb.error, gdb.GdbError, ValueError):
        stages = []
    return stages + ["mark:" + m for m in words_of("marks")] + ["console:"]


def complete_events(words):
    return words_of("events") + ["console:"] if len([w for w in words if not w.lstrip("-").isdigit()]) == 0 else []


def complete_stages(words):
    return ["all"] + sorted({s[len("stage:") :] for s in complete_positions(words) if s.startswith("stage:")})


def complete_processes(words):
    try:
        return ["%d" % p.pid for p in bootreel_api.processes()]
    except (gdb.error, gdb.GdbError, ValueError):
        return []


def complete_find(words):
    return ["exec", "write", "read"] if not words else gdb.COMPLETE_EXPRESSION


def complete_process_location(words):
    return complete_processes(words) if not words else gdb.COMPLETE_LOCATION


def one_of(*choices):
    return lambda words: list(choices) if not words else []


def listed(what):
    return lambda words: words_of(what) if not words else []


def complete(source, text, word):
    """What completes `text`: by gdb itself, if `source` is one of its kinds; or those words of the source that begin as the last one does.
    gdb's own idea of a word (`word`) is shorter: it ends at colons."""
    if not callable(source):
        return source
    typed = text.split()
    last = "" if not text or text[-1].isspace() else typed.pop()
    found = source(typed)
    if not isinstance(found, list):
        return found
    cut = len(last) - len(word or "")
    return [w[cut:] for w in found if w.startswith(last)]


def command(name, klass=gdb.COMMAND_RUNNING, completes=gdb.COMPLETE_NONE):
    """Makes a gdb command of a function of its arguments; its docstring is the help. `completes` is a gdb.COMPLETE_ number, or a function of
    the words before the one that is completed."""

    def make(fn):
        lines = fn.__doc__.split("\n")
        usage = lines[0] if lines[0].startswith(name) else name
        SUMMARIES.append("%-46s %s" % (usage, lines[1 if usage is lines[0] else 0]))

        class Made(gdb.Command):
            __doc__ = fn.__doc__

            def __init__(self):
                super().__init__(name, klass)

            def invoke(self, args, from_tty):
                self.dont_repeat()
                try:
                    fn(args.strip())
                except gdb.error as e:
                    raise gdb.GdbError(str(e))

            def complete(self, text, word):
                return complete(completes, text, word)

        Made()
        return fn

    return make


def program():
    """The bootreel to run: $BOOTREEL, or the one that this script came with (as built, or as installed), or that of the PATH."""
    above = os.path.normpath(os.path.join(HERE, "..", ".."))
    mine = [os.path.join(above, "bootreel"), os.path.normpath(os.path.join(above, "..", "bin", "bootreel"))]
    found = [p for p in mine if os.path.isfile(p) and os.access(p, os.X_OK)]
    return os.environ.get("BOOTREEL") or (found + ["bootreel"])[0]


def serve(arguments):
    """Starts bootreel; returns the address at which it waits. It ends when gdb has gone."""
    line = [program(), "gdb", "--child", "--once", "--listen", "127.0.0.1:0"] + arguments
    try:
        server = subprocess.Popen(line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)
    except OSError as e:
        raise gdb.GdbError("boot-open: %s: %s: set BOOTREEL in the environment to where it is" % (line[0], e.strerror))
    for text in server.stderr:
        m = re.search(r"waiting for gdb: target remote (\S+)", text)
        if m:
            return m.group(1)
        gdb.write(text, gdb.STDERR)
    raise gdb.GdbError("boot-open: bootreel did not start")


def take_sources(command_name, words):
    """Takes each --source OLD=NEW out of the words: gdb finds its files below NEW. Returns the other words, and the changes."""
    others, changes = [], []
    words = list(words)
    while words:
        word = words.pop(0)
        if word != "--source" and not word.startswith("--source="):
            others.append(word)
            continue
        change = word[len("--source=") :] if "=" in word else words.pop(0) if words else ""
        old, equals, new = change.partition("=")
        if not equals or not old:
            raise gdb.GdbError("%s: --source OLD=NEW" % command_name)
        new = os.path.expanduser(new)
        changes.append("%s=%s" % (old, new))
        gdb.execute('set substitute-path "%s" "%s"' % (old, new))
    return others, changes


@command("boot-open", completes=gdb.COMPLETE_FILENAME)
def boot_open(args):
    """boot-open TRACE [--at POSITION] [--memory SIZE] [--debug-info FOLDER|FILE|debuginfod]… [--source OLD=NEW]…
Debug the recorded boot: starts bootreel and connects to it."""
    if not args:
        raise gdb.GdbError("boot-open: give a trace")
    forget_kernel()
    words, changes = take_sources("boot-open", gdb.string_to_argv(args))
    words = [os.path.expanduser(a) for a in words] + [w for c in changes for w in ("--source", c)]
    gdb.execute("target remote " + serve(words))
    if "--debug-info" in args:
        load_debug_info()


def add_debug_file(path, bias, sections):
    """A file beside the main one: a module has its sections anywhere."""
    places = "".join(" -s %s 0x%x" % (s["name"], s["address"]) for s in sections or [])
    gdb.execute('add-symbol-file "%s"%s' % (path, places or " -o 0x%x" % bias), to_string=True)


def load_debug_info():
    """gdb reads the kernel's and the modules' files itself; what these do not describe stays as bootreel serves it."""
    files = bootreel_api._ask("debug")
    if not files:
        return
    gdb.execute("set index-cache enabled on", to_string=True)  # gdb keeps the index that it makes of a file without one
    main = [f for f in files if "sections" not in f]
    others = [f for f in files if f not in main[:1]]
    rest = "target:/bootreel/rest-%d" % len(files)
    gdb.execute("set backtrace past-entry on")  # a UEFI module's entry has callers, as has a program's function "main" in it
    gdb.execute("set backtrace past-main on")
    if main:
        print("reading %s" % main[0]["path"])
        gdb.execute('symbol-file "%s" -o 0x%x' % (main[0]["path"], main[0]["bias"]), to_string=True)
        try:
            gdb.execute("add-symbol-file " + rest, to_string=True)
        except gdb.error:
            pass  # there is nothing else
    for f in others:
        add_debug_file(f["path"], f["bias"], f.get("sections"))
    bootreel_orc.orc.forget()


@command("boot-debug-info", gdb.COMMAND_FILES, completes=gdb.COMPLETE_FILENAME)
def boot_debug_info(args):
    """boot-debug-info FOLDER|FILE|debuginfod [--source OLD=NEW]…
Use debug information (DWARF) for the kernel, its modules and programs: lines, inlined functions, variables, arguments, types.
Build-ids decide which files fit; what does not is said. --source maps source paths. boot-symbols PID then has those of a process."""
    words, changes = take_sources("boot-debug-info", gdb.string_to_argv(args))
    for change in changes:
        monitor("debug-info source " + change)
    where = [w if w == "debuginfod" else os.path.abspath(os.path.expanduser(w)) for w in words]
    if not where:
        raise gdb.GdbError("boot-debug-info: give a folder, a file, or the word debuginfod")
    said = [monitor("debug-info " + w) for w in where]
    sys.stdout.write(said[-1])  # what does not fit after all
    load_debug_info()


@command("boot-refresh")
def boot_refresh(args):
    """Make gdb forget what it knew of the target: after a monitor command that moved it."""
    refresh(monitor("when"))


@command("boot-seek", completes=complete_positions)
def boot_seek(args):
    """boot-seek POSITION
Go to a position: ICOUNT, 1.5s, NN%, #EVENT, stage:NAME, console:TEXT, mark:NAME, +N, -N."""
    if not args:
        raise gdb.GdbError("boot-seek: give a position: ICOUNT, 1.5s, NN%, #EVENT, stage:NAME, console:TEXT, +N, -N")
    move("seek " + args)


@command("boot-last", completes=complete_events)
def boot_last(args):
    """boot-last [EVENT]
Go back to the last such event: irq, pio port=0x3f8, exception vector=14, console:TEXT."""
    go_to_event("last " + args)


@command("boot-next", completes=complete_events)
def boot_next(args):
    """boot-next [EVENT]
Go on to the next such event after here: irq, pio port=0x3f8, exception vector=14, console:TEXT."""
    text = monitor("events 2 " + args)
    here = number("$icount")
    for line in text.splitlines():
        m = re.match(r"\s*#(\d+)\s+(\d+)", line)
        if m and int(m.group(2)) > here:
            print(line.strip())
            move("seek " + m.group(2))
            return
    raise gdb.GdbError("none from here on")


def go_to_event(query):
    text = monitor(query)
    m = re.match(r"\s*#(\d+)\s+(\d+)", text)
    if not m:
        raise gdb.GdbError(text.strip())
    print(text.strip())
    move("seek " + m.group(2))


@command("boot-last-write", gdb.COMMAND_DATA, completes=gdb.COMPLETE_EXPRESSION)
def boot_last_write(args):
    """boot-last-write EXPRESSION
Go back to before the last write to it: a variable, or *(TYPE *)ADDRESS, or a plain address."""
    value = gdb.parse_and_eval(args)
    size = value.type.sizeof
    address = number("(unsigned long long) &(%s)" % args)
    if address is None:
        address, size = int(value), 1
    move("last-write 0x%x %d" % (address & (1 << 64) - 1, size))


def host_process(pid):
    """The process of the Linux host that runs a process, or None."""
    for line in monitor("processes").splitlines():
        m = re.match(r"[* ] *%s +\d+ +\d+  (.{13})  " % pid, line)
        if m and m.group(1).strip() == "host process":
            return pid
        tied = m and re.search(r"  in host process (\d+)", line)
        if tied:
            return tied.group(1)
    return None


@command("boot-find", gdb.COMMAND_DATA, completes=complete_find)
def boot_find(args):
    """boot-find exec LOCATION | boot-find write EXPRESSION | boot-find read EXPRESSION
List every moment at which the instruction is executed, or the variable is written (with the old and the
new value) or read: icount, guest time, symbol. An EXPRESSION is as for boot-last-write. The position stays."""
    m = re.match(r"(exec|write|read)\s+(\S.*)", args)
    if not m:
        raise gdb.GdbError("boot-find: give exec, write or read, and what: boot-find write jiffies")
    size = 1
    if m.group(1) == "exec":
        address = number("(unsigned long long) &(%s)" % m.group(2))
        if address is None:
            address = int(gdb.parse_and_eval(m.group(2).lstrip("*")))
    else:
        value = gdb.parse_and_eval(m.group(2))
        size = value.type.sizeof
        address = number("(unsigned long long) &(%s)" % m.group(2))
        if address is None:
            address, size = int(value), 1
    for line in monitor("find %s 0x%x %d" % (m.group(1), address & (1 << 64) - 1, size)).splitlines():
        print(re.sub(r"(?<= s  )0x[0-9a-f]+", lambda a: named(a.group(0)), line, count=1))


@command("boot-origin", gdb.COMMAND_DATA, completes=gdb.COMPLETE_EXPRESSION)
def boot_origin(args):
    """boot-origin EXPRESSION
Where the value of a register ($rax) or of a variable in memory comes from: each write back to the source. The position stays."""
    m = re.match(r"\s*(\$[a-z0-9_]+)\s*$", args)
    if m:
        what = m.group(1)
    else:
        value = gdb.parse_and_eval(args)
        address, size = number("(unsigned long long) &(%s)" % args), value.type.sizeof
        if address is None:
            address, size = int(value), 1
        what = "0x%x %d" % (address & (1 << 64) - 1, size)
    print(monitor("origin " + what), end="")


def named(address):
    """An address that the trace has no symbol for, by gdb's own symbols."""
    m = re.search(r"<(.*)>", gdb.execute("output/a " + address, to_string=True))
    return m.group(1) if m else address


def space_of(pid):
    """The position from which on a process has its program, and the page tables that it has since. The position of gdb stays."""
    row = re.compile(r"[* ] *%s +\d+ +\d+  .{13}  .{6} +(\d+)  " % pid)
    since = [r.group(1) for r in map(row.match, monitor("processes ever").splitlines()) if r]
    if not since:
        raise gdb.GdbError("there is no process %s in this record" % pid)
    here = number("$icount")
    monitor("seek " + since[-1])
    gdb.execute("maintenance flush register-cache", to_string=True)
    tables = number("$cr3") & ~0xFFF
    monitor("seek %d" % here)
    gdb.execute("maintenance flush register-cache", to_string=True)
    return int(since[-1]), tables


class InProcess(gdb.Function):
    """$boot_in_process(PID): 1 in the process for which boot-break-process was given, otherwise 0.
A condition keeps gdb's register numbers of the mode in which it was set: if it named registers itself, one that was set in real mode
would compare other registers in 64-bit mode."""

    spaces = {}

    def __init__(self):
        super().__init__("boot_in_process")

    def invoke(self, pid):
        if int(pid) not in self.spaces:
            raise gdb.GdbError("boot-break-process %d LOCATION was not given" % int(pid))
        since, tables = self.spaces[int(pid)]
        return int(number("$icount") >= since and number("$cr3") & ~0xFFF == tables)


InProcess()


@command("boot-break-process", gdb.COMMAND_BREAKPOINTS, completes=complete_process_location)
def boot_break_process(args):
    """boot-break-process PID LOCATION
A breakpoint in one process only: told by its page tables, from when it executed its program on.
Under user-mode Linux it is told by the host's process that runs it now, or is itself one of the host's.
LOCATION is as for break: *ADDRESS, or a symbol (boot-symbols PID loads those of the process)."""
    m = re.match(r"(\d+)\s+(\S.*)", args)
    if not m:
        raise gdb.GdbError("boot-break-process: give a process number and a location")
    host = host_process(m.group(1))
    if not host:
        InProcess.spaces[int(m.group(1))] = space_of(m.group(1))
    gdb.Breakpoint(m.group(2)).condition = "$host_pid == %s" % host if host else "$boot_in_process(%s)" % m.group(1)


class RunningGuest(gdb.Function):
    """$boot_guest(): the number of the guest that runs, by the record; 0 if the boot has only one."""

    def __init__(self):
        super().__init__("boot_guest")

    def invoke(self):
        m = re.search(r", in guest (\d+)", monitor("when"))
        return int(m.group(1)) if m else 0


RunningGuest()


class InSmm(gdb.Function):
    """$boot_smm(): 1 in system management mode. For conditions, which must not name $smm itself: see $boot_in_process."""

    def __init__(self):
        super().__init__("boot_smm")

    def invoke(self):
        return int(number("$smm") or 0)


InSmm()


class PerProcessor(gdb.Function):
    """$boot_per_cpu("NAME", CPU): a Linux kernel's per-processor variable as that processor has it."""

    def __init__(self):
        super().__init__("boot_per_cpu")

    def invoke(self, name, cpu):
        variable = gdb.parse_and_eval(name.string())
        try:
            offset = int(gdb.parse_and_eval("__per_cpu_offset")[cpu])
        except gdb.error:  # a kernel for one processor
            offset = 0
        address = (int(variable.address) + offset) & (2**64 - 1)
        return gdb.Value(address).cast(variable.type.pointer()).dereference()


PerProcessor()


@command("boot-break-guest", gdb.COMMAND_BREAKPOINTS)
def boot_break_guest(args):
    """boot-break-guest GUEST LOCATION
A breakpoint in one guest only: a kernel in a hypervisor's domain, though others have the same code at the same addresses.
boot-when says which guest runs. LOCATION is as for break."""
    m = re.match(r"(\d+)\s+(\S.*)", args)
    if not m:
        raise gdb.GdbError("boot-break-guest: give the number of a guest and a location")
    point = gdb.Breakpoint(m.group(2))
    point.condition = "$boot_guest() == %s" % m.group(1)


@command("boot-break-event", gdb.COMMAND_BREAKPOINTS, completes=complete_events)
def boot_break_event(args):
    """boot-break-event EVENT
Stop at such events, in both directions: irq vector=0x30, cpu.smm enter=1, pio port=0x60. monitor stops lists them, monitor unbreak N removes one."""
    if not args:
        raise gdb.GdbError("boot-break-event: give an event: irq vector=0x30, cpu.smm enter=1, pio port=0x60")
    monitor_shown("break-event " + args)


@command("boot-undo")
def boot_undo(args):
    """Leave a diversion: back to the recorded run, where it was left."""
    move("undo")


@command("boot-live")
def boot_live(args):
    """boot-live [TIME]
Let the guest run on by itself for that guest time (2s, 300ms; 1s), and show what it prints.
That leaves the record here: boot-input types, boot-record saves the run as a trace, boot-undo goes back."""
    try:
        monitor_shown("try live " + args)
    except KeyboardInterrupt:
        print("interrupted")
    refresh(monitor("when"))


@command("boot-record", completes=gdb.COMPLETE_FILENAME)
def boot_record(args):
    """boot-record FILE
Save a diversion as a trace of its own: the run from reset up to here, with what was typed."""
    monitor_shown("record " + args)


@command("boot-calls")
def boot_calls(args):
    """boot-calls [STEPS] [OPTION…]
The call tree of the next STEPS steps of the record (default 10000), as `bootreel calls` prints it.
Options: --depth N, --function NAME. The position stays; boot-seek ICOUNT goes to one of the calls."""
    words = gdb.string_to_argv(args)
    steps = words.pop(0) if words and words[0].isdigit() else "10000"
    monitor_shown("calls %s %s" % (steps, " ".join(words)))


@command("boot-dump", completes=gdb.COMPLETE_FILENAME)
def boot_dump(args):
    """boot-dump [--format vmcore|raw|elf] FILE
Write memory and registers at this position: for crash and drgn (vmcore), gdb (elf), or as bare bytes.
What this session has changed is in it."""
    monitor_shown("dump " + args)


def shows(name, what, doc, completes=gdb.COMPLETE_NONE):
    def fn(args):
        sys.stdout.write(monitor("%s %s" % (what, args)))

    fn.__doc__ = doc
    command(name, gdb.COMMAND_STATUS, completes)(fn)


shows("boot-when", "when", "The position: icount, guest time, mode, stage.")
shows("boot-stages", "stages", "boot-stages [all|NAME]\nThe stages of the boot: the outer ones and those at this position, all, or those whose names begin so.", complete_stages)
shows("boot-events", "events", "boot-events [[-]N] [EVENT]\nRecorded events from here on, or the N before here.",
      complete_events)
shows("boot-why", "why", "boot-why [POSITION]\nWhat went wrong up to the end of the record, or to that position: a verdict and its evidence.",
      complete_positions)
shows("boot-explain", "explain", "boot-explain [NUMBER|EVENT]\nWhat an event means, in words: that one, or the next such one.",
      complete_events)
shows("boot-processes", "processes", "boot-processes [all]\nThe processes at this position, by the record.", one_of("all", "ever"))
shows("boot-domains", "domains", "The domains of a hypervisor at this position, by the record.")
shows("boot-firmware", "firmware",
      "boot-firmware [LIST]\nWhat UEFI firmware has at this position: handles, drivers, images, map, tables or variables.",
      listed("firmware"))
shows("boot-handles", "firmware handles", "The handles of UEFI firmware at this position, with their protocols.")
shows("boot-mark", "mark", "boot-mark NAME [POSITION]\nName a position.")
shows("boot-marks", "marks", "The marks of this session.")
shows("boot-screen", "screen", "The screen's text.")
shows("boot-dmesg", "dmesg",
      "boot-dmesg [N]\nThe messages in a Linux kernel's log at this position, or the last N, whether or not a console has shown them.")
shows("boot-input", "input",
      "boot-input PORT TEXT\nGive the guest input (serial0, keyboard); \\n is Enter.\n"
      "The run is a diversion from here on; boot-live lets the guest answer.", one_of("serial0", "serial1", "serial2", "serial3", "keyboard", "virtio"))
shows("boot-info", "info", "boot-info [PART]\nThe state of a part of the machine: pic, pit, rtc ...", listed("parts"))
shows("boot-irq", "irq", "The interrupt controllers, line by line: raised, masked, requested, in service, and where each leads.")
shows("boot-idt", "idt", "boot-idt [VECTOR]\nThe interrupt descriptor table, or in real mode the vectors; or one entry of it.")
shows("boot-gdt", "gdt", "The global descriptor table, with the registers that use each entry.")
shows("boot-pci", "pci", "The functions of PCI bus 0: what each decodes, its interrupt, its capabilities.")
shows("boot-chip", "chip", "boot-chip [NAME]\nThe state of a chip or processor, field by field: pic, lapic0, cpu0 ...; or which there are.", listed("parts"))


@command("boot-page", gdb.COMMAND_DATA, completes=gdb.COMPLETE_EXPRESSION)
def boot_page(args):
    """boot-page EXPRESSION
The page walk of an address, or of where a variable is: each entry, its bits in words, and who wrote it last (some seconds)."""
    value = gdb.parse_and_eval(args or "$pc")
    plain = value.type.code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT, gdb.TYPE_CODE_FUNC)
    if value.type.code == gdb.TYPE_CODE_FUNC or (value.address is not None and not plain):
        value = value.address
    monitor_shown("page 0x%x" % (int(value) & (1 << 64) - 1))



@command("boot-threads", gdb.COMMAND_STATUS, completes=one_of("tasks", "processors"))
def boot_threads(args):
    """boot-threads tasks | boot-threads processors
What gdb's threads are: the guest's tasks, sleeping ones too (64-bit Linux with type information), or processors, as at first."""
    sys.stdout.write(monitor("threads " + args).split(";")[0] + "\n")
    if args:
        refresh(monitor("when"))


@command("boot-thread", gdb.COMMAND_STATUS, completes=complete_processes)
def boot_thread(args):
    """boot-thread PID
Select the task of that number, sleeping ones too: gdb's threads become the guest's tasks (boot-threads tasks).
gdb's own `thread N` counts threads from 1, in the order of info threads."""
    if not re.fullmatch(r"\d+", args):
        raise gdb.GdbError("boot-thread: give a process number, as boot-processes shows them")
    if not re.match(r"threads are the guest's tasks", monitor("threads")):
        boot_threads("tasks")
    gdb.execute("info threads", to_string=True)  # gdb reads the list
    for thread in gdb.selected_inferior().threads():
        if thread.is_valid() and thread.ptid[1] == int(args):
            thread.switch()
            gdb.execute("frame")
            return
    raise gdb.GdbError("there is no task %s here: info threads lists them" % args)


shows("boot-bt", "backtrace", "boot-bt [PID]\nThe calls of a task, sleeping ones too, down to those of its program.",
      complete_processes)


@command("boot-symbols", gdb.COMMAND_FILES, completes=complete_processes)
def boot_symbols(args):
    """boot-symbols [PID]
Load the trace's symbols: the kernel's, or those of a process."""
    if args and not re.fullmatch(r"(\d+:)?\d+", args):
        raise gdb.GdbError("boot-symbols: give a process number, as boot-processes shows them, or nothing")
    if args:
        try:
            gdb.execute("add-symbol-file target:/bootreel/process-" + args, to_string=True)
            for f in bootreel_api._ask("debug " + args) if ":" not in args else []:
                add_debug_file(f["path"], f["bias"], None)
        except gdb.error:
            raise gdb.GdbError("the record has no symbols of process %s: its programs have none, or were not seen "
                               "(monitor symbols lists what there is). With a file that has: add-symbol-file FILE" % args)
    else:
        gdb.execute("symbol-file target:/bootreel/kernel")


class Boot(gdb.Command):
    def __init__(self):
        super().__init__("boot", gdb.COMMAND_RUNNING)

    def invoke(self, args, from_tty):
        print("\n".join(SUMMARIES))


Boot.__doc__ = "Commands for a recorded boot; help of each says more.\n\n" + "\n".join(SUMMARIES)
Boot()
bootreel_api.connect(monitor, move)
sys.modules["bootreel"] = bootreel_api  # `import bootreel`, for people's own programs
bootreel_orc.install()
gdb.events.stop.connect(kernel_stopped)
gdb.events.inferior_call.connect(called)
if hasattr(gdb.events, "connection_removed"):
    gdb.events.connection_removed.connect(forget_kernel)
# Addresses of a 64-bit kernel are whole also while the processor is in real mode.
gdb.execute("set remoteaddresssize 64")
# The guest's file may be marked for a system that this gdb does not know (FreeBSD's, in Debian's gdb): it would then take addresses for 32
# bits wide. There is no system below a machine.
gdb.execute("set osabi none")
gdb.execute("define boot-stop-hook\nend")
class NoCore(gdb.Command):
    """From hook-generate-core-file: gdb makes core files of processes, and asks an operating system what they have mapped."""

    def __init__(self):
        super().__init__("boot-no-core", gdb.COMMAND_OBSCURE)

    def invoke(self, args, from_tty):
        if number("$icount") is not None:
            raise gdb.GdbError("a recorded machine is no process, so there is no core file of it: the trace is what to keep, and boot-record "
                               "saves a private run as one")


NoCore()
gdb.execute("define hook-generate-core-file\nboot-no-core\nend")
gdb.execute("define hook-stop\npython boot_stopped()\nboot-stop-hook\nend")
