/* vga.c - a VGA with the Bochs VBE extension, as the PCI function 1234:1111: its registers and address
 * ranges.
 *
 * Sources: IBM VGA technical reference (registers); QEMU's docs/specs/standard-vga.txt (the PCI function).
 * After a reset it is in text mode 3, so that a kernel started without a VGA BIOS has a text screen. The
 * retrace bits of input status 1 are computed from guest time and the CRT controller's timing. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/display/vga.h"
#include "hv/board/kinds.h"

#include <string.h>

/* ---------------------------------------------------------------- timing */

/* The timing of a frame, in ns; its display and retrace parts are in lines. */
struct raster {
    uint64_t line_ns, lines, display, retrace, retrace_end;
    uint64_t shown_ns; /* of a line */
};

static void raster_of(const struct vga *v, struct raster *r)
{
    uint64_t clock = v->misc >> 2 & 3 ? 28322000 : 25175000;
    unsigned width = v->seq[SEQ_CLOCKING] & 1 ? 8 : 9, total = v->crtc[CR_HTOTAL] + 5;
    unsigned over = v->crtc[CR_OVERFLOW];

    if (v->seq[SEQ_CLOCKING] & 8)
        clock /= 2;
    r->line_ns = muldiv64(total * width, 1000000000, clock);
    r->shown_ns = muldiv64((v->crtc[CR_HDISPLAY] + 1) * width, 1000000000, clock);
    r->lines = 2 + (v->crtc[CR_VTOTAL] | (over & 1) << 8 | (over & 0x20) << 4);
    r->display = vga_lines(v);
    r->retrace = v->crtc[CR_RETRACE_START] | (over & 4) << 6 | (over & 0x80) << 2;
    r->retrace_end = r->retrace + ((v->crtc[CR_RETRACE_END] - r->retrace) & 15);
    if (r->lines < 100 || r->display >= r->lines || r->retrace >= r->lines || r->retrace_end == r->retrace ||
        vga_vbe_on(v)) {
        /* If no monitor could show this picture, or in a VBE mode, which defines no timing, use 60 Hz. */
        *r = (struct raster){.line_ns = 31746,
                             .lines = 525,
                             .display = 480,
                             .retrace = 490,
                             .retrace_end = 492,
                             .shown_ns = 25400};
    }
}

/* Input status 1: bit 0 no display, bit 3 vertical retrace. */
static uint8_t input_status(const struct vga *v)
{
    struct raster r;
    uint64_t line, in_line;

    raster_of(v, &r);
    line = board_now(v->board) / r.line_ns % r.lines;
    in_line = board_now(v->board) % r.line_ns;
    return (line >= r.display || in_line >= r.shown_ns ? 0x01 : 0) |
           (line >= r.retrace && line < r.retrace_end ? 0x08 : 0);
}

/* ---------------------------------------------------------------- indexed registers */

static void write_seq(struct vga *v, uint8_t value)
{
    static const uint8_t mask[8] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};

    v->seq[v->seq_index & 7] = value & mask[v->seq_index & 7];
}

static void write_gr(struct vga *v, uint8_t value)
{
    static const uint8_t mask[16] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};

    v->gr[v->gr_index & 15] = value & mask[v->gr_index & 15];
}

static void write_crtc(struct vga *v, uint8_t value)
{
    unsigned i = v->crtc_index;

    if (i > CR_COMPARE)
        return;
    /* Registers 0-7 can be protected, except the line compare bit in 7. */
    if (v->crtc[CR_RETRACE_END] & 0x80 && i <= CR_OVERFLOW) {
        if (i == CR_OVERFLOW)
            v->crtc[i] = (v->crtc[i] & ~0x10) | (value & 0x10);
        return;
    }
    v->crtc[i] = value;
    if (i == CR_CURSOR_LOW)
        vga_console_look(v);
}

static void write_attr(struct vga *v, uint8_t value)
{
    static const uint8_t mask[32] = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                     0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f};
    unsigned i = v->attr_index & 31;

    if (v->attr_data)
        v->attr[i] = value & mask[i];
    else
        v->attr_index = value & 0x3f;
    v->attr_data ^= 1;
}

/* ---------------------------------------------------------------- palette */

static uint8_t read_dac(struct vga *v)
{
    uint8_t value = v->dac[v->dac_read * 3 + v->dac_part];

    if (++v->dac_part == 3) {
        v->dac_part = 0;
        v->dac_read++;
    }
    return value;
}

static void write_dac(struct vga *v, uint8_t value)
{
    uint8_t *colour = v->dac + v->dac_write * 3;

    if (!(v->vbe[VBE_ENABLE] & VBE_8BIT_DAC))
        value &= 0x3f;
    if (v->dac_part < 2) {
        v->dac_new[v->dac_part++] = value;
        return;
    }
    colour[0] = v->dac_new[0];
    colour[1] = v->dac_new[1];
    colour[2] = value;
    v->dac_part = 0;
    v->dac_write++;
}

/* ---------------------------------------------------------------- ports */

