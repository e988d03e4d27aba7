/* disk.c - INT 13h: drive numbers, the classic functions, geometries and parameter tables.
 *
 * Sources: IBM PS/2 BIOS Interface Technical Reference (INT 13h); Phoenix, BIOS Enhanced Disk Drive
 * Specification 1.1 (AH=41h on); Phoenix/IBM, El Torito 1.0 (AH=4Ah on); translations as the CMOS bytes 39h,
 * 3Ah choose them (QEMU).
 */
#include "bios/disk.h"

u8 disks[DRIVES], cds[DRIVES], disk_count, cd_count;

enum { TRANSLATE_NONE, TRANSLATE_LBA, TRANSLATE_LARGE };

/* ---------------------------------------------------------------- geometry */

static struct geometry assisted(u32 sectors)
{
    u32 tracks = sectors / 63, heads = tracks / 1024;
    heads = heads > 128 ? 255 : heads > 64 ? 128 : heads > 32 ? 64 : heads > 16 ? 32 : 16;
    u32 cylinders = tracks / heads;
    return (struct geometry){cylinders > 1024 ? 1024 : (u16)cylinders, (u16)heads, 63};
}

static struct geometry large(struct geometry g)
{
    while (g.cylinders > 1024 && g.heads < 128) {
        g.cylinders >>= 1;
        g.heads <<= 1;
    }
    return g;
}

/* The first two disks' translation may be in the CMOS, two bits each for all four. */
static u8 choose_translation(const struct drive *d, unsigned number)
{
    const struct geometry *g = &d->physical;
    if (number < 4 && cmos_read(0x12)) {
        u8 wanted = cmos_read(0x39) >> 2 * number & 3;
        return wanted;
    }
    if (g->cylinders <= 1024 && g->heads <= 16 && g->sectors <= 63)
        return TRANSLATE_NONE;
    return (u32)g->cylinders * g->heads <= 131072 ? TRANSLATE_LARGE : TRANSLATE_LBA;
}

static void translate(struct drive *d, unsigned number)
{
    d->translation = choose_translation(d, number);
    switch (d->translation) {
    case TRANSLATE_LBA:
        d->logical = assisted(d->sectors_high ? 0xffffffff : d->sectors);
        break;
    case TRANSLATE_LARGE:
        d->logical = large(d->physical);
        break;
    default:
        d->logical = d->physical;
        break;
    }
    if (d->logical.cylinders > 1024)
        d->logical.cylinders = 1024;
}

/* Fixed disk parameter table, INT 41h and 46h: 16 bytes in the extended BIOS data area. */
static void parameter_table(unsigned n, const struct drive *d)
{
    u16 at = offsetof(struct ebda, disk_table) + 16 * n, segment = bda->ebda;
    const struct geometry *l = &d->logical, *p = &d->physical;
    u8 t[16] = {(u8)l->cylinders, l->cylinders >> 8, (u8)l->heads};
    t[8] = p->heads > 8 ? 0xc8 : 0xc0;
    t[14] = (u8)l->sectors;
    if (d->translation != TRANSLATE_NONE) { /* the translated form, with the physical geometry */
        t[3] = 0xa0;
        t[4] = (u8)p->sectors;
        t[9] = (u8)p->cylinders;
        t[10] = p->cylinders >> 8;
        t[11] = (u8)p->heads;
        for (unsigned i = 0; i < 15; i++)
            t[15] -= t[i];
    } else {
        t[5] = t[6] = 0xff;
        t[12] = (u8)p->cylinders;
        t[13] = p->cylinders >> 8;
    }
    far_put(segment, at, t, sizeof t);
    set_vector(n ? 0x46 : 0x41, far_pointer(segment, at));
}

/* ---------------------------------------------------------------- numbers */

void drive_path(u8 drive, char *to, unsigned room)
{
    if (drive >= IDE_DRIVES)
        format_text(to, room, "%s", shared.far[drives[drive].unit].path);
    else
        format_text(to, room, "/pci@i0cf8/*@%x,%x/drive@%x/disk@%x", shared.ide >> 3, shared.ide & 7,
                    drive / 2, drive % 2);
}

/* The rank of a drive in the boot order, for disks among themselves. */
static u16 rank_of(u8 i)
{
    char pattern[64];
    u16 rank;
    drive_path(i, pattern, sizeof pattern);
    rank = bootorder_find(pattern);
    return rank ? rank : 0x1000 + i;
}

static void insert_by_rank(u8 *list, u8 n, u8 drive)
{
    u8 at = n;
    while (at && rank_of(list[at - 1]) > rank_of(drive)) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = drive;
}

static void parameter_tables(void)
{
    for (unsigned n = 0; n < disk_count && n < 2; n++)
        parameter_table(n, &drives[disks[n]]);
}

void disk_make_first(u8 n)
{
    u8 first = disks[0];
    disks[0] = disks[n];
    disks[n] = first;
    parameter_tables();
}

