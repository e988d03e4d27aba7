/* acpi_tables.c - the ACPI tables: passed to firmware through fw_cfg, or written into memory. They describe
 * the current state of the chips, because firmware chooses the address of the power management registers.
 *
 * Source: ACPI specification 3.0b: 5.2.5 RSDP, 5.2.9 FADT, 5.2.10 FACS, 5.2.11 DSDT and SSDT, 5.2.12 MADT;
 * IA-PC HPET specification 1.0a, 3.2.4; 20.2 AML encoding; the linker/loader script is QEMU's
 * etc/table-loader as SeaBIOS reads it. Addresses and interrupts: kinds.c, irq.c, and the I/O APIC, local
 * APIC and HPET at their usual places. */
#include "base/must.h"
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/memory_map.h"
#include "hv/board/firmware/tables.h"
#include "hv/board/chipset/mch.h"
#include "hv/board/chipset/pm1.h"
#include "hv/board/internal.h"
#include "hv/board/interrupts/lapic.h"
#include "hv/board/kinds.h"
#include "hv/board/timers/hpet.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 36,
    RESET_PORT = 0xcf9,
};

/* ---------------------------------------------------------------- headers, pointers, checksums */

static void header(struct blob *t, size_t at, const char *signature, uint8_t revision)
{
    static const char oem[] = "BTREEL"
                              "BTRPC   ";
    memcpy(t->data + at, signature, 4);
    t->data[at + 8] = revision;
    memcpy(t->data + at + 10, oem, 14);
    blob_set(t, at + 24, 4, 1);
    memcpy(t->data + at + 28, "BTRL", 4);
    blob_set(t, at + 32, 4, 1);
}

static size_t begin(struct blob *t, const char *signature, uint8_t revision)
{
    size_t at = blob_add(t, NULL, HEADER);
    header(t, at, signature, revision);
    return at;
}

static struct acpi_fixup *fixup(struct acpi_tables *a)
{
    must(a->nfixups < sizeof a->fixup / sizeof a->fixup[0],
         "more places in ACPI tables than there is room for");
    return &a->fixup[a->nfixups++];
}

static void checksum(struct acpi_tables *a, bool in_rsdp, size_t offset, size_t start, size_t length)
{
    *fixup(a) = (struct acpi_fixup){.in_rsdp = in_rsdp,
                                    .checksum = true,
                                    .offset = (uint32_t)offset,
                                    .start = (uint32_t)start,
                                    .length = (uint32_t)length};
}

/* Adds a pointer to the table at `start`: its field holds the offset until it is relocated. */
static void pointer(struct acpi_tables *a, bool in_rsdp, size_t offset, unsigned width, size_t start)
{
    blob_set(in_rsdp ? &a->rsdp : &a->tables, offset, width, start);
    *fixup(a) = (struct acpi_fixup){
        .in_rsdp = in_rsdp, .offset = (uint32_t)offset, .width = width, .start = (uint32_t)start};
}

static void end(struct acpi_tables *a, size_t at)
{
    size_t length = a->tables.size - at;
    blob_set(&a->tables, at + 4, 4, length);
    checksum(a, false, at + 9, at, length);
}

static void add_number(struct blob *t, unsigned width, uint64_t value)
{
    size_t at = blob_add(t, NULL, width);
    blob_set(t, at, width, value);
}

/* ---------------------------------------------------------------- the tables */

static size_t add_facs(struct acpi_tables *a)
{
    size_t at = blob_add(&a->tables, NULL, 64);
    memcpy(a->tables.data + at, "FACS", 4);
    blob_set(&a->tables, at + 4, 4, 64);
    return at;
}

/* Finds the bytes of the DSDT that match `pattern`; they occur once. */
static uint8_t *find_aml(uint8_t *aml, size_t size, const uint8_t *pattern, size_t length)
{
    for (size_t i = 0; i + length <= size; i++)
        if (!memcmp(aml + i, pattern, length))
            return aml + i;
    must_fail(__FILE__, __LINE__, "find_aml", "the DSDT lacks a name that is filled in");
}

/* Name (FDPR, 0x0F), as iasl encodes it: 0 where there is no floppy. */
static void patch_floppy(uint8_t *aml, size_t size)
{
    static const uint8_t pattern[] = {0x08, 'F', 'D', 'P', 'R', 0x0a, 0x0f};
    find_aml(aml, size, pattern, sizeof pattern)[6] = 0;
}