/* 3B4h, 3B5h, 3BAh are 3D4h, 3D5h, 3DAh of a monochrome display; only the selected set answers. */
static bool wrong_set(const struct vga *v, uint16_t port)
{
    return (port >= 0x3b0 && port <= 0x3bf && v->misc & 1) ||
           (port >= 0x3d0 && port <= 0x3df && !(v->misc & 1));
}

static uint16_t colour_port(uint16_t port)
{
    return port <= 0x3bf ? port + 0x20 : port;
}

uint32_t vga_port_in(void *ctx, uint16_t port, unsigned size)
{
    struct vga *v = ctx;

    if (wrong_set(v, port))
        return 0xff;
    switch (colour_port(port)) {
    case 0x3c0:
        return v->attr_index;
    case 0x3c1:
        return v->attr[v->attr_index & 31];
    case 0x3c2: /* input status 0: the monitor is sensed; no interrupt */
        return 0x10;
    case 0x3c3:
        return v->enable;
    case 0x3c4:
        return v->seq_index;
    case 0x3c5:
        return v->seq[v->seq_index & 7];
    case 0x3c6:
        return v->dac_mask;
    case 0x3c7:
        return v->dac_reading ? 3 : 0;
    case 0x3c8:
        return v->dac_write;
    case 0x3c9:
        return read_dac(v);
    case 0x3ca:
        return v->feature;
    case 0x3cc:
        return v->misc;
    case 0x3ce:
        return v->gr_index;
    case 0x3cf:
        return v->gr[v->gr_index & 15];
    case 0x3d4:
        return v->crtc_index;
    case 0x3d5:
        return v->crtc_index < sizeof v->crtc ? v->crtc[v->crtc_index] : 0xff;
    case 0x3da:
        v->attr_data = 0;
        return input_status(v);
    default:
        return 0xff;
    }
}

void vga_port_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct vga *v = ctx;

    if (wrong_set(v, port))
        return;
    switch (colour_port(port)) {
    case 0x3c0:
    case 0x3c1:
        write_attr(v, value);
        break;
    case 0x3c2:
        v->misc = value & ~0x10;
        break;
    case 0x3c3:
        v->enable = value;
        break;
    case 0x3c4:
        v->seq_index = value & 7;
        break;
    case 0x3c5:
        write_seq(v, value);
        break;
    case 0x3c6:
        v->dac_mask = value;
        break;
    case 0x3c7:
    case 0x3c8:
        v->dac_reading = port == 0x3c7;
        v->dac_part = 0;
        if (v->dac_reading)
            v->dac_read = value;
        else
            v->dac_write = value;
        break;
    case 0x3c9:
        write_dac(v, value);
        break;
    case 0x3ce:
        v->gr_index = value & 15;
        break;
    case 0x3cf:
        write_gr(v, value);
        break;
    case 0x3d4:
        v->crtc_index = value;
        break;
    case 0x3d5:
        write_crtc(v, value);
        break;
    case 0x3da:
        v->feature = value & 0x0f;
        break;
    }
}

/* ---------------------------------------------------------------- the PCI function */

static void map_memory(struct vga *v, uint64_t *at, uint64_t base, struct ramblock *block, bool rom)
{
    board_bar_memory(v->board, *at, base, block, rom);
    *at = base;
}

static void map_bar(void *ctx, unsigned bar, uint64_t base)
{
    struct vga *v = ctx;

    if (bar == 0)
        map_memory(v, &v->lfb_base, base, v->vram, false);
    else if (bar == 2)
        board_mmio_move(v->board, v->mmio_id, base);
    else if (bar == 6 && v->rom)
        map_memory(v, &v->rom_base, base, v->rom, true);
}

/* The image of the VGA BIOS becomes the expansion ROM, its size a power of two. */
static int load_rom(struct vga *v, struct error *err)
{
    const struct image *image = config_image(board_config(v->board), "vgabios");
    uint32_t size = 4096;

    if (!image)
        return 0;
    if (!image->size || image->size > 1 << 20)
        return error_set(err, "vgabios %s: %llu bytes; a video BIOS has 1 to 1048576", image->name,
                         (unsigned long long)image->size);
    while (size < image->size)
        size *= 2;
    v->rom = physmem_block(board_mem(v->board), "vgabios", size);
    if (!v->rom)
        return error_set(err, "no memory for the video BIOS");
    if (image->read(image->ctx, 0, ramblock_host(v->rom), image->size, err) < 0)
        return -1;
    physmem_touch(board_mem(v->board), v->rom, 0, size);
    v->pci.rom = (struct pci_bar){.size = size, .map = map_bar};
    return 0;
}

/* ---------------------------------------------------------------- state */

#define V struct vga
static const struct field fields[] = {
    FIELDS(V, pci.config), FIELD(V, misc),          FIELD(V, feature),    FIELD(V, enable),
    FIELD(V, seq_index),   FIELD(V, gr_index),      FIELD(V, crtc_index), FIELD(V, attr_index),
    FIELD(V, attr_data),   FIELDS(V, seq),          FIELDS(V, gr),        FIELDS(V, crtc),
    FIELDS(V, attr),       FIELD(V, dac_read),      FIELD(V, dac_write),  FIELD(V, dac_reading),
    FIELD(V, dac_part),    FIELD(V, dac_mask),      FIELDS(V, dac_new),   FIELDS(V, dac),
    FIELD(V, latch),       FIELD(V, vbe_index),     FIELDS(V, vbe),       FIELD(V, con_valid),
    FIELD(V, con_rows),    FIELD(V, con_cols),      FIELD(V, con_start),  FIELD(V, con_row),
    FIELD(V, con_col),     FIELDS(V, con_reported), FIELDS(V, con_text),
};
#undef V

