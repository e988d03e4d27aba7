/* drive_report.c - what drives of all kinds report, and their names. See drives.h. */
#include "hv/board/board.h"
#include "hv/board/storage/drives.h"

#include <stdio.h>
#include <string.h>

void drive_report(struct board *b, const struct drive_transfer *t)
{
    struct event ev = {
        .kind = t->write ? EV_DISK_WRITE : EV_DISK_READ, .data = t->name, .len = (uint32_t)strlen(t->name)};
    /* Both kinds have the same fields. */
    ev.f[EVF_DISK_READ_drive] = t->drive;
    ev.f[EVF_DISK_READ_command] = t->command;
    ev.f[EVF_DISK_READ_lba] = t->lba;
    ev.f[EVF_DISK_READ_count] = t->count;
    ev.f[EVF_DISK_READ_address] = t->address;
    ev.f[EVF_DISK_READ_queue] = t->place.queue;
    ev.f[EVF_DISK_READ_entry] = t->place.entry;
    board_event(b, &ev);
    /* A CD's boot record volume descriptor is at sector 17 (El Torito, section 2.0). */
    uint64_t boot = t->cdrom ? 17 : 0;
    if (!t->write && t->lba <= boot && t->lba + t->count > boot)
        board_boot_sector(b, t->drive, boot);
}

void drive_report_command(struct board *b, unsigned drive, uint8_t command, const char *name, uint32_t status,
                          struct drive_place place)
{
    struct event ev = {.kind = EV_DISK_COMMAND, .data = name, .len = (uint32_t)strlen(name)};
    ev.f[EVF_DISK_COMMAND_drive] = drive;
    ev.f[EVF_DISK_COMMAND_command] = command;
    ev.f[EVF_DISK_COMMAND_status] = status;
    ev.f[EVF_DISK_COMMAND_queue] = place.queue;
    ev.f[EVF_DISK_COMMAND_entry] = place.entry;
    board_event(b, &ev);
}

const char *board_drive_name(unsigned number, char buf[32])
{
    static const struct {
        unsigned first;
        const char *name;
    } kinds[] = {
        {DRIVE_NUMBER_USB, "USB storage"},   {DRIVE_NUMBER_SCSI, "virtio-scsi target"},
        {DRIVE_NUMBER_VIRTIO, "virtio-blk"}, {DRIVE_NUMBER_NVME, "NVMe"},
        {DRIVE_NUMBER_AHCI, "AHCI port"},    {0, "drive"},
    };
    static const char *const ide[] = {"IDE primary master", "IDE primary slave", "IDE secondary master",
                                      "IDE secondary slave"};
    unsigned i = 0;
    while (number < kinds[i].first || (number >= DRIVE_NUMBER_END && kinds[i].first))
        i++;
    if (number < 4)
        snprintf(buf, 32, "%s", ide[number]);
    else if (number - DRIVE_NUMBER_FLOPPY < 4)
        snprintf(buf, 32, "floppy %c", (char)('A' + number - DRIVE_NUMBER_FLOPPY));
    else
        snprintf(buf, 32, "%s %u", kinds[i].name, number - kinds[i].first);
    return buf;
}
