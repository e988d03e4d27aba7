/* services_table.c - the names of the BIOS services, and how a call of each is described.
 *
 * Sources: IBM PS/2 and PC BIOS Interface Technical Reference; Phoenix, "Enhanced Disk Drive Specification"
 * 3.0; Phoenix/IBM, "El Torito" 1.0; VESA BIOS Extension 3.0; ACPI specification (E820h); PCI BIOS 2.1; APM
 * 1.2; Ralf Brown's Interrupt List.
 *
 * `args` is evaluated at the INT, `result` at the return. In both, {…} is
 *   {al} {ebx}          a register, hexadecimal;  {cx#} decimal;  {al'} a character
 *   {es:bx}             a far pointer
 *   {@ds:si+8/4}        memory, 1 to 8 bytes, with the same endings; {@ds:si+4/4:} a far pointer in memory
 *   {!name}             one of `specials` below
 * Only what is the same in every boot of the same guest is described, because the texts are compared. The
 * rest is in the event's fields. */
#include "base/sorted.h"
#include "hv/services.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AH(n) (n) << 8, 0xff00
#define AX(n) (n), 0xffff
#define ANY   0, 0
/* One row per line. */
/* clang-format off */
static const struct service_row rows[] = {
    {0x10, AH(0x00), 0, "set video mode", "{al}", NULL},
    {0x10, AH(0x01), 0, "set cursor shape", "{ch} to {cl}", NULL},
    {0x10, AH(0x02), SVC_CURSOR, "set cursor", "row {dh#} column {dl#}", NULL},
    {0x10, AH(0x03), SVC_CURSOR | SVC_POLL, "read cursor", NULL, NULL},
    {0x10, AH(0x04), SVC_POLL, "read light pen", NULL, NULL},
    {0x10, AH(0x05), 0, "select page", "{al#}", NULL},
    {0x10, AH(0x06), 0, "scroll up", "{al#} lines, {ch#},{cl#} to {dh#},{dl#}", NULL},
    {0x10, AH(0x07), 0, "scroll down", "{al#} lines, {ch#},{cl#} to {dh#},{dl#}", NULL},
    {0x10, AH(0x08), SVC_POLL, "read character", NULL, NULL},
    {0x10, AH(0x09), SVC_CELL, "write character and attribute", "{al'} attribute {bl} x{cx#}", NULL},
    {0x10, AH(0x0a), SVC_CELL, "write character", "{al'} x{cx#}", NULL},
    {0x10, AH(0x0b), 0, "set palette", "{bh#} {bl#}", NULL},
    {0x10, AH(0x0c), 0, "write pixel", "{al#} at {cx#},{dx#}", NULL},
    {0x10, AH(0x0d), SVC_POLL, "read pixel", "{cx#},{dx#}", "{al#}"},
    {0x10, AH(0x0e), SVC_TEXT, "teletype", "{al'}", NULL},
    {0x10, AH(0x0f), SVC_POLL, "get video mode", NULL, "mode {al}, {ah#} columns, page {bh#}"},
    {0x10, AX(0x1000), 0, "set palette register", "{bl} to {bh}", NULL},
    {0x10, AX(0x1001), 0, "set overscan", "{bh}", NULL},
    {0x10, AX(0x1002), 0, "set all palette registers", "from {es:dx}", NULL},
    {0x10, AX(0x1003), 0, "blink or intensity", "{bl#}", NULL},
    {0x10, AX(0x1007), 0, "read palette register", "{bl}", "{bh}"},
    {0x10, AX(0x1008), 0, "read overscan", NULL, "{bh}"},
    {0x10, AX(0x1009), 0, "read all palette registers", "to {es:dx}", NULL},
    {0x10, AX(0x1010), 0, "set DAC register", "{bx}: {dh} {ch} {cl}", NULL},
    {0x10, AX(0x1012), 0, "set DAC registers", "{bx} count {cx#} from {es:dx}", NULL},
    {0x10, AX(0x1013), 0, "select DAC page", "{bl} {bh}", NULL},
    {0x10, AX(0x1015), 0, "read DAC register", "{bl}", NULL},
    {0x10, AX(0x1017), 0, "read DAC registers", "{bx} count {cx#} to {es:dx}", NULL},
    {0x10, AX(0x101b), 0, "sum DAC to grey", "{bx} count {cx#}", NULL},
    {0x10, AX(0x1100), 0, "load font", "{es:bp} count {cx#} height {bh#}", NULL},
    {0x10, AX(0x1101), 0, "load 8x14 font", NULL, NULL},
    {0x10, AX(0x1102), 0, "load 8x8 font", NULL, NULL},
    {0x10, AX(0x1103), 0, "select font block", "{bl}", NULL},
    {0x10, AX(0x1104), 0, "load 8x16 font", NULL, NULL},
    {0x10, AX(0x1110), 0, "load font and set rows", "{es:bp} count {cx#} height {bh#}", NULL},
    {0x10, AX(0x1111), 0, "load 8x14 font and set rows", NULL, NULL},
    {0x10, AX(0x1112), 0, "load 8x8 font and set rows", NULL, NULL},
    {0x10, AX(0x1114), 0, "load 8x16 font and set rows", NULL, NULL},
    {0x10, AX(0x1130), 0, "get font information", "{bh#}", "{es:bp}, {cx#} bytes a character, last row {dl#}"},
    {0x10, AH(0x11), 0, "font", "{al}", NULL},
    {0x10, AH(0x12), 0, "alternate select", "{bl}", NULL},
    {0x10, AH(0x13), 0, "write string", "{cx#} characters at {dh#},{dl#} from {es:bp}", NULL},
    {0x10, AX(0x1a00), SVC_POLL, "get display combination", NULL, "{bl} {bh}"},
    {0x10, AX(0x1a01), 0, "set display combination", "{bl} {bh}", NULL},
    {0x10, AH(0x1b), 0, "get video state", "to {es:di}", NULL},
    {0x10, AH(0x1c), 0, "save or restore video state", "{al} {cx} {es:bx}", NULL},
    {0x10, AX(0x4f00), SVC_VBE, "get VBE information", "to {es:di}", "version {@es:di+4/2}, {@es:di+12/2#} x 64 KiB"},
    {0x10, AX(0x4f01), SVC_VBE, "get VBE mode information", "{cx} to {es:di}",
     "{@es:di+12/2#} x {@es:di+14/2#}, {@es:di+19/1#} bits"},
    {0x10, AX(0x4f02), SVC_VBE, "set VBE mode", "{bx}", NULL},
    {0x10, AX(0x4f03), SVC_VBE, "get VBE mode", NULL, "{bx}"},
    {0x10, AX(0x4f04), SVC_VBE, "save or restore VBE state", "{dl} {cx}", NULL},
    {0x10, AX(0x4f05), SVC_VBE, "VBE window", "{bx} {dx}", NULL},
    {0x10, AX(0x4f06), SVC_VBE, "VBE scan line length", "{bl} {cx#}", "{bx#} bytes, {cx#} pixels"},
    {0x10, AX(0x4f07), SVC_VBE, "VBE display start", "{bl} {cx#},{dx#}", NULL},
    {0x10, AX(0x4f08), SVC_VBE, "VBE DAC width", "{bl} {bh#}", "{bh#}"},
    {0x10, AX(0x4f09), SVC_VBE, "VBE palette", "{bl} {dx#} count {cx#}", NULL},
    {0x10, AX(0x4f0a), SVC_VBE, "VBE protected-mode interface", "{bl}", NULL},
    {0x10, AX(0x4f15), SVC_VBE, "VBE display data channel", "{bl} block {dx#}", NULL},

    {0x11, ANY, SVC_POLL, "equipment", NULL, "{ax}"},
    {0x12, ANY, SVC_POLL, "memory size", NULL, "{ax#} KiB"},

    {0x13, AH(0x00), SVC_STATUS, "reset", "drive {dl}", NULL},
    {0x13, AH(0x01), SVC_STATUS, "status of last operation", "drive {dl}", NULL},
    {0x13, AH(0x02), SVC_STATUS, "read", "drive {dl} {!chs} count {al#} to {es:bx}", NULL},
    {0x13, AH(0x03), SVC_STATUS, "write", "drive {dl} {!chs} count {al#} from {es:bx}", NULL},
    {0x13, AH(0x04), SVC_STATUS, "verify", "drive {dl} {!chs} count {al#}", NULL},
    {0x13, AH(0x05), SVC_STATUS, "format track", "drive {dl} {!chs}", NULL},
    {0x13, AH(0x08), SVC_STATUS, "get drive parameters", "drive {dl}",
     "last cylinder, head, sector: {!lastchs}; {dl#} drives"},
    {0x13, AH(0x09), SVC_STATUS, "initialize drive parameters", "drive {dl}", NULL},
    {0x13, AH(0x0c), SVC_STATUS, "seek", "drive {dl} {!chs}", NULL},
    {0x13, AH(0x0d), SVC_STATUS, "reset hard disks", "drive {dl}", NULL},
    {0x13, AH(0x10), SVC_STATUS, "test drive ready", "drive {dl}", NULL},
    {0x13, AH(0x11), SVC_STATUS, "recalibrate", "drive {dl}", NULL},
    {0x13, AH(0x14), SVC_STATUS, "controller diagnostic", "drive {dl}", NULL},
    {0x13, AH(0x15), SVC_CARRY, "get drive type", "drive {dl}", "type {ah#}"},
    {0x13, AH(0x16), SVC_STATUS, "detect media change", "drive {dl}", NULL},
    {0x13, AH(0x17), SVC_STATUS, "set disk type", "drive {dl} {al}", NULL},
    {0x13, AH(0x18), SVC_STATUS, "set media type", "drive {dl} {!chs}", NULL},
    {0x13, AH(0x41), SVC_STATUS, "check for extensions", "drive {dl}", "version {ah}, supports {cx}"},
    {0x13, AH(0x42), SVC_STATUS, "extended read",
     "drive {dl} lba {@ds:si+8/8#} count {@ds:si+2/1#} to {@ds:si+4/4:}", NULL},
    {0x13, AH(0x43), SVC_STATUS, "extended write",
     "drive {dl} lba {@ds:si+8/8#} count {@ds:si+2/1#} from {@ds:si+4/4:}", NULL},
    {0x13, AH(0x44), SVC_STATUS, "extended verify", "drive {dl} lba {@ds:si+8/8#} count {@ds:si+2/1#}", NULL},
    {0x13, AH(0x45), SVC_STATUS, "lock or unlock", "drive {dl} {al}", NULL},
    {0x13, AH(0x46), SVC_STATUS, "eject", "drive {dl}", NULL},
    {0x13, AH(0x47), SVC_STATUS, "extended seek", "drive {dl} lba {@ds:si+8/8#}", NULL},
    {0x13, AH(0x48), SVC_STATUS, "get extended drive parameters", "drive {dl} to {ds:si}",
     "{@ds:si+16/8#} sectors of {@ds:si+24/2#} bytes"},
    {0x13, AH(0x49), SVC_STATUS, "extended media change", "drive {dl}", NULL},
    {0x13, AH(0x4a), SVC_STATUS, "start CD emulation", "{ds:si}", NULL},
    {0x13, AH(0x4b), SVC_STATUS, "end CD emulation or get its status", "{al} drive {dl} to {ds:si}",
     "media {@ds:si+1/1}, drive {@ds:si+2/1}, lba {@ds:si+4/4#}"},
    {0x13, AH(0x4c), SVC_STATUS, "start CD emulation and boot", "{ds:si}", NULL},
    {0x13, AH(0x4d), SVC_STATUS, "read CD boot catalogue", "to {@ds:si+4/4:}", NULL},
    {0x13, AH(0x4e), SVC_STATUS, "set transfer mode", "drive {dl} {al}", NULL},

    {0x14, AH(0x00), 0, "initialize serial port", "{dx#} {al}", NULL},
    {0x14, AH(0x01), SVC_POLL, "send", "port {dx#} {al'}", NULL},
    {0x14, AH(0x02), SVC_POLL, "receive", "port {dx#}", NULL},
    {0x14, AH(0x03), SVC_POLL, "serial port status", "port {dx#}", NULL},
    {0x14, AH(0x04), 0, "extended initialize serial port", "{dx#} {bx} {cx}", NULL},
    {0x14, AH(0x05), 0, "modem control", "port {dx#} {al} {bl}", NULL},

    {0x15, AX(0x2400), SVC_CARRY, "disable A20", NULL, NULL},
    {0x15, AX(0x2401), SVC_CARRY, "enable A20", NULL, NULL},
    {0x15, AX(0x2402), SVC_CARRY | SVC_POLL, "A20 status", NULL, "{al#}"},
    {0x15, AX(0x2403), SVC_CARRY, "A20 support", NULL, "{bx}"},
    {0x15, AH(0x4f), 0, "keyboard intercept", "scan code {al}", NULL},
    {0x15, AX(0x5300), SVC_CARRY, "APM installation check", NULL, "version {ax}"},
    {0x15, AX(0x5301), SVC_CARRY, "APM connect real mode", NULL, NULL},
    {0x15, AX(0x5302), SVC_CARRY, "APM connect 16-bit", NULL, NULL},
    {0x15, AX(0x5303), SVC_CARRY, "APM connect 32-bit", NULL, NULL},
    {0x15, AX(0x5304), SVC_CARRY, "APM disconnect", NULL, NULL},
    {0x15, AX(0x5305), SVC_CARRY | SVC_POLL, "APM processor idle", NULL, NULL},
    {0x15, AX(0x5307), SVC_CARRY, "APM set power state", "device {bx} state {cx}", NULL},
    {0x15, AH(0x53), SVC_CARRY, "APM", "{al} {bx} {cx}", NULL},
    {0x15, AH(0x83), SVC_CARRY, "event wait", "{al}", NULL},
    {0x15, AH(0x84), SVC_CARRY | SVC_POLL, "joystick", "{dx#}", NULL},
    {0x15, AH(0x85), SVC_CARRY, "system request key", "{al#}", NULL},
    {0x15, AH(0x86), SVC_CARRY | SVC_POLL, "wait", "{!wait} us", NULL},
    {0x15, AH(0x87), SVC_CARRY, "move block", "{cx#} words from {!movefrom} to {!moveto}", NULL},
    {0x15, AH(0x88), SVC_CARRY, "extended memory size", NULL, "{ax#} KiB"},
    {0x15, AH(0x89), SVC_CARRY, "switch to protected mode", "{es:si}", NULL},
    {0x15, AH(0x90), SVC_CARRY | SVC_POLL, "device busy", "{al}", NULL},
    {0x15, AH(0x91), SVC_CARRY | SVC_POLL, "device ready", "{al}", NULL},
    {0x15, AH(0xc0), SVC_CARRY, "get system configuration", NULL, "{es:bx}"},
    {0x15, AH(0xc1), SVC_CARRY, "get EBDA segment", NULL, "{es}"},
    {0x15, AX(0xc200), SVC_CARRY, "mouse enable", "{bh#}", NULL},
    {0x15, AX(0xc201), SVC_CARRY, "mouse reset", NULL, "{bx}"},
    {0x15, AX(0xc202), SVC_CARRY, "mouse sample rate", "{bh#}", NULL},
    {0x15, AX(0xc203), SVC_CARRY, "mouse resolution", "{bh#}", NULL},
    {0x15, AX(0xc204), SVC_CARRY, "mouse type", NULL, "{bh#}"},
    {0x15, AX(0xc205), SVC_CARRY, "mouse initialize", "{bh#} bytes a packet", NULL},
    {0x15, AX(0xc206), SVC_CARRY, "mouse extended commands", "{bh#}", NULL},
    {0x15, AX(0xc207), SVC_CARRY, "mouse handler", "{es:bx}", NULL},
    {0x15, AX(0xe801), SVC_CARRY, "memory size above 1 MiB", NULL, "{cx#} KiB and {dx#} x 64 KiB"},
    {0x15, AX(0xe820), SVC_CARRY, "memory map", "entry {ebx}",
     "{@es:di+0/8} size {@es:di+8/8} type {@es:di+16/4#}, next {ebx}"},
    {0x15, AX(0xe881), SVC_CARRY, "memory size above 1 MiB", NULL, "{ecx#} KiB and {edx#} x 64 KiB"},
    {0x15, AX(0xe980), SVC_CARRY, "SpeedStep", "{edx}", NULL},
    {0x15, AX(0xec00), SVC_CARRY, "tell target mode", "{bl#}", NULL},

    {0x16, AH(0x00), 0, "wait for a key", NULL, "{!key}"},
    {0x16, AH(0x01), SVC_POLL, "is there a key?", NULL, "{!keyif}"},
    {0x16, AH(0x02), SVC_POLL, "shift keys", NULL, "{al}"},
    {0x16, AH(0x03), 0, "typematic rate", "{bh} {bl}", NULL},
    {0x16, AH(0x05), 0, "push a key", "{cx}", "{al#}"},
    {0x16, AH(0x09), 0, "keyboard functions", NULL, "{al}"},
    {0x16, AH(0x0a), 0, "keyboard id", NULL, "{bx}"},
    {0x16, AH(0x10), 0, "wait for an extended key", NULL, "{!key}"},
    {0x16, AH(0x11), SVC_POLL, "is there an extended key?", NULL, "{!keyif}"},
    {0x16, AH(0x12), SVC_POLL, "extended shift keys", NULL, "{ax}"},
    {0x16, AH(0x92), 0, "keyboard capabilities", NULL, "{ah}"},
    {0x16, AH(0xa2), 0, "122-key keyboard capabilities", NULL, "{ah}"},

    {0x17, AH(0x00), SVC_POLL, "print", "port {dx#} {al'}", NULL},
    {0x17, AH(0x01), 0, "initialize printer", "port {dx#}", NULL},
    {0x17, AH(0x02), SVC_POLL, "printer status", "port {dx#}", NULL},

    {0x18, ANY, SVC_AWAY, "no boot device worked", NULL, NULL},
    {0x19, ANY, SVC_AWAY, "bootstrap", NULL, NULL},

    {0x1a, AH(0x00), SVC_POLL, "get ticks", NULL, NULL},
    {0x1a, AH(0x01), 0, "set ticks", "{cx}{dx}", NULL},
    {0x1a, AH(0x02), SVC_CARRY | SVC_POLL, "get RTC time", NULL, NULL},
    {0x1a, AH(0x03), SVC_CARRY, "set RTC time", "{ch}:{cl}:{dh}", NULL},
    {0x1a, AH(0x04), SVC_CARRY | SVC_POLL, "get RTC date", NULL, NULL},
    {0x1a, AH(0x05), SVC_CARRY, "set RTC date", "{ch}{cl}-{dh}-{dl}", NULL},
    {0x1a, AH(0x06), SVC_CARRY, "set alarm", "{ch}:{cl}:{dh}", NULL},
    {0x1a, AH(0x07), SVC_CARRY, "reset alarm", NULL, NULL},
    {0x1a, AX(0xb101), SVC_CARRY, "PCI BIOS present", NULL, "version {bx}, last bus {cl#}, mechanism {al}"},
    {0x1a, AX(0xb102), SVC_CARRY, "PCI find device", "device {dx} vendor {cx} index {si#}", "{!bdf}"},
    {0x1a, AX(0xb103), SVC_CARRY, "PCI find class", "{ecx} index {si#}", "{!bdf}"},
    {0x1a, AX(0xb106), SVC_CARRY, "PCI special cycle", "bus {bh#} {edx}", NULL},
    {0x1a, AX(0xb108), SVC_CARRY, "PCI read byte", "{!bdf} {di}", "{cl}"},
    {0x1a, AX(0xb109), SVC_CARRY, "PCI read word", "{!bdf} {di}", "{cx}"},
    {0x1a, AX(0xb10a), SVC_CARRY, "PCI read dword", "{!bdf} {di}", "{ecx}"},
    {0x1a, AX(0xb10b), SVC_CARRY, "PCI write byte", "{!bdf} {di} {cl}", NULL},
    {0x1a, AX(0xb10c), SVC_CARRY, "PCI write word", "{!bdf} {di} {cx}", NULL},
    {0x1a, AX(0xb10d), SVC_CARRY, "PCI write dword", "{!bdf} {di} {ecx}", NULL},
    {0x1a, AX(0xb10e), SVC_CARRY, "PCI get interrupt routing", "to {es:di}", NULL},
    {0x1a, AX(0xb10f), SVC_CARRY, "PCI set interrupt", "{!bdf} pin {cl} irq {ch}", NULL},
    {0x1a, AX(0xbb00), 0, "TCG status", NULL, "{eax}"},
};

