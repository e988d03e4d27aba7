/* pci_words.c - PCI configuration space in words, and the addresses that the guest assigns to BARs.
 *
 * Source: PCI Local Bus Specification 2.1, chapter 6 (configuration space), 3.7.4.1 (mechanism #1). Registers
 * beyond the standard header are in the file of each function's words. The devices are those of this board,
 * as given to pci_init() in their files. */
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/chipset/mch.h"
#include "hv/board/pci/pci.h"
#include "hv/board/words/words.h"

#include <stdio.h>

static const char manual[] = "PCI Local Bus Specification 2.1";
enum { ENABLE = 0x80000000u };
enum {
    DEVFN_HOST = 0,
    DEVFN_ISA = 1 << 3,
    DEVFN_IDE = 1 << 3 | 1,
    DEVFN_PM = 1 << 3 | 3,
    DEVFN_VGA = 2 << 3,
    DEVFN_VGA_Q35 = 1 << 3
};

struct function {
    uint8_t devfn;
    const char *name;
    chip_words_fn *own;
};
static const struct function pc_functions[] = {
    {DEVFN_HOST, "i440FX host bridge", i440fx_pci_words},
    {DEVFN_ISA, "PIIX3 ISA bridge", piix3_pci_words},
    {DEVFN_IDE, "PIIX3 IDE", ide_pci_words},
    {DEVFN_PM, "PIIX4 power management", acpi_pm_pci_words},
    {DEVFN_VGA, "VGA", NULL},
    {0, NULL, NULL},
};
static const struct function q35_functions[] = {
    {DEVFN_HOST, "Q35 host bridge", mch_pci_words},
    {DEVFN_VGA_Q35, "VGA", NULL},
    {ICH9_LPC, "ICH9 LPC bridge", ich9_pci_words},
    {ICH9_SMBUS, "ICH9 SMBus", ich9_smbus_pci_words},
    {0, NULL, NULL},
};

static const struct word_bits command_bits[] = {
    {CMD_IO, "I/O on", NULL, NULL}, {CMD_MEMORY, "memory on", NULL, NULL}, {0x04, "bus master", NULL, NULL},
    {0x40, "parity", NULL, NULL},   {0x100, "SERR#", NULL, NULL},          {0x400, "INTx off", NULL, NULL},
    {0, NULL, NULL, NULL}};
static const struct word_value devsel[] = {
    {0, "fast DEVSEL"}, {1, "medium DEVSEL"}, {2, "slow DEVSEL"}, {0, NULL}};
