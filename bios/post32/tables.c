/* tables.c - for operating systems without ACPI: the PCI IRQ routing table, the MP table, the BIOS32 service
 * directory; for option ROMs, the Plug and Play header.
 *
 * Sources: Phoenix, Standard BIOS 32-bit Service Directory 0.4; Plug and Play BIOS Specification 1.0A, 4.4;
 * Microsoft, PCI IRQ Routing Table Specification 1.0; Intel MultiProcessor Specification 1.4, chapter 4. The
 * wiring is pci.c's: slot s, pin p is pirq_of(s, p); PIRQs A, B, E and F are IRQ 10, the others 11, on the
 * 8259s and on the I/O APIC.
 */
#include "bios/post32/post32.h"

enum {
    SLOTS = 8,
    ISA_DEVFN = 1 << 3,
    LPC_DEVFN = 31 << 3,
    IRQ_MASK = 1 << 5 | 1 << 10 | 1 << 11,
    IO_APIC_PINS = 16
};

/* ---------------------------------------------------------------- $PIR */

struct pir_slot {
    u8 bus, devfn;
    struct {
        u8 link;
        u16 irqs;
    } PACKED pin[4];
    u8 slot, reserved;
} PACKED;

struct pir {
    char signature[4];
    u16 version, size;
    u8 router_bus, router_devfn;
    u16 exclusive;
    u32 compatible; /* vendor and device */
    u32 miniport;
    u8 reserved[11];
    u8 checksum;
    struct pir_slot slot[SLOTS];
} PACKED;

void pirq_init(void)
{
    struct pir *t = bios_alloc(sizeof *t, 16);
    if (!t)
        return;
    memcpy(t->signature, "$PIR", 4);
    t->version = 0x0100;
    t->size = sizeof *t;
    t->router_devfn = is_q35() ? LPC_DEVFN : ISA_DEVFN;
    t->compatible = is_q35() ? 0x29188086 : 0x122e8086;
    for (unsigned i = 0; i < SLOTS; i++) {
        t->slot[i].devfn = (u8)((i + 1) << 3);
        t->slot[i].slot = (u8)i; /* 0: on the board */
        for (unsigned pin = 0; pin < 4; pin++) {
            u8 pirq = pirq_of((u8)(i + 1), (u8)pin);
            t->slot[i].pin[pin].link = pirq < 4 ? 0x60 + pirq : 0x64 + pirq;
            t->slot[i].pin[pin].irqs = IRQ_MASK;
        }
    }
    t->checksum -= sum(t, sizeof *t);
    SHARED.pir = (u16)((u32)t - CODE_LINEAR);
}

/* ---------------------------------------------------------------- BIOS32 service directory */

extern char bios32_entry[];

void bios32_init(void)
{
    struct directory {
        char signature[4];
        u32 entry;
        u8 revision, length, checksum, reserved[5];
    } PACKED *d = bios_alloc(16, 16);
    if (!d)
        return;
    memcpy(d->signature, "_32_", 4);
    d->entry = (u32)bios32_entry + CODE_LINEAR;
    d->length = 1;
    d->checksum -= sum(d, 16);
}

/* ---------------------------------------------------------------- Plug and Play BIOS header */

extern char pnp_entry[];

void pnp_init(void)
{
    struct header {
        char signature[4];
        u8 version, length;
        u16 control;
        u8 checksum;
        u32 event_flag;
        u16 real_offset, real_segment, protected_offset;
        u32 protected_base, oem;
        u16 real_data;
        u32 protected_data;
    } PACKED *h = bios_alloc(sizeof *h, 16);
    if (!h)
        return;
    *h = (struct header){.signature = {'$', 'P', 'n', 'P'},
                         .version = 0x10,
                         .length = sizeof *h,
                         .real_offset = (u16)(u32)pnp_entry,
                         .real_segment = CODE_SEG,
                         .protected_offset = (u16)(u32)pnp_entry,
                         .protected_base = CODE_LINEAR,
                         .real_data = DATA_SEG,
                         .protected_data = DATA_LINEAR};
    h->checksum -= sum(h, sizeof *h);
    SHARED.pnp = (u16)((u32)h - CODE_LINEAR);
}

/* ---------------------------------------------------------------- MP */

struct mp_floating {
    char signature[4];
    u32 table;
    u8 length, revision, checksum, feature[5];
} PACKED;

struct mp_header {
    char signature[4];
    u16 length;
    u8 revision, checksum;
    char oem[8], product[12];
    u32 oem_table;
    u16 oem_size, entries;
    u32 lapic;
    u16 extended_length;
    u8 extended_checksum, reserved;
} PACKED;

