/* explain_cpu.c - explanations that do not depend on the engine: control registers, modes, exceptions; the
 * firmware's and the machine's events.
 *
 * Sources: Intel SDM volume 3, 2.5 (control registers; their bits are in core/ground/register_bits.c), 6.3 and 6.15
 * (exceptions), 2.2 (modes), 2.4 (tables).
 */
#include <ctype.h>
#include <inttypes.h>

#include "core/story/private/explain_impl.h"
#include "core/ground/register_bits.h"
#include "core/ground/vectors.h"

/* ---------------------------------------------------------------- registers */

void explain_register_bits(struct text *out, const char *reg, uint64_t value)
{
    char name[16];
    size_t n, i = 0;
    for (; reg[i] && i + 1 < sizeof name; i++)
        name[i] = (char)tolower((unsigned char)reg[i]);
    name[i] = 0;
    const struct view_bit *b = reg[i] ? NULL : view_bits(name, &n);
    const char *sep = ": ";
    for (i = 0; b && i < n; i++) {
        uint64_t v = view_bit_value(&b[i], value);
        if (!v)
            continue;
        text_add(out, "%s%s", sep, b[i].name);
        if (b[i].width > 1)
            text_add(out, " %" PRIu64, v);
        sep = ", ";
    }
    if (b && *sep == ':')
        text_add(out, ": nothing set");
}

/* Adds the bits that change, each with its purpose. */
static void changed_bits(struct text *out, const char *reg, uint64_t old, uint64_t now)
{
    size_t n;
    const struct view_bit *b = view_bits(reg, &n);
    const char *sep = ": ";
    for (size_t i = 0; b && i < n; i++)
        if (view_bit_value(&b[i], old ^ now)) {
            text_add(out, "%s%s %s (%s)", sep, b[i].name, now >> b[i].low & 1 ? "on" : "off", b[i].what);
            sep = ", ";
        }
    if (*sep == ':')
        explain_register_bits(out, reg, now);
}

static void control_register(struct text *out, const struct event *ev)
{
    uint64_t reg = EVF(ev, CPU_CR, reg), old = EVF(ev, CPU_CR, old), now = EVF(ev, CPU_CR, new);
    char name[24];
    snprintf(name, sizeof name, "cr%" PRIu64, reg);
    text_add(out, "CR%" PRIu64, reg);
    switch (reg) {
    case 3:
        text_add(out, ": page tables at %" PRIX64 "h%s", now & 0x000ffffffffff000u,
                 old == now ? ", translations are dropped" : "");
        return;
    case 8:
        text_add(out, ": task priority %" PRIu64, now);
        return;
    case 2:
        text_add(out, ": page-fault address %" PRIX64 "h", now);
        return;
    }
    changed_bits(out, name, old, now);
}

/* As in EV_CPU_MODE. */
static void mode(struct text *out, const struct event *ev)
{
    static const char *const meaning[] = {
        "real mode: segments are address / 16, no protection",
        "virtual-8086 mode: an 8086 program as a task",
        "protected mode, with a 16-bit code segment",
        "protected mode, with a 32-bit code segment",
        "long mode, compatibility: 32-bit code under a 64-bit system",
        "long mode, 64-bit code",
        "system management mode",
    };
    uint64_t to = EVF(ev, CPU_MODE, to);
    text_add(out, "%s", to < sizeof meaning / sizeof meaning[0] ? meaning[to] : "a mode without a name");
}

static void table(struct text *out, const struct event *ev)
{
    uint64_t limit = EVF(ev, CPU_DTABLE, limit), base = EVF(ev, CPU_DTABLE, base);
    switch (EVF(ev, CPU_DTABLE, table)) {
    case 0:
        text_add(out,
                 limit ? "global descriptor table, room for %" PRIu64 " descriptors"
                       : "global descriptor table, empty",
                 (limit + 1) / 8);
        return;
    case 1:
        if (!base && limit == 0x3ff)
            text_add(out, "interrupt vectors of real mode, at 0");
        else if (!limit)
            text_add(out, "interrupt descriptor table, empty: any interrupt would be a shutdown");
        else
            text_add(out, "interrupt descriptor table, %" PRIu64 " bytes", limit + 1);
        return;
    case 2:
        text_add(out, "local descriptor table, room for %" PRIu64 " descriptors",
                 limit ? (limit + 1) / 8 : 0);
        return;
    case 3:
        text_add(out, "task register: task state segment of %" PRIu64 " bytes", limit + 1);
        return;
    }
}

