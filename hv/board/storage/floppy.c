/* floppy.c - the floppy disk controller, an Intel 82077AA in PC/AT mode, with two drives.
 *
 * Source: Intel 82077AA datasheet (290166), sections 2 (registers), 4 (data transfer), 5 and 6 (commands,
 * status). Implied seeks are on after reset, as in other PC emulators, whose BIOSes depend on it. The media
 * have 512-byte sectors; the geometry follows from the image's size. */
#include "hv/board/chips.h"
#include "hv/board/slots.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/floppy.h"
#include "base/memory.h"

#include <string.h>

static const struct fdc_geometry geometries[] = {
    {163840, 40, 1, 8, 0x06},   {184320, 40, 1, 9, 0x06},   {327680, 40, 2, 8, 0x06},
    {368640, 40, 2, 9, 0x06},   {737280, 80, 2, 9, 0x06},   {1228800, 80, 2, 15, 0x01},
    {1474560, 80, 2, 18, 0x01}, {1720320, 80, 2, 21, 0x01}, {2949120, 80, 2, 36, 0x08},
};

/* ---------------------------------------------------------------- helpers */

static void update_line(struct fdc *f)
{
    board_irq(f->board, 6, f->irq && f->dor & DOR_DMAGATE);
}

void fdc_irq(struct fdc *f, bool level)
{
    f->irq = level;
    update_line(f);
}

void fdc_after(struct fdc *f, enum fdc_phase phase, uint64_t ns)
{
    f->phase = phase;
    timer_set(f->board, &f->timer, board_now(f->board) + ns + board_late(f->board));
}

static void to_command(struct fdc *f)
{
    f->phase = PH_COMMAND;
    f->cmd_pos = f->cmd_len = 0;
}

void fdc_result(struct fdc *f, unsigned n, bool interrupt)
{
    f->phase = PH_RESULT;
    f->result_pos = 0;
    f->result_len = n;
    if (interrupt)
        fdc_irq(f, true);
}

void fdc_event_command(struct fdc *f, uint8_t status)
{
    const struct fdc_command *c = fdc_command(f->cmd[0]);
    struct event ev = {.kind = EV_DISK_COMMAND, .data = c->name, .len = strlen(c->name)};

    ev.f[EVF_DISK_COMMAND_drive] = EVENT_DRIVE + (c->length > 1 ? fdc_unit(f) : 0);
    ev.f[EVF_DISK_COMMAND_command] = f->cmd[0];
    ev.f[EVF_DISK_COMMAND_status] = status;
    board_event(f->board, &ev);
}

/* ---------------------------------------------------------------- reset and interrupts */

static void reset_controller(struct fdc *f)
{
    timer_stop(f->board, &f->timer);
    to_command(f);
    f->result_len = f->result_pos = 0;
    f->seek_done = f->reset_sense = 0;
    f->spec1 = f->spec2 = 0;
    if (!f->lock) {
        f->config = CONF_IMPLIED_SEEK | CONF_NO_FIFO;
        f->precomp = 0;
    }
    f->perpendicular &= ~3;
    fdc_irq(f, false);
}

static void leave_reset(struct fdc *f)
{
    fdc_after(f, PH_RESETTING, NS_RESET);
}

static void reset_done(struct fdc *f)
{
    to_command(f);
    /* Polling reports a change for all four drives. With polling disabled QEMU's controller interrupts as well, and
     * guests that locked that setting wait for it (T-DOS). */
    f->reset_sense = 4;
    fdc_irq(f, true);
}

static void sense_interrupt(struct fdc *f)
{
    f->result[1] = 0;
    if (f->reset_sense) {
        unsigned drive = 4 - f->reset_sense--;

        f->result[0] = ST0_POLLING | drive;
        f->result[1] = f->track[drive];
        fdc_irq(f, false);
        fdc_result(f, 2, false);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (!(f->seek_done >> i & 1))
            continue;
        f->seek_done &= ~(1 << i);
        f->result[0] = f->sense[i];
        f->result[1] = f->track[i];
        fdc_irq(f, f->seek_done);
        fdc_result(f, 2, false);
        return;
    }
    fdc_irq(f, false);
    f->result[0] = ST0_INVALID;
    fdc_result(f, 1, false);
}

