/* words.c - describes the PC's events in words: MSRs from the processor's table, BIOS services from
 * services_table.c, everything else from the board's chips. */
#include <stdio.h>
#include <string.h>

#include "hv/board/board.h"
#include "hv/hv.h"
#include "hv/services.h"

enum { PROCESSORS = 64, MODE_REAL = 0, MODE_V86 = 1, MODE_UNKNOWN = 255 };

struct pc_seen {
    uint8_t mode[PROCESSORS]; /* as in EV_CPU_MODE */
};

/* The board's part of the state follows, aligned. */
static void *board_part(void *state)
{
    return (char *)state + sizeof(struct pc_seen);
}

static size_t pc_size(void)
{
    return sizeof(struct pc_seen) + board_words_size();
}

/* A directly loaded kernel reports the mode it starts in (loader.handover), or does not start in real
 * mode. */
static void pc_reset(void *state, const struct engine_config *cfg)
{
    struct pc_seen *s = state;
    memset(s->mode,
           (config_image(cfg, "kernel") && !board_firmware_loads_kernel(cfg)) ||
                   config_image(cfg, "hvmloader")
               ? MODE_UNKNOWN
               : MODE_REAL,
           sizeof s->mode);
    board_words_reset(board_part(state), cfg);
}

static bool real_mode(const struct pc_seen *s, unsigned cpu)
{
    return s->mode[cpu % PROCESSORS] == MODE_REAL || s->mode[cpu % PROCESSORS] == MODE_V86;
}

/* ---------------------------------------------------------------- software interrupts */

static const char *const service_groups[] = {
    [0x10] = "video service",    [0x11] = "equipment list",        [0x12] = "size of base memory",
    [0x13] = "disk service",     [0x14] = "serial port service",   [0x15] = "system service",
    [0x16] = "keyboard service", [0x17] = "printer service",       [0x18] = "no boot device",
    [0x19] = "bootstrap loader", [0x1a] = "clock and PCI service",
};

static const struct {
    uint8_t vector;
    const char *name;
} real_vectors[] = {
    {0x00, "divide error"},
    {0x01, "single step"},
    {0x03, "breakpoint"},
    {0x04, "overflow"},
    {0x05, "print screen"},
    {0x1b, "control-break"},
    {0x1c, "user timer tick"},
    {0x1d, "video parameters"},
    {0x20, "DOS: end of program"},
    {0x21, "DOS service"},
    {0x2f, "multiplex"},
    {0x40, "floppy service"},
    {0x42, "video service of the board"},
    {0x4a, "user alarm"},
    {0x67, "expanded memory"},
    {0x6d, "video service of the VGA BIOS"},
    {0x70, "IRQ 8 (clock)"},
};

static int softint_words(const struct pc_seen *s, const struct event *ev, char *buf, size_t size)
{
    unsigned vector = (unsigned)EVF(ev, SOFTINT, vector), ax = (unsigned)EVF(ev, SOFTINT, ax) & 0xffff;
    if (!real_mode(s, ev->cpu))
        return snprintf(buf, size,
                        vector == 0x80 ? "system call by INT 80h, number %u" : "INT in protected mode", ax);
    if (vector >= SERVICE_FIRST && vector <= SERVICE_LAST)
        return snprintf(buf, size, "BIOS %s: %s", service_groups[vector],
                        service_row((uint8_t)vector, (uint16_t)ax)->name);
    for (size_t i = 0; i < sizeof real_vectors / sizeof real_vectors[0]; i++)
        if (real_vectors[i].vector == vector)
            return snprintf(buf, size, "%s", real_vectors[i].name);
    return snprintf(buf, size, "INT %02Xh in real mode", vector);
}

/* Describes the results at the return; the event's own text has the rest. */
static int service_words(const struct event *ev, char *buf, size_t size)
{
    unsigned vector = (unsigned)EVF(ev, SERVICE, vector);
    const char *group =
        vector >= SERVICE_FIRST && vector <= SERVICE_LAST ? service_groups[vector] : "service";
    return snprintf(buf, size, "BIOS %s, %s", group, EVF(ev, SERVICE, carry) ? "carry set" : "carry clear");
}

/* ---------------------------------------------------------------- model-specific registers, CPUID */