/* IO (Decode16, 0x0600, 0x0600, 0x01, ports): the power management registers. */
static void patch_pm_base(uint8_t *aml, size_t size, uint8_t ports, uint32_t base)
{
    const uint8_t pattern[] = {0x47, 0x01, 0x00, 0x06, 0x00, 0x06, 0x01, ports};
    uint8_t *io = find_aml(aml, size, pattern, sizeof pattern);
    io[2] = io[4] = (uint8_t)base;
    io[3] = io[5] = (uint8_t)(base >> 8);
}

static uint32_t ecam_base(struct board *b)
{
    uint32_t base = mch_ecam(b);
    return base ? base : MCH_ECAM_USUAL;
}

/* Memory32Fixed (ReadWrite, 0xB0000000, 0x10000000): configuration space. */
static void patch_ecam(uint8_t *aml, size_t size, uint32_t base)
{
    static const uint8_t pattern[] = {0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0x00, 0xb0, 0x00, 0x00, 0x00, 0x10};
    find_aml(aml, size, pattern, sizeof pattern)[7] = (uint8_t)(base >> 24);
}

static size_t add_dsdt(struct board *b, struct acpi_tables *a)
{
    const struct acpi_facts *k = b->kind->acpi;
    size_t at = blob_add(&a->tables, k->dsdt, k->dsdt_size);
    uint8_t *aml = a->tables.data + at;
    if (!config_image(b->cfg, "floppy0"))
        patch_floppy(aml, k->dsdt_size);
    patch_pm_base(aml, k->dsdt_size, k->pm_ports, acpi_pm_base(b));
    if (k->ecam)
        patch_ecam(aml, k->dsdt_size, ecam_base(b));
    header(&a->tables, at, "DSDT", 1);
    a->tables.data[at + 9] = 0;
    end(a, at);
    return at;
}

/* Name (\_S3, Package (4) {1, 0, 0, 0}): suspend to RAM. */
static void add_s3(struct blob *t)
{
    static const uint8_t s3[] = {0x08, '_',  'S',      '3',  '_',  0x12, 0x07,
                                 0x04, 0x0a, SLEEP_S3, 0x00, 0x00, 0x00};
    blob_add(t, s3, sizeof s3);
}

/* Scope (\_SB) with a Processor (C0nn, nn, 0, 0) {} for each. */
static size_t add_ssdt(struct board *b, struct acpi_tables *a)
{
    enum { PROCESSOR = 13 };
    static const char hex[] = "0123456789ABCDEF";
    struct blob *t = &a->tables;
    size_t at = begin(t, "SSDT", 1);
    unsigned n = board_cpus(b), length = 2 + 5 + n * PROCESSOR; /* includes the length's own two bytes */
    const uint8_t scope[] = {
        0x10, (uint8_t)(0x40 | (length & 15)), (uint8_t)(length >> 4), '\\', '_', 'S', 'B', '_'};
    blob_add(t, scope, sizeof scope);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t cpu[PROCESSOR] = {
            0x5b, 0x83, PROCESSOR - 2, 'C', '0', (uint8_t)hex[i >> 4], (uint8_t)hex[i & 15], (uint8_t)i};
        blob_add(t, cpu, sizeof cpu);
    }
    add_s3(t);
    end(a, at);
    return at;
}

/* A generic address structure in I/O space (ACPI 3.0, 5.2.3.1). */
static void set_gas(struct blob *t, size_t at, uint8_t bits, uint8_t access, uint64_t address)
{
    t->data[at] = 1;
    t->data[at + 1] = bits;
    t->data[at + 3] = access;
    blob_set(t, at + 4, 8, address);
}

struct value {
    uint16_t offset;
    uint8_t width;
    uint32_t value;
};