/* For functions without a row, by vector from 10h on. */
static const struct service_row unknown[] = {
#define UNKNOWN(vector, flags) {vector, 0, 0xffff, flags, "unknown function", NULL, NULL}
    UNKNOWN(0x10, 0), UNKNOWN(0x11, 0), UNKNOWN(0x12, 0), UNKNOWN(0x13, SVC_STATUS),
    UNKNOWN(0x14, 0), UNKNOWN(0x15, SVC_CARRY), UNKNOWN(0x16, 0), UNKNOWN(0x17, 0),
    UNKNOWN(0x18, 0), UNKNOWN(0x19, 0), UNKNOWN(0x1a, SVC_CARRY),
#undef UNKNOWN
};

/* INT 13h: AH after an error. */
static const struct {
    uint8_t status;
    const char *text;
} disk_errors[] = {
    {0x01, "invalid function or parameter"}, {0x02, "address mark not found"}, {0x03, "write-protected"},
    {0x04, "sector not found"},              {0x05, "reset failed"},           {0x06, "disk changed"},
    {0x07, "drive parameter activity failed"}, {0x08, "DMA overrun"},          {0x09, "across a 64 KiB boundary"},
    {0x0a, "bad sector flag"},               {0x0b, "bad track flag"},         {0x0c, "unsupported track or media"},
    {0x0d, "invalid number of sectors"},     {0x10, "uncorrectable data error"}, {0x11, "data was corrected"},
    {0x20, "controller failure"},            {0x31, "no media in drive"},      {0x40, "seek failed"},
    {0x80, "timeout, drive not ready"},      {0xaa, "drive not ready"},        {0xb0, "volume not locked"},
    {0xb1, "volume locked"},                 {0xb2, "not removable"},          {0xb3, "volume in use"},
    {0xb4, "lock count exceeded"},           {0xb5, "eject failed"},           {0xbb, "undefined error"},
    {0xcc, "write fault"},                   {0xe0, "status error"},           {0xff, "sense failed"},
};
/* clang-format on */

