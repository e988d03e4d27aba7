/* machine_pci.c - the functions of PCI bus 0: identity, command, what they decode, capabilities. See machine.h. */
#include <inttypes.h>
#include <string.h>

#include "base/byte_order.h"
#include "core/views/private/machine_lists.h"

enum { COMMAND = 4, STATUS = 6, REVISION = 8, CAPABILITIES = 0x34, LINE = 0x3c, PIN = 0x3d, FUNCTIONS = 256 };
enum { CAP_POWER = 1, CAP_MSI = 5, CAP_VENDOR = 9, CAP_EXPRESS = 0x10, CAP_MSIX = 0x11, CAP_SATA = 0x12 };
enum { CAPS_MOST = 48, CAP_LAST = 0xfc };

static void add_command(struct text *out, unsigned command)
{
    static const struct {
        unsigned bit;
        const char *name;
    } bits[] = {{1, "I/O"}, {2, "memory"}, {4, "bus master"}, {0x400, "INTx off"}};
    const char *before = ", ";
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (command & bits[i].bit) {
            text_add(out, "%s%s", before, bits[i].name);
            before = " + ";
        }
    if (!(command & 3))
        text_add(out, "%s", ", decodes nothing");
}

/* Sizes are powers of two. */
static const char *size_text(char buf[24], uint64_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    while (size >= 1024 && unit < 4) {
        size >>= 10;
        unit++;
    }
    snprintf(buf, 24, "%" PRIu64 " %s", size, units[unit]);
    return buf;
}

static void add_range(struct text *out, unsigned i, const struct engine_pci_range *r)
{
    char size[24];
    if (!r->size)
        return;
    if (i == ENGINE_PCI_RANGES - 1)
        text_add(out, "         ROM    ");
    else
        text_add(out, "         BAR %u  ", i);
    if (r->at == UINT64_MAX)
        text_add(out, "%s of %s, not decoded", r->io ? "I/O ports" : "memory", size_text(size, r->size));
    else if (r->io)
        text_add(out, "I/O ports %04" PRIx64 "-%04" PRIx64, r->at, r->at + r->size - 1);
    else
        text_add(out, "memory 0x%" PRIx64 "-0x%" PRIx64 ", %s%s", r->at, r->at + r->size - 1,
                 size_text(size, r->size), r->prefetch ? ", prefetchable" : "");
    text_add(out, "\n");
}

/* PCI Local Bus Specification 3.0, 6.8.1 (MSI), 6.8.2 (MSI-X); PCI Power Management 1.2, 3.2.4. */
static void add_capability(struct text *out, const uint8_t *c, unsigned at)
{
    const unsigned control = (unsigned)get_le(c + 2, 2);
    text_add(out, "         at %02x  ", at);
    switch (*c) {
    case CAP_POWER:
        text_add(out, "power management: D%u", c[4] & 3u);
        break;
    case CAP_MSI:
        text_add(out, "MSI: %s", control & 1 ? "on" : "off");
        if (control & 1)
            text_add(out, ", address 0x%" PRIx64 ", data %04x",
                     get_le(c + 4, 4) | (control & 0x80 ? get_le(c + 8, 4) << 32 : 0),
                     (unsigned)get_le(c + (control & 0x80 ? 12 : 8), 2));
        break;
    case CAP_MSIX:
        text_add(out, "MSI-X: %s%s, %u vectors, table in BAR %u at 0x%x", control & 0x8000 ? "on" : "off",
                 control & 0x4000 ? ", all masked" : "", (control & 0x7ff) + 1, c[4] & 7u,
                 (unsigned)get_le(c + 4, 4) & ~7u);
        break;
    case CAP_EXPRESS:
        text_add(out, "PCI Express");
        break;
    case CAP_VENDOR:
        text_add(out, "vendor's own, %u bytes", c[2]);
        break;
    case CAP_SATA:
        text_add(out, "SATA index and data ports");
        break;
    default:
        text_add(out, "capability %02x", *c);
    }
    text_add(out, "\n");
}

static void add_capabilities(struct text *out, const struct engine_pci *p)
{
    uint8_t config[ENGINE_PCI_CONFIG + 16] = {0}; /* a capability at the very end is not read beyond it */
    memcpy(config, p->config, sizeof p->config);
    if (!(config[STATUS] & 0x10))
        return;
    unsigned at = config[CAPABILITIES] & ~3u;
    for (unsigned i = 0; i < CAPS_MOST && at >= 0x40 && at <= CAP_LAST; i++) {
        add_capability(out, config + at, at);
        at = config[at + 1] & ~3u;
    }
}

static void add_function(struct text *out, unsigned devfn, const struct engine_pci *p)
{
    const uint8_t *c = p->config;
    text_add(out, "00:%02x.%u  %-12s %04x:%04x  ", devfn >> 3, devfn & 7, p->name, (unsigned)get_le(c, 2),
             (unsigned)get_le(c + 2, 2));
    if (p->what)
        text_add(out, "%s", p->what);
    else
        text_add(out, "class %02x%02x%02x", c[0x0b], c[0x0a], c[9]);
    text_add(out, ", revision %x", c[REVISION]);
    add_command(out, (unsigned)get_le(c + COMMAND, 2));
    if (c[PIN] >= 1 && c[PIN] <= 4)
        text_add(out, ", INT%c# line %u", 'A' + c[PIN] - 1, c[LINE]);
    text_add(out, "\n");
    for (unsigned i = 0; i < ENGINE_PCI_RANGES; i++)
        add_range(out, i, &p->range[i]);
    add_capabilities(out, p);
}

void view_list_pci(struct text *out, const struct view_machine *m)
{
    struct engine_pci p;
    bool any = false;
    for (unsigned devfn = 0; devfn < FUNCTIONS; devfn++)
        if (look_pci(timeline_look(m->tl), devfn, &p)) {
            add_function(out, devfn, &p);
            any = true;
        }
    if (!any)
        text_add(out, "this machine has no PCI bus\n");
}
