/* pflash.c - parallel NOR flash with the Intel command set: firmware and its variables.
 *
 * One or two banks of byte-wide chips: the first ends at 4 GiB, the second below it. While a bank is read as an array it is mapped as
 * memory, so code runs in it; a command switches all of it to registers until "read array". Writes are always commands. What is
 * programmed and erased is in the bank's memory, which is part of the state; a reset does not touch it.
 *
 * Sources: Intel, "Common Flash Interface (CFI) and Command Sets", AP-646; Intel StrataFlash 28F320J3 datasheet. As in QEMU's model,
 * which firmware for it relies on: operations end at once; the status register is 0 after "clear status", which also leads to the
 * array; programming replaces bytes; blocks have 4 KiB; commands are in the low byte of a wider access. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/engine/settings.h"
#include "hv/board/chips.h"
#include "hv/board/firmware/pflash.h"
#include "hv/board/internal.h"

enum { BLOCK = 4096, BUFFER_LOG2 = 8, BUFFER = 1 << BUFFER_LOG2 };

struct pflash {
    struct board *board;
    struct ramblock *block;
    const char *role;
    uint64_t base, size;
    bool read_only;
    bool mapped; /* derived: as an array */
    /* state */
    uint8_t command; /* 0: read array */
    uint8_t cycle;   /* of the command: 0 when it is complete */
    uint8_t status;
    uint16_t count; /* bytes that a buffered write still gets */
    uint16_t used;  /* … and has */
    uint8_t buffer[BUFFER];
    uint32_t at[BUFFER]; /* their offsets */
};

static const struct field fields[] = {
    FIELD(struct pflash, command), FIELD(struct pflash, cycle), FIELD(struct pflash, status),
    FIELD(struct pflash, count),   FIELD(struct pflash, used),  FIELD_BYTES(struct pflash, buffer),
    FIELDS(struct pflash, at),
};

/* ---------------------------------------------------------------- array or registers */

static void map(struct pflash *s)
{
    bool array = s->command == 0;
    if (array == s->mapped)
        return;
    s->mapped = array;
    if (array)
        physmem_map(s->board->mem, s->base, s->size, s->block, 0, NULL, 0, false);
    else
        physmem_unmap(s->board->mem, s->base, s->size);
}

static void set_command(struct pflash *s, uint8_t command, uint8_t cycle)
{
    s->command = command;
    s->cycle = cycle;
    map(s);
}

static void read_array(struct pflash *s)
{
    set_command(s, 0, 0);
}

/* ---------------------------------------------------------------- what is read while it is not an array */

/* The query's answers from 10h on. */
static const uint8_t query[] = {
    'Q',         'R',  'Y',  0x01,
    0x00,        0x31, 0x00, 0x00,
    0x00,        0x00, 0x00,       /* Intel's commands; primary table at 31h */
    0x45,        0x55, 0x00, 0x00, /* supply voltages */
    0x07,        0x07, 0x0a, 0x00,
    0x04,        0x04, 0x04, 0x00, /* times */
    0x00,        0x02, 0x00, BUFFER_LOG2,
    0x00, /* size, interface, buffer */
    0x01,        0x00, 0x00, BLOCK >> 8 & 0xff,
    BLOCK >> 16, /* one region of equal blocks */
    'P',         'R',  'I',  '1',
    '0',         0x00, 0x00, 0x00,
    0x00, /* primary table */
};
enum { QUERY = 0x10, QUERY_SIZE = 0x27, QUERY_BLOCKS = 0x2d };

static uint8_t query_byte(const struct pflash *s, uint64_t offset)
{
    uint64_t blocks = s->size / BLOCK - 1;
    if (offset == QUERY_SIZE)
        return (uint8_t)__builtin_ctzll(s->size);
    if (offset == QUERY_BLOCKS || offset == QUERY_BLOCKS + 1)
        return (uint8_t)(blocks >> 8 * (offset - QUERY_BLOCKS));
    return offset >= QUERY && offset - QUERY < sizeof query ? query[offset - QUERY] : 0;
}

static uint8_t register_byte(const struct pflash *s, uint64_t offset)
{
    switch (s->command) {
    case PFLASH_READ_ID:
        return 0;
    case PFLASH_QUERY:
        return query_byte(s, offset & 0xff);
    default:
        return s->status;
    }
}

