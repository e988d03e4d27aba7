"""bootreel_structs.py - for gdb on bootreel itself: its own structs, as people read them.

    (gdb) source scripts/gdb/bootreel_structs.py
    (gdb) print event              an event by its name and its fields' names
    (gdb) print *cpu               a processor: the fields that are state, as divergence reports name them
    (gdb) bootreel-fields hpet_fields *h    any struct by its field table

`print/r` prints a struct as gdb does without this. Nothing is called in the program, so all of it works on core files too.
"""
import gdb
import gdb.printing

# Positions of registers in x86.gpr, in the order of the processor's own numbers.
REGISTERS = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"] + ["r%d" % n for n in range(8, 16)]
LONGEST = 256  # bytes or numbers of an array that are printed


def integer(value):
    return int(value) & 0xFFFFFFFFFFFFFFFF


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(int(address), size)) if size else b""


def commas(n):
    return "{:,}".format(integer(n))


def quoted(data):
    shown = data[:LONGEST].decode("utf-8", "backslashreplace").encode("unicode_escape").decode().replace('"', '\\"')
    return '"%s"%s' % (shown, "" if len(data) <= LONGEST else "... of %s bytes" % commas(len(data)))


class Text:
    """struct text: a growing text."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        n = int(self.value["n"])
        return quoted(memory(self.value["s"], n)) if integer(self.value["s"]) else "(empty)"


class Error:
    """struct error: one line."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return quoted(self.value["text"].string(errors="backslashreplace").encode()) if int(self.value["text"][0]) else "(no error)"


class Bytes:
    """struct buf and struct view: a growing buffer, and what is left to read of one."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        start = integer(self.value["p"])
        kind = self.value.type.strip_typedefs().tag
        n = int(self.value["n"]) if kind == "buf" else integer(self.value["end"]) - start
        bad = ", bad: a read went beyond the end" if kind == "view" and self.value["bad"] else ""
        return "%s bytes%s%s" % (commas(n), bad, ": " + memory(start, min(n, 32)).hex(" ") if start and n > 0 else "")


class Event:
    """struct event: its kind's name, and the fields by theirs (traces/event_kinds.def)."""

    def __init__(self, value):
        self.value = value
        table = gdb.lookup_global_symbol("event_table")
        kinds = table.value() if table else None
        kind = int(value["kind"])
        known = kinds is not None and kind <= kinds.type.range()[1]
        self.kind = kinds[kind] if known else None

    def to_string(self):
        v = self.value
        name = self.kind["name"].string() if self.kind is not None else "event kind %d" % int(v["kind"])
        guest = " guest %d" % int(v["guest"]) if int(v["guest"]) else ""
        return "%s at %s, %s ns, cpu %d%s" % (name, commas(v["icount"]), commas(v["time"]), int(v["cpu"]), guest)

    def children(self):
        if self.kind is None:
            return
        for i in range(int(self.kind["nfields"])):
            yield self.kind["field"][i]["name"].string(), "0x%x" % integer(self.value["f"][i])
        if self.kind["has_data"] and integer(self.value["data"]):
            yield "data", quoted(memory(self.value["data"], int(self.value["len"])))


class Stop:
    """struct stop: why a run ended, without the members that this reason leaves alone."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        parts = ["%s at %s" % (v["reason"], commas(v["icount"])), "%s ns" % commas(v["time"])]
        reason = str(v["reason"])
        if reason in ("STOP_BREAKPOINT", "STOP_WATCHPOINT"):
            parts.append("number %d, cpu %d, address 0x%x" % (int(v["id"]), int(v["cpu"]), integer(v["address"])))
        if reason == "STOP_POWER_OFF":
            parts.append("status %d" % int(v["status"]))
        if int(v["text"][0]):
            parts.append(v["text"].string(errors="backslashreplace"))
        return ", ".join(parts)


def field_value(field, base):
    """What a struct has in one row of a flat field table."""
    width, count = int(field["width"]), int(field["count"])
    data = memory(base + int(field["offset"]), width * min(count, LONGEST))
    numbers = [int.from_bytes(data[i : i + width], "little") for i in range(0, len(data), width)]
    if count == 1:
        return "0x%x" % numbers[0]
    if width == 1:
        return data.hex(" ") if any(data) else "%d zeros" % count
    while len(numbers) > 1 and numbers[-1] == numbers[-2] == 0 and count <= LONGEST:
        numbers.pop()
    return "{%s%s}" % (", ".join("0x%x" % n for n in numbers), ", ..." if len(numbers) < count else "")


def fields(rows, n, base, prefix=""):
    """Names and values of a field table, with the structs in it (core/ground/fields.h)."""
    for i in range(n):
        field = rows[i]
        name = field["name"].string()
        if not integer(field["sub"]):
            yield prefix + name, field_value(field, base)
            continue
        for k in range(int(field["count"])):
            inner = prefix + name.replace("#", str(k))
            place = base + int(field["offset"]) + k * int(field["width"])
            yield from fields(field["sub"], int(field["nsub"]), place, inner + "." if inner else "")


class Processor:
    """struct x86: its mode and registers in a line, and what is state by the names of its field table."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        state = "".join(", " + name for name in ("halted", "shutdown", "in_smm") if v[name])
        shown = " ".join("%s=%x" % (name, integer(v["gpr"][i])) for i, name in enumerate(REGISTERS[:8]))
        rip = integer(v["gpr"][int(gdb.parse_and_eval("(int)REG_RIP"))])
        return "processor %d, %d-bit, CPL %d%s: rip=%x %s" % (v["index"], v["code_bits"], v["cpl"], state, rip, shown)

    def children(self):
        saved = self.value["saved"]
        if integer(saved["fields"]) and self.value.address is not None:
            yield from fields(saved["fields"], int(saved["n"]), int(self.value.address))


class Fields(gdb.Command):
    """bootreel-fields TABLE STRUCT
Print a struct by its table of fields, as bootreel-fields hpet_fields *h: names as in saved states and divergence reports.
TABLE is an array of struct field, or a struct field_table."""

    def __init__(self):
        super().__init__("bootreel-fields", gdb.COMMAND_DATA, gdb.COMPLETE_SYMBOL)

    def invoke(self, args, from_tty):
        words = args.split(None, 1)
        if len(words) != 2:
            raise gdb.GdbError("bootreel-fields TABLE STRUCT: as bootreel-fields hpet_fields *h")
        table, struct = gdb.parse_and_eval(words[0]), gdb.parse_and_eval(words[1])
        if struct.address is None:
            raise gdb.GdbError("%s is not in memory" % words[1])
        if table.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
            rows, n = table, table.type.range()[1] + 1
        elif table.type.strip_typedefs().tag == "field_table":
            rows, n = table["fields"], int(table["n"])
        else:
            raise gdb.GdbError("%s is not a table of fields" % words[0])
        for name, value in fields(rows, n, int(struct.address)):
            gdb.write("%s = %s\n" % (name, value))


def printers():
    p = gdb.printing.RegexpCollectionPrettyPrinter("bootreel")
    for tag, printer in (("text", Text), ("error", Error), ("buf", Bytes), ("view", Bytes), ("event", Event), ("stop", Stop), ("x86", Processor)):
        p.add_printer(tag, "^%s$" % tag, printer)
    return p


# struct x86 has 430 kB, and gdb reads of a struct only what is asked for.
gdb.execute("set max-value-size unlimited")
gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
Fields()