static int msr_value_words(uint32_t msr, uint64_t v, char *buf, size_t size)
{
    unsigned long long value = v;
    switch (msr) {
    case 0x1b:
        return snprintf(buf, size, ": base %llXh%s%s%s", value & ~0xfffull,
                        v & 0x100 ? ", boot processor" : "", v & 0x400 ? ", x2APIC" : "",
                        v & 0x800 ? ", on" : ", off");
    case 0x174:
        return snprintf(buf, size, ": SYSENTER's code segment %04llXh", value & 0xffff);
    case 0x175:
        return snprintf(buf, size, ": SYSENTER's stack at %llXh", value);
    case 0x176:
        return snprintf(buf, size, ": SYSENTER goes to %llXh", value);
    case 0xc0000081:
        return snprintf(buf, size, ": SYSCALL loads CS %04llXh, SYSRET from %04llXh", value >> 32 & 0xffff,
                        value >> 48);
    case 0xc0000082:
        return snprintf(buf, size, ": SYSCALL from 64-bit code goes to %llXh", value);
    case 0xc0000083:
        return snprintf(buf, size, ": SYSCALL from 32-bit code goes to %llXh", value);
    case 0xc0000084:
        return snprintf(buf, size, ": SYSCALL clears these flags: %llXh", value);
    case 0xc0000100:
        return snprintf(buf, size, ": base of FS %llXh", value);
    case 0xc0000101:
        return snprintf(buf, size, ": base of GS %llXh", value);
    case 0xc0000102:
        return snprintf(buf, size, ": base of GS after SWAPGS %llXh", value);
    }
    return snprintf(buf, size, " %llXh", value);
}

/* The bits of EFER are described by core, which has their names for the register panes as well. */
static int msr_words(uint32_t msr, uint64_t value, bool with_value, char *buf, size_t size,
                     const char **manual)
{
    enum { EFER = 0xc0000080u };
    char name[48];
    int n;
    *manual = msr >> 16 == 0xc001 ? "AMD BIOS and Kernel Developer's Guide" : "Intel SDM volume 4";
    if (x86_msr_name(msr, name, sizeof name))
        n = snprintf(buf, size, "%s", name);
    else
        n = snprintf(buf, size, "MSR %Xh", msr);
    if (!with_value || msr == EFER || n < 0 || (size_t)n >= size)
        return n;
    return n + msr_value_words(msr, value, buf + n, size - (size_t)n);
}

static bool holds_word(const struct event *ev, const char *word)
{
    return ev->len == strlen(word) && !memcmp(ev->data, word, ev->len);
}

static int unhandled_words(const struct event *ev, char *buf, size_t size, const char **manual)
{
    uint64_t number = EVF(ev, UNHANDLED, number), value = EVF(ev, UNHANDLED, value);
    bool write = EVF(ev, UNHANDLED, write);
    if (holds_word(ev, "cpuid")) {
        *manual = "Intel SDM volume 2, CPUID";
        return snprintf(buf, size, "CPUID leaf %llXh: this processor has none of that number",
                        (unsigned long long)number);
    }
    if (!holds_word(ev, "msr"))
        return 0;
    int n = msr_words((uint32_t)number, value, write, buf, size, manual);
    return n + snprintf((size_t)n < size ? buf + n : NULL, (size_t)n < size ? size - (size_t)n : 0,
                        "%s: this processor has none: #GP", write ? " written" : " read");
}

static int pc_event(void *state, const struct event *ev, char *buf, size_t size, const char **manual,
                    const char **source)
{
    struct pc_seen *s = state;
    int n = 0;
    *manual = *source = NULL;
    switch (ev->kind) {
    case EV_CPU_MODE:
        s->mode[ev->cpu % PROCESSORS] = (uint8_t)EVF(ev, CPU_MODE, to);
        return 0;
    case EV_RESET:
        memset(s, 0, sizeof *s);
        break;
    case EV_KERNEL_HANDOVER:
        if (holds_word(ev, "linux 16-bit"))
            s->mode[ev->cpu % PROCESSORS] = MODE_REAL;
        break;
    case EV_CPU_MSR:
        return msr_words((uint32_t)EVF(ev, CPU_MSR, msr), EVF(ev, CPU_MSR, value), true, buf, size, manual);
    case EV_SOFTINT:
        return softint_words(s, ev, buf, size);
    case EV_SERVICE:
        return service_words(ev, buf, size);
    case EV_UNHANDLED:
        n = unhandled_words(ev, buf, size, manual);
        break;
    }
    return n ? n : board_words(board_part(state), ev, buf, size, manual, source);
}

static int pc_later(const void *state, const struct event *ev, const struct event *next, char *buf,
                    size_t size)
{
    return board_words_later(board_part((void *)state), ev, next, buf, size);
}

const struct engine_words hv_words = {.size = pc_size,
                                      .reset = pc_reset,
                                      .event = pc_event,
                                      .later = pc_later,
                                      .drive = board_drive_role,
                                      .ram = board_ram,
                                      .ram_end = board_ram_end,
                                      .shows = board_shows};
