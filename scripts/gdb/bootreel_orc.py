"""bootreel_orc.py - frames of a Linux kernel that has no frame pointers: `bt`, `finish` and `up` by its ORC tables.

They are in the guest's memory, between symbols that kallsyms has: no debug information is needed. Layout and
meaning: Documentation/x86/orc-unwinder.rst and arch/x86/include/asm/orc_types.h of the kernel.
"""
import bisect
import re
import struct

import gdb
from gdb.unwinder import Unwinder

ENTRY = 6  # bytes: s16 sp_offset, s16 bp_offset, u16 sp_reg:4 bp_reg:4 type …
NEAR = 64  # bytes that are read for the sake of a packet less
PIECE = 64  # instruction addresses read at a time: those of a function or two
UNDEFINED, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT = range(10)
BASE = {DX: "rdx", DI: "rdi", BP: "rbp", SP: "rsp", R10: "r10", R13: "r13", BP_INDIRECT: "rbp", SP_INDIRECT: "rsp"}
# Linux 7 has other numbers for some of them.
RENUMBERED = {2: DX, 3: SP, 4: BP, 6: R10, 7: R13, 8: PREV_SP, 9: SP_INDIRECT, 10: BP_INDIRECT}
CALL, REGS, REGS_PARTIAL, END = "call", "regs", "partial", "end"
# struct pt_regs
PT_REGS = ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", None,
           "rip", None, None, "rsp", None]
PT_RIP, PT_RSP = 128, 152
MASK = (1 << 64) - 1
# gdb takes a caller whose stack is lower for a corrupt one; so a program's stack counts as above its kernel's.
ABOVE = 0xffff800000000000


def address(name):
    """The address of a symbol; None without it."""
    try:
        return int(gdb.parse_and_eval("(unsigned long) &%s" % name)) & MASK
    except (gdb.error, OverflowError):
        return None


def read(at, size):
    return gdb.selected_inferior().read_memory(at & MASK, size).tobytes()


class Words:
    """Words of the stack, as they are at this position: each stop asks for the same ones several times."""

    def __init__(self):
        self.icount = None
        self.known = {}

    def at_position(self, icount):
        if icount != self.icount:
            self.known.clear()
            self.icount = icount

    def forget(self, event=None):
        self.icount = None

    def fetch(self, first, last):
        """Those from one to the other, which are near, in one go."""
        if last - first <= NEAR and not (first in self.known and last in self.known):
            data = read(first, last - first + 8)
            for i in range(0, len(data), 8):
                self.known[first + i] = struct.unpack_from("<Q", data, i)[0]

    def __call__(self, at):
        if at not in self.known:
            self.known[at] = struct.unpack("<Q", read(at, 8))[0]
        return self.known[at]


word = Words()


def forget_memory():
    """The target was moved, or its memory changed, without gdb."""
    word.forget()


