/* ide_smart.c - ATA disks: SMART, and DATA SET MANAGEMENT, by which a host says which blocks it does not need (TRIM).
 *
 * Sources: ATA/ATAPI-7 (T13/1532D) volume 1, 6.54 (SMART); ATA8-ACS (T13/1699D), 7.53.6.8 (logs); ACS-2 (T13/2015-D), 7.10. The
 * attributes are those that QEMU's disk has; their meaning is a convention of the vendors. */
#include "base/byte_order.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/ide.h"

#include <string.h>

enum { SMART_MID = 0x4f, SMART_HIGH = 0xc2, FAILING_MID = 0xf4, FAILING_HIGH = 0x2c };
enum { TEMPERATURE = 31 };
enum { LOG_DIRECTORY = 0, LOG_ERRORS = 1, LOG_TESTS = 6 };
enum { TEST_OFFLINE = 0, TEST_SHORT = 1, TEST_EXTENDED = 2, TEST_ABORT = 0x7f, TEST_CAPTIVE = 0x80 };

/* ---------------------------------------------------------------- what it knows about itself */

static uint64_t hours(struct ide_channel *ch)
{
    return board_now(ch->board) / 3600000000000u;
}

/* 1: pre-failure, 2: collected online too. */
static const struct attribute {
    uint8_t id, flags, value, threshold;
    uint32_t raw;
} attributes[] = {
    {1, 3, 100, 6, 0},  /* read errors */
    {3, 3, 100, 0, 0},  /* spin-up time */
    {4, 2, 100, 20, 1}, /* starts */
    {5, 3, 100, 36, 0}, /* sectors reallocated */
    {9, 3, 100, 0, 0},  /* hours of power */
    {12, 3, 100, 0, 1}, /* power cycles */
    {190, 3, 100 - TEMPERATURE, 50,
     TEMPERATURE << 24 | TEMPERATURE << 16 | TEMPERATURE}, /* now, least, most */
};
enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0], ATTRIBUTE = 12, HOURS_OF_POWER = 9 };

static void put_sum(uint8_t *b)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < IDE_SECTOR - 1; i++)
        sum += b[i];
    b[IDE_SECTOR - 1] = (uint8_t)-sum;
}

static void put_data(struct ide_channel *ch, uint8_t *b)
{
    const struct ata_smart *s = &ide_selected(ch)->smart;
    b[0] = 1;
    for (unsigned i = 0; i < ATTRIBUTES; i++) {
        const struct attribute *a = &attributes[i];
        uint8_t *p = b + 2 + i * ATTRIBUTE;
        p[0] = a->id;
        p[1] = a->flags;
        p[3] = p[4] = a->value;
        put_le(p + 5, a->id == HOURS_OF_POWER ? hours(ch) : a->raw, 6);
    }
    b[362] = 0x02 | (s->manual ? 0 : 0x80); /* offline collection has ended without error; it is automatic */
    put_le(b + 364, 288, 2);                /* seconds that it takes */
    b[367] = 0x19;                          /* can be executed, scans the surface, self-tests */
    b[368] = 3;                             /* saves attributes */
    b[370] = 1;                             /* logs errors */
    b[372] = 2;                             /* minutes of a short test, and an extended one */
    b[373] = 54;
}

static void put_thresholds(uint8_t *b)
{
    b[0] = 1;
    for (unsigned i = 0; i < ATTRIBUTES; i++) {
        b[2 + i * ATTRIBUTE] = attributes[i].id;
        b[3 + i * ATTRIBUTE] = attributes[i].threshold;
    }
}

/* The entries begin at byte 2, of 24 bytes; byte 508 is the number of the last one. */
static void put_tests(const struct ata_smart *s, uint8_t *b)
{
    b[0] = 1;
    for (unsigned i = 0; i < SMART_TESTS; i++) {
        uint8_t *p = b + 2 + 24 * i;
        p[0] = s->test[i];
        put_le(p + 2, s->hours[i], 2);
    }
    b[508] = s->last;
}