enum { NROWS = sizeof rows / sizeof rows[0] };

/* The first row of a vector, or of those after it: they ascend. */
static size_t first_row(uint8_t vector)
{
    return FIRST_NOT(middle, 0, NROWS, rows[middle].vector < vector);
}

const struct service_row *service_row(uint8_t vector, uint16_t ax)
{
    for (size_t i = first_row(vector); i < NROWS && rows[i].vector == vector; i++)
        if ((ax & rows[i].mask) == rows[i].function)
            return &rows[i];
    return &unknown[vector - SERVICE_FIRST];
}

/* ---------------------------------------------------------------- writing words */

struct words {
    char *buf;
    size_t n, size;
    const struct service_regs *r;
    struct board *board;
    unsigned cpu;
};

__attribute__((format(printf, 2, 3))) static void put(struct words *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(w->buf + w->n, w->size - w->n, fmt, ap);
    va_end(ap);
    w->n += (size_t)n < w->size - w->n ? (size_t)n : w->size - w->n - 1;
}

/* As put(), without its cost: each call of a service, polls too, has such words. */
static void put_text(struct words *w, const char *text, size_t n)
{
    size_t room = w->size - w->n - 1;
    n = n < room ? n : room;
    memcpy(w->buf + w->n, text, n);
    w->n += n;
    w->buf[w->n] = 0;
}
static void put_string(struct words *w, const char *text)
{
    put_text(w, text, strlen(text));
}
/* %0*X and h */
static void put_hex(struct words *w, unsigned v, unsigned digits)
{
    char text[9];
    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789ABCDEF"[v >> 4 * (digits - 1 - i) & 15];
    text[digits] = 'h';
    put_text(w, text, digits + 1);
}