static uint64_t flash_read(void *ctx, uint64_t offset, unsigned size)
{
    const struct pflash *s = ctx;
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)register_byte(s, offset + i) << 8 * i;
    return v;
}

/* ---------------------------------------------------------------- programming and erasing */

static void finish(struct pflash *s, uint8_t errors)
{
    s->status |= PFLASH_READY | errors;
    s->cycle = 0;
}

/* Reports bytes that were programmed or erased. */
static void say(const struct pflash *s, uint64_t offset, uint64_t n)
{
    board_medium(s->board, &(struct engine_medium){.what = MEDIUM_FLASH,
                                                   .role = s->role,
                                                   .offset = offset,
                                                   .n = n,
                                                   .data = ramblock_host(s->block) + offset});
}

/* Whether an operation fails, since errors=nvram says so: the chip is as worn out, and only its status tells. */
static bool fails(const struct pflash *s, uint64_t offset, uint64_t n, const char *what)
{
    char text[64];
    bool again;
    if (!board_flash_error(s->board, offset, n, &again))
        return false;
    snprintf(text, sizeof text, "%s %s", what, s->role);
    struct event ev = {.kind = EV_FLASH_ERROR, .data = text, .len = (uint32_t)strlen(text)};
    ev.f[EVF_FLASH_ERROR_offset] = offset;
    if (!again)
        board_event(s->board, &ev);
    return true;
}

/* Whether the chip has these bytes, to be written. */
static bool has(const struct pflash *s, uint64_t offset, unsigned size)
{
    return !s->read_only && offset + size <= s->size;
}

static void put(struct pflash *s, uint64_t offset, uint64_t value, unsigned size)
{
    if (!has(s, offset, size)) {
        finish(s, PFLASH_PROGRAM_ERROR);
        return;
    }
    memcpy(ramblock_host(s->block) + offset, &value, size); /* little-endian, as the host */
    physmem_touch(s->board->mem, s->block, offset, size);
    say(s, offset, size);
    finish(s, 0);
}

static void program(struct pflash *s, uint64_t offset, uint64_t value, unsigned size)
{
    if (has(s, offset, size) && fails(s, offset, size, "programming"))
        finish(s, PFLASH_PROGRAM_ERROR);
    else
        put(s, offset, value, size);
}

static void erase(struct pflash *s, uint64_t offset)
{
    offset &= ~(uint64_t)(BLOCK - 1);
    if (s->read_only || fails(s, offset, BLOCK, "erasing")) {
        finish(s, PFLASH_ERASE_ERROR);
        return;
    }
    memset(ramblock_host(s->block) + offset, 0xff, BLOCK);
    physmem_touch(s->board->mem, s->block, offset, BLOCK);
    say(s, offset, BLOCK);
    finish(s, 0);
}

/* ---------------------------------------------------------------- a buffered write: how many, the bytes, the confirmation */

static void begin_buffer(struct pflash *s, uint64_t value)
{
    s->count = (uint16_t)((value & 0xff) + 1);
    s->used = 0;
    s->cycle = 2;
}

static void fill_buffer(struct pflash *s, uint64_t offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size && s->count; i++, s->count--, s->used++) {
        s->at[s->used] = (uint32_t)(offset + i);
        s->buffer[s->used] = (uint8_t)(value >> 8 * i);
    }
    s->cycle = s->count ? 2 : 3;
}

static void write_buffer(struct pflash *s, uint8_t confirm)
{
    if (confirm != PFLASH_CONFIRM) {
        finish(s, PFLASH_PROGRAM_ERROR | PFLASH_ERASE_ERROR);
        return;
    }
    if (s->used && has(s, s->at[0], 1) && fails(s, s->at[0], s->used, "programming")) {
        finish(s, PFLASH_PROGRAM_ERROR);
        return;
    }
    for (unsigned i = 0; i < s->used; i++)
        put(s, s->at[i], s->buffer[i], 1);
}

/* ---------------------------------------------------------------- commands */