static size_t add_fadt(struct board *b, struct acpi_tables *a, size_t facs, size_t dsdt)
{
    const struct acpi_facts *k = b->kind->acpi;
    const uint32_t pm = acpi_pm_base(b), gpe = k->gpe_in_pm ? pm + k->gpe : k->gpe;
    enum { WBINVD = 1 << 0, PROC_C1 = 1 << 2, SLP_BUTTON = 1 << 5, RTC_S4 = 1 << 7, RESET_REG = 1 << 10 };
    const struct value values[] = {
        {46, 2, SCI_LINE}, /* SCI_INT */
        {48, 4, APMC},     /* SMI_CMD */
        {52, 1, k->acpi_on},
        {53, 1, k->acpi_off},
        {56, 4, pm},            /* PM1a_EVT_BLK */
        {64, 4, pm + 4},        /* PM1a_CNT_BLK */
        {76, 4, pm + 8},        /* PM_TMR_BLK */
        {80, 4, gpe},           /* GPE0_BLK */
        {88, 1, 4},             /* PM1_EVT_LEN */
        {89, 1, 2},             /* PM1_CNT_LEN */
        {91, 1, 4},             /* PM_TMR_LEN */
        {92, 1, k->gpe_length}, /* GPE0_BLK_LEN */
        {96, 2, 0xfff},         /* P_LVL2_LAT: no C2 */
        {98, 2, 0xfff},         /* P_LVL3_LAT: no C3 */
        {108, 1, 0x32},         /* CENTURY */
        {109, 2, 3},            /* IAPC_BOOT_ARCH: legacy devices, 8042 */
        {112, 4, WBINVD | PROC_C1 | SLP_BUTTON | RTC_S4 | RESET_REG},
        {128, 1, 6}, /* RESET_VALUE */
    };
    struct blob *t = &a->tables;
    size_t at = begin(t, "FACP", 3);
    blob_add(t, NULL, 244 - HEADER);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        blob_set(t, at + values[i].offset, values[i].width, values[i].value);
    set_gas(t, at + 116, 8, 1, RESET_PORT);
    set_gas(t, at + 148, 32, 2, pm);
    set_gas(t, at + 172, 16, 2, pm + 4);
    set_gas(t, at + 208, 32, 3, pm + 8);
    set_gas(t, at + 220, (uint8_t)(k->gpe_length * 8), 1, gpe);
    pointer(a, false, at + 36, 4, facs);
    pointer(a, false, at + 40, 4, dsdt);
    pointer(a, false, at + 140, 8, dsdt);
    end(a, at);
    return at;
}

static void add_override(struct blob *t, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    const uint8_t entry[] = {2, 10, 0, irq};
    blob_add(t, entry, sizeof entry);
    add_number(t, 4, gsi);
    add_number(t, 2, flags);
}

static size_t add_madt(struct board *b, struct acpi_tables *a)
{
    enum { ACTIVE_HIGH_LEVEL = 0x0d };
    static const uint8_t io_apic[] = {1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0};
    static const uint8_t nmi[] = {4, 6, 0xff, 0, 0, 1}; /* all processors' LINT1 */
    static const uint8_t level[] = {5, 9, 10, 11};
    struct blob *t = &a->tables;
    size_t at = begin(t, "APIC", 1);
    add_number(t, 4, LAPIC_BASE);
    add_number(t, 4, 1); /* there are 8259s as well */
    for (unsigned i = 0; i < board_cpus(b); i++) {
        const uint8_t lapic[] = {0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0};
        blob_add(t, lapic, sizeof lapic);
    }
    blob_add(t, io_apic, sizeof io_apic);
    add_override(t, 0, 2, 0);
    for (size_t i = 0; i < sizeof level; i++)
        add_override(t, level[i], level[i], ACTIVE_HIGH_LEVEL);
    blob_add(t, nmi, sizeof nmi);
    end(a, at);
    return at;
}

static size_t add_hpet(struct acpi_tables *a)
{
    struct blob *t = &a->tables;
    size_t at = begin(t, "HPET", 1);
    add_number(t, 4, 0x8086a201); /* as the low half of its capabilities register */
    add_number(t, 4, 0);          /* address: memory space */
    add_number(t, 8, HPET_BASE);
    add_number(t, 4, 0); /* number 0, minimum tick and page protection unknown */
    end(a, at);
    return at;
}

/* PCI Firmware Specification 3.0, 4.1.2: where configuration space is in memory; all 256 busses. */
static size_t add_mcfg(struct board *b, struct acpi_tables *a)
{
    struct blob *t = &a->tables;
    size_t at = begin(t, "MCFG", 1);
    add_number(t, 8, 0);
    add_number(t, 8, ecam_base(b));
    add_number(t, 2, 0);
    add_number(t, 1, 0);
    add_number(t, 1, 255);
    add_number(t, 4, 0);
    end(a, at);
    return at;
}

