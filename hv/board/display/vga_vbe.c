/* vga_vbe.c - the Bochs display interface ("DISPI"), by ports and by the PCI function's memory.
 *
 * Source: the interface's description in Bochs' vbe_display_api.txt; QEMU's docs/specs/standard-vga.txt for
 * BAR 2. An enabled mode overrides the VGA registers for addressing and display. */
#include "hv/board/display/vga.h"

#include <string.h>

enum { ID_FIRST = 0xb0c0, ID_LAST = 0xb0c5, MAX_XRES = 16000, MAX_YRES = 12000, MAX_BPP = 32 };

static uint32_t line_bytes(unsigned width, unsigned bpp)
{
    return bpp == 4 ? width / 2 : width * ((bpp + 7) / 8);
}

uint32_t vga_vbe_line(const struct vga *v)
{
    return line_bytes(v->vbe[VBE_VIRT_WIDTH], v->vbe[VBE_BPP]);
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Adjusts the registers to a mode that fits in memory; only while enabled. */
static void fix(struct vga *v)
{
    uint16_t *r = v->vbe;
    uint32_t line, rows;

    if (r[VBE_BPP] != 4 && r[VBE_BPP] != 15 && r[VBE_BPP] % 8)
        r[VBE_BPP] = 8;
    r[VBE_BPP] = clamp(r[VBE_BPP] ? r[VBE_BPP] : 8, 4, MAX_BPP);
    r[VBE_XRES] = clamp(r[VBE_XRES] & ~7, 8, MAX_XRES);
    r[VBE_VIRT_WIDTH] &= ~7;
    if (r[VBE_VIRT_WIDTH] < r[VBE_XRES])
        r[VBE_VIRT_WIDTH] = r[VBE_XRES];
    line = vga_vbe_line(v);
    rows = VGA_MEMORY / line;
    r[VBE_YRES] = clamp(r[VBE_YRES], 1, rows < MAX_YRES ? rows : MAX_YRES);
    r[VBE_VIRT_HEIGHT] = clamp(rows, 1, 0xffff);
    if (r[VBE_X_OFFSET] > r[VBE_VIRT_WIDTH] - r[VBE_XRES])
        r[VBE_X_OFFSET] = r[VBE_VIRT_WIDTH] - r[VBE_XRES];
    if (r[VBE_Y_OFFSET] > r[VBE_VIRT_HEIGHT] - r[VBE_YRES])
        r[VBE_Y_OFFSET] = r[VBE_VIRT_HEIGHT] - r[VBE_YRES];
}

static void write_enable(struct vga *v, uint16_t value)
{
    bool was_on = vga_vbe_on(v);

    v->vbe[VBE_ENABLE] = value;
    v->vbe[VBE_BANK] = 0;
    if (!(value & VBE_ENABLED) || was_on)
        return;
    v->vbe[VBE_VIRT_WIDTH] = v->vbe[VBE_X_OFFSET] = v->vbe[VBE_Y_OFFSET] = 0;
    fix(v);
    if (!(value & VBE_NOCLEAR)) {
        uint32_t n = v->vbe[VBE_YRES] * vga_vbe_line(v);

        memset(v->mem, 0, n);
        physmem_touch(board_mem(v->board), v->vram, 0, n);
    }
}

static void vga_vbe_write(struct vga *v, unsigned index, uint16_t value)
{
    switch (index) {
    case VBE_ID:
        if (value >= ID_FIRST && value <= ID_LAST)
            v->vbe[VBE_ID] = value;
        break;
    case VBE_ENABLE:
        write_enable(v, value);
        break;
    case VBE_BANK:
        v->vbe[VBE_BANK] = value & ((v->vbe[VBE_BPP] == 4 ? VGA_MEMORY >> 18 : VGA_MEMORY >> 16) - 1);
        break;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        v->vbe[index] = value;
        if (vga_vbe_on(v))
            fix(v);
        break;
    }
}

static uint16_t vga_vbe_read(const struct vga *v, unsigned index)
{
    bool caps = v->vbe[VBE_ENABLE] & VBE_GETCAPS;

    if (index >= VBE_COUNT)
        return 0;
    if (caps && index >= VBE_XRES && index <= VBE_BPP)
        return index == VBE_XRES ? MAX_XRES : index == VBE_YRES ? MAX_YRES : MAX_BPP;
    return v->vbe[index];
}

void vga_vbe_reset(struct vga *v)
{
    memset(v->vbe, 0, sizeof v->vbe);
    v->vbe_index = 0;
    v->vbe[VBE_ID] = ID_LAST;
    v->vbe[VBE_MEMORY] = VGA_MEMORY >> 16;
}

/* ---------------------------------------------------------------- ports 1CEh (index), 1CFh, 1D0h (data) */

uint32_t vga_vbe_in(void *ctx, uint16_t port, unsigned size)
{
    const struct vga *v = ctx;

    return port == 0x1ce ? v->vbe_index : vga_vbe_read(v, v->vbe_index);
}

void vga_vbe_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct vga *v = ctx;

    if (port == 0x1ce)
        v->vbe_index = value;
    else
        vga_vbe_write(v, v->vbe_index, value);
}

/* ---------------------------------------------------------------- BAR 2 */

/* 400h-41Fh: the ports 3C0h-3DFh. 500h: the DISPI registers, words. 600h: size of this block, byte order. The
 * first 1024 bytes would be the monitor's EDID; there is none, so they read as 0. */
uint64_t vga_mmio_read(void *ctx, uint64_t offset, unsigned size)
{
    struct vga *v = ctx;
    uint64_t value = 0;

    if (offset >= MMIO_PORTS && offset < MMIO_PORTS + 0x20) {
        for (unsigned i = 0; i < size && offset + i < MMIO_PORTS + 0x20; i++)
            value |= (uint64_t)(vga_port_in(v, 0x3c0 + (offset + i - MMIO_PORTS), 1) & 0xff) << 8 * i;
    } else if (offset >= MMIO_VBE && offset < MMIO_VBE + 2 * VBE_COUNT) {
        for (unsigned i = 0; i < size; i += 2)
            value |= (uint64_t)vga_vbe_read(v, (offset - MMIO_VBE + i) / 2) << 8 * i;
        value >>= offset & 1 ? 8 : 0;
    } else if (offset == MMIO_EXT) {
        value = 8;
    } else if (offset == MMIO_EXT + 4) {
        value = 0x1e1e1e1e; /* little-endian */
    }
    return value;
}

void vga_mmio_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct vga *v = ctx;

    if (offset >= MMIO_PORTS && offset < MMIO_PORTS + 0x20) {
        for (unsigned i = 0; i < size && offset + i < MMIO_PORTS + 0x20; i++)
            vga_port_out(v, 0x3c0 + (offset + i - MMIO_PORTS), 1, value >> 8 * i & 0xff);
    } else if (offset >= MMIO_VBE && offset < MMIO_VBE + 2 * VBE_COUNT && !(offset & 1)) {
        for (unsigned i = 0; i + 1 < size; i += 2)
            vga_vbe_write(v, (offset - MMIO_VBE + i) / 2, value >> 8 * i);
    } else if (offset == MMIO_EXT + 4 && (uint32_t)value != 0x1e1e1e1e) {
        board_unhandled(v->board, "vga big-endian frame buffer", offset, true, value);
    }
}