static void first_cycle(struct pflash *s, uint8_t command, uint64_t value)
{
    switch (command) {
    case 0:
    case PFLASH_READ_ARRAY:
    case PFLASH_RESET_AMD: /* a probe for another command set */
        read_array(s);
        return;
    case PFLASH_CLEAR_STATUS:
        s->status = 0;
        read_array(s);
        return;
    case PFLASH_READ_STATUS:
    case PFLASH_READ_ID:
    case PFLASH_QUERY:
        set_command(s, command, 0);
        return;
    case PFLASH_PROGRAM:
    case PFLASH_PROGRAM_ALIAS:
    case PFLASH_ERASE:
    case PFLASH_LOCK:
        set_command(s, command, 1);
        return;
    case PFLASH_WRITE_BUFFER:
        s->status |= PFLASH_READY;
        set_command(s, command, 1);
        return;
    default:
        board_unhandled(s->board, "flash command", command, true, value);
        read_array(s);
    }
}

static void next_cycle(struct pflash *s, uint64_t offset, uint64_t value, unsigned size)
{
    uint8_t byte = (uint8_t)value;
    switch (s->command) {
    case PFLASH_PROGRAM:
    case PFLASH_PROGRAM_ALIAS:
        program(s, offset, value, size);
        break;
    case PFLASH_ERASE:
        if (byte == PFLASH_CONFIRM)
            erase(s, offset);
        else if (byte == PFLASH_READ_ARRAY)
            read_array(s);
        else
            finish(s, PFLASH_PROGRAM_ERROR | PFLASH_ERASE_ERROR);
        break;
    case PFLASH_WRITE_BUFFER:
        if (s->cycle == 1)
            begin_buffer(s, value);
        else if (s->cycle == 2)
            fill_buffer(s, offset, value, size);
        else
            write_buffer(s, byte);
        break;
    default: /* locking: all blocks are unlocked, and stay so */
        if (byte == PFLASH_READ_ARRAY)
            read_array(s);
        else
            finish(s, 0);
    }
}

static void flash_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct pflash *s = ctx;
    if (!s->cycle)
        first_cycle(s, (uint8_t)value, value);
    else
        next_cycle(s, offset, value, size);
}

/* ---------------------------------------------------------------- life */

static void reset(void *state)
{
    struct pflash *s = state;
    s->status = 0;
    s->count = s->used = 0;
    memset(s->buffer, 0, sizeof s->buffer);
    memset(s->at, 0, sizeof s->at);
    read_array(s);
}

/* The state may come from a damaged file. */
static void loaded(void *state)
{
    struct pflash *s = state;
    if (s->used > BUFFER || s->count > BUFFER - s->used)
        s->used = s->count = 0;
    map(s);
}

static int read_image(struct pflash *s, const char *role, const struct image *im, struct error *err)
{
    enum { MOST = 8 << 20 };
    if (im->size == 0 || im->size > MOST || im->size % BLOCK)
        return error_set(err, "%s: %llu bytes: a flash image must be a multiple of 4 KiB, at most 8 MiB",
                         im->name, (unsigned long long)im->size);
    s->size = im->size;
    s->block = physmem_block(s->board->mem, role, im->size);
    if (!s->block)
        return error_set(err, "%s: out of memory", im->name);
    if (im->read(im->ctx, 0, ramblock_host(s->block), im->size, err))
        return -1;
    physmem_touch(s->board->mem, s->block, 0, im->size);
    return 0;
}

static int create_bank(struct board *b, const char *role, uint64_t end, struct pflash **bank,
                       struct error *err)
{
    const struct image *im = config_image(b->cfg, role);
    *bank = NULL;
    if (!im)
        return 0;
    struct pflash *s = mem_zero(1, sizeof *s);
    s->board = b;
    s->role = im->role;
    s->read_only = setting_has(b->cfg, role, "read-only");
    board_add_chip(b, &(struct chip){.name = role,
                                     .fields = fields,
                                     .nfields = FIELD_COUNT(fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    if (read_image(s, role, im, err))
        return -1;
    s->base = end - s->size;
    board_mmio(b, s->base, s->size, s, flash_read, flash_write);
    *bank = s;
    return 0;
}

int pflash_create(struct board *b, struct error *err)
{
    const uint64_t top = 0x100000000u;
    struct pflash *first, *second;
    if (create_bank(b, "pflash0", top, &first, err))
        return -1;
    if (!first)
        return 0;
    b->rom = first->block; /* for the copy below 1 MiB */
    return create_bank(b, "pflash1", first->base, &second, err);
}