static void put_value(struct words *w, uint64_t v, unsigned bytes, char how)
{
    if (how == '#')
        put(w, "%llu", (unsigned long long)v);
    else if (how == ':')
        put(w, "%04X:%04X", (unsigned)(v >> 16 & 0xffff), (unsigned)(v & 0xffff));
    else if (how == '\'' && v >= 0x20 && v < 0x7f)
        put(w, "'%c'", (char)v);
    else
        put(w, "%0*llXh", (int)(bytes < 8 ? 2 * bytes : 1), (unsigned long long)v);
}

/* ---------------------------------------------------------------- registers and memory by name */

/* The value of a register, with its size in *bytes. An invalid name is an error in the table. */
static uint32_t reg_value(const struct service_regs *r, const char *name, size_t n, unsigned *bytes)
{
    static const struct {
        char name[4];
        uint8_t offset, bytes;
    } names[] = {
#define R(name, member, at, size) {name, offsetof(struct service_regs, member) + (at), size}
        R("eax", eax, 0, 4), R("ax", eax, 0, 2), R("al", eax, 0, 1), R("ah", eax, 1, 1),
        R("ebx", ebx, 0, 4), R("bx", ebx, 0, 2), R("bl", ebx, 0, 1), R("bh", ebx, 1, 1),
        R("ecx", ecx, 0, 4), R("cx", ecx, 0, 2), R("cl", ecx, 0, 1), R("ch", ecx, 1, 1),
        R("edx", edx, 0, 4), R("dx", edx, 0, 2), R("dl", edx, 0, 1), R("dh", edx, 1, 1),
        R("si", esi, 0, 2),  R("di", edi, 0, 2), R("bp", ebp, 0, 2), R("ds", ds, 0, 2),
        R("es", es, 0, 2),
#undef R
    };
    uint32_t v = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == n && !memcmp(names[i].name, name, n)) {
            memcpy(&v, (const char *)r + names[i].offset, names[i].bytes);
            *bytes = names[i].bytes;
            break;
        }
    return v;
}