static bool put_log(const struct ata_smart *s, unsigned log, uint8_t *b)
{
    switch (log) {
    case LOG_DIRECTORY:
        b[0] = 1;
        b[2 * LOG_ERRORS] = b[2 * LOG_TESTS] = 1;
        return true;
    case LOG_ERRORS: /* none */
        b[0] = 1;
        return true;
    case LOG_TESTS:
        put_tests(s, b);
        return true;
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- its commands */

/* Tests end at once, and find nothing. */
static bool test(struct ide_channel *ch, unsigned kind)
{
    struct ata_smart *s = &ide_selected(ch)->smart;
    const unsigned plain = kind & ~(unsigned)TEST_CAPTIVE;
    if (kind == TEST_OFFLINE || kind == TEST_ABORT)
        return true;
    if (plain != TEST_SHORT && plain != TEST_EXTENDED)
        return false;
    const unsigned at = s->last % SMART_TESTS;
    s->test[at] = (uint8_t)kind;
    s->hours[at] = (uint16_t)hours(ch);
    s->last = (uint8_t)(at + 1);
    return true;
}

static bool read_data(struct ide_channel *ch)
{
    put_data(ch, ch->buf);
    return true;
}

static bool read_thresholds(struct ide_channel *ch)
{
    put_thresholds(ch->buf);
    return true;
}

static bool read_log(struct ide_channel *ch)
{
    const struct ide_drive *d = ide_selected(ch);
    return d->reg[REG_COUNT] == 1 && put_log(&d->smart, d->reg[REG_LOW], ch->buf);
}

static bool autosave(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    if (d->reg[REG_COUNT] != 0 && d->reg[REG_COUNT] != 0xf1)
        return false;
    d->smart.manual = !d->reg[REG_COUNT];
    return true;
}

static bool save(struct ide_channel *ch)
{
    return true;
}

static bool execute(struct ide_channel *ch)
{
    return test(ch, ide_selected(ch)->reg[REG_LOW]);
}

static bool enable(struct ide_channel *ch)
{
    ide_selected(ch)->smart.off = 0;
    return true;
}

static bool disable(struct ide_channel *ch)
{
    ide_selected(ch)->smart.off = 1;
    return true;
}

/* A drive that is about to fail would have F4h and 2Ch in these registers; the host has written 4Fh and C2h. */
static bool status(struct ide_channel *ch)
{
    return true;
}

static const struct smart_command {
    const char *name;
    bool (*run)(struct ide_channel *); /* false: the command is aborted */
    bool reads;                        /* 512 bytes */
} smart_commands[] = {
    {"SMART READ DATA", read_data, true},
    {"SMART READ THRESHOLDS", read_thresholds, true},
    {"SMART ATTRIBUTE AUTOSAVE", autosave, false},
    {"SMART SAVE ATTRIBUTE VALUES", save, false},
    {"SMART EXECUTE OFF-LINE IMMEDIATE", execute, false},
    {"SMART READ LOG", read_log, true},
    {"SMART WRITE LOG", NULL, false},
    {NULL, NULL, false},
    {"SMART ENABLE OPERATIONS", enable, false},
    {"SMART DISABLE OPERATIONS", disable, false},
    {"SMART RETURN STATUS", status, false},
};
enum {
    SMART_FIRST = 0xd0,
    SMART_ENABLE = 0xd8,
    SMART_COMMANDS = sizeof smart_commands / sizeof smart_commands[0]
};

static const struct smart_command *smart_command(uint8_t feature)
{
    static const struct smart_command none = {0};
    const unsigned i = feature - SMART_FIRST;
    return i < SMART_COMMANDS ? &smart_commands[i] : &none;
}

const char *ata_smart_name(uint8_t feature)
{
    const struct smart_command *c = smart_command(feature);
    return c->name ? c->name : "SMART";
}

void ata_smart(struct ide_channel *ch)
{
    const struct ide_drive *d = ide_selected(ch);
    const struct smart_command *c = smart_command(d->reg[REG_FEATURE]);
    const bool key = d->reg[REG_MID] == SMART_MID && d->reg[REG_HIGH] == SMART_HIGH;
    if (c->reads)
        memset(ch->buf, 0, IDE_SECTOR);
    if (!key || !c->run || (d->smart.off && d->reg[REG_FEATURE] != SMART_ENABLE) || !c->run(ch)) {
        ide_done(ch, ER_ABRT);
        return;
    }
    if (!c->reads) {
        ide_done(ch, 0);
        return;
    }
    put_sum(ch->buf);
    ata_reply(ch);
}

/* Words of IDENTIFY: SMART with its error log and self-tests, DATA SET MANAGEMENT with TRIM, after which
 * blocks read as zeros. */
void ata_identify_smart(const struct ide_drive *d, uint16_t *w)
{
    w[69] |= 0x4020;
    w[82] |= 1;
    w[84] |= 3;
    w[85] |= !d->smart.off;
    w[87] |= 3;
    w[169] = 1;
}

/* ---------------------------------------------------------------- DATA SET MANAGEMENT */

/* By DMA: `count` blocks with 64 ranges each. */
void ata_trim(struct ide_channel *ch)
{
    enum { TRIM = 1 };
    const struct ide_drive *d = ide_selected(ch);
    ch->total = ch->count = d->reg[REG_COUNT] | (uint32_t)d->hob[REG_COUNT] << 8;
    ch->first_lba = ch->lba = 0;
    if (d->reg[REG_FEATURE] != TRIM || !ch->count)
        ide_done(ch, ER_ABRT);
    else
        ch->ops->dma_ready(ch);
}

static bool trim_range(struct ide_channel *ch, uint64_t lba, uint32_t count)
{
    const struct ide_drive *d = ide_selected(ch);
    if (lba > d->sectors || count > d->sectors - lba)
        return false;
    ide_event_transfer(ch, true, ch->command, ata_command_name(ch->command), lba, count, UINT64_MAX);
    if (disk_zero(d->disk, lba * IDE_SECTOR, (uint64_t)count * IDE_SECTOR))
        return false;
    if (!d->write_cache)
        disk_through(d->disk, lba * IDE_SECTOR, (uint64_t)count * IDE_SECTOR);
    return true;
}

/* A range is 6 bytes of address and 2 of length; those of length 0 mean nothing. One beyond the end aborts the command, and what was
 * trimmed before stays so. */
static bool trim_block(struct ide_channel *ch, bool *any)
{
    for (unsigned i = 0; i < IDE_SECTOR; i += 8) {
        const uint32_t count = (uint32_t)get_le(ch->buf + i + 6, 2);
        if (count && !trim_range(ch, get_le(ch->buf + i, 6), count))
            return false;
        *any |= count != 0;
    }
    return true;
}

enum dma_outcome ata_trim_run(struct ide_channel *ch, void *walk)
{
    bool any = false;
    for (; ch->count; ch->count--) {
        if (ch->ops->move(ch, walk, ch->buf, IDE_SECTOR, false) < IDE_SECTOR)
            return DMA_SHORT_TABLE;
        if (!trim_block(ch, &any))
            return DMA_BAD_MEDIUM;
    }
    if (!any)
        ide_event_command(ch, ch->command, ata_command_name(ch->command));
    return DMA_MOVED;
}
