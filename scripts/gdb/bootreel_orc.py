"""bootreel_orc.py - frames of a Linux kernel that has no frame pointers: `bt`, `finish` and `up` by its ORC tables.

They are in the guest's memory, between symbols that kallsyms has: no debug information is needed. Layout and
meaning: Documentation/x86/orc-unwinder.rst and arch/x86/include/asm/orc_types.h of the kernel.
"""
import re
import struct

import gdb
from gdb.unwinder import Unwinder

ENTRY = 6  # bytes: s16 sp_offset, s16 bp_offset, u16 sp_reg:4 bp_reg:4 type …
UNDEFINED, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT = range(10)
BASE = {DX: "rdx", DI: "rdi", BP: "rbp", SP: "rsp", R10: "r10", R13: "r13", BP_INDIRECT: "rbp", SP_INDIRECT: "rsp"}
CALL, REGS, REGS_PARTIAL, END = "call", "regs", "partial", "end"
# struct pt_regs
PT_REGS = ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", None,
           "rip", None, None, "rsp", None]
PT_RIP, PT_RSP = 128, 152
MASK = (1 << 64) - 1


def address(name):
    """The address of a symbol; None without it."""
    try:
        return int(gdb.parse_and_eval("(unsigned long) &%s" % name)) & MASK
    except (gdb.error, OverflowError):
        return None


def read(at, size):
    return gdb.selected_inferior().read_memory(at & MASK, size).tobytes()


def word(at):
    return struct.unpack("<Q", read(at, 8))[0]


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
        self.known = {}

    def covers(self, pc):
        begin, end, init_begin, init_end = self.text
        return bool(self.n and begin and end and
                    (begin <= pc < end or (init_begin and init_end and init_begin <= pc < init_end)))

    def ip(self, i):
        at = self.ips + 4 * i
        return (at + struct.unpack("<i", read(at, 4))[0]) & MASK

    def find(self, pc):
        """sp_offset, bp_offset, sp_reg, bp_reg, type of the last entry at or before pc."""
        if pc in self.known:
            return self.known[pc]
        low, high = 0, self.n
        while high - low > 1:
            middle = (low + high) // 2
            if self.ip(middle) <= pc:
                low = middle
            else:
                high = middle
        sp_offset, bp_offset, flags = struct.unpack("<hhH", read(self.entries + ENTRY * low, ENTRY))
        if self.new_types:
            kind = {1: END, 2: CALL, 3: REGS, 4: REGS_PARTIAL}.get(flags >> 8 & 7)
        else:
            kind = {0: CALL, 1: REGS, 2: REGS_PARTIAL}.get(flags >> 8 & 3)
            if flags >> 10 & 3 and flags & 15 == UNDEFINED:
                kind = END
        self.known[pc] = sp_offset, bp_offset, flags & 15, flags >> 4 & 15, kind
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

    def forget(self, event=None):
        self.table = None
        self.starts = {}
        self.interrupted = set()  # (sp, pc) of frames that were not left by a call

    def start_of(self, pc):
        """Where the function begins, so that it is one frame at each of its instructions."""
        if pc not in self.starts:
            text = gdb.execute("info symbol 0x%x" % pc, to_string=True)
            m = re.match(r"\S+ \+ (\d+) in section", text, re.M)
            self.starts[pc] = pc - int(m.group(1)) if m else pc
        return self.starts[pc]

    def __call__(self, frame):
        try:
            if frame.architecture().name() != "i386:x86-64":
                return None
            return self.unwind(frame)
        except (gdb.error, gdb.MemoryError, OverflowError):
            return None

    def unwind(self, frame):
        def reg(name):
            return int(frame.read_register(name)) & MASK

        pc, sp = reg("rip"), reg("rsp")
        if self.table is None and pc >> 63:
            self.table = Table()
        if self.table is None or not self.table.covers(pc):
            return None
        exact = frame.level() == 0 or (sp, pc) in self.interrupted
        sp_offset, bp_offset, sp_reg, bp_reg, kind = self.table.find(pc if exact else pc - 1)
        if kind in (None, END) or sp_reg not in BASE:
            return None
        cfa = reg(BASE[sp_reg]) + (0 if sp_reg == SP_INDIRECT else sp_offset)
        if sp_reg in (SP_INDIRECT, BP_INDIRECT):
            cfa = word(cfa) + (sp_offset if sp_reg == SP_INDIRECT else 0)
        cfa &= MASK
        info = frame.create_unwind_info(Id(gdb.Value(cfa), gdb.Value(self.start_of(pc))))
        self.save(frame, info, kind, cfa)
        if bp_reg == PREV_SP:
            self.saved(frame, info, "rbp", word(cfa + bp_offset))
        elif bp_reg == BP:
            self.saved(frame, info, "rbp", word(reg("rbp") + bp_offset))
        elif kind == CALL:
            self.saved(frame, info, "rbp", reg("rbp"))
        return info

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
        for i, name in enumerate(PT_REGS):
            if name and (kind == REGS or 8 * i >= PT_RIP):
                self.saved(frame, info, name, word(base + 8 * i))


def install():
    gdb.unwinder.register_unwinder(None, Orc(), replace=True)
