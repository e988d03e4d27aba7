/* services.c - the BIOS's disk service: what was asked of it, and what it refused. */
#include "core/case/case.h"

enum { DISK = 0x13, READ = 2, EXTENDED_READ = 0x42 };

static bool is_disk_service(const struct event *ev)
{
    return ev->kind == EV_SERVICE && EVF(ev, SERVICE, vector) == DISK;
}

void find_disk_services(struct finding *f, struct why_case *c, uint64_t to)
{
    enum { MOST = 3 };
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    /* The firmware itself asks drives for what they may not have. */
    for (size_t i = c->now.n, n = 0; sector && i-- && n < MOST && c->now.event[i].icount > sector->icount;)
        if (is_disk_service(&c->now.event[i]) && c->now.event[i].icount <= to && ++n)
            find_event(f, c, &c->now.event[i], NULL);
}

static bool reads(const struct event *ev)
{
    return EVF(ev, SERVICE, function) == READ || EVF(ev, SERVICE, function) == EXTENDED_READ ||
           fact_contains(ev, "read");
}

/* The last read of the BIOS's disk service that failed after the boot sector was entered and before a position, with no read after it that went
 * well. */
const struct event *disk_read_failed(struct why_case *c, uint64_t to)
{
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER), *found = NULL;
    for (size_t i = 0; sector && i < c->now.n && c->now.event[i].icount <= to; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->icount >= sector->icount && is_disk_service(ev) && EVF(ev, SERVICE, carry) && reads(ev))
            found = ev;
        else if (ev->kind == EV_DISK_READ || (is_disk_service(ev) && reads(ev)))
            found = NULL;
    }
    return found;
}

/* The same, if that was the drive which the boot sector is from, and no kernel has been started since: programs ask other drives whether they are
 * there. */
const struct event *boot_read_failed(struct why_case *c, uint64_t to)
{
    enum { DRIVE = 0xff /* DL */ };
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER), *read = disk_read_failed(c, to);
    if (!read || (EVF(read, SERVICE, cxdx) & DRIVE) != EVF(sector, BOOT_SECTOR_ENTER, drive) ||
        kernel_after(c, read->icount))
        return NULL;
    return read;
}

/* Status of INT 13h, in AH. */
const char *disk_status_words(uint64_t status)
{
    static const struct {
        uint64_t status;
        const char *words;
    } list[] = {{0x01, "invalid function or parameter"},
                {0x02, "address mark not found"},
                {0x03, "write-protected"},
                {0x04, "sector not found"},
                {0x08, "DMA overrun"},
                {0x09, "across a 64 KiB boundary"},
                {0x0c, "media type not found"},
                {0x10, "bad CRC"},
                {0x20, "controller failed"},
                {0x40, "seek failed"},
                {0x80, "timeout: no drive or medium"},
                {0xaa, "drive not ready"}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].status == status)
            return list[i].words;
    return "error";
}

void disk_read_words(const struct event *read, struct text *out)
{
    const unsigned status = EVF(read, SERVICE, ax) >> 8 & 0xff, drive = EVF(read, SERVICE, cxdx) & 0xff;
    text_add(out, "INT 13h cannot read from drive %02Xh (%02Xh: %s)", drive, status,
             disk_status_words(status));
}