void disks_init(void)
{
    for (u8 i = 0; i < DRIVES; i++) {
        if (is_disk(&drives[i])) {
            translate(&drives[i], i);
            insert_by_rank(disks, disk_count++, i);
        } else if (is_cd(&drives[i])) {
            insert_by_rank(cds, cd_count++, i);
        }
    }
    bda->disks = disk_count;
    bda->disk_control = 0xc0;
    parameter_tables();
    for (unsigned n = 0; n < disk_count; n++) {
        const struct drive *d = &drives[disks[n]];
        bool small = d->sectors < 2048 && !d->sectors_high; /* less than 1 MiB */
        print("disk %02xh: %s, %u %s (%u/%u/%u)\n", DISK_FIRST + n, d->model,
              small ? d->sectors / 2 : d->sectors >> 11 | d->sectors_high << 21, small ? "KiB" : "MiB",
              d->logical.cylinders, d->logical.heads, d->logical.sectors);
    }
    for (unsigned n = 0; n < cd_count; n++)
        print("CD %02xh: %s\n", CD_FIRST + n, drives[cds[n]].model);
}

/* The drive with a number, or NULL. Disks emulated by El Torito are not included. */
static struct drive *find(u8 number)
{
    bool shifted = emulation.active && (number & 0x80) == (emulation.drive & 0x80) && number < CD_FIRST;
    if (number >= CD_FIRST)
        return number - CD_FIRST < cd_count ? &drives[cds[number - CD_FIRST]] : NULL;
    if (shifted && number == emulation.drive)
        return NULL;
    if (number >= DISK_FIRST) {
        number -= DISK_FIRST + shifted;
        return number < disk_count ? &drives[disks[number]] : NULL;
    }
    number -= shifted;
    return number < FLOPPIES && floppies[number].kind ? &floppies[number] : NULL;
}

u8 disk_transfer(struct request *q)
{
    switch (q->drive->kind) {
    case DRIVE_ATA:
        return ata_transfer(q);
    case DRIVE_ATAPI:
        return atapi_transfer(q);
    case DRIVE_FAR_DISK:
    case DRIVE_FAR_CD:
        return far_transfer(q);
    default:
        return floppy_transfer(q);
    }
}

u8 cd_ready(struct drive *d)
{
    return d->kind == DRIVE_ATAPI ? atapi_ready(d) : far_wish(d, WISH_READY);
}

u8 cd_eject(struct drive *d, bool load)
{
    return d->kind == DRIVE_ATAPI ? atapi_eject(d, load) : far_wish(d, load ? WISH_LOAD : WISH_EJECT);
}

/* ---------------------------------------------------------------- the classic functions of hard disks */

/* AH=02h, 03h, 04h. */
static u8 read_write(struct regs *r, struct drive *d, enum direction direction)
{
    const struct geometry *g = &d->logical;
    u16 cylinder = r->ch | (r->cl & 0xc0) << 2, sector = r->cl & 0x3f;
    struct request q = {.drive = d, .count = r->al, .address = linear(r->es, r->bx), .direction = direction};
    r->al = 0;
    if (!q.count || q.count > 128 || !sector)
        return DISK_BAD_COMMAND;
    if (is_cd(d) || cylinder >= g->cylinders || r->dh >= g->heads || sector > g->sectors)
        return DISK_BAD_COMMAND;
    q.lba = ((u32)cylinder * g->heads + r->dh) * g->sectors + sector - 1;
    u8 error = disk_transfer(&q);
    r->al = (u8)q.done;
    return error;
}

/* AH=08h. The last cylinder is for tests: it exists, but is not reported. (IBM.) */
static u8 parameters(struct regs *r, struct drive *d)
{
    const struct geometry *g = &d->logical;
    u16 last = g->cylinders > 1 ? g->cylinders - 2 : 0;
    if (!is_disk(d))
        return DISK_BAD_COMMAND;
    r->ax = 0;
    r->ch = (u8)last;
    r->cl = (last >> 2 & 0xc0) | (g->sectors & 0x3f);
    r->dh = (u8)(g->heads - 1);
    r->dl = disk_count + (emulation.active && emulation.drive & 0x80);
    return DISK_OK;
}

/* AH=15h: AH is the type here, carry clear; CX:DX the number of sectors. */
static void type(struct regs *r, struct drive *d)
{
    u32 sectors = (u32)(d->logical.cylinders - 1) * d->logical.heads * d->logical.sectors;
    r->ah = 3;
    r->cx = (u16)(sectors >> 16);
    r->dx = (u16)sectors;
    bda->disk_status = 0;
    set_carry(r, false);
}

static u8 reset(struct drive *d)
{
    const struct channel *ch = &channels[d->channel];
    if (d->kind >= DRIVE_FAR_DISK)
        return DISK_OK;
    ide_reset(ch);
    return ide_select(ch, 0xa0 | d->unit << 4) ? DISK_OK : DISK_NOT_READY;
}

static u8 ready(struct drive *d)
{
    const struct channel *ch = &channels[d->channel];
    if (is_cd(d))
        return cd_ready(d);
    if (d->kind == DRIVE_FAR_DISK)
        return far_wish(d, WISH_READY);
    return ide_select(ch, 0xa0 | d->unit << 4) && inb(ch->control) & 0x40 ? DISK_OK : DISK_NOT_READY;
}

