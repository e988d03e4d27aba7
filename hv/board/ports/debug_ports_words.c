/* debug_ports_words.c - the ports for developers, and devices that guests look for but this board does not
 * have, in words. */
#include "hv/board/ports/debug_ports.h"
#include "hv/board/words/words.h"

#include <ctype.h>

bool debug_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_reg table[] = {
        {PORT_POST, WORD_BOTH, "POST code or delay", NULL, "port 80h of the PC/AT", SHOW_VALUE},
        {PORT_BOCHS, WORD_BOTH, "debug console", NULL, "port E9h of Bochs", SHOW_VALUE},
        {PORT_EXIT, WORD_WRITE, "exit with code", NULL, "QEMU, isa-debug-exit", SHOW_VALUE},
        {PORT_LOG, WORD_BOTH, "firmware's log", NULL, "QEMU, isa-debugcon", SHOW_VALUE},
    };
    if (!words_register(w, "debug port", "convention", WORD_ROWS(table), a->at, a)) {
        words_begin(w, "debug port", "convention");
        words_add(w, "not readable");
    } else if (a->write && (a->at == PORT_LOG || a->at == PORT_BOCHS) && a->value < 0x7f &&
               isprint((int)a->value)) {
        words_add(w, " '%c'", (char)a->value);
    }
    return true;
}

/* ---------------------------------------------------------------- absent devices */

/* Absent devices, by the port ranges that PCs use for them: IBM PC/AT Technical Reference, I/O address map;
 * the chips' datasheets for the rest. */
static const struct {
    uint16_t first, last;
    const char *name;
} absent[] = {
    {0x22, 0x23, "chipset configuration (Cyrix and others)"},
    {0x2e, 0x2f, "Super I/O configuration"},
    {0x4e, 0x4f, "Super I/O configuration (second place)"},
    {0x48, 0x4b, "second interval timer (EISA)"},
    {0x62, 0x62, "ACPI embedded controller: data"},
    {0x66, 0x66, "ACPI embedded controller: command"},
    {0x72, 0x73, "extended CMOS"},
    {0x93, 0x9f, "system control (PS/2)"},
    {0xe0, 0xe8, "memory controller"},
    {0xea, 0xef, "delay port"},
    {0x130, 0x13f, "SCSI host adapter"},
    {0x168, 0x16f, "IDE quaternary"},
    {0x1e8, 0x1ef, "IDE tertiary"},
    {0x200, 0x20f, "game port"},
    {0x220, 0x22f, "sound card"},
    {0x230, 0x23f, "SCSI host adapter or bus mouse"},
    {0x279, 0x279, "ISA Plug and Play: address"},
    {0x278, 0x27a, "LPT2"},
    {0x2f0, 0x2f7, "serial card"},
    {0x300, 0x31f, "network card"},
    {0x320, 0x32f, "XT hard disk"},
    {0x330, 0x33f, "MPU-401 or SCSI host adapter"},
    {0x340, 0x35f, "network card"},
    {0x370, 0x375, "second floppy controller"},
    {0x36e, 0x36f, "IDE quaternary control"},
    {0x377, 0x377, "second floppy controller"},
    {0x378, 0x37a, "LPT1"},
    {0x388, 0x38b, "AdLib sound"},
    {0x3bc, 0x3be, "LPT on a display card"},
    {0x3ee, 0x3ef, "IDE tertiary control"},
    {0x678, 0x67a, "LPT2 in ECP mode"},
    {0x778, 0x77a, "LPT1 in ECP mode"},
    {0xa79, 0xa79, "ISA Plug and Play: write data"},
    {0xc80, 0xc8f, "EISA board identification"},
    {0x1c80, 0x1c8f, "EISA slot 1"},
    {0x5658, 0x5659, "VMware backdoor"},
};

bool absent_words(struct board_seen *s, const struct access *a, struct words *w)
{
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        if (a->at >= absent[i].first && a->at <= absent[i].last) {
            words_begin(w, "not there", NULL);
            words_add(w, "%s", absent[i].name);
            return true;
        }
    if (a->at >= 0x1000 && (a->at & 0xfff) >= 0xc80 && (a->at & 0xfff) <= 0xc8f) {
        words_begin(w, "not there", NULL);
        words_add(w, "EISA slot %u", (unsigned)a->at >> 12);
        return true;
    }
    return false;
}