void acpi_tables_build(struct board *b, struct acpi_tables *a)
{
    memset(a, 0, sizeof *a);
    size_t facs = add_facs(a); /* first: it must be aligned to 64 bytes */
    size_t dsdt = add_dsdt(b, a);
    size_t table[5];
    unsigned n = 0;
    table[n++] = add_fadt(b, a, facs, dsdt);
    table[n++] = add_ssdt(b, a);
    table[n++] = add_madt(b, a);
    table[n++] = add_hpet(a);
    if (b->kind->acpi->ecam)
        table[n++] = add_mcfg(b, a);
    size_t rsdt = begin(&a->tables, "RSDT", 1);
    size_t entries = blob_add(&a->tables, NULL, 4 * n);
    for (unsigned i = 0; i < n; i++)
        pointer(a, false, entries + 4 * i, 4, table[i]);
    end(a, rsdt);
    blob_add(&a->rsdp, "RSD PTR \0BTREEL\0", 16);
    blob_add(&a->rsdp, NULL, 4);
    pointer(a, true, 16, 4, rsdt);
    checksum(a, true, 8, 0, 20);
}

void acpi_tables_free(struct acpi_tables *a)
{
    blob_free(&a->tables);
    blob_free(&a->rsdp);
}

/* ---------------------------------------------------------------- by firmware */

enum {
    SCRIPT_ENTRY = 128,
    FILE_NAME = 56,
    ALLOCATE = 1,
    ADD_POINTER = 2,
    ADD_CHECKSUM = 3,
    ZONE_HIGH = 1,
    ZONE_FSEG = 2
};

static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

static size_t add_command(struct blob *script, unsigned command, const char *file)
{
    size_t at = blob_add(script, NULL, SCRIPT_ENTRY);
    blob_set(script, at, 4, command);
    memcpy(script->data + at + 4, file, strlen(file));
    return at + 4 + FILE_NAME;
}

static void allocate(struct blob *script, const char *file, uint32_t align, uint8_t zone)
{
    size_t at = add_command(script, ALLOCATE, file);
    blob_set(script, at, 4, align);
    blob_set(script, at + 4, 1, zone);
}

static void add_fixup(struct blob *script, const struct acpi_fixup *f)
{
    const char *file = f->in_rsdp ? rsdp_file : tables_file;
    size_t at = add_command(script, f->checksum ? ADD_CHECKSUM : ADD_POINTER, file);
    if (f->checksum) {
        blob_set(script, at, 4, f->offset);
        blob_set(script, at + 4, 4, f->start);
        blob_set(script, at + 8, 4, f->length);
    } else {
        memcpy(script->data + at, tables_file, sizeof tables_file);
        blob_set(script, at + FILE_NAME, 4, f->offset);
        blob_set(script, at + FILE_NAME + 4, 1, f->width);
    }
}

/* Pointers come before the checksums of the tables that contain them; the fixups are in that order. */
void acpi_loader_script(const struct acpi_tables *a, struct blob *script)
{
    allocate(script, rsdp_file, 16, ZONE_FSEG);
    allocate(script, tables_file, 64, ZONE_HIGH);
    for (unsigned i = 0; i < a->nfixups; i++)
        add_fixup(script, &a->fixup[i]);
}

/* ---------------------------------------------------------------- without firmware */

static void apply(struct acpi_tables *a, const struct acpi_fixup *f, uint64_t base)
{
    struct blob *t = f->in_rsdp ? &a->rsdp : &a->tables;
    if (!f->checksum) {
        blob_set(t, f->offset, f->width, base + f->start);
        return;
    }
    uint8_t sum = 0;
    for (uint32_t i = 0; i < f->length; i++)
        sum += t->data[f->start + i];
    t->data[f->offset] -= sum;
}

uint64_t acpi_install(struct board *b, uint64_t where)
{
    struct acpi_tables a;
    acpi_tables_build(b, &a);
    for (unsigned i = 0; i < a.nfixups; i++)
        apply(&a, &a.fixup[i], where);
    uint64_t rsdp = (where + a.tables.size + 15) & ~15ull;
    physmem_write(b->mem, where, a.tables.data, a.tables.size);
    physmem_write(b->mem, rsdp, a.rsdp.data, a.rsdp.size);
    acpi_tables_free(&a);
    return rsdp;
}