static u8 disk_function(struct regs *r, struct drive *d)
{
    switch (r->ah) {
    case 0x00: /* reset */
    case 0x0d:
        return reset(d);
    case 0x02:
        return read_write(r, d, DISK_READ);
    case 0x03:
        return read_write(r, d, DISK_WRITE);
    case 0x04:
        return read_write(r, d, DISK_VERIFY);
    case 0x08:
        return parameters(r, d);
    case 0x09: /* initialize parameters, seek, recalibrate, diagnose: the drive does these itself */
    case 0x0c:
    case 0x11:
    case 0x14:
        return DISK_OK;
    case 0x10:
        return ready(d);
    case 0x05: /* format: modern drives are already formatted */
        return DISK_OK;
    default:
        return DISK_BAD_COMMAND;
    }
}

static void finish_disk(struct regs *r, u8 status)
{
    bda->disk_status = status;
    answer(r, status);
}

static void disk_service(struct regs *r, struct drive *d)
{
    if (r->ah == 0x01) {
        u8 last = bda->disk_status;
        bda->disk_status = 0;
        answer(r, last);
    } else if (r->ah == 0x15 && is_disk(d)) {
        type(r, d);
    } else if (r->ah == 0x41) { /* AH is the version */
        finish_disk(r, edd_service(r, d));
        if (!r->ah)
            r->ah = EDD_VERSION;
    } else if (r->ah >= 0x42 && r->ah <= 0x4e) {
        finish_disk(r, edd_service(r, d));
    } else {
        finish_disk(r, disk_function(r, d));
    }
}

/* ---------------------------------------------------------------- a disk that El Torito emulates */

static u8 emulated_read(struct regs *r, bool verify)
{
    const struct geometry *g = &emulation.geometry;
    u16 cylinder = r->ch | (r->cl & 0xc0) << 2, sector = r->cl & 0x3f;
    struct request q = {
        .count = r->al, .address = linear(r->es, r->bx), .direction = verify ? DISK_VERIFY : DISK_READ};
    r->al = 0;
    if (!q.count || !sector || cylinder >= g->cylinders || r->dh >= g->heads || sector > g->sectors)
        return DISK_BAD_COMMAND;
    q.lba = ((u32)cylinder * g->heads + r->dh) * g->sectors + sector - 1;
    u8 error = eltorito_transfer(&q);
    r->al = (u8)q.done;
    return error;
}

static u8 emulated_parameters(struct regs *r)
{
    static const u8 floppy_type[] = {0, 2, 4, 6};
    const struct geometry *g = &emulation.geometry;
    u16 last = g->cylinders - 1;
    r->ax = 0;
    r->ch = (u8)last;
    r->cl = (last >> 2 & 0xc0) | (g->sectors & 0x3f);
    r->dh = (u8)(g->heads - 1);
    r->dl = emulation.drive & 0x80 ? disk_count + 1 : 1;
    if (emulation.media < 4) {
        r->bl = floppy_type[emulation.media];
        r->bh = 0;
        r->es = CODE_SEG;
        r->di = 0xefc7;
    }
    return DISK_OK;
}

static u8 emulated_function(struct regs *r)
{
    switch (r->ah) {
    case 0x00:
    case 0x09:
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x11:
    case 0x14:
    case 0x16:
        return DISK_OK;
    case 0x02:
        return emulated_read(r, false);
    case 0x04:
        return emulated_read(r, true);
    case 0x03:
    case 0x05:
        return DISK_WRITE_PROTECTED;
    case 0x08:
        return emulated_parameters(r);
    case 0x4a:
    case 0x4b:
    case 0x4c:
    case 0x4d:
        return eltorito_service(r);
    default:
        return DISK_BAD_COMMAND;
    }
}

static void emulated_service(struct regs *r)
{
    if (r->ah == 0x01) {
        u8 last = bda->disk_status;
        answer(r, last);
    } else if (r->ah == 0x15) {
        r->ah = emulation.drive & 0x80 ? 3 : 1;
        if (emulation.drive & 0x80) {
            r->cx = (u16)(emulation.sectors >> 16);
            r->dx = (u16)emulation.sectors;
        }
        set_carry(r, false);
    } else {
        finish_disk(r, emulated_function(r));
    }
}

/* ---------------------------------------------------------------- INT 13h */

void int13_disk(struct regs *r)
{
    u8 number = r->dl;
    struct drive *d;
    if (emulation.active && number == emulation.drive) {
        emulated_service(r);
        return;
    }
    if (emulation.active && r->ah == 0x4b) { /* the emulation ends whatever the drive number is */
        finish_disk(r, eltorito_service(r));
        return;
    }
    d = find(number);
    if (!d && number < DISK_FIRST && (r->ah == 0x08 || r->ah == 0x15)) {
        floppy_service(r, NULL);
    } else if (!d) {
        if (r->ah == 0x08)
            r->al = 0;
        finish_disk(r, DISK_BAD_COMMAND);
    } else if (d->kind == DRIVE_FLOPPY) {
        floppy_service(r, d);
    } else {
        disk_service(r, d);
    }
}
