/* words.c - turns events into words: formats the chips' tables, and finds the chip that an access goes to.
 * See words.h. */
#include "hv/board/words/words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/board.h"
#include "hv/board/timers/hpet.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/interrupts/lapic.h"
#include "hv/board/chipset/mch.h"
#include "hv/board/display/vga.h"

/* ---------------------------------------------------------------- texts */

void words_add(struct words *w, const char *fmt, ...)
{
    size_t room = w->n < w->size ? w->size - w->n : 0;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(room ? w->buf + w->n : NULL, room, fmt, ap);
    va_end(ap);
    w->n += n > 0 ? (size_t)n : 0;
}

void words_begin(struct words *w, const char *chip, const char *manual)
{
    w->manual = manual;
    w->source = NULL;
    if (w->n)
        words_add(w, "; ");
    else
        words_add(w, "%s: ", w->chip ? w->chip : chip);
}

const char *words_value(const struct word_value *v, uint64_t value)
{
    for (; v && v->name; v++)
        if (v->value == value)
            return v->name;
    return NULL;
}

/* DRDY, 4-BYTE: abbreviations of manuals; other names are words of a sentence. */
static bool is_mnemonic(const char *s)
{
    for (; *s; s++)
        if (islower((unsigned char)*s) || *s == ' ')
            return false;
    return true;
}

struct list {
    unsigned n;
    bool mnemonic;
};

static void add_item(struct words *w, struct list *l, const char *name)
{
    bool m = is_mnemonic(name);
    words_add(w, "%s%s", m && (!l->n || l->mnemonic) ? " " : l->n ? ", " : ": ", name);
    l->mnemonic = m;
    l->n++;
}

static void add_field(struct words *w, struct list *l, const struct word_bits *b, uint64_t v)
{
    const char *known = words_value(b->values, v);
    char text[96];
    size_t n = b->name ? strlen(b->name) : 0;
    if (known && *known)
        add_item(w, l, known);
    if (known || !n)
        return;
    if (b->name[n - 1] == '#')
        snprintf(text, sizeof text, "%.*s %02llXh", (int)n - 1, b->name, (unsigned long long)v);
    else
        snprintf(text, sizeof text, "%s %llu", b->name, (unsigned long long)v);
    add_item(w, l, text);
}

void words_bits(struct words *w, const struct word_bits *b, uint64_t value, unsigned size)
{
    struct list l = {0};
    for (; b && b->mask; b++) {
        uint64_t v = (value & b->mask) >> __builtin_ctz(b->mask);
        if (b->values || b->mask & (b->mask - 1))
            add_field(w, &l, b, v);
        else if (v && b->name)
            add_item(w, &l, b->name);
        else if (!v && b->clear)
            add_item(w, &l, b->clear);
    }
    if (!l.n)
        words_add(w, " %0*llXh", (int)size * 2, (unsigned long long)value);
}

const struct word_reg *words_row(const struct word_reg *table, size_t n, uint64_t at, bool write)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].at == at && table[i].access & (write ? WORD_WRITE : WORD_READ))
            return &table[i];
    return NULL;
}

bool words_register(struct words *w, const char *chip, const char *manual, const struct word_reg *table,
                    size_t n, uint64_t at, const struct access *a)
{
    const struct word_reg *r = words_row(table, n, at, a->write);
    if (!r)
        return false;
    words_begin(w, chip, manual);
    words_add(w, "%s", r->name);
    w->source = r->source;
    if (r->shown == SHOW_DECIMAL)
        words_add(w, " %llu", (unsigned long long)a->value);
    else if (r->shown == SHOW_VALUE)
        words_bits(w, r->bits, a->value, a->size);
    return true;
}

bool words_byte_registers(struct words *w, const char *chip, const char *manual, const struct word_reg *table,
                          size_t n, uint64_t at, const struct access *a)
{
    bool told = false;
    for (unsigned i = 0; i < a->size; i++) {
        struct access byte = *a;
        byte.size = 1;
        byte.value = a->value >> 8 * i & 0xff;
        told |= words_register(w, chip, manual, table, n, at + i, &byte);
    }
    return told;
}

void words_select(struct words *w, const char *chip, const char *manual, const struct word_reg *table,
                  size_t n, uint64_t selected)
{
    const struct word_reg *r = words_row(table, n, selected, true);
    words_begin(w, chip, manual);
    words_add(w, "select register %02llXh", (unsigned long long)selected);
    if (r)
        words_add(w, " (%s)", r->name);
}

/* ---------------------------------------------------------------- which chip */