static const struct word_bits status_bits[] = {{0x08, "INTx", NULL, NULL},
                                               {0x10, "capabilities", NULL, NULL},
                                               {0x80, "fast back-to-back", NULL, NULL},
                                               {0x600, "DEVSEL", NULL, devsel},
                                               {0x1000, "target abort", NULL, NULL},
                                               {0x2000, "master abort", NULL, NULL},
                                               {0x4000, "system error", NULL, NULL},
                                               {0x8000, "parity error", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits both_bits[] = {{CMD_IO, "I/O on", NULL, NULL},
                                             {CMD_MEMORY, "memory on", NULL, NULL},
                                             {0x04, "bus master", NULL, NULL},
                                             {0xffff0000u, "status#", NULL, NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_value header_types[] = {
    {0, "device"}, {1, "PCI bridge"}, {2, "CardBus bridge"}, {0x7f, "nothing"}, {0, NULL}};
static const struct word_bits header_bits[] = {
    {0x7f, "header", NULL, header_types}, {0x80, "several functions", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_value vendors[] = {{0x8086, "Intel"},         {0x1234, "Bochs/QEMU VGA"},
                                            {0x1b36, "Red Hat/QEMU"},  {0x1af4, "Red Hat virtio"},
                                            {0xffff, "nothing there"}, {0, NULL}};
static const struct word_bits vendor_bits[] = {{0xffff, "vendor#", NULL, vendors}, {0, NULL, NULL, NULL}};
static const struct word_value ids[] = {{0x12378086, "Intel 82441FX host bridge"},
                                        {0x70008086, "Intel 82371SB PIIX3 ISA bridge"},
                                        {0x70108086, "Intel 82371SB PIIX3 IDE"},
                                        {0x71138086, "Intel 82371AB PIIX4 power management"},
                                        {0x29c08086, "Intel 82G33/Q35 host bridge"},
                                        {0x29188086, "Intel ICH9 LPC bridge"},
                                        {0x29228086, "Intel ICH9 SATA controller, AHCI"},
                                        {0x29308086, "Intel ICH9 SMBus"},
                                        {0x11111234, "Bochs/QEMU VGA"},
                                        {0x00101b36, "QEMU NVMe controller"},
                                        {0x10011af4, "virtio block device"},
                                        {0xffffffff, "nothing there"},
                                        {0, NULL}};
static const struct word_bits id_bits[] = {{0xffffffff, "device and vendor#", NULL, ids},
                                           {0, NULL, NULL, NULL}};
static const struct word_value classes[] = {{0x0100, "SCSI controller"},     {0x0108, "NVMe controller"},
                                            {0x0200, "Ethernet controller"}, {0x0c03, "USB controller"},
                                            {0x0101, "IDE controller"},      {0x0300, "VGA"},
                                            {0x0106, "SATA controller"},     {0x0c05, "SMBus"},
                                            {0x0600, "host bridge"},         {0x0601, "ISA bridge"},
                                            {0x0604, "PCI bridge"},          {0x0680, "other bridge"},
                                            {0xffff, "nothing there"},       {0, NULL}};
static const struct word_bits class_bits[] = {{0xffff, "class#", NULL, classes}, {0, NULL, NULL, NULL}};
static const struct word_bits class_all_bits[] = {
    {0xffff0000u, "class#", NULL, classes}, {0xff, "revision", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits rom_bits[] = {
    {1, "decoded", "not decoded", NULL}, {0xfffff800u, "at#", NULL, NULL}, {0, NULL, NULL, NULL}};

const char *pci_class_words(uint16_t code)
{
    return words_value(classes, code);
}

/* Each row has one size, and is skipped if the size of the access differs. */
static const struct header_reg {
    uint8_t size; /* 0 for any */
    struct word_reg reg;
} header[] = {
    {4, {0x00, WORD_BOTH, "device and vendor ID", id_bits, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x00, WORD_BOTH, "vendor ID", vendor_bits, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x02, WORD_BOTH, "device ID", NULL, "6.2.1 Device Identification", SHOW_VALUE}},
    {4, {REG_COMMAND, WORD_BOTH, "command and status", both_bits, "6.2.2 Device Control", SHOW_VALUE}},
    {0, {REG_COMMAND, WORD_BOTH, "command", command_bits, "6.2.2 Device Control", SHOW_VALUE}},
    {0, {REG_STATUS, WORD_BOTH, "status", status_bits, "6.2.3 Device Status", SHOW_VALUE}},
    {4, {0x08, WORD_BOTH, "class and revision", class_all_bits, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x08, WORD_BOTH, "revision ID", NULL, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x09, WORD_BOTH, "programming interface", NULL, "6.2.1 Device Identification", SHOW_VALUE}},
    {2, {0x0a, WORD_BOTH, "class", class_bits, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x0a, WORD_BOTH, "subclass", NULL, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x0b, WORD_BOTH, "base class", NULL, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {REG_CACHE_LINE, WORD_BOTH, "cache line size", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {REG_LATENCY, WORD_BOTH, "latency timer", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {0x0e, WORD_BOTH, "header type", header_bits, "6.2.1 Device Identification", SHOW_VALUE}},
    {0, {0x0f, WORD_BOTH, "BIST", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {REG_BAR0, WORD_BOTH, "BAR 0", NULL, "6.2.5 Base Addresses", SHOW_VALUE}},
    {0, {REG_BAR0 + 4, WORD_BOTH, "BAR 1", NULL, "6.2.5 Base Addresses", SHOW_VALUE}},
    {0, {REG_BAR0 + 8, WORD_BOTH, "BAR 2", NULL, "6.2.5 Base Addresses", SHOW_VALUE}},
    {0, {REG_BAR0 + 12, WORD_BOTH, "BAR 3", NULL, "6.2.5 Base Addresses", SHOW_VALUE}},
    {0, {REG_BAR0 + 16, WORD_BOTH, "BAR 4", NULL, "6.2.5 Base Addresses", SHOW_VALUE}},
    {0, {REG_BAR0 + 20, WORD_BOTH, "BAR 5", NULL, "6.2.5 Base Addresses", SHOW_VALUE}},
    {0, {0x28, WORD_BOTH, "CardBus CIS pointer", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {0x2c, WORD_BOTH, "subsystem vendor ID", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {0x2e, WORD_BOTH, "subsystem ID", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {4,
     {REG_ROM, WORD_BOTH, "expansion ROM", rom_bits, "6.2.5.2 Expansion ROM Base Address Register",
      SHOW_VALUE}},
    {0, {0x34, WORD_BOTH, "capabilities pointer", NULL, "6.2", SHOW_VALUE}},
    {0, {REG_LINE, WORD_BOTH, "interrupt line", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {REG_LINE + 1, WORD_BOTH, "interrupt pin", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {REG_LINE + 2, WORD_BOTH, "minimum grant", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
    {0, {REG_LINE + 3, WORD_BOTH, "maximum latency", NULL, "6.2.4 Miscellaneous Functions", SHOW_VALUE}},
};

static const struct word_reg *header_row(unsigned at, unsigned size)
{
    for (size_t i = 0; i < sizeof header / sizeof header[0]; i++)
        if (header[i].reg.at == at && (!header[i].size || header[i].size == size))
            return &header[i].reg;
    return NULL;
}

static const struct function *function_of(const struct board_seen *s, unsigned bus, unsigned devfn)
{
    for (const struct function *f = s->q35 ? q35_functions : pc_functions; !bus && f->name; f++)
        if (f->devfn == devfn)
            return f;
    return NULL;
}

/* ---------------------------------------------------------------- memory mapping */

/* Writing all ones makes the next read return the size. Any other value is the address. */
static void note_base(struct board_seen *s, unsigned devfn, unsigned reg, const struct access *a)
{
    static const struct {
        bool q35;
        uint8_t devfn, reg;
        enum pci_base base;
        uint32_t mask;
    } bases[] = {
        {false, DEVFN_IDE, REG_BAR0 + 16, BASE_IDE, 0xfff0},
        {false, DEVFN_VGA, REG_BAR0 + 8, BASE_VGA_REGISTERS, 0xfffffff0u},
        {false, DEVFN_PM, REG_PMBASE, BASE_PM, 0xffc0},
        {false, DEVFN_PM, REG_SMBBASE, BASE_SMBUS, 0xfff0},
        {true, DEVFN_VGA_Q35, REG_BAR0 + 8, BASE_VGA_REGISTERS, 0xfffffff0u},
        {true, DEVFN_HOST, MCH_PCIEXBAR, BASE_ECAM, 0xffffffffu},
        {true, ICH9_LPC, LPC_PMBASE, BASE_ICH9_PM, 0xff80},
        {true, ICH9_LPC, LPC_RCBA, BASE_RCBA, 0xffffc000u},
        {true, ICH9_SMBUS, REG_BAR0 + 16, BASE_SMBUS, 0xffe0},
    };
    struct pci_seen *p = &s->pci;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        if (bases[i].q35 != s->q35 || bases[i].devfn != devfn || bases[i].reg != reg || a->size < 2)
            continue;
        uint32_t v = (uint32_t)a->value & bases[i].mask, bit = 1u << bases[i].base;
        if (a->write)
            p->sizing = v == bases[i].mask ? p->sizing | bit : p->sizing & ~bit;
        if (!(p->sizing & bit) && v != bases[i].mask)
            p->base[bases[i].base] = v;
    }
}

/* ---------------------------------------------------------------- accesses */

static void select_words(struct board_seen *s, const struct access *a, struct words *w)
{
    uint32_t v = (uint32_t)a->value;
    if (a->write && a->size == 4)
        s->pci.address = v;
    words_begin(w, "PCI", manual);
    w->source = "3.7.4.1 Configuration Mechanism #1";
    if (!(v & ENABLE)) {
        words_add(w, "configuration address %0*Xh", a->size * 2, v);
        return;
    }
    unsigned bus = v >> 16 & 0xff, devfn = v >> 8 & 0xff;
    const struct function *f = function_of(s, bus, devfn);
    const struct word_reg *r = header_row(v & 0xfc, 4);
    char card[32];
    const char *what = f ? f->name : bus ? NULL : card_name(s, devfn, card);
    words_add(w, "select %02X:%02X.%u%s%s%s register %02Xh", bus, devfn >> 3, devfn & 7, what ? " (" : "",
              what ? what : "", what ? ")" : "", v & 0xfc);
    if (r)
        words_add(w, " (%s)", r->name);
}

static void register_words(struct board_seen *s, unsigned bus, unsigned devfn, unsigned at,
                           const struct access *a, struct words *w)
{
    const struct function *f = function_of(s, bus, devfn);
    const struct word_reg *r = header_row(at, a->size);
    struct access in = *a;
    char name[64];
    in.at = at;
    char card[32];
    const char *what = f ? f->name : bus ? NULL : card_name(s, devfn, card);
    snprintf(name, sizeof name, what ? "PCI %02X:%02X.%u (%s)" : "PCI %02X:%02X.%u", bus, devfn >> 3,
             devfn & 7, what ? what : "");
    if (!bus) {
        note_base(s, devfn, at, a);
        cards_note_config(s, devfn, at, a);
    }
    w->chip = name;
    bool told = !r && f && f->own && f->own(s, &in, w);
    w->chip = NULL;
    if (told)
        return;
    words_begin(w, name, manual);
    w->source = r ? r->source : "6.1 Configuration Space Organization";
    if (r)
        words_add(w, "%s", r->name);
    else
        words_add(w, "register %02Xh", at);
    words_bits(w, r ? r->bits : NULL, a->value, a->size);
}

static void data_words(struct board_seen *s, const struct access *a, struct words *w)
{
    uint32_t v = s->pci.address;
    register_words(s, v >> 16 & 0xff, v >> 8 & 0xff, (v & 0xfc) + (a->at & 3), a, w);
}

bool ecam_words(struct board_seen *s, const struct access *a, struct words *w)
{
    register_words(s, a->at >> 20 & 0xff, a->at >> 12 & 0xff, a->at & 0xfff, a, w);
    return true;
}

bool pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at < 0xcfc) {
        select_words(s, a, w);
        return true;
    }
    if (s->pci.address & ENABLE) {
        data_words(s, a, w);
        return true;
    }
    words_begin(w, "PCI", manual);
    words_add(w, "configuration data %0*llXh", a->size * 2, (unsigned long long)a->value);
    return true;
}