/* `bytes` bytes, little-endian; addresses without memory read as zero. */
static uint64_t memory_at(const struct words *w, uint32_t linear, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        uint64_t pa;
        uint8_t byte = 0;
        if (x86_translate(board_cpu(w->board, w->cpu), linear + i, &pa) &&
            physmem_mapped(board_mem(w->board), pa, 1))
            physmem_read(board_mem(w->board), pa, &byte, 1);
        v |= (uint64_t)byte << 8 * i;
    }
    return v;
}

static uint32_t number(const char **p)
{
    uint32_t v = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        v = v * 10 + (uint32_t)(**p - '0');
    return v;
}

/* Handles @ds:si+8/4 and an ending. */
static void put_memory(struct words *w, const char *p)
{
    unsigned bytes = 0;
    uint32_t seg = reg_value(w->r, p, 2, &bytes), off = reg_value(w->r, p + 3, 2, &bytes);
    p += 5;
    if (*p == '+') {
        p++;
        off = (off + number(&p)) & 0xffff;
    }
    p++; /* the slash */
    bytes = number(&p);
    put_value(w, memory_at(w, (seg << 4) + off, bytes), bytes, *p);
}

/* ---------------------------------------------------------------- multi-register operations */

static void put_chs(struct words *w, uint32_t cx, uint32_t dx)
{
    put(w, "%u,%u,%u", (unsigned)((cx >> 8 & 0xff) | (cx & 0xc0) << 2), (unsigned)(dx >> 8 & 0xff),
        (unsigned)(cx & 0x3f));
}