/* Ranges whose chips get accesses of several bytes as single bytes, lowest first, are `bytewise` here as
 * well. */
static const struct port_range {
    uint16_t first, count;
    bool bytewise;
    chip_words_fn *fn;
} ports[] = {
    {0x00, 16, true, dma_words},    {0x20, 2, true, pic_words},     {0x40, 4, true, pit_words},
    {0x60, 1, true, ps2_words},     {0x61, 1, true, pit_words},     {0x64, 1, true, ps2_words},
    {0x70, 2, true, rtc_words},     {0x80, 1, false, debug_words},  {0x81, 15, true, dma_words},
    {0x92, 1, true, port92_words},  {0xa0, 2, true, pic_words},     {0xb2, 2, true, apm_words},
    {0xc0, 32, true, dma_words},    {0xe9, 1, false, debug_words},  {0xf0, 1, false, coprocessor_words},
    {0xf4, 1, false, debug_words},  {0x170, 8, false, ide_words},   {0x1ce, 3, false, vbe_words},
    {0x1f0, 8, false, ide_words},   {0x2e8, 8, true, uart_words},   {0x2f8, 8, true, uart_words},
    {0x376, 1, true, ide_words},    {0x3b0, 12, true, vga_words},   {0x3c0, 32, true, vga_words},
    {0x3e8, 8, true, uart_words},   {0x3f0, 6, true, floppy_words}, {0x3f6, 1, true, ide_words},
    {0x3f7, 1, true, floppy_words}, {0x3f8, 8, true, uart_words},   {0x402, 1, false, debug_words},
    {0x4d0, 2, true, elcr_words},   {0x510, 2, false, fwcfg_words}, {0x514, 8, false, fwcfg_words},
    {0xcf8, 1, false, pci_words},   {0xcf9, 1, false, reset_words}, {0xcfa, 6, false, pci_words},
    {GPE_BASE, 4, true, gpe_words},
};

/* Ranges that PCI decodes wherever the guest puts them. */
static const struct moving_range {
    enum pci_base base;
    uint32_t size;
    bool io;
    chip_words_fn *fn;
} moving[] = {
    {BASE_IDE, 16, true, ide_dma_words},
    {BASE_PM, 64, true, pm_words},
    {BASE_SMBUS, 16, true, smbus_words},
    {BASE_VGA_REGISTERS, VGA_MMIO, false, vga_register_words},
    {BASE_ICH9_PM, ICH9_PM_SIZE, true, ich9_pm_words},
    {BASE_RCBA, RCBA_SIZE, false, ich9_rcba_words},
};

static bool told_by_moving(struct board_seen *s, const struct access *a, bool io, struct words *w)
{
    for (size_t i = 0; i < sizeof moving / sizeof moving[0]; i++) {
        const struct moving_range *m = &moving[i];
        uint64_t base = s->pci.base[m->base];
        struct access in = *a;
        if (m->io != io || !base || a->at - base >= m->size)
            continue;
        in.at = a->at - base;
        return m->fn(s, &in, w);
    }
    return false;
}

static const struct port_range *range_of(uint64_t port)
{
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (port - ports[i].first < ports[i].count)
            return &ports[i];
    return NULL;
}

static bool told_by_port(struct board_seen *s, const struct access *a, struct words *w)
{
    const struct port_range *r = range_of(a->at);
    return r ? r->fn(s, a, w)
             : told_by_moving(s, a, true, w) || cards_words(s, a, true, w) || absent_words(s, a, w);
}

static bool port_words(struct board_seen *s, const struct access *a, struct words *w)
{
    const struct port_range *r = range_of(a->at);
    if (a->size == 1 || !r || !r->bytewise)
        return told_by_port(s, a, w);
    bool told = false;
    for (unsigned i = 0; i < a->size; i++) {
        struct access byte = *a;
        byte.at = a->at + i;
        byte.size = 1;
        byte.value = a->value >> 8 * i & 0xff;
        told |= told_by_port(s, &byte, w);
    }
    return told;
}

enum { VGA_WINDOW = 0xa0000, VGA_WINDOW_SIZE = 0x20000 };

static bool window_words(struct board_seen *s, const struct access *a, struct words *w)
{
    uint32_t size = 0, base = mch_window(s->pci.base[BASE_ECAM], &size);
    struct access in = *a;
    in.at = a->at - base;
    return base && in.at < size && ecam_words(s, &in, w);
}

