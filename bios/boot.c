/* boot.c - INT 18h and INT 19h: from which device, in which order, and why not.
 *
 * Sources: IBM PC/AT Technical Reference (INT 19h: boot sector at 0:7C00, DL the drive); QEMU's boot order:
 * fw_cfg file "bootorder" (device paths), or the CMOS bytes 3Dh and 38h (nibbles 1 floppy, 2 disk, 3 CD, 4
 * network).
 */
#include "bios/disk.h"

struct boot_list boot_list;

enum { RANK_LAST = 0x7fff, BOOT_SECTOR = 0x7c00 };

/* ---------------------------------------------------------------- order */

/* Whether the text up to the end of line matches the pattern, exactly or followed by a further path. */
static bool fits(const char *line, const char *pattern)
{
    for (; *pattern; pattern++, line++) {
        if (*pattern == '*') {
            while (*line && *line != '\n' && *line != pattern[1])
                line++;
            line--;
        } else if (*line != *pattern) {
            /* Function number 0 may be left out: "@1" is "@1,0". */
            if (pattern[0] == ',' && pattern[1] == '0' && (*line == '/' || !*line || *line == '\n')) {
                pattern++;
                line--;
                continue;
            }
            return false;
        }
    }
    return !*line || *line == '\n' || *line == '/';
}

u16 bootorder_find(const char *pattern)
{
    const char *line = shared.bootorder;
    for (u16 rank = 1; *line; rank++) {
        if (fits(line, pattern))
            return rank;
        while (*line && *line++ != '\n')
            ;
    }
    return 0;
}

/* The order by kind of device, if there is no list. */
static u16 cmos_rank(u8 kind)
{
    static const u8 nibble_of[] = {[BOOT_FLOPPY] = 1, [BOOT_DISK] = 2, [BOOT_CD] = 3, [BOOT_ROM] = 4};
    u8 first = cmos_read(0x3d), third = cmos_read(0x38) >> 4;
    u8 order[3] = {first & 15, first >> 4, third};
    for (u16 i = 0; i < 3; i++)
        if (order[i] == nibble_of[kind])
            return i + 1;
    return 0;
}

static u16 listed_rank(const struct boot_entry *e)
{
    char pattern[64];
    u16 bdf;
    u8 drive;
    switch (e->kind) {
    case BOOT_FLOPPY:
        format_text(pattern, sizeof pattern, "/pci@i0cf8/isa@1/fdc@03f0/floppy@%x", e->index);
        break;
    case BOOT_ROM:
        bdf = bevs[e->index].bdf;
        format_text(pattern, sizeof pattern, "/pci@i0cf8/*@%x,%x", bdf >> 3 & 31, bdf & 7);
        break;
    default:
        drive = e->kind == BOOT_DISK ? disks[e->index] : cds[e->index];
        drive_path(drive, pattern, sizeof pattern);
        break;
    }
    return bootorder_find(pattern);
}

/* What is not listed comes after: floppies, disks, CDs, ROMs. */
static u16 rank_of(const struct boot_entry *e)
{
    u16 rank = shared.bootorder[0] ? listed_rank(e) : cmos_rank(e->kind) << 8;
    if (!rank)
        rank = 0x4000 + (e->kind << 8);
    return rank + (shared.bootorder[0] && rank < 0x4000 ? 0 : e->index);
}

static void add(u8 kind, u8 index)
{
    struct boot_entry e = {.kind = kind, .index = index};
    unsigned at = boot_list.count;
    if (boot_list.count == BOOT_MAX)
        return;
    e.rank = rank_of(&e);
    for (; at && boot_list.entry[at - 1].rank > e.rank; at--)
        boot_list.entry[at] = boot_list.entry[at - 1];
    boot_list.entry[at] = e;
    boot_list.count++;
}

void boot_list_make(void)
{
    for (u8 i = 0; i < FLOPPIES; i++)
        if (floppies[i].kind)
            add(BOOT_FLOPPY, i);
    for (u8 i = 0; i < disk_count; i++)
        add(BOOT_DISK, i);
    for (u8 i = 0; i < cd_count; i++)
        add(BOOT_CD, i);
    for (u8 i = 0; i < bev_count; i++)
        add(BOOT_ROM, i);
}

