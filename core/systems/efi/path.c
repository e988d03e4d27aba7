/* path.c - device paths as text, as firmware and its tools print them. See path.h.
 *
 * Source: UEFI specification 2.10, 10.3 (nodes) and 10.6.1.6 (their text form).
 */
#include "base/byte_order.h"
#include "core/systems/efi/private/path.h"

#include <inttypes.h>

struct node {
    const struct efi_guest *eg;
    const uint8_t *p; /* behind the node's header */
    size_t n;
    uint8_t type, sub;
};

static uint64_t number(const struct node *d, size_t at, size_t size)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size && at + i < d->n; i++)
        v |= (uint64_t)d->p[at + i] << 8 * i;
    return v;
}

static void add_bytes(struct text *out, const struct node *d, size_t at, size_t n)
{
    for (size_t i = at; i < at + n && i < d->n; i++)
        text_add(out, "%02X", d->p[i]);
}

static void add_guid(struct text *out, const struct node *d, size_t at)
{
    text_add(out, "%08" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-", number(d, at, 4), number(d, at + 4, 2),
             number(d, at + 6, 2));
    add_bytes(out, d, at + 8, 2);
    text_add(out, "-");
    add_bytes(out, d, at + 10, 6);
}

/* A name that is known stands for the digits. */
static void named_guid(struct text *out, const struct node *d, const char *word)
{
    struct efi_guid guid;
    const struct efi_known *known = NULL;
    text_add(out, "%s(", word);
    if (d->n >= sizeof guid.b) {
        memcpy(guid.b, d->p, sizeof guid.b);
        known = efi_known_file(d->eg, &guid);
    }
    if (known)
        text_add(out, "%s", known->name);
    else
        add_guid(out, d, 0);
    text_add(out, ")");
}

static void vendor(struct text *out, const struct node *d, const char *word)
{
    text_add(out, "%s(", word);
    add_guid(out, d, 0);
    if (d->n > 16) {
        text_add(out, ",");
        add_bytes(out, d, 16, d->n - 16);
    }
    text_add(out, ")");
}

/* ---------------------------------------------------------------- nodes */

