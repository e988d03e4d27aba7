/* vga_planar.c - the memory window at A0000h: the graphics controller's read and write modes.
 *
 * Source: IBM VGA technical reference (graphics controller, sequencer memory mode). */
#include "hv/board/display/vga.h"

/* Expands the four plane bits to four bytes. */
static uint32_t planes(unsigned bits)
{
    return (bits & 1 ? 0xff : 0) | (bits & 2 ? 0xff00 : 0) | (bits & 4 ? 0xff0000 : 0) |
           (bits & 8 ? 0xff000000 : 0);
}

/* The decoded part of the window, according to the miscellaneous register: first byte and size. */
static bool in_window(const struct vga *v, uint32_t *address)
{
    static const struct {
        uint32_t first, size;
    } map[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned which = vga_vbe_on(v) ? 1 : v->gr[GR_MISC] >> 2 & 3;

    *address -= map[which].first;
    return *address < map[which].size;
}

/* How an address selects its bytes. */
enum addressing { PLANAR, ODD_EVEN, CHAIN4 };

static bool chained(const struct vga *v)
{
    return v->seq[SEQ_MEMORY] & 8 || (vga_vbe_on(v) && v->vbe[VBE_BPP] >= 8);
}

/* Index in video memory of plane 0 at the address's offset. */
static uint32_t place(const struct vga *v, uint32_t address, enum addressing how)
{
    uint32_t bank = vga_vbe_on(v) ? (uint32_t)v->vbe[VBE_BANK] << 16 : 0, at;

    at = how == CHAIN4     ? (bank + address) & ~3u
         : how == ODD_EVEN ? (address & ~1u) << 1
                           : (bank + address) << 2;
    return at & (VGA_MEMORY - 1);
}

static uint32_t *vram32(const struct vga *v, uint32_t at)
{
    return (uint32_t *)(v->mem + at);
}

/* ---------------------------------------------------------------- writes */

static uint32_t rotate(unsigned value, unsigned n)
{
    return (value >> n | value << (8 - n)) & 0xff;
}

/* Applies the selected function with the latches. */
static uint32_t combine(const struct vga *v, uint32_t value)
{
    switch (v->gr[GR_ROTATE] >> 3 & 3) {
    case 1:
        return value & v->latch;
    case 2:
        return value | v->latch;
    case 3:
        return value ^ v->latch;
    default:
        return value;
    }
}

/* The data for the four planes (before the map mask). */
static uint32_t plane_data(const struct vga *v, uint8_t byte)
{
    unsigned mode = v->gr[GR_MODE] & 3, turned = rotate(byte, v->gr[GR_ROTATE] & 7);
    uint32_t bits = v->gr[GR_BIT_MASK] * 0x01010101u, value, set = planes(v->gr[GR_SET_RESET]);

    if (mode == 1)
        return v->latch;
    if (mode == 0) {
        uint32_t enable = planes(v->gr[GR_ENABLE_SET]);

        value = ((turned * 0x01010101u) & ~enable) | (set & enable);
    } else if (mode == 2) {
        value = planes(byte);
    } else {
        bits &= turned * 0x01010101u;
        value = set;
    }
    return (combine(v, value) & bits) | (v->latch & ~bits);
}

/* Write mode 0 without any modification: the byte is written as it is. Used by text and mode 13h. */
static bool is_plain(const struct vga *v)
{
    return !(v->gr[GR_MODE] & 3) && !(v->gr[GR_ENABLE_SET] & 15) && !v->gr[GR_ROTATE] &&
           v->gr[GR_BIT_MASK] == 0xff;
}

static void write_byte(struct vga *v, uint32_t address, uint8_t byte, enum addressing how, bool plain)
{
    unsigned mask = v->seq[SEQ_MAP_MASK] & 15;
    uint32_t at = place(v, address, how), planes_mask;

    if (how == CHAIN4)
        mask = (vga_vbe_on(v) ? 15 : mask) & 1 << (address & 3); /* a VBE mode needs no VGA register */
    else if (how == ODD_EVEN)
        mask &= address & 1 ? 0x0a : 0x05;
    planes_mask = planes(mask);
    *vram32(v, at) =
        (*vram32(v, at) & ~planes_mask) | ((plain ? byte * 0x01010101u : plane_data(v, byte)) & planes_mask);
}

void vga_window_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct vga *v = ctx;
    enum addressing how = chained(v) ? CHAIN4 : v->seq[SEQ_MEMORY] & 4 ? PLANAR : ODD_EVEN;
    bool plain = is_plain(v);
    uint32_t low = UINT32_MAX, high = 0;

    for (unsigned i = 0; i < size; i++) {
        uint32_t address = offset + i, at;

        if (!in_window(v, &address))
            continue;
        write_byte(v, address, value >> 8 * i, how, plain);
        at = place(v, address, how);
        low = at < low ? at : low;
        high = at + 4 > high ? at + 4 : high;
    }
    if (low < high)
        physmem_touch(board_mem(v->board), v->vram, low, high - low);
}

/* ---------------------------------------------------------------- reads */

/* Read mode 1: a bit is 1 where the planes that are compared have the compare colour. */
static uint8_t compare_colour(const struct vga *v)
{
    uint32_t differs = (v->latch ^ planes(v->gr[GR_COMPARE])) & planes(v->gr[GR_DONT_CARE]);

    return ~(differs | differs >> 8 | differs >> 16 | differs >> 24);
}

static uint8_t read_byte(struct vga *v, uint32_t address)
{
    enum addressing how = chained(v) ? CHAIN4 : v->gr[GR_MODE] & 0x10 ? ODD_EVEN : PLANAR;
    unsigned plane = v->gr[GR_READ_MAP] & 3;

    v->latch = *vram32(v, place(v, address, how));
    if (how == CHAIN4)
        plane = address & 3;
    else if (v->gr[GR_MODE] & 8)
        return compare_colour(v);
    else if (how == ODD_EVEN)
        plane = (plane & 2) | (address & 1);
    return v->latch >> 8 * plane;
}

uint64_t vga_window_read(void *ctx, uint64_t offset, unsigned size)
{
    struct vga *v = ctx;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        uint32_t address = offset + i;

        value |= (uint64_t)(in_window(v, &address) ? read_byte(v, address) : 0xff) << 8 * i;
    }
    return value;
}