class Table:
    """The table of one kernel."""

    def __init__(self):
        self.text = address("_stext"), address("_etext"), address("_sinittext"), address("_einittext")
        self.ips = address("__start_orc_unwind_ip")
        self.entries = address("__start_orc_unwind")
        end = address("__stop_orc_unwind_ip")
        self.n = (end - self.ips) // 4 if self.ips and self.entries and end else 0
        # Linux 6.4 put a header beside the tables, and two more types before "call".
        self.new_types = address("__start_orc_header") is not None
        self.renumbered = self.n and self.is_renumbered()
        self.known = {}  # by pc
        self.firsts = {}  # by piece: its first address
        self.pieces = {}  # … all of them

    def is_renumbered(self):
        """Most frames are found from the stack pointer, which was 5 and is 3: a few rows in the middle tell."""
        rows = read(self.entries + ENTRY * (self.n // 2), ENTRY * min(PIECE, self.n - self.n // 2))
        registers = [flags & 15 for flags in rows[4::ENTRY]]
        return registers.count(3) > registers.count(5)

    def register(self, number):
        return RENUMBERED.get(number, UNDEFINED) if self.renumbered else number

    def covers(self, pc):
        begin, end, init_begin, init_end = self.text
        return bool(self.n and begin and end and
                    (begin <= pc < end or (init_begin and init_end and init_begin <= pc < init_end)))

    def first(self, k):
        """The first address of a piece. Those at which searches look again and again are read once."""
        if k not in self.firsts:
            at = self.ips + 4 * PIECE * k
            self.firsts[k] = (at + struct.unpack("<i", read(at, 4))[0]) & MASK
        return self.firsts[k]

    def piece(self, k):
        if k not in self.pieces:
            at, n = self.ips + 4 * PIECE * k, min(PIECE, self.n - PIECE * k)
            offsets = struct.unpack("<%di" % n, read(at, 4 * n))
            self.pieces[k] = [(at + 4 * i + offset) & MASK for i, offset in enumerate(offsets)]
        return self.pieces[k]

    def find(self, pc):
        """sp_offset, bp_offset, sp_reg, bp_reg, type of the last entry at or before pc."""
        if pc in self.known:
            return self.known[pc]
        low, high = 0, (self.n + PIECE - 1) // PIECE
        while high - low > 1:
            middle = (low + high) // 2
            if self.first(middle) <= pc:
                low = middle
            else:
                high = middle
        low = PIECE * low + max(bisect.bisect_right(self.piece(low), pc) - 1, 0)
        sp_offset, bp_offset, flags = struct.unpack("<hhH", read(self.entries + ENTRY * low, ENTRY))
        if self.new_types:
            kind = {1: END, 2: CALL, 3: REGS, 4: REGS_PARTIAL}.get(flags >> 8 & 7)
        else:
            kind = {0: CALL, 1: REGS, 2: REGS_PARTIAL}.get(flags >> 8 & 3)
            if flags >> 10 & 3 and flags & 15 == UNDEFINED:
                kind = END
        self.known[pc] = sp_offset, bp_offset, self.register(flags & 15), self.register(flags >> 4 & 15), kind
        return self.known[pc]


class Id:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Orc(Unwinder):
    def __init__(self):
        super().__init__("bootreel-orc")
        self.forget()
        gdb.events.new_objfile.connect(self.forget)
        gdb.events.clear_objfiles.connect(self.forget)
        gdb.events.memory_changed.connect(word.forget)

    def forget(self, event=None):
        self.table = None
        self.starts = {}
        self.interrupted = set()  # (sp, pc) of frames that were not left by a call
        self.program = {}  # (sp, pc) of a program's frames that a kernel's entry led to -> whether pc is a return address

    def start_of(self, pc):
        """Where the function begins, so that it is one frame at each of its instructions."""
        if pc not in self.starts:
            text = gdb.execute("info symbol 0x%x" % pc, to_string=True)
            m = re.match(r"\S+ \+ (\d+) in section", text, re.M)
            self.starts[pc] = pc - int(m.group(1)) if m else pc
        return self.starts[pc]

    def has_symbol(self, pc):
        return not gdb.execute("info symbol 0x%x" % pc, to_string=True).startswith("No symbol")

    def __call__(self, frame):
        try:
            if frame.architecture().name() != "i386:x86-64":
                return None
            return self.unwind(frame)
        except (gdb.error, gdb.MemoryError, OverflowError, ValueError):
            return None

    def unwind(self, frame):
        def reg(name):
            return int(frame.read_register(name)) & MASK

        pc, sp = reg("rip"), reg("rsp")
        if frame.level() == 0 and not pc >> 63 and reg("cs") & 3 and self.table and not self.has_symbol(pc):
            self.program[sp, pc] = 0
        if (sp, pc) in self.program:
            return self.unwind_program(frame, pc, sp, reg)
        if self.table is None and pc >> 63:
            self.table = Table()
        if self.table is None or not self.table.covers(pc):
            return None
        if frame.level() == 0:
            word.at_position(reg("icount"))
        exact = frame.level() == 0 or (sp, pc) in self.interrupted
        sp_offset, bp_offset, sp_reg, bp_reg, kind = self.table.find(pc if exact else pc - 1)
        if kind in (None, END) or sp_reg not in BASE:
            return None
        cfa = reg(BASE[sp_reg]) + (0 if sp_reg == SP_INDIRECT else sp_offset)
        if sp_reg in (SP_INDIRECT, BP_INDIRECT):
            cfa = word(cfa) + (sp_offset if sp_reg == SP_INDIRECT else 0)
        cfa &= MASK
        if kind == CALL and bp_reg == PREV_SP and bp_offset % 8 == 0:
            word.fetch(min(cfa + bp_offset, cfa - 8), max(cfa + bp_offset, cfa - 8))
        info = frame.create_unwind_info(Id(gdb.Value(cfa), gdb.Value(self.start_of(pc))))
        self.save(frame, info, kind, cfa)
        self.keep(frame, info)
        if bp_reg == PREV_SP:
            self.saved(frame, info, "rbp", word(cfa + bp_offset))
        elif bp_reg == BP:
            self.saved(frame, info, "rbp", word(reg("rbp") + bp_offset))
        elif kind == CALL:
            self.saved(frame, info, "rbp", reg("rbp"))
        return info

    def unwind_program(self, frame, pc, sp, reg):
        """By bootreel, which knows the program's call frames and reads its memory. Where it does not, the stack ends: gdb's own
        guesses would go on into what is none."""
        if not pc:
            info = frame.create_unwind_info(Id(gdb.Value((sp + ABOVE) & MASK), gdb.Value(0)))
            self.saved(frame, info, "rip", 0)
            self.saved(frame, info, "rsp", sp + 16)
            self.program[sp + 16, 0] = 0
            self.keep(frame, info)
            return info
        names = ["rip", "rsp", "rbp", "rbx", "r12", "r13", "r14", "r15"]
        values = " ".join("0x%x" % (reg(n)) for n in names)
        answer = gdb.execute("monitor caller %s %d" % (values, self.program[sp, pc]), to_string=True).split()
        info = frame.create_unwind_info(Id(gdb.Value((sp + ABOVE) & MASK), gdb.Value(self.start_of(pc))))
        self.keep(frame, info)
        if len(answer) != len(names) + 1:
            answer = ["0x0", "0x%x" % (sp + 16)] + values.split()[2:]
        for name, value in zip(names, answer):
            self.saved(frame, info, name, int(value, 16))
        if len(answer) == len(names):
            self.program[sp + 16, 0] = 0  # gdb shows where a stack ends as address 0, and goes no further
            return info
        self.program[int(answer[1], 16), int(answer[0], 16)] = int(answer[-1])
        return info

    def keep(self, frame, info):
        """What is the same in all frames, so that commands work in each."""
        for name in ("icount", "time_ns", "code_bits", "cpu_mode"):
            info.add_saved_register(name, frame.read_register(name))

    def saved(self, frame, info, name, value):
        like = frame.read_register(name).type
        info.add_saved_register(name, gdb.Value(value & MASK).cast(like))

    def save(self, frame, info, kind, cfa):
        """What the frame above had: pc and sp, and after an interrupt all of it."""
        if kind == CALL:
            self.saved(frame, info, "rip", word(cfa - 8))
            self.saved(frame, info, "rsp", cfa)
            return
        base = cfa if kind == REGS else cfa - PT_RIP
        self.interrupted.add((word(base + PT_RSP), word(base + PT_RIP)))
        if not word(base + PT_RIP) >> 63:
            self.program[word(base + PT_RSP), word(base + PT_RIP)] = 0
        for i, name in enumerate(PT_REGS):
            if name and (kind == REGS or 8 * i >= PT_RIP):
                self.saved(frame, info, name, word(base + 8 * i))


def install():
    gdb.unwinder.register_unwinder(None, Orc(), replace=True)
