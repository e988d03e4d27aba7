/* vga.h - interfaces between the parts of the VGA. Private to vga*.c.
 *
 * Video memory is interleaved: byte 4n + p is plane p at offset n. Chain 4 and the linear frame buffer then
 * see it as plain memory; text mode's cells are at 4n (character), 4n + 1 (attribute), fonts in plane 2.
 * Odd/even addresses are halved: cell n is at offset n, and the CRTC's counter is an offset in byte, word and
 * doubleword mode alike. A guest that writes text in one addressing mode and reads it in another could see
 * the difference. */
#ifndef BOOTREEL_HV_BOARD_DISPLAY_VGA_H
#define BOOTREEL_HV_BOARD_DISPLAY_VGA_H

#include "hv/board/pci/function.h"
#include "hv/board/chip.h"

enum { VGA_MEMORY = 16 << 20, VGA_MMIO = 4096 };

/* Named register indices. */
enum { SEQ_CLOCKING = 1, SEQ_MAP_MASK = 2, SEQ_FONT = 3, SEQ_MEMORY = 4 };
enum {
    GR_SET_RESET = 0,
    GR_ENABLE_SET = 1,
    GR_COMPARE = 2,
    GR_ROTATE = 3,
    GR_READ_MAP = 4,
    GR_MODE = 5,
    GR_MISC = 6,
    GR_DONT_CARE = 7,
    GR_BIT_MASK = 8
};
enum {
    CR_HTOTAL = 0,
    CR_HDISPLAY = 1,
    CR_VTOTAL = 6,
    CR_OVERFLOW = 7,
    CR_SCAN = 9,
    CR_CURSOR_START = 10,
    CR_CURSOR_END = 11,
    CR_START_HIGH = 12,
    CR_START_LOW = 13,
    CR_CURSOR_HIGH = 14,
    CR_CURSOR_LOW = 15,
    CR_RETRACE_START = 16,
    CR_RETRACE_END = 17,
    CR_VDISPLAY = 18,
    CR_OFFSET = 19,
    CR_MODE = 23,
    CR_COMPARE = 24
};
enum { AR_MODE = 16, AR_PLANES = 18, AR_PAN = 19, AR_COLOUR = 20 };
/* Bochs VBE display interface. */
enum {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_MEMORY,
    VBE_COUNT
};
enum { VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40, VBE_NOCLEAR = 0x80 };

/* The memory BAR 2: the ports 3C0h-3DFh, the VBE registers, QEMU's own. */
enum { MMIO_PORTS = 0x400, MMIO_VBE = 0x500, MMIO_EXT = 0x600 };

/* The largest text screen that is reported line by line on the console. */
enum { CON_ROWS = 64, CON_COLS = 160 };

struct vga {
    struct board *board;
    struct pci_device pci;
    struct ramblock *vram, *rom; /* rom may be NULL */
    uint8_t *mem;                /* vram's host memory */
    unsigned mmio_id;
    uint64_t lfb_base, rom_base; /* derived: where they are mapped; UINT64_MAX */

    /* state */
    uint8_t misc, feature, enable;
    uint8_t seq_index, gr_index, crtc_index, attr_index;
    uint8_t attr_data; /* flip-flop: the next write to 3C0h is data */
    uint8_t seq[8], gr[16], crtc[32], attr[32];
    uint8_t dac_read, dac_write, dac_reading, dac_part, dac_mask;
    uint8_t dac_new[2]; /* the components of a colour before the last one */
    uint8_t dac[768];   /* as written: 6 bits, or 8 with VBE_8BIT_DAC */
    uint32_t latch;
    uint16_t vbe_index;
    uint16_t vbe[VBE_COUNT];
    /* the text reported so far (vga_console.c) */
    uint8_t con_valid;
    uint8_t con_rows, con_cols;
    uint16_t con_start;
    uint16_t con_row, con_col; /* the cursor when last examined */
    uint8_t con_reported[CON_ROWS];
    uint8_t con_text[CON_ROWS * CON_COLS];
};

static inline bool vga_vbe_on(const struct vga *v)
{
    return v->vbe[VBE_ENABLE] & VBE_ENABLED;
}
static inline unsigned vga_start(const struct vga *v)
{
    return v->crtc[CR_START_HIGH] << 8 | v->crtc[CR_START_LOW];
}
static inline unsigned vga_cursor(const struct vga *v)
{
    return v->crtc[CR_CURSOR_HIGH] << 8 | v->crtc[CR_CURSOR_LOW];
}
/* Scan lines that are displayed. */
static inline unsigned vga_lines(const struct vga *v)
{
    return 1 +
           (v->crtc[CR_VDISPLAY] | (v->crtc[CR_OVERFLOW] & 0x02) << 7 | (v->crtc[CR_OVERFLOW] & 0x40) << 3);
}

/* ---- vga.c: registers ---- */
uint32_t vga_port_in(void *ctx, uint16_t port, unsigned size);
void vga_port_out(void *ctx, uint16_t port, unsigned size, uint32_t value);

/* ---- vga_planar.c: the window at A0000h ---- */
uint64_t vga_window_read(void *ctx, uint64_t offset, unsigned size);
void vga_window_write(void *ctx, uint64_t offset, unsigned size, uint64_t value);

/* ---- vga_vbe.c ---- */
void vga_vbe_reset(struct vga *);
uint32_t vga_vbe_in(void *ctx, uint16_t port, unsigned size);
void vga_vbe_out(void *ctx, uint16_t port, unsigned size, uint32_t value);
uint32_t vga_vbe_line(const struct vga *); /* bytes per line */
uint64_t vga_mmio_read(void *ctx, uint64_t offset, unsigned size);
void vga_mmio_write(void *ctx, uint64_t offset, unsigned size, uint64_t value);

/* ---- vga_text.c ---- */
struct vga_text {
    unsigned cols, rows;
    unsigned stride; /* cells from one row to the next */
    unsigned start;  /* cell of the upper left corner */
    unsigned height; /* scan lines per row */
};
/* False in graphics modes, and if the registers do not define a valid screen. */
bool vga_text_mode(const struct vga *, struct vga_text *);
static inline const uint8_t *vga_cell(const struct vga *v, unsigned cell)
{
    return v->mem + (cell & 0xffff) * 4;
}
uint32_t vga_unicode(uint8_t c);
/* Is the character displayed as blank? */
static inline bool vga_blank(uint8_t c)
{
    return c == 0x20 || c == 0x00 || c == 0xff;
}

/* ---- vga_console.c ---- */
/* The cursor was moved: report the lines that are complete by now. */
void vga_console_look(struct vga *);

#endif
