/* virtio_scsi.c - drives behind virtio-scsi: unit 0 of each target. Source: VIRTIO 1.2, 5.6. */
#include "bios/drives32/scsi.h"
#include "bios/drives32/virtio.h"

enum { REQUESTS = 2, CONFIG_TARGETS = 30, TARGETS_MOST = 256, CDB_SIZE = 32, SENSE_SIZE = 96, CHECK = 2 };

struct host {
    struct virtio virtio;
    struct {
        u8 lun[8], id[8], attribute, priority, crn, cdb[CDB_SIZE];
    } PACKED request;
    struct {
        u32 sense_size, residual;
        u16 qualifier;
        u8 status, response, sense[SENSE_SIZE];
    } PACKED response;
};

struct target {
    struct scsi scsi;
    struct host *host;
    u8 number;
};

static u8 command(void *state, const u8 *cdb, u32 address, u32 bytes, bool write)
{
    struct target *t = state;
    struct host *h = t->host;
    struct virtio_part part[3];
    u32 n = 0;
    memset(&h->request, 0, sizeof h->request);
    memset(&h->response, 0xff, sizeof h->response);
    h->request.lun[0] = 1;
    h->request.lun[1] = t->number;
    memcpy(h->request.cdb, cdb, SCSI_CDB);
    part[n++] = (struct virtio_part){(u32)&h->request, sizeof h->request, false};
    if (bytes && write)
        part[n++] = (struct virtio_part){address, bytes, false};
    part[n++] = (struct virtio_part){(u32)&h->response, sizeof h->response, true};
    if (bytes && !write)
        part[n++] = (struct virtio_part){address, bytes, true};
    if (!virtio_run(&h->virtio, part, n) || h->response.response)
        return 0xff;
    memcpy(t->scsi.sense, h->response.sense, sizeof t->scsi.sense);
    return h->response.status;
}

/* A target's state is kept if it is a drive; the next one is tried in the same memory otherwise. */
bool virtio_scsi_init(u16 bdf)
{
    struct host *h = high_alloc(sizeof *h, 16);
    struct target *t = high_alloc(sizeof *t, 16);
    if (!h || !t || !virtio_init(&h->virtio, bdf, REQUESTS))
        return false;
    u32 last = *(volatile u16 *)(h->virtio.device + CONFIG_TARGETS);
    for (u32 i = 0; t && i <= last && i < TARGETS_MOST; i++) {
        char rest[32] = "/channel@0/disk@", *end = put_hex(rest + 16, i);
        struct far_drive *d;
        t->scsi.command = command;
        t->host = h;
        t->number = (u8)i;
        if (!(d = scsi_add(bdf, &t->scsi, "SCSI")))
            continue;
        *end++ = ',';
        *end++ = '0';
        *end = 0;
        path_of(d->path, bdf, rest);
        t = high_alloc(sizeof *t, 16);
    }
    return true;
}
