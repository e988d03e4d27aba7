/* acpi.c - how the machine is switched off and reset (ACPI specification 6.4, chapters 4.8, 5.2 and 7.4.2).
 *
 * RSDP -> RSDT -> FADT: the port of the power management register, and DSDT: the object \_S5, whose first two
 * numbers are what must be written there. The DSDT is code for an interpreter that we do not have; \_S5 is
 * looked for among its bytes.
 */
#include "guests/demo/kernel/kernel.h"

struct rsdp {
    char signature[8]; /* "RSD PTR " */
    u8 checksum;
    char oem[6];
    u8 revision;
    u32 rsdt;
} PACKED;

struct table {
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem[6], oem_table[8];
    u32 oem_revision, creator, creator_revision;
} PACKED;

struct fadt {
    struct table header;
    u32 facs, dsdt;
    u8 model, profile;
    u16 sci;
    u32 smi_command;
    u8 acpi_enable, acpi_disable, s4bios, pstate;
    u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control;
    u8 more[44];
    u32 flags;
    struct {
        u8 space, bits, offset, size;
        u64 address;
    } PACKED reset;
    u8 reset_value;
} PACKED;

enum { SCI_ENABLED = 1, SLEEP_ENABLE = 1 << 13, SLEEP_TYPE_SHIFT = 10, FLAG_RESET = 1 << 10, SPACE_IO = 1 };
enum { AML_PACKAGE = 0x12, AML_BYTE = 0x0a, AML_ONE = 0x01, AML_ZERO = 0x00 };

static const struct fadt *fadt;
static u16 sleep_type[2]; /* for registers a and b */

static bool sums_to_zero(const void *p, u32 n)
{
    u8 sum = 0;
    for (const u8 *byte = p; n; n--)
        sum += *byte++;
    return sum == 0;
}

/* ---------------------------------------------------------------- tables */

static const struct rsdp *rsdp_in(u32 from, u32 to)
{
    for (; from < to; from += 16) {
        const struct rsdp *r = direct(from);
        if (!memcmp(r->signature, "RSD PTR ", 8) && sums_to_zero(r, sizeof *r))
            return r;
    }
    return NULL;
}

/* In the first KiB of the extended BIOS data area, whose segment is at 40E; or in the BIOS itself. */
static const struct rsdp *find_rsdp(void)
{
    u16 segment;
    memcpy(&segment, direct(0x40e), 2);
    u32 ebda = (u32)segment << 4;
    const struct rsdp *r = ebda >= 0x80000 && ebda < 0xa0000 ? rsdp_in(ebda, ebda + 1024) : NULL;
    return r ? r : rsdp_in(0xe0000, 0x100000);
}

static const struct table *table_at(u32 physical)
{
    if (physical >= DIRECT_MAP_MAX)
        return NULL;
    const struct table *t = direct(physical);
    return sums_to_zero(t, t->length) ? t : NULL;
}

static const struct table *find_table(const struct table *rsdt, const char *signature)
{
    const u32 *entry = (const u32 *)(rsdt + 1);
    for (u32 i = 0; i < (rsdt->length - sizeof *rsdt) / 4; i++) {
        const struct table *t = table_at(entry[i]);
        if (t && !memcmp(t->signature, signature, 4))
            return t;
    }
    return NULL;
}

/* ---------------------------------------------------------------- \_S5 */

/* A small number: ZeroOp, OneOp, or BytePrefix and a byte. Returns the place after it. */
static const u8 *aml_number(const u8 *p, u16 *n)
{
    if (*p == AML_BYTE) {
        *n = p[1];
        return p + 2;
    }
    *n = *p == AML_ONE;
    return p + 1;
}

/* "_S5_", PackageOp, length (1-4 bytes, the first says how many follow), number of elements, the elements. */
static bool find_sleep_type(const struct table *dsdt)
{
    const u8 *p = (const u8 *)(dsdt + 1), *end = (const u8 *)dsdt + dsdt->length - 16;
    for (; p < end; p++)
        if (!memcmp(p, "_S5_", 4) && p[4] == AML_PACKAGE)
            break;
    if (p >= end)
        return false;
    p += 5;
    p += 1 + (*p >> 6) + 1;
    p = aml_number(p, &sleep_type[0]);
    aml_number(p, &sleep_type[1]);
    return true;
}

/* ---------------------------------------------------------------- what it is for */

void acpi_init(void)
{
    const struct rsdp *rsdp = find_rsdp();
    const struct table *rsdt = rsdp ? table_at(rsdp->rsdt) : NULL;
    fadt = rsdt ? (const struct fadt *)find_table(rsdt, "FACP") : NULL;
    const struct table *dsdt = fadt ? table_at(fadt->dsdt) : NULL;
    if (!dsdt || !find_sleep_type(dsdt)) {
        fadt = NULL;
        print("kernel: no ACPI: this machine cannot be switched off\n");
        return;
    }
    if (fadt->smi_command && !(in16((u16)fadt->pm1a_control) & SCI_ENABLED)) {
        out8((u16)fadt->smi_command, fadt->acpi_enable);
        while (!(in16((u16)fadt->pm1a_control) & SCI_ENABLED))
            ;
    }
    print("kernel: ACPI: power management at port %x, sleep type %d is off\n", fadt->pm1a_control,
          sleep_type[0]);
}

void acpi_power_off(void)
{
    print("kernel: power off\n");
    if (fadt) {
        out16((u16)fadt->pm1a_control, (u16)(sleep_type[0] << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
        if (fadt->pm1b_control)
            out16((u16)fadt->pm1b_control, (u16)(sleep_type[1] << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
    }
    for (u32 i = 0; i < 1000000; i++) /* not every machine is off at once */
        in8(0x80);
    print("kernel: it is safe to switch off now\n");
    stop_forever();
}

/* By the register that the FADT names, if it does; else by the keyboard controller. */
void acpi_reset(void)
{
    print("kernel: reset\n");
    if (fadt && fadt->header.length >= sizeof *fadt && fadt->flags & FLAG_RESET &&
        fadt->reset.space == SPACE_IO)
        out8((u16)fadt->reset.address, fadt->reset_value);
    out8(0x64, 0xfe);
    stop_forever();
}