/* Local APICs can be moved by IA32_APIC_BASE; no guest does, and the board's tables assume that. */
static bool memory_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct {
        uint64_t base, size;
        chip_words_fn *fn;
    } fixed[] = {{LAPIC_BASE, LAPIC_SIZE, lapic_words},
                 {IOAPIC_BASE, IOAPIC_SIZE, ioapic_words},
                 {HPET_BASE, HPET_SIZE, hpet_words},
                 {VGA_WINDOW, VGA_WINDOW_SIZE, vga_memory_words}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (a->at - fixed[i].base < fixed[i].size) {
            struct access in = *a;
            in.at = a->at - fixed[i].base;
            return fixed[i].fn(s, &in, w);
        }
    return told_by_moving(s, a, false, w) || cards_words(s, a, false, w) || window_words(s, a, w);
}

/* ---------------------------------------------------------------- events */

static struct access access_of(const struct event *ev)
{
    return (struct access){
        .at = event_number(ev, EVF_PIO_READ_port), /* or the address (hv/board/events.c) */
        .value = EVF(ev, PIO_READ, value),
        .count = EVF(ev, PIO_READ, count),
        .size = (uint8_t)(EVF(ev, PIO_READ, size) <= 8 ? EVF(ev, PIO_READ, size) : 8),
        .write = ev->kind == EV_PIO_WRITE || ev->kind == EV_MMIO_WRITE,
        .cpu = ev->cpu,
    };
}

static bool irq_words(const struct board_seen *s, const struct event *ev, struct words *w)
{
    unsigned vector = (unsigned)EVF(ev, IRQ, vector);
    int line = pic_line_of(s, vector);
    switch (EVF(ev, IRQ, source)) {
    case 0:
        if (line < 0)
            words_add(w, "interrupt from the 8259A");
        else
            words_add(w, "IRQ %d (%s) from the 8259A", line, irq_line_name((unsigned)line));
        return true;
    case 1:
        if (!card_vector_words(s, vector, w) && !apic_vector_words(s, vector, w))
            words_add(w, "interrupt from the local APIC");
        return true;
    case 2:
        words_add(w, "NMI: non-maskable interrupt");
        return true;
    case 3:
        words_add(w, "SMI: system management interrupt");
        return true;
    case 4:
        words_add(w, "Xen's callback: event channels are pending");
        return true;
    }
    return false;
}

/* Accesses that a chip does not implement, or that no chip answers. */
static bool unhandled_words(struct board_seen *s, const struct event *ev, struct words *w)
{
    struct access a = {.at = EVF(ev, UNHANDLED, number),
                       .value = EVF(ev, UNHANDLED, value),
                       .count = EVF(ev, UNHANDLED, count),
                       .size = 1,
                       .write = EVF(ev, UNHANDLED, write)};
    if (ev->len == 4 && !memcmp(ev->data, "port", 4))
        return told_by_moving(s, &a, true, w) || absent_words(s, &a, w);
    if (ev->len == 4 && !memcmp(ev->data, "mmio", 4)) {
        words_add(w, "nothing is at this physical address");
        return true;
    }
    if (ev->len >= 3 && !memcmp(ev->data, "msr", 3))
        return false;
    words_add(w, "not implemented: %.*s %llXh", (int)ev->len, (const char *)ev->data,
              (unsigned long long)a.at);
    return true;
}

static void disk_status_words(const struct event *ev, uint64_t drive, struct words *w)
{
    uint32_t status = (uint32_t)EVF(ev, DISK_COMMAND, status);
    if (drive < 4 || drive - DRIVE_NUMBER_AHCI < DRIVE_NUMBER_NVME - DRIVE_NUMBER_AHCI)
        ide_status_words(w, (uint8_t)status);
    else if (drive < DRIVE_NUMBER_AHCI)
        fdc_status_words(w, (uint8_t)status);
    else if (drive - DRIVE_NUMBER_NVME < DRIVE_NUMBER_VIRTIO - DRIVE_NUMBER_NVME)
        nvme_status_words(w, status);
    else if (drive - DRIVE_NUMBER_VIRTIO < DRIVE_NUMBER_SCSI - DRIVE_NUMBER_VIRTIO)
        virtio_blk_status_words(w, status);
    else if (drive - DRIVE_NUMBER_SCSI < DRIVE_NUMBER_END - DRIVE_NUMBER_SCSI)
        scsi_status_words(w, status);
}

