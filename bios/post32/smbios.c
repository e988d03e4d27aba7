/* smbios.c - SMBIOS: the machine's structures, with one about this firmware put before them.
 *
 * Source: DMTF DSP0134 2.8: 5.2.1 (entry point), 7.1 (BIOS information). fw_cfg has structures and entry
 * point.
 */
#include "bios/post32/post32.h"

struct anchor {
    char signature[4]; /* _SM_ */
    u8 checksum, length, major, minor;
    u16 largest;
    u8 revision, formatted[5];
    char dmi[5]; /* _DMI_ */
    u8 dmi_checksum;
    u16 table_length;
    u32 table;
    u16 structures;
    u8 bcd_revision;
} PACKED;

/* Type 0, then its strings. */
static const struct {
    u8 type, length;
    u16 handle;
    u8 vendor, version;
    u16 segment;
    u8 date, rom_size;
    u64 characteristics;
    u8 extension[2], release[4];
    char strings[9 + 2 + 11 + 1];
} PACKED information = {
    .length = 24,
    .vendor = 1,
    .version = 2,
    .segment = 0xe800,
    .date = 3,
    .rom_size = 1,           /* 128 KiB */
    .characteristics = 0x08, /* none reported */
    .extension = {0, 4},     /* targeted content distribution */
    .release = {0, 0, 0xff, 0xff},
    .strings = "bootreel\0"
               "1\0"
               "01/01/2020\0",
};

static bool has_type_0(const u8 *p, u32 n)
{
    for (u32 at = 0; at + 4 <= n;) {
        if (p[at] == 0)
            return true;
        if (p[at + 1] < 4)
            return false;
        at += p[at + 1];
        while (at + 1 < n && (p[at] || p[at + 1]))
            at++;
        at += 2;
    }
    return false;
}

static void finish(struct anchor *a, u32 table, u32 length, bool added)
{
    a->table = table;
    a->table_length = (u16)length;
    if (added) {
        a->structures++;
        if (a->largest < sizeof information)
            a->largest = sizeof information;
    }
    a->checksum = a->dmi_checksum = 0;
    a->dmi_checksum -= sum(a->dmi, 15);
    a->checksum -= sum(a, a->length);
}

void smbios_init(void)
{
    struct fwcfg_file tables, entry;
    struct anchor *a;
    if (!fwcfg_find("etc/smbios/smbios-tables", &tables) || !fwcfg_find("etc/smbios/smbios-anchor", &entry) ||
        entry.size != sizeof *a)
        return;
    u32 size = tables.size + sizeof information;
    u8 *to = data_alloc(size, 16);
    a = bios_alloc(sizeof *a, 16);
    if (!to || !a)
        return;
    fwcfg_read(&entry, 0, a, sizeof *a);
    fwcfg_read(&tables, 0, to + sizeof information, tables.size);
    bool add = !has_type_0(to + sizeof information, tables.size);
    if (add)
        memcpy(to, &information, sizeof information);
    else
        to += sizeof information;
    finish(a, (u32)to, add ? size : tables.size, add);
    log("SMBIOS: entry point at %05x, %u bytes at %08x\n", (u32)a, a->table_length, a->table);
}