/* ---------------------------------------------------------------- seeks */

/* Moves the head. A step with a medium in the drive clears the disk change line. */
void fdc_move_head(struct fdc *f, unsigned drive, unsigned track)
{
    const struct fdc_geometry *geo = fdc_medium(f, drive);

    if (geo && f->track[drive] != track)
        f->changed[drive] = 0;
    f->track[drive] = track;
}

static void start_seek(struct fdc *f)
{
    unsigned drive = fdc_unit(f), from = f->track[drive], to = f->cmd[0] == 0x07 ? 0 : f->cmd[2];

    fdc_after(f, PH_SEEKING, NS_COMMAND + NS_STEP * (from > to ? from - to : to - from));
}

static void seek_arrived(struct fdc *f)
{
    unsigned drive = fdc_unit(f);
    uint8_t st0 = ST0_SEEK_END | (f->cmd[1] & 7);

    if (f->cmd[0] == 0x07) {
        /* RECALIBRATE steps until the drive signals track 0; absent drives never do. A drive at track 0 gets
         * a step pulse too, as real controllers do it. */
        if (fdc_medium(f, drive))
            f->changed[drive] = 0;
        fdc_move_head(f, drive, 0);
        st0 = ST0_SEEK_END | drive;
        if (drive >= DRIVES || (drive && !f->drive[drive].disk))
            st0 |= ST0_ABNORMAL | ST0_CHECK;
    } else if (f->cmd[0] & 0x80) { /* relative seek: bit 6 inwards, to higher tracks */
        unsigned n = f->cmd[2], now = f->track[drive];

        fdc_move_head(f, drive, f->cmd[0] & 0x40 ? (now + n > 255 ? 255 : now + n) : now > n ? now - n : 0);
    } else {
        fdc_move_head(f, drive, f->cmd[2]);
    }
    f->sense[drive] = st0;
    f->seek_done |= 1 << drive;
    fdc_event_command(f, st0);
    to_command(f);
    fdc_irq(f, true);
}

/* ---------------------------------------------------------------- control commands */

static void specify(struct fdc *f)
{
    f->spec1 = f->cmd[1];
    f->spec2 = f->cmd[2];
    to_command(f);
}

static void sense_drive(struct fdc *f)
{
    unsigned drive = fdc_unit(f);

    f->result[0] = 0x28 | (f->cmd[1] & 7) | (f->track[drive] ? 0 : 0x10);
    fdc_result(f, 1, false);
}

static void configure(struct fdc *f)
{
    f->config = f->cmd[2];
    f->precomp = f->cmd[3];
    to_command(f);
}

static void version(struct fdc *f)
{
    f->result[0] = 0x90; /* an enhanced controller */
    fdc_result(f, 1, false);
}

static void dumpreg(struct fdc *f)
{
    memcpy(f->result, f->track, 4);
    f->result[4] = f->spec1;
    f->result[5] = f->spec2;
    f->result[6] = f->cmd[6]; /* the last EOT or sectors per track */
    f->result[7] = f->lock << 7 | (f->perpendicular & 0x7f);
    f->result[8] = f->config;
    f->result[9] = f->precomp;
    fdc_result(f, 10, false);
}

static void perpendicular(struct fdc *f)
{
    /* D3-D0 change only if OW is set; GAP and WGATE always do. */
    f->perpendicular = f->cmd[1] & 0x80 ? f->cmd[1] & 0x3f : (f->perpendicular & 0x3c) | (f->cmd[1] & 3);
    to_command(f);
}

static void lock(struct fdc *f)
{
    f->lock = f->cmd[0] >> 7;
    f->result[0] = f->lock << 4;
    fdc_result(f, 1, false);
}

static void invalid(struct fdc *f)
{
    f->result[0] = ST0_INVALID;
    fdc_result(f, 1, false);
}