static void disk_transfer_words(const struct event *ev, struct words *w)
{
    bool read = ev->kind == EV_DISK_READ;
    uint64_t count = EVF(ev, DISK_READ, count), address = EVF(ev, DISK_READ, address);
    words_add(w, ": %s lba %llu, %llu block%s", read ? "read" : "write",
              (unsigned long long)EVF(ev, DISK_READ, lba), (unsigned long long)count, count == 1 ? "" : "s");
    if (address != UINT64_MAX)
        words_add(w, " %s %llXh", read ? "to" : "from", (unsigned long long)address);
    else if (event_disk_data(ev) == EVENT_DATA_ZEROS)
        words_add(w, ", as zeros");
}

static bool disk_words(const struct event *ev, struct words *w)
{
    uint64_t drive = EVF(ev, DISK_READ, drive);
    bool command = ev->kind == EV_DISK_COMMAND;
    uint64_t entry = command ? EVF(ev, DISK_COMMAND, entry) : EVF(ev, DISK_READ, entry);
    char name[32];
    _Static_assert((int)EVF_DISK_READ_drive == (int)EVF_DISK_COMMAND_drive, "the drive is at the same place");
    words_add(w, "%s", board_drive_name((unsigned)drive, name));
    if (entry)
        words_add(w, ": queue %llu, entry %llu",
                  (unsigned long long)(command ? EVF(ev, DISK_COMMAND, queue) : EVF(ev, DISK_READ, queue)),
                  (unsigned long long)entry - 1);
    if (command)
        disk_status_words(ev, drive, w);
    else if (entry)
        disk_transfer_words(ev, w);
    return true;
}

/* What Xen emulates itself of an HVM domain's machine (xen/arch/x86/hvm: vpic.c, i8254.c, rtc.c, pmtimer.c,
 * vlapic.c, vioapic.c, hpet.c; hvm_print_line). Everything else is the device model's. */
static const struct {
    uint32_t first, last;
    const char *name;
} intercepted_ports[] = {{0x20, 0x21, "8259A"},   {0xa0, 0xa1, "8259A"},        {0x4d0, 0x4d1, "8259A"},
                         {0x40, 0x43, "8254"},    {0x61, 0x61, "8254"},         {0x70, 0x71, "clock"},
                         {0xe9, 0xe9, "console"}, {0xb000, 0xb003, "PM timer"}, {0xb008, 0xb00b, "PM timer"}},
  intercepted_memory[] = {{0xfec00000, 0xfec00fff, "I/O APIC"},
                          {0xfed00000, 0xfed003ff, "HPET"},
                          {0xfee00000, 0xfee00fff, "local APIC"}};

static const char *intercepted(const struct access *a, bool memory)
{
    enum { PORTS = sizeof intercepted_ports / sizeof intercepted_ports[0], RANGES = 3 };
    for (size_t i = 0; i < (memory ? (size_t)RANGES : (size_t)PORTS); i++) {
        uint32_t first = memory ? intercepted_memory[i].first : intercepted_ports[i].first;
        uint32_t last = memory ? intercepted_memory[i].last : intercepted_ports[i].last;
        if (a->at >= first && a->at <= last)
            return memory ? intercepted_memory[i].name : intercepted_ports[i].name;
    }
    return NULL;
}

/* What becomes of an access in a domain: Xen intercepts it, and answers, or hands it to the device model as a
 * request (xen/include/public/hvm/ioreq.h). */
static void request_words(const struct access *a, bool memory, struct words *w)
{
    const char *by = intercepted(a, memory);
    words_add(w, "%s", w->n ? "; " : "");
    if (by)
        words_add(w, "intercepted: Xen's own %s answers", by);
    else
        words_add(w, "intercepted: ioreq to the device model: %s, %s %llXh, %u byte%s, data %llXh",
                  a->write ? "write" : "read", memory ? "address" : "port", (unsigned long long)a->at,
                  a->size, a->size == 1 ? "" : "s", (unsigned long long)a->value);
}

size_t board_words_size(void)
{
    return sizeof(struct board_seen);
}

void board_words_reset(void *state, const struct engine_config *cfg)
{
    struct board_seen *s = state;
    bool direct = cfg ? config_image(cfg, "kernel") && !board_firmware_loads_kernel(cfg) : s->direct;
    bool domain = cfg ? config_image(cfg, "hvmloader") != NULL : s->domain;
    struct board_seen old = *s;
    memset(s, 0, sizeof *s);
    s->direct = direct;
    s->domain = domain;
    const char *board = cfg ? config_get(cfg, "machine") : NULL;
    s->q35 = cfg ? board && !strcmp(board, "q35") : old.q35;
    cards_seen_reset(s, cfg, &old);
    if (!direct)
        return;
    /* The firmware has run, and every firmware of these boards uses these addresses. */
    s->pci.base[s->q35 ? BASE_ICH9_PM : BASE_PM] = PM_BASE_USUAL;
    if (s->q35) {
        s->pci.base[BASE_RCBA] = ICH9_RCBA_USUAL;
        s->pci.base[BASE_ECAM] = MCH_ECAM_USUAL | PCIEXBAR_ENABLE;
    }
}

