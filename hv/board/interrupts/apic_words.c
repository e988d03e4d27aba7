/* apic_words.c - local and I/O APIC in words, and the interrupt that a vector stands for.
 *
 * Sources: Intel SDM volume 3, chapter 10 in the editions until 2022 (local APIC); Intel 82093AA (I/O APIC) datasheet (290566), chapter
 * 3. */
#include "hv/board/interrupts/lapic.h"
#include "hv/board/words/words.h"

static const char sdm[] = "Intel SDM volume 3, APIC (chapter 10 until 2022)",
                  io_manual[] = "Intel 82093AA datasheet (290566)";

static const struct word_value deliveries[] = {
    {FIXED, "fixed"}, {LOWEST, "lowest priority"}, {SMI, "SMI"},       {NMI, "NMI"},
    {INIT, "INIT"},   {SIPI, "start-up"},          {EXTINT, "ExtINT"}, {0, NULL}};
static const struct word_value timer_modes[] = {
    {0, "one-shot"}, {1, "periodic"}, {2, "TSC deadline"}, {0, NULL}};
static const struct word_value shorthands[] = {
    {0, ""}, {1, "self"}, {2, "all"}, {3, "all but self"}, {0, NULL}};
static const struct word_value dividers[] = {{0, "by 2"},    {1, "by 4"},  {2, "by 8"},
                                             {3, "by 16"},   {8, "by 32"}, {9, "by 64"},
                                             {10, "by 128"}, {11, "by 1"}, {0, NULL}};

static const struct word_bits timer_bits[] = {{0xff, "vector#", NULL, NULL},
                                              {3u << 17, "mode", NULL, timer_modes},
                                              {LVT_MASKED, "masked", NULL, NULL},
                                              {0, NULL, NULL, NULL}};
