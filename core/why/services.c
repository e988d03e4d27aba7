/* services.c - the BIOS's disk service: what was asked of it, and what it refused. */
#include "core/why/private/case.h"

void find_disk_services(struct finding *f, struct why_case *c, uint64_t to)
{
    enum { DISK = 0x13, MOST = 3 };
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    /* The firmware itself asks drives for what they may not have. */
    for (size_t i = c->now.n, n = 0; sector && i-- && n < MOST && c->now.event[i].icount > sector->icount;)
        if (c->now.event[i].kind == EV_SERVICE && EVF(&c->now.event[i], SERVICE, vector) == DISK &&
            c->now.event[i].icount <= to && ++n)
            find_event(f, c, &c->now.event[i], NULL);
}

/* The last read of the BIOS's disk service that failed after the boot sector was entered and before a position, with no read after it that went
 * well. */
const struct event *disk_read_failed(struct why_case *c, uint64_t to)
{
    enum { DISK = 0x13, READ = 2, EXTENDED_READ = 0x42 };
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER), *found = NULL;
    for (size_t i = 0; sector && i < c->now.n && c->now.event[i].icount <= to; i++) {
        const struct event *ev = &c->now.event[i];
        const bool reads = ev->kind == EV_SERVICE && EVF(ev, SERVICE, vector) == DISK &&
                           EVF(ev, SERVICE, carry) &&
                           (EVF(ev, SERVICE, function) == READ ||
                            EVF(ev, SERVICE, function) == EXTENDED_READ || fact_contains(ev, "read"));
        if (ev->icount >= sector->icount && reads)
            found = ev;
        else if (ev->kind == EV_DISK_READ ||
                 (ev->kind == EV_SERVICE && EVF(ev, SERVICE, vector) == DISK && fact_contains(ev, "read")))
            found = NULL;
    }
    return found;
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