static void pci(struct text *out, const struct node *d)
{
    text_add(out, "Pci(0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 1, 1), number(d, 0, 1));
}
static void memory_mapped(struct text *out, const struct node *d)
{
    text_add(out, "MemoryMapped(0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 0, 4), number(d, 4, 8),
             number(d, 12, 8));
}
static void hardware_vendor(struct text *out, const struct node *d)
{
    vendor(out, d, "VenHw");
}
static void controller(struct text *out, const struct node *d)
{
    text_add(out, "Ctrl(0x%" PRIx64 ")", number(d, 0, 4));
}

static void acpi(struct text *out, const struct node *d)
{
    enum { PNP = 0x41d0 }; /* "PNP", as EISA packs it */
    static const struct {
        uint16_t id;
        const char *word;
    } devices[] = {{0x0a03, "PciRoot"},  {0x0a08, "PcieRoot"}, {0x0604, "Floppy"},
                   {0x0301, "Keyboard"}, {0x0501, "Serial"},   {0x0401, "ParallelPort"}};
    uint64_t hid = number(d, 0, 4), uid = number(d, 4, 4);
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if ((hid & 0xffff) == PNP && hid >> 16 == devices[i].id) {
            text_add(out, "%s(0x%" PRIx64 ")", devices[i].word, uid);
            return;
        }
    if ((hid & 0xffff) == PNP)
        text_add(out, "Acpi(PNP%04" PRIX64 ",0x%" PRIx64 ")", hid >> 16, uid);
    else
        text_add(out, "Acpi(0x%08" PRIx64 ",0x%" PRIx64 ")", hid, uid);
}
static void acpi_address(struct text *out, const struct node *d)
{
    text_add(out, "AcpiAdr(");
    for (size_t i = 0; i + 4 <= d->n; i += 4)
        text_add(out, "%s0x%" PRIx64, i ? "," : "", number(d, i, 4));
    text_add(out, ")");
}

static void ata(struct text *out, const struct node *d)
{
    text_add(out, "Ata(%s,%s,0x%" PRIx64 ")", number(d, 0, 1) ? "Secondary" : "Primary",
             number(d, 1, 1) ? "Slave" : "Master", number(d, 2, 2));
}
static void scsi(struct text *out, const struct node *d)
{
    text_add(out, "Scsi(0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 0, 2), number(d, 2, 2));
}
static void usb(struct text *out, const struct node *d)
{
    text_add(out, "USB(0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 0, 1), number(d, 1, 1));
}
static void usb_class(struct text *out, const struct node *d)
{
    text_add(out, "UsbClass(0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ")",
             number(d, 0, 2), number(d, 2, 2), number(d, 4, 1), number(d, 5, 1), number(d, 6, 1));
}

/* Terminals have GUIDs of their own, and texts of their own. */
static void message_vendor(struct text *out, const struct node *d)
{
    static const struct {
        uint32_t first;
        const char *word;
    } terminals[] = {{0xe0c14753, "VenPcAnsi()"},
                     {0xdfa66065, "VenVt100()"},
                     {0x7baec70b, "VenVt100Plus()"},
                     {0xad15a0d6, "VenUtf8()"}};
    for (size_t i = 0; i < sizeof terminals / sizeof terminals[0]; i++)
        if (number(d, 0, 4) == terminals[i].first) {
            text_add(out, "%s", terminals[i].word);
            return;
        }
    vendor(out, d, "VenMsg");
}
static void mac(struct text *out, const struct node *d)
{
    uint64_t type = number(d, 32, 1);
    text_add(out, "MAC(");
    add_bytes(out, d, 0, type <= 1 ? 6 : 32);
    text_add(out, ",0x%" PRIx64 ")", type);
}
static void ipv4(struct text *out, const struct node *d)
{
    text_add(out, "IPv4(%" PRIu64 ".%" PRIu64 ".%" PRIu64 ".%" PRIu64 ")", number(d, 4, 1), number(d, 5, 1),
             number(d, 6, 1), number(d, 7, 1));
}
static void ipv6(struct text *out, const struct node *d)
{
    text_add(out, "IPv6(");
    for (size_t i = 16; i < 32; i += 2)
        text_add(out, "%s%02" PRIx64 "%02" PRIx64, i > 16 ? ":" : "", number(d, i, 1), number(d, i + 1, 1));
    text_add(out, ")");
}
static void uart(struct text *out, const struct node *d)
{
    static const char parity[] = "DNEOMS";
    static const char *const stop[] = {"D", "1", "1.5", "2"};
    uint64_t baud = number(d, 4, 8), p = number(d, 13, 1), s = number(d, 14, 1);
    text_add(out, "Uart(%" PRIu64 ",%" PRIu64 ",%c,%s)", baud, number(d, 12, 1), p < 6 ? parity[p] : '?',
             s < 4 ? stop[s] : "?");
}
static void sata(struct text *out, const struct node *d)
{
    text_add(out, "Sata(0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 0, 2), number(d, 2, 2),
             number(d, 4, 2));
}
static void nvme(struct text *out, const struct node *d)
{
    text_add(out, "NVMe(0x%" PRIx64 ",", number(d, 0, 4));
    for (size_t i = 8; i-- > 0;)
        text_add(out, "%02" PRIX64 "%s", number(d, 4 + i, 1), i ? "-" : ")");
}
static void uri(struct text *out, const struct node *d)
{
    text_add(out, "Uri(");
    for (size_t i = 0; i < d->n; i++)
        text_add(out, "%c", d->p[i] > ' ' && d->p[i] < 0x7f ? d->p[i] : '?');
    text_add(out, ")");
}
static void vlan(struct text *out, const struct node *d)
{
    text_add(out, "Vlan(%" PRIu64 ")", number(d, 0, 2));
}

static void disk(struct text *out, const struct node *d)
{
    enum { MBR = 1, GPT = 2 };
    uint64_t type = number(d, 37, 1);
    text_add(out, "HD(%" PRIu64 ",", number(d, 0, 4));
    if (type == GPT) {
        text_add(out, "GPT,");
        add_guid(out, d, 20);
    } else if (type == MBR) {
        text_add(out, "MBR,0x%08" PRIx64, number(d, 20, 4));
    } else {
        text_add(out, "%" PRIu64 ",0", type);
    }
    text_add(out, ",0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 4, 8), number(d, 12, 8));
}
static void cdrom(struct text *out, const struct node *d)
{
    text_add(out, "CDROM(0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 0, 4), number(d, 4, 8),
             number(d, 12, 8));
}
static void media_vendor(struct text *out, const struct node *d)
{
    vendor(out, d, "VenMedia");
}
static void file_path(struct text *out, const struct node *d)
{
    for (size_t i = 0; i + 1 < d->n && number(d, i, 2); i += 2) {
        uint64_t c = number(d, i, 2);
        text_add(out, "%c", c >= ' ' && c < 0x7f ? (char)c : '?');
    }
}
static void volume_file(struct text *out, const struct node *d)
{
    named_guid(out, d, "FvFile");
}
static void volume(struct text *out, const struct node *d)
{
    named_guid(out, d, "Fv");
}
static void offsets(struct text *out, const struct node *d)
{
    text_add(out, "Offset(0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 4, 8), number(d, 12, 8));
}
static void ram_disk(struct text *out, const struct node *d)
{
    text_add(out, "RamDisk(0x%" PRIx64 ",0x%" PRIx64 ")", number(d, 0, 8), number(d, 8, 8));
}

static void bbs(struct text *out, const struct node *d)
{
    static const char *const types[] = {"", "Floppy", "HD", "CDROM", "PCMCIA", "USB", "Network"};
    uint64_t type = number(d, 0, 2);
    if (type && type < sizeof types / sizeof types[0])
        text_add(out, "BBS(%s,", types[type]);
    else
        text_add(out, "BBS(0x%" PRIx64 ",", type);
    for (size_t i = 4; i < d->n && d->p[i]; i++)
        text_add(out, "%c", d->p[i] >= ' ' && d->p[i] < 0x7f ? d->p[i] : '?');
    text_add(out, ")");
}

/* ---------------------------------------------------------------- the path */

enum { HARDWARE = 1, ACPI, MESSAGING, MEDIA, BIOS_BOOT, END = 0x7f, END_INSTANCE = 1 };

static const struct {
    uint8_t type, sub;
    void (*put)(struct text *out, const struct node *d);
} nodes[] = {
    {HARDWARE, 1, pci},
    {HARDWARE, 3, memory_mapped},
    {HARDWARE, 4, hardware_vendor},
    {HARDWARE, 5, controller},
    {ACPI, 1, acpi},
    {ACPI, 3, acpi_address},
    {MESSAGING, 1, ata},
    {MESSAGING, 2, scsi},
    {MESSAGING, 5, usb},
    {MESSAGING, 10, message_vendor},
    {MESSAGING, 11, mac},
    {MESSAGING, 12, ipv4},
    {MESSAGING, 13, ipv6},
    {MESSAGING, 14, uart},
    {MESSAGING, 15, usb_class},
    {MESSAGING, 18, sata},
    {MESSAGING, 20, vlan},
    {MESSAGING, 23, nvme},
    {MESSAGING, 24, uri},
    {MEDIA, 1, disk},
    {MEDIA, 2, cdrom},
    {MEDIA, 3, media_vendor},
    {MEDIA, 4, file_path},
    {MEDIA, 6, volume_file},
    {MEDIA, 7, volume},
    {MEDIA, 8, offsets},
    {MEDIA, 9, ram_disk},
    {BIOS_BOOT, 1, bbs},
};

static void put_node(struct text *out, const struct node *d)
{
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        if (nodes[i].type == d->type && nodes[i].sub == d->sub) {
            nodes[i].put(out, d);
            return;
        }
    text_add(out, "Path(%u,%u,", d->type, d->sub);
    add_bytes(out, d, 0, d->n);
    text_add(out, ")");
}

bool efi_device_path(const struct efi_guest *eg, const uint8_t *p, size_t n, struct text *out)
{
    const char *between = "";
    while (n >= 4) {
        size_t length = le16(p + 2);
        if (length < 4 || length > n)
            return false;
        struct node d = {eg, p + 4, length - 4, p[0] & 0x7f, p[1]};
        if (d.type == END && d.sub != END_INSTANCE)
            return true;
        if (d.type == END) {
            between = "\n";
        } else {
            text_add(out, "%s", between);
            put_node(out, &d);
            between = "/";
        }
        p += length;
        n -= length;
    }
    return false;
}