static const struct word_bits lvt_bits[] = {{0xff, "vector#", NULL, NULL},
                                            {0x700, "delivery", NULL, deliveries},
                                            {LVT_LEVEL, "level", NULL, NULL},
                                            {LVT_MASKED, "masked", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits error_bits[] = {
    {0xff, "vector#", NULL, NULL}, {LVT_MASKED, "masked", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits svr_bits[] = {
    {SVR_ENABLE, "APIC on", "APIC off", NULL}, {0xff, "spurious vector#", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits icr_bits[] = {
    {0x700, "delivery", NULL, deliveries}, {0xff, "vector#", NULL, NULL},
    {0x800, "logical", "physical", NULL},  {0x1000, "pending", NULL, NULL},
    {0x4000, "assert", "de-assert", NULL}, {0x8000, "level", NULL, NULL},
    {0xc0000, "to", NULL, shorthands},     {0, NULL, NULL, NULL}};
static const struct word_bits icr_high_bits[] = {{0xff000000u, "destination", NULL, NULL},
                                                 {0, NULL, NULL, NULL}};
static const struct word_bits esr_bits[] = {{ESR_SEND_VECTOR, "illegal vector sent", NULL, NULL},
                                            {ESR_RECEIVE_VECTOR, "illegal vector received", NULL, NULL},
                                            {ESR_REGISTER, "illegal register", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits id_bits[] = {{0xff000000u, "number", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits version_bits[] = {
    {0xff, "version#", NULL, NULL}, {0xff0000, "last entry", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits dfr_bits[] = {{0xf0000000u, "model#", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits divide_bits[] = {{0x0b, "divider", NULL, dividers}, {0, NULL, NULL, NULL}};
static const struct word_bits ldr_bits[] = {{0xff000000u, "set#", NULL, NULL}, {0, NULL, NULL, NULL}};

static const struct word_reg registers[] = {
    {R_ID, WORD_BOTH, "ID", id_bits, "10.4.6 Local APIC ID", SHOW_VALUE},
    {R_VERSION, WORD_BOTH, "version", version_bits, "10.4.8 Local APIC Version Register", SHOW_VALUE},
    {R_TPR, WORD_BOTH, "task priority", NULL, "10.8.3.1 Task and Processor Priorities", SHOW_VALUE},
    {R_APR, WORD_BOTH, "arbitration priority", NULL, "10.6.2.4", SHOW_VALUE},
    {R_PPR, WORD_BOTH, "processor priority", NULL, "10.8.3.1 Task and Processor Priorities", SHOW_VALUE},
    {R_EOI, WORD_BOTH, "EOI", NULL, "10.8.5 Signaling Interrupt Servicing Completion", SHOW_NAME},
    {R_RRD, WORD_BOTH, "remote read", NULL, "Table 10-1", SHOW_VALUE},
    {R_LDR, WORD_BOTH, "logical destination", ldr_bits, "10.6.2.2 Logical Destination Mode", SHOW_VALUE},
    {R_DFR, WORD_BOTH, "destination format", dfr_bits, "10.6.2.2 Logical Destination Mode", SHOW_VALUE},
    {R_SVR, WORD_BOTH, "spurious-interrupt vector", svr_bits, "10.9 Spurious Interrupt", SHOW_VALUE},
    {R_ESR, WORD_BOTH, "error status", esr_bits, "10.5.3 Error Handling", SHOW_VALUE},
    {0x2f, WORD_BOTH, "LVT CMCI", lvt_bits, "10.5.1 Local Vector Table", SHOW_VALUE},
    {R_ICR, WORD_BOTH, "interrupt command", icr_bits, "10.6.1 Interrupt Command Register", SHOW_VALUE},
    {R_ICR + 1, WORD_BOTH, "interrupt command, high half", icr_high_bits, "10.6.1 Interrupt Command Register",
     SHOW_VALUE},
    {R_LVT + LVT_TIMER, WORD_BOTH, "LVT timer", timer_bits, "10.5.1 Local Vector Table", SHOW_VALUE},
    {R_LVT + LVT_THERMAL, WORD_BOTH, "LVT thermal sensor", lvt_bits, "10.5.1 Local Vector Table", SHOW_VALUE},
    {R_LVT + LVT_PERF, WORD_BOTH, "LVT performance counters", lvt_bits, "10.5.1 Local Vector Table",
     SHOW_VALUE},
    {R_LVT + LVT_LINT0, WORD_BOTH, "LVT LINT0", lvt_bits, "10.5.1 Local Vector Table", SHOW_VALUE},
    {R_LVT + LVT_LINT1, WORD_BOTH, "LVT LINT1", lvt_bits, "10.5.1 Local Vector Table", SHOW_VALUE},
    {R_LVT + LVT_ERROR, WORD_BOTH, "LVT error", error_bits, "10.5.1 Local Vector Table", SHOW_VALUE},
    {R_INITIAL, WORD_BOTH, "timer initial count", NULL, "10.5.4 APIC Timer", SHOW_DECIMAL},
    {R_CURRENT, WORD_BOTH, "timer current count", NULL, "10.5.4 APIC Timer", SHOW_DECIMAL},
    {R_DIVIDE, WORD_BOTH, "timer divide configuration", divide_bits, "10.5.4 APIC Timer", SHOW_VALUE},
};

static bool vectors_words(unsigned reg, const struct access *a, struct words *w)
{
    static const struct {
        unsigned first;
        const char *name;
    } sets[] = {{R_ISR, "in service"}, {R_TMR, "trigger mode"}, {R_IRR, "requests"}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (reg - sets[i].first < 8) {
            words_begin(w, "local APIC", sdm);
            w->source = "10.8.4 Interrupt Acceptance for Fixed Interrupts";
            words_add(w, "%s, vectors %02Xh-%02Xh: %08llXh", sets[i].name, 32 * (reg - sets[i].first),
                      32 * (reg - sets[i].first) + 31, (unsigned long long)a->value);
            return true;
        }
    return false;
}

static void note_ipi(struct apic_seen *p, uint64_t vector)
{
    p->ipi[(vector & 0xff) / 8] |= (uint8_t)(1u << (vector & 7));
}

bool lapic_words(struct board_seen *s, const struct access *a, struct words *w)
{
    unsigned reg = (unsigned)a->at >> 4;
    struct apic_seen *p = &s->apic;
    if (a->write && reg - R_LVT < LVTS)
        p->lvt[reg - R_LVT] = (uint8_t)a->value;
    if (a->write && reg == R_ICR && (a->value >> 8 & 7) <= LOWEST)
        note_ipi(p, a->value);
    if (words_register(w, "local APIC", sdm, WORD_ROWS(registers), reg, a) || vectors_words(reg, a, w))
        return true;
    words_begin(w, "local APIC", sdm);
    w->source = "Table 10-1";
    words_add(w, "reserved register %03Xh", (unsigned)a->at);
    return true;
}

/* In x2APIC mode these have more bits than in memory. */
static const struct word_bits wide_id_bits[] = {{UINT32_MAX, "number", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits wide_ldr_bits[] = {
    {0xffff0000u, "cluster", NULL, NULL}, {0xffff, "set#", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits self_bits[] = {{0xff, "vector#", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_reg wide_registers[] = {
    {R_ID, WORD_BOTH, "ID", wide_id_bits, "10.12.5.1 x2APIC States", SHOW_VALUE},
    {R_LDR, WORD_BOTH, "logical destination", wide_ldr_bits, "10.12.10.2 Deriving Logical x2APIC ID",
     SHOW_VALUE},
    {R_SELF_IPI, WORD_BOTH, "self IPI", self_bits, "10.12.11 SELF IPI Register", SHOW_VALUE},
};

static void deadline_words(const struct access *a, struct words *w)
{
    words_begin(w, "local APIC", sdm);
    w->source = "10.5.4.1 TSC-Deadline Mode";
    if (a->value)
        words_add(w, "TSC deadline: %llu", (unsigned long long)a->value);
    else
        words_add(w, "TSC deadline: none");
}

bool lapic_msr_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at == MSR_TSC_DEADLINE) {
        deadline_words(a, w);
        return true;
    }
    struct access in = *a;
    in.at = a->at - MSR_X2APIC;
    in.size = 4;
    if (in.at == R_SELF_IPI && a->write)
        note_ipi(&s->apic, a->value);
    if (words_register(w, "local APIC", sdm, WORD_ROWS(wide_registers), in.at, &in))
        return true;
    in.at <<= 4;
    bool told = lapic_words(s, &in, w);
    if (in.at == R_ICR << 4) {
        words_add(w, ", destination %llXh", (unsigned long long)a->value >> 32);
        w->source = "10.12.9 ICR Operation in x2APIC Mode";
    }
    return told;
}

/* ---------------------------------------------------------------- I/O APIC */

static const struct word_bits rte_bits[] = {{RTE_VECTOR, "vector#", NULL, NULL},
                                            {0x700, "delivery", NULL, deliveries},
                                            {RTE_LOGICAL, "logical", "physical", NULL},
                                            {0x1000, "pending", NULL, NULL},
                                            {0x2000, "active low", NULL, NULL},
                                            {RTE_REMOTE_IRR, "remote IRR", NULL, NULL},
                                            {RTE_LEVEL, "level", "edge", NULL},
                                            {RTE_MASKED, "masked", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits io_version_bits[] = {
    {0xff, "version#", NULL, NULL}, {0xff0000, "last pin", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits io_id_bits[] = {{0x0f000000, "number", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_reg io_registers[] = {
    {IOAPIC_ID, WORD_BOTH, "ID", io_id_bits, "3.2.1 IOAPICID", SHOW_VALUE},
    {IOAPIC_VERSION, WORD_BOTH, "version", io_version_bits, "3.2.2 IOAPICVER", SHOW_VALUE},
    {IOAPIC_ARBITRATION, WORD_BOTH, "arbitration", io_id_bits, "3.2.3 IOAPICARB", SHOW_VALUE},
};

/* The legacy timer's IRQ 0 arrives at pin 2. */
static unsigned line_of_pin(unsigned pin)
{
    return pin == 2 ? 0 : pin;
}

static bool selects_entry(const struct apic_seen *p)
{
    return p->select >= IOAPIC_RTE && p->select < IOAPIC_RTE + 2 * IOAPIC_PINS;
}

static void entry_words(struct apic_seen *p, const struct access *a, struct words *w)
{
    unsigned pin = (p->select - IOAPIC_RTE) / 2;
    words_begin(w, "I/O APIC", io_manual);
    w->source = "3.2.4 IOREDTBL";
    words_add(w, "pin %u (%s)", pin, irq_line_name(line_of_pin(pin)));
    if (p->select & 1) {
        words_add(w, ": destination %02llXh", (unsigned long long)a->value >> 24 & 0xff);
        return;
    }
    words_bits(w, rte_bits, a->value, a->size);
    if (a->write || !(a->value & RTE_MASKED)) {
        p->pin_vector[pin] = (uint8_t)(a->value & RTE_VECTOR);
        p->pin_masked[pin] = !!(a->value & RTE_MASKED);
    }
}

bool ioapic_words(struct board_seen *s, const struct access *a, struct words *w)
{
    struct apic_seen *p = &s->apic;
    switch (a->at & 0xff) {
    case IOREGSEL:
        p->select = (uint8_t)a->value;
        words_select(w, "I/O APIC", io_manual, WORD_ROWS(io_registers), p->select);
        w->source = "3.1.1 IOREGSEL";
        if (selects_entry(p))
            words_add(w, " (pin %u, %s half)", (p->select - IOAPIC_RTE) / 2, p->select & 1 ? "high" : "low");
        return true;
    case IOWIN:
        if (!selects_entry(p))
            return words_register(w, "I/O APIC", io_manual, WORD_ROWS(io_registers), p->select, a);
        entry_words(p, a, w);
        return true;
    case IOEOI:
        words_begin(w, "I/O APIC", io_manual);
        words_add(w, "EOI of vector %02llXh", (unsigned long long)a->value);
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- vectors */

bool apic_vector_words(const struct board_seen *s, unsigned vector, struct words *w)
{
    static const char *const local[LVTS] = {"timer", "thermal sensor", "performance counters",
                                            "LINT0", "LINT1",          "error"};
    const struct apic_seen *p = &s->apic;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        if (vector && p->pin_vector[pin] == vector && !p->pin_masked[pin]) {
            words_add(w, "IRQ %u (%s) from I/O APIC pin %u", line_of_pin(pin),
                      irq_line_name(line_of_pin(pin)), pin);
            return true;
        }
    for (unsigned i = 0; i < LVTS; i++)
        if (vector && p->lvt[i] == vector) {
            words_add(w, "local APIC %s", local[i]);
            return true;
        }
    if (p->ipi[vector / 8 & 31] >> (vector & 7) & 1) {
        words_add(w, "inter-processor interrupt %02Xh", vector);
        return true;
    }
    return false;
}