static void put_key(struct words *w)
{
    put(w, "scan code %02Xh ", (unsigned)(w->r->eax >> 8 & 0xff));
    put_value(w, w->r->eax & 0xff, 1, '\'');
}

/* INT 15h AH=87h: the base in a descriptor of the table at ES:SI. */
static void put_base(struct words *w, unsigned at)
{
    uint64_t d = memory_at(w, ((uint32_t)w->r->es << 4) + ((w->r->esi + at) & 0xffff), 8);
    put(w, "%llXh", (unsigned long long)((d >> 16 & 0xffffff) | (d >> 32 & 0xff000000)));
}

static void put_special(struct words *w, const char *name, size_t n)
{
    const struct service_regs *r = w->r;
    if (n == 3 && !memcmp(name, "chs", n)) {
        put(w, "cylinder,head,sector ");
        put_chs(w, r->ecx, r->edx);
    } else if (n == 7 && !memcmp(name, "lastchs", n)) {
        put_chs(w, r->ecx, r->edx);
    } else if (n == 3 && !memcmp(name, "bdf", n)) {
        put(w, "%02x:%02x.%x", r->ebx >> 8 & 0xff, r->ebx >> 3 & 31, r->ebx & 7);
    } else if (n == 4 && !memcmp(name, "wait", n)) {
        put(w, "%u", (r->ecx & 0xffff) << 16 | (r->edx & 0xffff));
    } else if (n == 3 && !memcmp(name, "key", n)) {
        put_key(w);
    } else if (n == 5 && !memcmp(name, "keyif", n)) {
        if (r->flags & 0x40) /* ZF */
            put_string(w, "no");
        else
            put_key(w);
    } else if (n == 8 && !memcmp(name, "movefrom", n)) {
        put_base(w, 16);
    } else if (n == 6 && !memcmp(name, "moveto", n)) {
        put_base(w, 24);
    }
}

