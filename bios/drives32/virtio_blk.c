/* virtio_blk.c - virtio block devices. Source: VIRTIO 1.2, 5.2. */
#include "bios/drives32/virtio.h"

enum { IN = 0, OUT = 1, UNANSWERED = 255, MOST = 128 };

struct blk {
    struct driver driver;
    struct virtio virtio;
    struct {
        u32 type, reserved;
        u64 sector;
    } header;
    u8 status;
};

static u8 transfer(void *state, u64 lba, u32 sectors, u32 address, bool write)
{
    struct blk *s = state;
    struct virtio_part part[3] = {{(u32)&s->header, sizeof s->header, false},
                                  {address, sectors * 512, !write},
                                  {(u32)&s->status, 1, true}};
    s->header.type = write ? OUT : IN;
    s->header.sector = lba;
    s->status = UNANSWERED;
    if (!virtio_run(&s->virtio, part, 3))
        return DISK_TIMEOUT;
    return *(volatile u8 *)&s->status ? DISK_CONTROLLER : DISK_OK;
}

bool virtio_blk_init(u16 bdf)
{
    struct blk *s = high_alloc(sizeof *s, 16);
    if (!s || !virtio_init(&s->virtio, bdf, 0))
        return false;
    s->driver.transfer = transfer;
    s->driver.most = MOST;
    struct far_drive *d = drive_add(bdf, &s->driver, "VIRTIO");
    if (!d)
        return true;
    d->sectors = mmio_read(s->virtio.device);
    d->sectors_high = mmio_read(s->virtio.device + 4);
    path_of(d->path, bdf, "");
    static const char name[] = "virtio disk";
    copy_text(d->model, sizeof d->model, name, sizeof name - 1);
    return true;
}