struct mp_processor {
    u8 type, apic, version, flags;
    u32 signature, features;
    u32 reserved[2];
} PACKED;

struct mp_bus {
    u8 type, id;
    char name[6];
} PACKED;

struct mp_ioapic {
    u8 type, id, version, flags;
    u32 address;
} PACKED;

struct mp_interrupt {
    u8 type, kind;
    u16 flags;
    u8 bus, source, apic, pin;
} PACKED;

enum { MP_PROCESSOR = 0, MP_BUS = 1, MP_IOAPIC = 2, MP_IO_INTERRUPT = 3, MP_LOCAL_INTERRUPT = 4 };
enum { KIND_INT = 0, KIND_NMI = 1, KIND_EXTINT = 3, ACTIVE_HIGH_LEVEL = 0x0d };

static struct mp_header *mp;

static void *mp_add(u32 size)
{
    u8 *at = (u8 *)mp + mp->length;
    mp->length = (u16)(mp->length + size);
    mp->entries++;
    return at;
}

static void add_processors(u32 n)
{
    u32 a = 0, d = 0, b, c;
    asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1), "c"(0));
    for (u32 i = 0; i < n; i++) {
        struct mp_processor *p = mp_add(sizeof *p);
        *p = (struct mp_processor){
            .apic = (u8)i, .version = 0x14, .flags = i ? 1 : 3, .signature = a, .features = d};
    }
}

static void add_buses(void)
{
    static const struct mp_bus bus[2] = {{MP_BUS, 0, {'P', 'C', 'I', ' ', ' ', ' '}},
                                         {MP_BUS, 1, {'I', 'S', 'A', ' ', ' ', ' '}}};
    memcpy(mp_add(sizeof bus[0]), &bus[0], sizeof bus[0]);
    memcpy(mp_add(sizeof bus[1]), &bus[1], sizeof bus[1]);
}

static void add_interrupt(u8 type, u8 kind, u16 flags, u8 bus, u8 source, u8 apic, u8 pin)
{
    struct mp_interrupt *i = mp_add(sizeof *i);
    *i = (struct mp_interrupt){type, kind, flags, bus, source, apic, pin};
}

/* One entry per used PCI slot and pin; ISA interrupts except the cascade and those that PCI uses. */
static void add_interrupts(u8 apic)
{
    for (int bdf = pci_next(-1, 0), seen = -1; bdf >= 0; bdf = pci_next(bdf, 0)) {
        u8 pin = pci_read8(bdf, PCI_IRQ_PIN), source = (u8)((bdf >> 3 & 31) << 2 | (pin - 1));
        if (!pin || seen == source)
            continue;
        seen = source;
        add_interrupt(MP_IO_INTERRUPT, KIND_INT, ACTIVE_HIGH_LEVEL, 0, source, apic,
                      pci_read8(bdf, PCI_IRQ_LINE));
    }
    for (u8 irq = 0; irq < IO_APIC_PINS; irq++)
        if (irq != 2 && irq != 10 && irq != 11)
            add_interrupt(MP_IO_INTERRUPT, KIND_INT, irq == 9 ? ACTIVE_HIGH_LEVEL : 0, 1, irq, apic,
                          irq ? irq : 2);
    add_interrupt(MP_LOCAL_INTERRUPT, KIND_EXTINT, 0, 1, 0, 0, 0);
    add_interrupt(MP_LOCAL_INTERRUPT, KIND_NMI, 0, 1, 0, 0xff, 1);
}

static void add_floating(void)
{
    struct mp_floating *f = bios_alloc(sizeof *f, 16);
    if (!f)
        return;
    memcpy(f->signature, "_MP_", 4);
    f->table = (u32)mp;
    f->length = 1;
    f->revision = 4;
    f->checksum -= sum(f, sizeof *f);
}

void mptable_init(void)
{
    u32 n = SHARED.processors, room = sizeof *mp + n * sizeof(struct mp_processor) + 512;
    u8 ioapic_id = 0;
    mp = data_alloc(room, 16);
    if (!mp)
        return;
    memcpy(mp->signature, "PCMP", 4);
    mp->length = sizeof *mp;
    mp->revision = 4;
    memcpy(mp->oem, "BOOTREEL", 8);
    memcpy(mp->product, "PC          ", 12);
    mp->lapic = 0xfee00000;
    add_processors(n);
    add_buses();
    struct mp_ioapic *io = mp_add(sizeof *io);
    *io = (struct mp_ioapic){MP_IOAPIC, ioapic_id, 0x11, 1, 0xfec00000};
    add_interrupts(ioapic_id);
    mp->checksum -= sum(mp, mp->length);
    add_floating();
}
