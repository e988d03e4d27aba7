/* disk.h - what a drive holds: the image, with an overlay of what the guest wrote, in its own snapshot region. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_DISK_H
#define BOOTREEL_HV_BOARD_STORAGE_DISK_H

#include "hv/board/board.h"

struct disk;
/* `role` is "disk0", "cdrom" or "floppy0". NULL if there is no such image. */
struct disk *board_disk(struct board *, const char *role);
uint64_t disk_size(const struct disk *);
/* Any bytes within the size, aligned or not. Returns -1 after board_image_error(), and if the machine's variation has an error there: then
 * nothing is read, and disk_bad() is the offset of the sector. A drive ends its command as with a sector that it cannot read. */
int disk_read(struct disk *, uint64_t offset, void *buf, size_t n);
uint64_t disk_bad(const struct disk *); /* right after disk_read() or disk_verify() returned -1 */
/* Returns -1 if a read of these bytes would, and counts as one. */
int disk_verify(struct disk *, uint64_t offset, uint64_t n);
int disk_write(struct disk *, uint64_t offset, const void *buf, size_t n);
/* Makes the bytes zeros, as a drive does with blocks that it is told to forget. Costs little memory, however many there are. */
int disk_zero(struct disk *, uint64_t offset, uint64_t n);
/* The drive's promise that what was written to these bytes survives a loss of power: by the present write, which has FUA or goes to a drive
 * whose write cache is off; or by all writes so far. Without it a write may be lost, or done after later ones. See engine_ops.media. */
void disk_through(struct disk *, uint64_t offset, uint64_t n);
void disk_flush(struct disk *, uint64_t offset, uint64_t n);
void disk_flush_all(struct disk *);

/* Save the pages changed in epoch `since` or later; with 0, all. */
void disks_save(struct board *, const struct snapshot_sink *, uint32_t since);
int disks_load(struct board *, const struct snapshot_source *, struct error *);
void disk_destroy(struct disk *);

#endif
