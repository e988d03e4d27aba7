"""bootreel_orc.py - frames of a Linux kernel that has no frame pointers: `bt`, `finish` and `up` by its ORC tables.

The kernel's tables and those of its modules are in the guest's memory, so no debug information is needed. bootreel reads them
(`monitor unwind`), follows code that the kernel generated (BPF, trampolines), and knows the call frames of the programs: gdb shows the
same frames as `boot-bt`, the profile and the terminal interface.
"""
import re

import gdb
from gdb.unwinder import Unwinder

# By their DWARF numbers.
REGISTERS = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"] + ["r%d" % n for n in range(8, 16)] + ["rip"]
MASK = (1 << 64) - 1
# gdb takes a caller whose stack is lower for a corrupt one. So a program's stack counts as above its kernel's, and the stacks in the
# processor's entry area, which interrupts begin on and which is near the end of memory, as below all others.
ABOVE = 0xffff800000000000
ENTRY_AREA = range(0xfffffe0000000000, 0xfffffe8000000000)
ENDED, CALL, INTERRUPTED = range(3)
# A kernel's stack has at most so many bytes. Where the caller is on another one (an interrupt's), a compiler's call frames do not tell.
STACK = 1 << 15


def said(command):
    """What a command prints, without the command itself (`set trace-commands on`)."""
    return re.sub(r"^\++%s.*\n" % command.split()[0], "", gdb.execute(command, to_string=True), count=1)


class Id:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp & MASK), gdb.Value(pc)


def rank(sp, above):
    """A number for a stack pointer, that is higher in callers. gdb takes it for the canonical frame address, by which it finds local variables: so a
    program's is itself, unless the stack begins in the kernel."""
    if sp in ENTRY_AREA:
        return sp - ENTRY_AREA.start
    return sp if sp >> 63 else sp + above


class Orc(Unwinder):
    def __init__(self):
        super().__init__("bootreel-orc")
        self.forget()
        gdb.events.new_objfile.connect(self.forget)
        gdb.events.cont.connect(self.forget_frames)
        gdb.events.clear_objfiles.connect(self.forget)

    def forget(self, event=None):
        self.starts = {}
        self.above = ABOVE
        self.forget_frames()

    def forget_frames(self, event=None):
        """Those of another position: the same words of the stack may be other frames there."""
        self.frames = {}  # (sp, pc) of frames that this found -> ENDED, CALL, INTERRUPTED
        self.ends = {}  # rsp of the frame at address 0 that stands for the end -> why there are no more

    def start_of(self, pc):
        """Where the function begins, so that it is one frame at each of its instructions."""
        if pc not in self.starts:
            text = said("info symbol 0x%x" % pc)
            m = re.match(r"\S+ \+ (\d+) in section", text)
            self.starts[pc] = pc - int(m.group(1)) if m else pc
        return self.starts[pc]

    def __call__(self, frame):
        try:
            if frame.architecture().name() != "i386:x86-64":
                return None
            return self.unwind(frame)
        except (gdb.error, gdb.MemoryError, OverflowError, ValueError):
            return None

    def unwind(self, frame):
        values = {}
        for name in REGISTERS:
            try:
                values[name] = int(frame.read_register(name)) & MASK
            except gdb.error:  # it is not known in this frame
                pass
        pc, sp = values["rip"], values["rsp"]
        how = self.frames.get((sp, pc), INTERRUPTED if frame.level() == 0 else CALL)
        if how == ENDED:
            return self.end(frame, sp)
        if frame.level() == 0 or how != CALL:
            called = 0
        else:
            called = 1
        if frame.level() == 0:
            self.above = ABOVE if pc >> 63 else 0
        described = pc >> 63 and self.described(pc - called)
        asked = " ".join("%x" % values[name] if name in values else "x" for name in REGISTERS)
        kind, _, rest = said("monitor unwind %s %d" % (asked, called)).strip().partition(" ")
        if described and kind == "caller" and 0 < int(rest.split()[0], 16) - sp < STACK:
            return None
        if kind == "caller":
            return self.caller(frame, pc, rest.split())
        if kind == "none":
            return self.last(frame, pc, sp, None) if not self.has_frames(pc) else None
        if kind == "lost":
            return self.last(frame, pc, sp, rest)
        return None

    def described(self, pc):
        """Whether gdb has debug information for a kernel's code: then it also has its call frames, and needs them for inlined functions and local
        variables. What bootreel itself serves of a kernel has none, and a kernel's assembly has not all."""
        table = gdb.find_pc_line(pc).symtab
        if table is None or table.objfile.filename is None:
            return False
        return not (table.objfile.filename.startswith("target:") or table.filename.endswith(".S"))

    def has_frames(self, pc):
        """Of a kernel's outermost functions, gdb has the frames in the kernel's file."""
        return re.match(r"(startup_64|secondary_startup_64|ret_from_fork)", said("info symbol 0x%x" % pc))

    def caller(self, frame, pc, answer):
        cfa, called = int(answer[0], 16), int(answer[1])
        values = {n: int(v, 16) for n, v in zip(REGISTERS, answer[2:]) if v != "x"}
        info = frame.create_unwind_info(Id(rank(cfa, self.above), self.start_of(pc)))
        self.keep(frame, info)
        for name, value in values.items():
            self.saved(frame, info, name, value)
        self.frames[values["rsp"], values["rip"]] = CALL if called else INTERRUPTED
        return info

    def last(self, frame, pc, sp, why):
        """gdb shows where a stack ends as address 0, and goes no further. Its own guesses would go on into what is none."""
        info = frame.create_unwind_info(Id(rank(sp, self.above), self.start_of(pc)))
        self.keep(frame, info)
        self.saved(frame, info, "rip", 0)
        self.saved(frame, info, "rsp", sp + 16)
        self.frames[sp + 16, 0] = ENDED
        self.ends[sp + 16] = why
        return info

    def end(self, frame, sp):
        info = frame.create_unwind_info(Id(rank(sp, self.above), 0))
        self.saved(frame, info, "rip", 0)
        self.saved(frame, info, "rsp", sp + 16)
        self.keep(frame, info)
        return info

    def keep(self, frame, info):
        """What is the same in all frames, so that commands work in each."""
        for name in ("icount", "time_ns", "code_bits", "cpu_mode"):
            info.add_saved_register(name, frame.read_register(name))

    def saved(self, frame, info, name, value):
        like = frame.read_register(name).type
        info.add_saved_register(name, gdb.Value(value & MASK).cast(like))


orc = Orc()


def explain_end():
    """After `backtrace`: why the stack ends at address 0, unless it is complete."""
    try:
        frame = gdb.newest_frame()
        while frame.older():
            frame = frame.older()
        why = None if frame.pc() else orc.ends.get(int(frame.read_register("rsp")) & MASK)
        if why and frame.level():
            print("(the caller of #%d is unknown: %s)" % (frame.level() - 1, why))
    except (gdb.error, ValueError):  # there is no stack, or no such register
        pass


def install():
    gdb.unwinder.register_unwinder(None, orc, replace=True)
    gdb.execute("define hookpost-backtrace\npython bootreel_orc.explain_end()\nend")