void boot_entry_name(const struct boot_entry *e, char *to, unsigned room)
{
    char name[40];
    switch (e->kind) {
    case BOOT_FLOPPY:
        format_text(to, room, "floppy %c", 'A' + e->index);
        break;
    case BOOT_DISK:
        if (e->index)
            format_text(to, room, "hard disk %02xh (%s)", DISK_FIRST + e->index,
                        drives[disks[e->index]].model);
        else
            format_text(to, room, "hard disk (%s)", drives[disks[0]].model);
        break;
    case BOOT_CD:
        format_text(to, room, "CD-ROM (%s)", drives[cds[e->index]].model);
        break;
    default:
        name[0] = 0;
        for (unsigned i = 0; bevs[e->index].name && i + 1 < sizeof name; i++) {
            name[i] = far_read8(bevs[e->index].name_segment, bevs[e->index].name + i);
            name[i + 1] = 0;
            if (!name[i])
                break;
        }
        format_text(to, room, "ROM (%s)", name);
        break;
    }
}

/* ---------------------------------------------------------------- trying */

static const char *error_text(u8 status)
{
    switch (status) {
    case DISK_NO_MEDIUM:
    case DISK_TIMEOUT:
    case DISK_NOT_READY:
        return "no medium, or not ready";
    default:
        return "read error";
    }
}

/* Reads a boot sector by INT 13h, which may be hooked. Retried once, because a floppy first reports a change. */
static const char *boot_sector(u8 drive, bool need_signature)
{
    struct regs r;
    for (unsigned tries = 0; tries < 2; tries++) {
        r = (struct regs){
            .ax = 0x0201, .bx = BOOT_SECTOR, .cx = 0x0001, .dx = drive, .es = 0, .ds = DATA_SEG};
        call_int(0x13, &r);
        if (!(r.flags & FLAG_CARRY))
            break;
    }
    if (r.flags & FLAG_CARRY)
        return error_text(r.ah);
    if (need_signature && far_read16(0, BOOT_SECTOR + 510) != 0xaa55)
        return "no boot signature in the first sector";
    return NULL;
}

static void enter(u32 where, u8 drive)
{
    post_code(0x20);
    log("booting: %04x:%04x, drive %02xh\n", where >> 16, where & 0xffff, drive);
    launch(where, drive);
}

static const char *try_entry(const struct boot_entry *e)
{
    const char *why;
    u32 where;
    u8 drive;
    switch (e->kind) {
    case BOOT_FLOPPY: /* CMOS 38h bit 0: a floppy needs no signature */
        why = boot_sector(e->index, !(cmos_read(0x38) & 1));
        if (!why)
            enter(far_pointer(0, BOOT_SECTOR), e->index);
        return why;
    case BOOT_DISK:
        why = boot_sector(DISK_FIRST + e->index, true);
        if (!why)
            enter(far_pointer(0, BOOT_SECTOR), DISK_FIRST + e->index);
        return why;
    case BOOT_CD:
        where = eltorito_boot(cds[e->index], &drive, &why);
        if (where)
            enter(where, drive);
        return why;
    default:
        enter(bevs[e->index].entry, 0);
        return NULL;
    }
}

/* After the last device: wait and begin again, or stop. */
static void nothing_left(void)
{
    print("No bootable device.%s\n", shared.fail_wait == 255 ? "" : " Trying again later.");
    post_code(0x2f);
    if (shared.fail_wait == 255)
        for (;;)
            wait_for_interrupt();
    u32 start = bda->ticks;
    while (bda->ticks - start < shared.fail_wait * 18u)
        wait_for_interrupt();
    asm volatile("int $0x19");
}

/* INT 18h: the previous device gave up. */
void boot_next(void)
{
    char name[80];
    while (boot_list.next < boot_list.count) {
        const struct boot_entry *e = &boot_list.entry[boot_list.next++];
        const char *why;
        if (e->kind == BOOT_DISK && e->index)
            continue; /* only if chosen in the menu: its boot sector assumes disk 80h */
        boot_entry_name(e, name, sizeof name);
        print("Booting from %s\n", name);
        why = try_entry(e);
        print("  %s\n", why ? why : "it came back");
    }
    nothing_left();
}

/* INT 19h. */
void boot_first(void)
{
    boot_list.next = 0;
    emulation.active = false;
    bda->disks = disk_count;
    boot_next();
}