static bool access_words(struct board_seen *s, const struct event *ev, const struct access *a,
                         struct words *w)
{
    bool memory = ev->kind == EV_MMIO_READ || ev->kind == EV_MMIO_WRITE;
    return memory ? memory_words(s, a, w) : port_words(s, a, w);
}

enum { WORDS_ONE = 512 };

/* Adds one access's text to those before it. What adds nothing to the last one ("data" behind "data") is left out, and so is the
 * chip's name if they begin with it. */
static void add_value(struct words *w, const struct words *one, char last[WORDS_ONE])
{
    const char *chip_end = strstr(one->buf, ": "), *text = one->buf;
    size_t chip = chip_end ? (size_t)(chip_end + 2 - one->buf) : 0;
    if (*last && chip && !strncmp(last, text, chip))
        text += chip;
    if (!*last || strncmp(last, one->buf, strlen(one->buf)))
        words_add(w, "%s%s", *last ? "; " : "", text);
    snprintf(last, WORDS_ONE, "%s", one->buf);
    w->manual = one->manual;
    w->source = one->source;
}

/* Accesses with values that differ: each is told by itself. */
static bool values_words(struct board_seen *s, const struct event *ev, const uint64_t *value, unsigned n,
                         struct words *w)
{
    char text[WORDS_ONE], last[WORDS_ONE] = "";
    for (unsigned i = 0; i < n; i++) {
        struct access a = access_of(ev);
        struct words one = {.buf = text, .size = sizeof text};
        a.count = 1;
        a.value = value[i];
        text[0] = 0;
        if (access_words(s, ev, &a, &one))
            add_value(w, &one, last);
    }
    return *last;
}

static bool folded_words(struct board_seen *s, const struct event *ev, struct words *w)
{
    uint64_t value[EVENT_VALUES];
    unsigned n = event_values(ev, value);
    struct access a = access_of(ev);
    return n ? values_words(s, ev, value, n, w) : access_words(s, ev, &a, w);
}

int board_words(void *state, const struct event *ev, char *buf, size_t size, const char **manual,
                const char **source)
{
    struct board_seen *s = state;
    struct words w = {.buf = buf, .size = size};
    bool told = false;
    if (size)
        *buf = 0;
    switch (ev->kind) {
    case EV_PIO_READ:
    case EV_PIO_WRITE:
    case EV_MMIO_READ:
    case EV_MMIO_WRITE:
        told = folded_words(s, ev, &w);
        break;
    case EV_APIC_READ:
    case EV_APIC_WRITE:
        told = lapic_msr_words(s,
                               &(struct access){.at = EVF(ev, APIC_READ, msr),
                                                .value = EVF(ev, APIC_READ, value),
                                                .count = 1,
                                                .size = 8,
                                                .write = ev->kind == EV_APIC_WRITE,
                                                .cpu = ev->cpu},
                               &w);
        break;
    case EV_IRQ:
        told = irq_words(s, ev, &w);
        break;
    case EV_UNHANDLED:
        told = unhandled_words(s, ev, &w);
        break;
    case EV_DISK_READ:
    case EV_DISK_WRITE:
    case EV_DISK_COMMAND:
        told = disk_words(ev, &w);
        break;
    case EV_FW_CFG:
        told = fwcfg_item_words((unsigned)EVF(ev, FW_CFG, selector), &w);
        break;
    case EV_RESET:
        board_words_reset(s, NULL);
        break;
    }
    bool memory = ev->kind == EV_MMIO_READ || ev->kind == EV_MMIO_WRITE;
    if (s->domain && (memory || ev->kind == EV_PIO_READ || ev->kind == EV_PIO_WRITE)) {
        struct access a = access_of(ev);
        if (!told)
            w = (struct words){.buf = buf, .size = size};
        request_words(&a, memory, &w);
        told = true;
    }
    if (!told && size)
        *buf = 0;
    *manual = told ? w.manual : NULL;
    *source = told ? w.source : NULL;
    return told ? (int)w.n : 0;
}

int board_words_later(const void *state, const struct event *ev, const struct event *next, char *buf,
                      size_t size)
{
    return ev->kind == EV_PIO_WRITE ? ide_packet_later(state, ev, next, buf, size) : -1;
}