/* MT, MFM and SK are bits 7, 6 and 5 where a command has them. */
static const struct fdc_command commands[] = {
    {0x1f, 0x06, 9, "FLOPPY READ DATA", fdc_start_transfer, K_READ},
    {0x1f, 0x0c, 9, "FLOPPY READ DELETED DATA", fdc_start_transfer, K_READ},
    {0x1f, 0x02, 9, "FLOPPY READ TRACK", fdc_start_transfer, K_READ},
    {0x3f, 0x05, 9, "FLOPPY WRITE DATA", fdc_start_transfer, K_WRITE},
    {0x3f, 0x09, 9, "FLOPPY WRITE DELETED DATA", fdc_start_transfer, K_WRITE},
    {0x1f, 0x16, 9, "FLOPPY VERIFY", fdc_start_transfer, K_VERIFY},
    {0x1f, 0x11, 9, "FLOPPY SCAN EQUAL", fdc_start_transfer, K_SCAN},
    {0x1f, 0x19, 9, "FLOPPY SCAN LOW OR EQUAL", fdc_start_transfer, K_SCAN},
    {0x1f, 0x1d, 9, "FLOPPY SCAN HIGH OR EQUAL", fdc_start_transfer, K_SCAN},
    {0xbf, 0x0a, 2, "FLOPPY READ ID", fdc_read_id, K_OTHER},
    {0xbf, 0x0d, 6, "FLOPPY FORMAT TRACK", fdc_format_track, K_OTHER},
    {0xff, 0x07, 2, "FLOPPY RECALIBRATE", start_seek, K_NOW},
    {0xff, 0x0f, 3, "FLOPPY SEEK", start_seek, K_NOW},
    {0xbf, 0x8f, 3, "FLOPPY RELATIVE SEEK", start_seek, K_NOW},
    {0xff, 0x08, 1, "FLOPPY SENSE INTERRUPT", sense_interrupt, K_NOW},
    {0xff, 0x04, 2, "FLOPPY SENSE DRIVE", sense_drive, K_NOW},
    {0xff, 0x03, 3, "FLOPPY SPECIFY", specify, K_NOW},
    {0xff, 0x13, 4, "FLOPPY CONFIGURE", configure, K_NOW},
    {0xff, 0x10, 1, "FLOPPY VERSION", version, K_NOW},
    {0xff, 0x0e, 1, "FLOPPY DUMPREG", dumpreg, K_NOW},
    {0xff, 0x12, 2, "FLOPPY PERPENDICULAR MODE", perpendicular, K_NOW},
    {0x7f, 0x14, 1, "FLOPPY LOCK", lock, K_NOW},
    /* A command of later controllers, which drivers use to identify them: the documented answer of this
     * controller is 80h. */
    {0xff, 0x18, 1, "FLOPPY PART ID", invalid, K_NOW},
    {0x00, 0x00, 1, "FLOPPY invalid command", invalid, K_NOW}, /* the last row matches everything */
};

const struct fdc_command *fdc_command(uint8_t byte)
{
    const struct fdc_command *c = commands;

    while ((byte & c->mask) != c->value)
        c++;
    return c;
}

static void execute(struct fdc *f)
{
    const struct fdc_command *c = fdc_command(f->cmd[0]);

    if (!c->mask)
        board_unhandled(f->board, "floppy command", f->cmd[0], true, 0);
    if (c->kind == K_OTHER)
        fdc_after(f, PH_BUSY, fdc_medium(f, fdc_unit(f)) ? NS_COMMAND : NS_NO_MEDIUM);
    else
        c->run(f);
}

/* ---------------------------------------------------------------- registers */

static uint8_t main_status(const struct fdc *f)
{
    static const uint8_t msr[] = {
        [PH_COMMAND] = MSR_RQM,
        [PH_BUSY] = MSR_CB,
        [PH_SECTOR] = MSR_CB,
        [PH_IN] = MSR_RQM | MSR_DIO | MSR_NDM | MSR_CB,
        [PH_OUT] = MSR_RQM | MSR_NDM | MSR_CB,
        [PH_RESULT] = MSR_RQM | MSR_DIO | MSR_CB,
        [PH_SEEKING] = 0,
        [PH_RESETTING] = 0,
    };

    if (!(f->dor & DOR_RUN))
        return 0;
    if (f->phase == PH_COMMAND && f->cmd_pos)
        return MSR_RQM | MSR_CB;
    if (f->phase == PH_SEEKING)
        return 1 << fdc_unit(f); /* drive busy seeking */
    return msr[f->phase] | (f->phase == PH_SECTOR && fdc_non_dma(f) ? MSR_NDM : 0);
}