/* 80x25 text, 9x16 cells. */
static void set_mode3(struct vga *v)
{
    static const uint8_t seq[5] = {0x03, 0x00, 0x03, 0x00, 0x02};
    static const uint8_t gr[9] = {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff};
    static const uint8_t crtc[25] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                     0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                     0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
    static const uint8_t attr[21] = {0,    1,    2,    3,    4,    5,    0x14, 7,    0x38, 0x39, 0x3a,
                                     0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0,    0x0f, 0x08, 0};

    memcpy(v->seq, seq, sizeof seq);
    memcpy(v->gr, gr, sizeof gr);
    memcpy(v->crtc, crtc, sizeof crtc);
    memcpy(v->attr, attr, sizeof attr);
    v->misc = 0x67;
    v->attr_index = 0x20;
    v->dac_mask = 0xff;
    /* The EGA's 64 colours: bits 2-0 give two thirds of red, green, blue, and bits 5-3 the other third. */
    for (unsigned i = 0; i < 64; i++)
        for (unsigned part = 0; part < 3; part++)
            v->dac[i * 3 + part] = (i >> (2 - part) & 1 ? 0x2a : 0) + (i >> (5 - part) & 1 ? 0x15 : 0);
}

static void reset(void *state)
{
    struct vga *v = state;

    v->feature = v->enable = v->seq_index = v->gr_index = v->crtc_index = v->attr_data = 0;
    v->dac_read = v->dac_write = v->dac_reading = v->dac_part = 0;
    v->latch = 0;
    memset(v->seq, 0, sizeof v->seq);
    memset(v->gr, 0, sizeof v->gr);
    memset(v->crtc, 0, sizeof v->crtc);
    memset(v->attr, 0, sizeof v->attr);
    memset(v->dac, 0, sizeof v->dac);
    memset(v->dac_new, 0, sizeof v->dac_new);
    vga_vbe_reset(v);
    set_mode3(v);
}

static void loaded(void *state)
{
    struct vga *v = state;

    /* The state may come from a damaged file. */
    if (v->con_rows > CON_ROWS || v->con_cols > CON_COLS || v->con_row >= CON_ROWS ||
        v->con_row >= v->con_rows)
        v->con_valid = 0;
    if (v->dac_part > 2)
        v->dac_part = 0;
    if (vga_vbe_on(v) && (uint64_t)vga_vbe_line(v) * v->vbe[VBE_YRES] > VGA_MEMORY)
        v->vbe[VBE_ENABLE] = 0;
    pci_loaded(v->board, &v->pci);
}

/* ---------------------------------------------------------------- creation */

static const char chip_name[] = "vga", memory_name[] = "vram";

bool board_shows(const char *part)
{
    return !strcmp(part, chip_name) || !strcmp(part, memory_name);
}

static int create_memory(struct vga *v, struct error *err)
{
    v->vram = physmem_block(board_mem(v->board), memory_name, VGA_MEMORY);
    if (!v->vram)
        return error_set(err, "no memory for the video memory");
    v->mem = ramblock_host(v->vram);
    return load_rom(v, err);
}

int vga_create(struct board *board, struct error *err)
{
    struct vga *v = mem_zero(1, sizeof *v);
    struct chip chip = {chip_name, fields, FIELD_COUNT(fields), v, reset, loaded, NULL};

    v->board = board;
    v->lfb_base = v->rom_base = UINT64_MAX;
    board_add_chip(board, &chip);
    board_set_slot(board, SLOT_VGA, v);
    pci_init(&v->pci, "vga", board_kind_of(board_config(board), err)->vga_devfn, 0x1234, 0x1111, 0x030000, 2,
             0);
    v->pci.bar[0] = (struct pci_bar){.size = VGA_MEMORY, .prefetch = true, .map = map_bar};
    v->pci.bar[2] = (struct pci_bar){.size = VGA_MMIO, .map = map_bar};
    v->pci.ctx = v;
    if (create_memory(v, err) < 0)
        return -1;
    v->mmio_id = board_mmio_bar(board, VGA_MMIO, v, vga_mmio_read, vga_mmio_write);
    board_mmio(board, 0xa0000, 0x20000, v, vga_window_read, vga_window_write);
    /* 3BCh-3BFh are a parallel port's. */
    board_ports(board, 0x3b0, 12, true, v, vga_port_in, vga_port_out);
    board_ports(board, 0x3c0, 32, true, v, vga_port_in, vga_port_out);
    board_ports(board, 0x1ce, 3, false, v, vga_vbe_in, vga_vbe_out);
    board_add_pci(board, &v->pci);
    reset(v);
    return 0;
}
