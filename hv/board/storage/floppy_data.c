/* floppy_data.c - the floppy controller's data transfers, a sector at a time.
 *
 * Source: Intel 82077AA datasheet (290166), sections 4.2 (DMA and non-DMA transfers), 5.1 (data commands),
 * 5.3 (result tables). */
#include "hv/board/chipset/dma.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/floppy.h"

#include <string.h>

static void event_transfer(struct fdc *f, bool write)
{
    const struct fdc_command *c = fdc_command(f->cmd[0]);
    struct event ev = {.kind = write ? EV_DISK_WRITE : EV_DISK_READ, .data = c->name, .len = strlen(c->name)};

    ev.f[EVF_DISK_READ_drive] = EVENT_DRIVE + fdc_unit(f);
    ev.f[EVF_DISK_READ_command] = f->cmd[0];
    ev.f[EVF_DISK_READ_lba] = f->start_lba;
    ev.f[EVF_DISK_READ_count] = f->moved;
    ev.f[EVF_DISK_READ_address] = UINT64_MAX;
    board_event(f->board, &ev);
    if (!write && !f->start_lba)
        board_boot_sector(f->board, EVENT_DRIVE + fdc_unit(f), 0);
}

static bool transfer_writes(const struct fdc_command *c)
{
    return c->kind == K_WRITE;
}

/* Seven result bytes: ST0-2, then the sector's address and size. */
static void end_transfer(struct fdc *f, uint8_t st0)
{
    const struct fdc_command *c = fdc_command(f->cmd[0]);

    f->result[0] = st0 | (f->head & 1) << 2 | fdc_unit(f);
    f->result[1] = f->st1;
    f->result[2] = f->st2;
    f->result[3] = f->cyl;
    f->result[4] = f->head;
    f->result[5] = f->sector;
    f->result[6] = f->cmd[5];
    if (f->moved && (c->kind == K_READ || c->kind == K_WRITE))
        event_transfer(f, transfer_writes(c));
    else
        fdc_event_command(f, f->result[0]);
    fdc_result(f, 7, true);
}

static void fail_transfer(struct fdc *f, uint8_t st1, uint8_t st2)
{
    f->st1 |= st1;
    f->st2 |= st2;
    end_transfer(f, ST0_ABNORMAL);
}

static uint64_t lba_of(const struct fdc *f, const struct fdc_geometry *geo)
{
    return ((uint64_t)f->cyl * geo->heads + f->head) * geo->spt + f->sector - 1;
}

/* SeaBIOS asks for more than a track, with a last sector that the track does not have, and expects what QEMU does: with
 * MT the command goes on at the next head, and after the last at the next cylinder, until the terminal count. */
static bool leave_track(struct fdc *f)
{
    const struct fdc_geometry *geo = fdc_medium(f, fdc_unit(f));

    f->sector = 1;
    f->head ^= 1;
    if (f->head & 1)
        return true;
    f->cyl++;
    if (f->cyl >= geo->tracks)
        return false;
    fdc_move_head(f, fdc_unit(f), f->cyl);
    return true;
}

/* Advances to the next sector as the result table says (datasheet, table 5-4): to the other side with MT, to
 * the next cylinder at the end. False at the end of the command's range. */
static bool advance(struct fdc *f)
{
    const struct fdc_geometry *geo = fdc_medium(f, fdc_unit(f));
    bool multitrack = f->cmd[0] & 0x80, scan = fdc_command(f->cmd[0])->kind == K_SCAN;
    unsigned step = scan && f->cmd[8] == 2 ? 2 : 1; /* SCAN may use every second sector */

    if (multitrack && geo && geo->heads == 2 && f->sector == geo->spt && f->cmd[6] > geo->spt)
        return leave_track(f);
    if (step == 2 ? f->sector + 1 < f->cmd[6] : f->sector != f->cmd[6]) {
        f->sector += step;
        return true;
    }
    f->sector = 1;
    if (multitrack && !(f->head & 1)) {
        f->head ^= 1;
        return true;
    }
    if (multitrack)
        f->head ^= 1;
    f->cyl++;
    return false;
}