static uint8_t read_fifo(struct fdc *f)
{
    uint8_t byte;

    if (f->phase == PH_IN) {
        byte = f->buf[f->pos++];
        if (f->pos == SECTOR)
            fdc_pio_sector_done(f);
        return byte;
    }
    if (f->phase != PH_RESULT)
        return 0xff;
    byte = f->result[f->result_pos++];
    if (!f->seek_done)
        fdc_irq(f, false);
    if (f->result_pos == f->result_len)
        to_command(f);
    return byte;
}

static void write_fifo(struct fdc *f, uint8_t byte)
{
    if (f->phase == PH_OUT) {
        f->buf[f->pos++] = byte;
        if (f->pos == SECTOR)
            fdc_pio_sector_done(f);
        return;
    }
    if (f->phase != PH_COMMAND || !(f->dor & DOR_RUN))
        return;
    if (!f->cmd_pos)
        f->cmd_len = fdc_command(byte)->length;
    f->cmd[f->cmd_pos++] = byte;
    if (f->cmd_pos == f->cmd_len) {
        f->cmd_pos = 0;
        execute(f);
    }
}

static void write_dor(struct fdc *f, uint8_t value)
{
    uint8_t old = f->dor;

    f->dor = value;
    if (old & DOR_RUN && !(value & DOR_RUN))
        reset_controller(f);
    else if (!(old & DOR_RUN) && value & DOR_RUN)
        leave_reset(f);
    update_line(f);
}

static void write_dsr(struct fdc *f, uint8_t value)
{
    f->dsr = value & 0x7f;
    f->ccr = value & 3;
    if (value & 0x80 && f->dor & DOR_RUN) { /* this reset ends by itself */
        reset_controller(f);
        leave_reset(f);
    }
}

/* Digital input register: the disk change line of the selected drive, if its motor is on. */
static uint8_t read_dir(const struct fdc *f)
{
    unsigned drive = f->dor & 3;

    return fdc_spinning(f, drive) && f->changed[drive] ? 0x80 : 0;
}

/* Status registers A and B, with the PS/2 mode bits that software uses: interrupt; drive selects and
 * motors. */
static uint8_t read_sra(const struct fdc *f)
{
    return f->irq ? 0x80 : 0;
}

static uint8_t read_srb(const struct fdc *f)
{
    return 0xc0 | (f->dor & 1) << 5 | (f->dor >> 4 & 3);
}

static uint32_t port_in(void *ctx, uint16_t port, unsigned size)
{
    struct fdc *f = ctx;

    switch (port & 7) {
    case 0:
        return read_sra(f);
    case 1:
        return read_srb(f);
    case 2:
        return f->dor;
    case 3:
        return f->tdr;
    case 4:
        return main_status(f);
    case 5:
        return read_fifo(f);
    case 7:
        return read_dir(f);
    default:
        return 0xff;
    }
}

static void port_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct fdc *f = ctx;

    switch (port & 7) {
    case 2:
        write_dor(f, value);
        break;
    case 3:
        f->tdr = value & 3;
        break;
    case 4:
        write_dsr(f, value);
        break;
    case 5:
        write_fifo(f, value);
        break;
    case 7:
        f->ccr = value & 3;
        break;
    }
}

static void fire(void *ctx)
{
    static void (*const handler[])(struct fdc *) = {
        [PH_SECTOR] = fdc_sector_due, [PH_SEEKING] = seek_arrived, [PH_RESETTING] = reset_done};
    struct fdc *f = ctx;

    if (f->phase == PH_BUSY)
        fdc_command(f->cmd[0])->run(f);
    else if (f->phase < sizeof handler / sizeof *handler && handler[f->phase])
        handler[f->phase](f);
}