/* ---------------------------------------------------------------- exceptions */

/* SDM volume 3, 4.7. That an instruction is fetched is said only with NX or SMEP on. But what is at its own address cannot have been
 * loaded or stored by it if the page is not there. */
static void page_fault(struct text *out, uint64_t error, uint64_t address, uint64_t ip)
{
    enum { PRESENT = 1, WRITE = 2, USER = 4, RESERVED = 8, FETCH = 16 };
    if (!(error & (PRESENT | RESERVED)) && address == ip) {
        text_add(out,
                 ": the next instruction itself is not mapped: %s has jumped to %" PRIX64
                 "h, or run on to there",
                 error & USER ? "user code" : "the kernel", address);
        return;
    }
    text_add(out, ": %s by %s, %s, at %" PRIX64 "h",
             error & FETCH   ? "instruction fetch"
             : error & WRITE ? "write"
                             : "read",
             error & USER ? "user code" : "the kernel",
             error & RESERVED  ? "reserved bit set"
             : error & PRESENT ? "not allowed"
                               : "page not present",
             address);
}

/* SDM volume 3, 6.13. */
static void selector_error(struct text *out, uint64_t error)
{
    if (error & 2)
        text_add(out, ": IDT entry %02" PRIX64 "h", error >> 3 & 0x1fff);
    else if (error & 0xfffc)
        text_add(out, ": selector %04" PRIX64 "h in the %s", error & 0xfff8, error & 4 ? "LDT" : "GDT");
}

static void fault(struct text *out, uint64_t vector, uint64_t error, uint64_t cr2, uint64_t ip)
{
    enum { TS = 10, GP = 13, PF = 14 };
    const struct exception_name *name = vector < 256 ? exception_name((unsigned)vector) : NULL;
    if (!name) {
        text_add(out, "exception %" PRIu64, vector);
        return;
    }
    text_add(out, "%s %s", name->mnemonic, name->name);
    if (vector == PF)
        page_fault(out, error, cr2, ip);
    else if (vector >= TS && vector <= GP)
        selector_error(out, error);
}

static void exception(struct text *out, const struct event *ev)
{
    fault(out, EVF(ev, EXCEPTION, vector), EVF(ev, EXCEPTION, error), EVF(ev, EXCEPTION, cr2),
          EVF(ev, EXCEPTION, ip));
}

/* Traces of earlier versions do not say which faults led there. */
static void triple_fault(struct text *out, const struct event *ev)
{
    const uint64_t *led = EVF_AT(ev, TRIPLE_FAULT, first), *cr2 = EVF_AT(ev, TRIPLE_FAULT, cr2a);
    static const char *const when[] = {"", "; its delivery: ", "; the double fault's: "};
    text_add(out, "a fault while a double fault was delivered: the processor shuts down");
    for (unsigned i = 0; i < 3 && led[1]; i++) {
        text_add(out, "%s", i ? when[i] : ". First ");
        fault(out, led[i] & 0xff, led[i] >> 8, cr2[i], i ? cr2[i] + 1 : EVF(ev, TRIPLE_FAULT, ip));
    }
}

/* ---------------------------------------------------------------- firmware */

static const char *setting_of(const void *cfg, const char *key)
{
    const struct trace_config *c = cfg;
    for (size_t i = 0; i < c->nsettings; i++)
        if (!strcmp(c->settings[i].key, key))
            return c->settings[i].value;
    return NULL;
}

/* The meaning of POST codes comes from the built-in profile: each begins a stage, whose name says
 * what is done. */
static void post_code(struct text *out, const struct event *ev, const struct trace_config *cfg,
                      const struct profile *p)
{
    bool found = false;
    for (size_t i = 0; !found && i < profile_stages(p); i++) {
        const struct stage_rule *r = profile_stage(p, i);
        for (size_t j = 0; !found && j < r->nopen; j++)
            found = r->open[j].kind == EV_POST_CODE && stage_rule_is_meant(r, setting_of, cfg) &&
                    condition_holds(&r->open[j], ev, NULL, 0);
        if (found)
            text_add(out, "stage %s begins", r->name);
    }
    if (!found)
        text_add(out, "a number for people with a POST card");
}