/* ---------------------------------------------------------------- a whole */

/* Handles the text between braces. */
static void put_field(struct words *w, const char *p, size_t n)
{
    unsigned bytes = 0;
    const char *colon = memchr(p, ':', n);
    char how = strchr("#'", p[n - 1]) ? p[n - 1] : 0;
    if (*p == '@') {
        put_memory(w, p + 1);
    } else if (*p == '!') {
        put_special(w, p + 1, n - 1);
    } else if (colon) {
        uint32_t seg = reg_value(w->r, p, (size_t)(colon - p), &bytes);
        put_value(w, seg << 16 | reg_value(w->r, colon + 1, (size_t)(p + n - colon - 1), &bytes), 4, ':');
    } else {
        uint32_t v = reg_value(w->r, p, how ? n - 1 : n, &bytes);
        put_value(w, v, bytes, how);
    }
}

static void expand(struct words *w, const char *p)
{
    while (*p) {
        size_t n = strcspn(p, "{");
        put_text(w, p, n);
        p += n;
        if (!*p)
            break;
        n = strcspn(++p, "}");
        put_field(w, p, n);
        p += n + 1;
    }
}

size_t service_call_words(const struct service_row *row, const struct service_regs *r, uint8_t vector,
                          struct board *b, unsigned cpu, char *buf, size_t size)
{
    struct words w = {.buf = buf, .size = size, .r = r, .board = b, .cpu = cpu};
    buf[0] = 0;
    put_string(&w, "INT ");
    put_hex(&w, vector, 2);
    if (row->mask) {
        bool ah = row->mask == 0xff00;
        put_string(&w, ah ? " AH=" : " AX=");
        put_hex(&w, ah ? r->eax >> 8 & 0xff : r->eax & 0xffff, ah ? 2 : 4);
    }
    put_string(&w, " ");
    put_string(&w, row->name);
    if (row->args) {
        put_string(&w, ": ");
        expand(&w, row->args);
    }
    return w.n;
}