/* Can the head read the wanted sector's ID? Fails the command if not. */
static bool find_sector(struct fdc *f)
{
    unsigned drive = fdc_unit(f);
    const struct fdc_geometry *geo = fdc_medium(f, drive);

    if (!geo || !fdc_spinning(f, drive) || !(geo->rates >> fdc_rate(f) & 1) || f->head >= geo->heads ||
        f->track[drive] >= geo->tracks) {
        fail_transfer(f, ST1_MISSING, 0);
        return false;
    }
    if (f->cyl != f->track[drive]) {
        fail_transfer(f, ST1_NO_DATA, ST2_WRONG_CYLINDER);
        return false;
    }
    if (!f->sector || f->sector > geo->spt || f->cmd[5] != 2) {
        fail_transfer(f, ST1_NO_DATA, 0);
        return false;
    }
    return true;
}

/* How many bytes of the current sector the image has: it may end early. */
static size_t covered(const struct fdc *f, uint64_t offset)
{
    uint64_t size = disk_size(f->drive[fdc_unit(f)].disk);

    return offset >= size ? 0 : size - offset < SECTOR ? size - offset : SECTOR;
}

static int load_sector(struct fdc *f)
{
    uint64_t offset = lba_of(f, fdc_medium(f, fdc_unit(f))) * SECTOR;
    size_t n = covered(f, offset);

    memset(f->buf, 0, SECTOR);
    return n ? disk_read(f->drive[fdc_unit(f)].disk, offset, f->buf, n) : 0;
}

static int store_sector(struct fdc *f)
{
    uint64_t offset = lba_of(f, fdc_medium(f, fdc_unit(f))) * SECTOR;

    struct disk *disk = f->drive[fdc_unit(f)].disk;

    if (covered(f, offset) != SECTOR || disk_write(disk, offset, f->buf, SECTOR))
        return -1;
    disk_through(disk, offset, SECTOR); /* there is no cache */
    return 0;
}

/* SCAN EQUAL 11h, LOW OR EQUAL 19h, HIGH OR EQUAL 1Dh: compares the sector with the guest's bytes; FFh
 * matches everything. */
static bool scan_hit(struct fdc *f, const uint8_t *guest, unsigned n)
{
    bool equal = true, met = true;

    for (unsigned i = 0; i < n; i++) {
        if (guest[i] == 0xff || f->buf[i] == 0xff || guest[i] == f->buf[i])
            continue;
        equal = false;
        met = (f->cmd[0] & 0x1f) == 0x11 ? false
              : (f->cmd[0] & 0x04)       ? f->buf[i] > guest[i]
                                         : f->buf[i] < guest[i];
        break;
    }
    f->st2 = met ? (equal ? ST2_SCAN_HIT : 0) : ST2_SCAN_MISS;
    return met;
}

/* After a sector was transferred: ends the command, or continues with the next sector. */
static void sector_done(struct fdc *f, bool terminal_count)
{
    bool more;

    f->moved++;
    more = advance(f);
    if (terminal_count) {
        end_transfer(f, 0);
    } else if (!more) {
        f->st1 |= ST1_END; /* reached the end of the cylinder without a terminal count */
        end_transfer(f, ST0_ABNORMAL);
    } else {
        fdc_after(f, PH_SECTOR, NS_SECTOR);
    }
}

static void move_by_dma(struct fdc *f, const struct fdc_command *c)
{
    bool to_memory = c->kind == K_READ, tc = false;
    uint8_t guest[SECTOR] = {0};
    unsigned n;

    if (c->kind != K_WRITE && load_sector(f) < 0) {
        fail_transfer(f, ST1_DATA_ERROR, 0);
        return;
    }
    if (c->kind == K_VERIFY) {
        /* With bit 7 of the drive byte (EC), the data length byte is a count of sectors. Otherwise the
         * command continues up to EOT. */
        sector_done(f, f->cmd[1] & 0x80 ? f->moved + 1 >= f->cmd[8] : f->sector == f->cmd[6]);
        return;
    }
    n = dma_transfer(f->board, 2, to_memory ? f->buf : guest, SECTOR, to_memory, &tc);
    if (n < SECTOR && !tc) {
        fail_transfer(f, ST1_OVERRUN, 0);
        return;
    }
    if (c->kind == K_SCAN && scan_hit(f, guest, n)) {
        end_transfer(f, 0);
        return;
    }
    if (c->kind == K_WRITE) {
        memcpy(f->buf, guest, SECTOR); /* the rest of a sector after the terminal count is zeros */
        if (store_sector(f) < 0) {
            fail_transfer(f, ST1_DATA_ERROR, 0);
            return;
        }
    }
    sector_done(f, tc);
}