/* Kinds with a fixed explanation. */
static const struct {
    uint16_t kind;
    const char *words;
} fixed[] = {
    {EV_RESET_VECTOR, "the first instruction after reset, 16 bytes below 4 GiB"},
    {EV_CPU_RING3, "the first instruction of a program"},
    {EV_OPTION_ROM, "the initialization code of an expansion card's BIOS"},
    {EV_BOOT_TRY, "the firmware reads a boot record"},
    {EV_FIRMWARE_LOG, "the firmware says this on its debug port"},
    {EV_SERVICE_AGAIN, "a BIOS service that is polled"},
    {EV_SERVICE_TEXT, "BIOS video service: characters at the cursor"},
    {EV_BOOT_SECTOR_READ, "a boot record was read, or the descriptor by which one is found on a CD"},
    {EV_BOOT_SECTOR_ENTER, "the firmware jumps to the boot record: the loader's first instruction"},
    {EV_KERNEL_HANDOVER, "a kernel gets control with its parameters"},
    {EV_PROCESS_FIRST, "the kernel enters ring 3 for the first time"},
    {EV_HALT, "HLT with interrupts off: nothing wakes the processor again"},
    {EV_RESET, "the machine begins again at the reset vector"},
    {EV_POWER_OFF, "the machine is switched off"},
    {EV_CPU_ZEROS, "there is no code (00 00 is an ADD): a jump to a wrong place, or to what was not loaded"},
    {EV_CPU_STACK, "what is pushed there is lost: RET and IRET will find something else"},
    {EV_CPU_OWN_CODE,
     "it changes its own bytes or the next instructions: code that patches itself, or a store that "
     "runs over it"},
    {EV_CPU_LACKS,
     "this processor model does not have the instruction: an exception (#UD), which a program dies of"},
};

/* What a CLI or STI does, or a change of IF by another instruction. */
static void interrupt_flag(struct text *out, const struct event *ev)
{
    const bool sti = ev->kind == EV_CPU_STI, on = ev->kind == EV_CPU_IF ? EVF(ev, CPU_IF, on) : sti;
    const char *state = on ? "on" : "off";
    if (ev->kind != EV_CPU_IF && (EVF(ev, CPU_CLI, was) != 0) == on)
        text_add(out, "maskable interrupts are %s already", state);
    else
        text_add(out, "maskable interrupts are %s %s", state,
                 sti ? "once the next instruction has been executed" : "from here on");
}

bool explain_cpu(const struct event *ev, const struct trace_config *cfg, struct profile **builtin,
                 struct text *out)
{
    switch (ev->kind) {
    case EV_CPU_CR:
        control_register(out, ev);
        return true;
    case EV_CPU_MODE:
        mode(out, ev);
        return true;
    case EV_CPU_DTABLE:
        table(out, ev);
        return true;
    case EV_CPU_A20:
        text_add(out, EVF(ev, CPU_A20, on) ? "addresses above 1 MiB are as they are"
                                           : "address bit 20 is 0, as on an 8086");
        return true;
    case EV_CPU_SMM:
        text_add(out, EVF(ev, CPU_SMM, enter) ? "the firmware's SMI handler runs"
                                              : "RSM: back to what was interrupted");
        return true;
    case EV_CPU_CLI:
    case EV_CPU_STI:
    case EV_CPU_IF:
        interrupt_flag(out, ev);
        return true;
    case EV_EXCEPTION:
        exception(out, ev);
        return true;
    case EV_TRIPLE_FAULT:
        triple_fault(out, ev);
        return true;
    case EV_POST_CODE:
        if (!*builtin)
            *builtin = profile_builtin();
        post_code(out, ev, cfg, *builtin);
        return true;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].kind == ev->kind) {
            text_add(out, "%s", fixed[i].words);
            return true;
        }
    return false;
}

const char *explain_cpu_manual(const struct event *ev)
{
    enum event_class c = event_kind(ev->kind)->cls;
    if (c == EC_VIRT)
        return "AMD APM volume 2";
    return c == EC_CPU || c == EC_IFLAG || c == EC_EXCEPTION ? "Intel SDM volume 3" : NULL;
}