static void put_disk_error(struct words *w, unsigned status)
{
    put(w, " -> error %02Xh", status);
    for (size_t i = 0; i < sizeof disk_errors / sizeof disk_errors[0]; i++)
        if (disk_errors[i].status == status)
            put(w, ", %s", disk_errors[i].text);
}

size_t service_result_words(const struct service_row *row, const struct service_regs *r, struct board *b,
                            unsigned cpu, char *buf, size_t n, size_t size, bool *failed)
{
    struct words w = {.buf = buf, .n = n, .size = size, .r = r, .board = b, .cpu = cpu};
    bool carry = r->flags & 1;
    unsigned ah = r->eax >> 8 & 0xff;
    *failed = (row->flags & (SVC_CARRY | SVC_STATUS) && carry) ||
              (row->flags & SVC_VBE && (r->eax & 0xffff) != 0x4f);
    if (*failed && row->flags & SVC_STATUS) {
        put_disk_error(&w, ah);
    } else if (*failed && row->flags & SVC_VBE) {
        put(&w, " -> failed, AX %04Xh", r->eax & 0xffff);
    } else if (*failed) {
        put(&w, " -> failed, AH %02Xh", ah);
    } else if (row->result) {
        put_string(&w, " -> ");
        expand(&w, row->result);
    }
    return w.n;
}