void fdc_sector_due(struct fdc *f)
{
    const struct fdc_command *c = fdc_command(f->cmd[0]);

    if (!find_sector(f))
        return;
    if (!f->moved)
        f->start_lba = lba_of(f, fdc_medium(f, fdc_unit(f)));
    if (!fdc_non_dma(f) || c->kind == K_VERIFY) {
        move_by_dma(f, c);
        return;
    }
    f->pos = 0;
    if (c->kind == K_READ && load_sector(f) < 0) {
        fail_transfer(f, ST1_DATA_ERROR, 0);
        return;
    }
    f->phase = c->kind == K_READ ? PH_IN : PH_OUT;
    fdc_irq(f, true);
}

/* Non-DMA: the guest has transferred the last byte of a sector. */
void fdc_pio_sector_done(struct fdc *f)
{
    const struct fdc_command *c = fdc_command(f->cmd[0]);
    uint8_t guest[SECTOR];

    fdc_irq(f, false);
    if (c->kind == K_WRITE && store_sector(f) < 0) {
        fail_transfer(f, ST1_DATA_ERROR, 0);
        return;
    }
    if (c->kind == K_SCAN) {
        memcpy(guest, f->buf, SECTOR);
        if (load_sector(f) < 0) {
            fail_transfer(f, ST1_DATA_ERROR, 0);
            return;
        }
        if (scan_hit(f, guest, SECTOR)) {
            end_transfer(f, 0);
            return;
        }
    }
    sector_done(f, false);
}

void fdc_start_transfer(struct fdc *f)
{
    unsigned drive = fdc_unit(f);
    const struct fdc_geometry *geo = fdc_medium(f, drive);
    unsigned steps = 0;

    f->cyl = f->cmd[2];
    f->head = f->cmd[3];
    f->sector = (f->cmd[0] & 0x1f) == 0x02 ? 1 : f->cmd[4]; /* READ TRACK begins at the index hole */
    f->st1 = f->st2 = 0;
    f->moved = 0;
    f->start_lba = 0;
    if (f->config & CONF_IMPLIED_SEEK && f->track[drive] != f->cyl) {
        steps = f->track[drive] > f->cyl ? f->track[drive] - f->cyl : f->cyl - f->track[drive];
        fdc_move_head(f, drive, f->cyl);
    }
    fdc_after(f, PH_SECTOR, geo ? NS_SECTOR + steps * NS_STEP : NS_NO_MEDIUM);
}

void fdc_read_id(struct fdc *f)
{
    const struct fdc_geometry *geo = fdc_medium(f, fdc_unit(f));

    f->cyl = f->track[fdc_unit(f)];
    f->head = f->cmd[1] >> 2 & 1;
    f->sector = 1;
    f->cmd[5] = 2;
    f->st1 = f->st2 = 0;
    f->moved = 0;
    if (geo && find_sector(f))
        end_transfer(f, 0);
    else if (!geo)
        fail_transfer(f, ST1_MISSING, 0);
}

/* FORMAT TRACK: the guest supplies four bytes (C, H, R, N) for each of SC sectors; each sector is filled. */
void fdc_format_track(struct fdc *f)
{
    unsigned count = f->cmd[3], fill = f->cmd[5];
    bool tc = false;

    f->cyl = f->track[fdc_unit(f)];
    f->head = f->cmd[1] >> 2 & 1;
    f->st1 = f->st2 = 0;
    f->moved = 0;
    f->cmd[5] = f->cmd[2];
    for (unsigned i = 0; i < count && !tc; i++) {
        uint8_t id[4] = {f->cyl, f->head, i + 1, 2};

        f->sector = 1; /* the track must exist, whatever its sectors are */
        if (!find_sector(f))
            return;
        if (!fdc_non_dma(f) && dma_transfer(f->board, 2, id, 4, false, &tc) < 4 && !tc) {
            fail_transfer(f, ST1_OVERRUN, 0);
            return;
        }
        f->sector = id[2];
        if (!find_sector(f))
            return;
        memset(f->buf, fill, SECTOR);
        if (store_sector(f) < 0) {
            fail_transfer(f, ST1_DATA_ERROR, 0);
            return;
        }
    }
    end_transfer(f, 0);
}