/* ---------------------------------------------------------------- state and creation */

#define F struct fdc
static const struct field fields[] = {
    FIELD(F, timer.deadline),
    FIELD(F, dor),
    FIELD(F, tdr),
    FIELD(F, dsr),
    FIELD(F, ccr),
    FIELD(F, phase),
    FIELD(F, irq),
    FIELD(F, reset_sense),
    FIELD(F, seek_done),
    FIELDS(F, sense),
    FIELDS(F, cmd),
    FIELD(F, cmd_pos),
    FIELD(F, cmd_len),
    FIELDS(F, result),
    FIELD(F, result_pos),
    FIELD(F, result_len),
    FIELD(F, spec1),
    FIELD(F, spec2),
    FIELD(F, config),
    FIELD(F, precomp),
    FIELD(F, lock),
    FIELD(F, perpendicular),
    FIELDS(F, track),
    FIELDS(F, changed),
    FIELD(F, cyl),
    FIELD(F, head),
    FIELD(F, sector),
    FIELD(F, st1),
    FIELD(F, st2),
    FIELD(F, start_lba),
    FIELD(F, moved),
    FIELD(F, pos),
    FIELDS(F, buf),
};
#undef F

static void loaded(void *state)
{
    struct fdc *f = state;
    bool result = f->phase == PH_RESULT, data = f->phase == PH_IN || f->phase == PH_OUT;

    /* The state may come from a damaged file: no index may exceed its array. Unused values are left alone. */
    if (f->phase > PH_RESETTING || f->cmd_pos >= sizeof f->cmd || f->cmd_len > sizeof f->cmd ||
        (result && (f->result_len > sizeof f->result || f->result_pos >= f->result_len)) ||
        (data && (f->pos >= SECTOR || !fdc_medium(f, fdc_unit(f)))))
        to_command(f);
}

static void reset(void *state)
{
    struct fdc *f = state;

    f->lock = 0;
    f->perpendicular = 0;
    reset_controller(f);
    f->dor = DOR_RUN | DOR_DMAGATE; /* running, as firmware expects to find it */
    f->tdr = 0;
    f->dsr = f->ccr = 2; /* 250 kbit/s */
    memset(f->track, 0, sizeof f->track);
    memset(f->changed, 1, sizeof f->changed);
}

/* The smallest medium that holds the image; an image may omit its end. If the size is not a known one, at
 * least a 1.44 MB medium, since that is what users expect. */
static const struct fdc_geometry *find_geometry(uint64_t size)
{
    const unsigned n = sizeof geometries / sizeof *geometries;

    for (unsigned i = 0; i < n; i++)
        if (geometries[i].size == size)
            return &geometries[i];
    for (unsigned i = 0; i < n; i++)
        if (geometries[i].size >= size && geometries[i].size >= 1474560)
            return &geometries[i];
    return NULL;
}

int floppy_create(struct board *board, struct error *err)
{
    static const char *const role[DRIVES] = {"floppy0", "floppy1"};
    struct fdc *f = mem_zero(1, sizeof *f);
    struct chip chip = {"floppy", fields, FIELD_COUNT(fields), f, reset, loaded, NULL};

    f->board = board;
    board_add_chip(board, &chip);
    board_set_slot(board, SLOT_FLOPPY, f);
    for (unsigned i = 0; i < DRIVES; i++) {
        struct fdc_drive *d = &f->drive[i];

        d->disk = board_disk(board, role[i]);
        d->geo = d->disk ? find_geometry(disk_size(d->disk)) : NULL;
        if (d->disk && !d->geo)
            return error_set(err, "%s: %llu bytes are more than a floppy disk holds (2949120)", role[i],
                             (unsigned long long)disk_size(d->disk));
        if (d->disk)
            board_boot_path(board, role[i], "/pci@i0cf8/isa@1/fdc@03f0/floppy@%u", i);
    }
    board_timer(board, &f->timer, fire, f);
    board_ports(board, 0x3f0, 6, true, f, port_in, port_out);
    board_ports(board, 0x3f7, 1, true, f, port_in, port_out);
    reset(f);
    return 0;
}
