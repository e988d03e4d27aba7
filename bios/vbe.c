/* vbe.c - INT 10h AH=4Fh: high-resolution modes by the Bochs display interface.
 *
 * Sources: VESA BIOS Extension (VBE) Core Functions 3.0; Bochs' vbe_display_api.txt (registers at 1CEh and
 * 1CFh).
 */
#include "bios/video.h"

enum {
    DISPI_INDEX = 0x1ce,
    DISPI_DATA = 0x1cf,
    D_ID = 0,
    D_XRES,
    D_YRES,
    D_BPP,
    D_ENABLE,
    D_BANK,
    D_VIRT_WIDTH,
    D_VIRT_HEIGHT,
    D_X_OFFSET,
    D_Y_OFFSET,
    D_MEMORY,
    ENABLED = 0x01,
    DAC_8BIT = 0x20,
    LFB = 0x40,
    NO_CLEAR = 0x80,
    MODE_LFB = 0x4000,
    MODE_KEEP = 0x8000,
    FAILED = 0x014f,
    WRONG_MODE = 0x034f,
    NOT_THERE = 0x0100,
    DONE = 0x004f,
};

struct vbe_mode {
    u16 number, width, height;
    u8 bits;
};

static const struct vbe_mode modes[] = {
    {0x100, 640, 400, 8},    {0x101, 640, 480, 8},    {0x102, 800, 600, 4},    {0x103, 800, 600, 8},
    {0x104, 1024, 768, 4},   {0x105, 1024, 768, 8},   {0x106, 1280, 1024, 4},  {0x107, 1280, 1024, 8},
    {0x10d, 320, 200, 15},   {0x10e, 320, 200, 16},   {0x10f, 320, 200, 24},   {0x110, 640, 480, 15},
    {0x111, 640, 480, 16},   {0x112, 640, 480, 24},   {0x113, 800, 600, 15},   {0x114, 800, 600, 16},
    {0x115, 800, 600, 24},   {0x116, 1024, 768, 15},  {0x117, 1024, 768, 16},  {0x118, 1024, 768, 24},
    {0x119, 1280, 1024, 15}, {0x11a, 1280, 1024, 16}, {0x11b, 1280, 1024, 24}, {0x11c, 1600, 1200, 8},
    {0x11d, 1600, 1200, 15}, {0x11e, 1600, 1200, 16}, {0x11f, 1600, 1200, 24}, {0x140, 320, 200, 32},
    {0x141, 640, 400, 32},   {0x142, 640, 480, 32},   {0x143, 800, 600, 32},   {0x144, 1024, 768, 32},
    {0x145, 1280, 1024, 32}, {0x146, 320, 200, 8},    {0x147, 1600, 1200, 32}, {0x148, 1152, 864, 8},
    {0x149, 1152, 864, 15},  {0x14a, 1152, 864, 16},  {0x14b, 1152, 864, 24},  {0x14c, 1152, 864, 32},
    {0x175, 1280, 768, 16},  {0x177, 1280, 768, 32},  {0x178, 1280, 800, 16},  {0x17a, 1280, 800, 32},
    {0x17b, 1280, 960, 16},  {0x17d, 1280, 960, 32},  {0x17e, 1440, 900, 16},  {0x180, 1440, 900, 32},
    {0x181, 1400, 1050, 16}, {0x183, 1400, 1050, 32}, {0x184, 1680, 1050, 16}, {0x186, 1680, 1050, 32},
    {0x187, 1920, 1200, 16}, {0x189, 1920, 1200, 32}, {0x18d, 1280, 720, 16},  {0x18f, 1280, 720, 32},
    {0x190, 1920, 1080, 16}, {0x192, 1920, 1080, 32},
};

static bool present;
static u16 now; /* the mode that is set; 0 if standard */
static u32 frame_buffer;
static u16 blocks; /* of 64 KiB */

static void put(u16 index, u16 value)
{
    outw(DISPI_INDEX, index);
    outw(DISPI_DATA, value);
}

static u16 get(u16 index)
{
    outw(DISPI_INDEX, index);
    return inw(DISPI_DATA);
}

/* The version last written reads back; B0C5h has everything used here. */
bool vbe_init(void)
{
    put(D_ID, 0xb0c5);
    present = get(D_ID) == 0xb0c5;
    now = 0;
    if (!present)
        return false;
    blocks = get(D_MEMORY);
    frame_buffer = shared.vga ? pci_read32(shared.vga, PCI_BAR0) & ~15u : 0;
    log("VBE: %u MiB at %x\n", blocks / 16, frame_buffer);
    return true;
}

bool vbe_active(void)
{
    return now;
}

void vbe_off(void)
{
    if (present)
        put(D_ENABLE, 0);
    now = 0;
}

static u32 line_bytes(const struct vbe_mode *m)
{
    return m->bits == 4 ? m->width / 8 : m->width * ((m->bits + 7u) / 8);
}

static u32 mode_bytes(const struct vbe_mode *m)
{
    return line_bytes(m) * m->height * (m->bits == 4 ? 4 : 1);
}

static const struct vbe_mode *find(u16 number)
{
    for (unsigned i = 0; i < COUNT(modes); i++)
        if (modes[i].number == number && mode_bytes(&modes[i]) <= (u32)blocks << 16)
            return &modes[i];
    return NULL;
}

/* ---------------------------------------------------------------- 4F00h: the controller */

struct controller {
    char signature[4];
    u16 version;
    u32 name;
    u32 capabilities;
    u32 modes;
    u16 memory;
    u16 revision;
    u32 vendor, product, product_revision;
} PACKED;

static const char vendor_name[] = "bootreel", product_name[] = "bootreel BIOS, Bochs display",
                  revision_name[] = "1";

static u32 text(const char *s)
{
    return far_pointer(DATA_SEG, (u16)(u32)s);
}

/* The list of modes is in the reserved part of the caller's block. */
static u16 controller_information(struct regs *r)
{
    struct controller c = {.version = 0x0300, .capabilities = 1, .memory = blocks, .revision = 0x0100};
    u32 signature = far_read32(r->es, r->di);
    u16 at = r->di + sizeof c;
    memcpy(c.signature, "VESA", 4);
    c.name = c.vendor = text(vendor_name);
    c.product = text(product_name);
    c.product_revision = text(revision_name);
    c.modes = far_pointer(r->es, at);
    for (unsigned i = 0; i < COUNT(modes); i++) {
        if (!find(modes[i].number))
            continue;
        far_write16(r->es, at, modes[i].number);
        at += 2;
    }
    far_write16(r->es, at, 0xffff);
    /* A caller of version 1 has room for only 256 bytes, so only those are
     * written; it does not know the last fields. */
    far_put(r->es, r->di, &c, signature == 0x32454256 ? sizeof c : offsetof(struct controller, revision));
    return DONE;
}

/* ---------------------------------------------------------------- 4F01h: a mode */

struct information {
    u16 attributes;
    u8 window_a, window_b;
    u16 granularity, window_size, segment_a, segment_b;
    u32 window_function;
    u16 line;
    u16 width, height;
    u8 cell_width, cell_height, planes, bits, banks, model, bank_size, pages, reserved;
    u8 red_size, red_at, green_size, green_at, blue_size, blue_at, rest_size, rest_at, direct;
    u32 frame_buffer;
    u8 reserved2[6];
    u16 linear_line;
    u8 banked_pages, linear_pages;
    u8 linear_colours[8];
    u32 clock;
    u8 reserved3[190];
} PACKED;
_Static_assert(sizeof(struct information) == 256, "VBE");

enum { MODEL_PLANAR = 3, MODEL_PACKED = 4, MODEL_DIRECT = 6 };

static void set_colours(struct information *i, u8 bits)
{
    static const u8 rgb15[8] = {5, 10, 5, 5, 5, 0, 1, 15}, rgb16[8] = {5, 11, 6, 5, 5, 0, 0, 0},
                    rgb24[8] = {8, 16, 8, 8, 8, 0, 0, 0}, rgb32[8] = {8, 16, 8, 8, 8, 0, 8, 24};
    const u8 *from = bits == 15 ? rgb15 : bits == 16 ? rgb16 : bits == 24 ? rgb24 : rgb32;
    if (bits <= 8)
        return;
    memcpy(&i->red_size, from, 8);
    memcpy(i->linear_colours, from, 8);
    i->direct = bits == 32 ? 2 : 0;
}

extern char vbe_window_entry[];

static u16 mode_information(struct regs *r)
{
    const struct vbe_mode *m = find(r->cx & 0x3fff);
    struct information i = {0};
    u32 pages;
    if (!m)
        return FAILED;
    pages = ((u32)blocks << 16) / mode_bytes(m) - 1;
    i.attributes = 0x003b | (m->bits > 4 && frame_buffer ? 0x80 : 0); /* not a VGA's addressing */
    i.window_a = 7;
    i.granularity = i.window_size = 64;
    i.segment_a = 0xa000;
    i.window_function = VECTOR_OF(vbe_window_entry);
    i.line = i.linear_line = (u16)line_bytes(m);
    i.width = m->width;
    i.height = m->height;
    i.cell_width = 8;
    i.cell_height = 16;
    i.planes = m->bits == 4 ? 4 : 1;
    i.bits = m->bits;
    i.banks = 1;
    i.model = m->bits == 4 ? MODEL_PLANAR : m->bits == 8 ? MODEL_PACKED : MODEL_DIRECT;
    i.pages = i.banked_pages = i.linear_pages = pages > 255 ? 255 : (u8)pages;
    i.reserved = 1;
    set_colours(&i, m->bits);
    i.frame_buffer = i.attributes & 0x80 ? frame_buffer : 0;
    far_put(r->es, r->di, &i, sizeof i);
    return DONE;
}

/* ---------------------------------------------------------------- 4F02h, 4F03h */

static u16 set_mode(struct regs *r)
{
    u16 number = r->bx & 0x3fff;
    const struct vbe_mode *m;
    if (number < 0x100) {
        if (!video_find((u8)number & 0x7f))
            return FAILED;
        video_set((u8)number & 0x7f, !(r->bx & MODE_KEEP) && !(number & 0x80));
        return DONE;
    }
    m = find(number);
    if (!m || (r->bx & MODE_LFB && (m->bits == 4 || !frame_buffer)))
        return FAILED;
    vbe_off();
    video_registers(video_find(m->bits == 4 ? 0x12 : 0x13)); /* addressing of the window as in these */
    palette_load(m->bits == 4 ? PALETTE_EGA : PALETTE_VGA);
    put(D_XRES, m->width);
    put(D_YRES, m->height);
    put(D_BPP, m->bits);
    put(D_ENABLE, ENABLED | (r->bx & MODE_LFB ? LFB : 0) | (r->bx & MODE_KEEP ? NO_CLEAR : 0));
    put(D_BANK, 0);
    now = number | (r->bx & (MODE_LFB | MODE_KEEP));
    bda->columns = m->width / 8;
    bda->rows = m->height / 16 - 1;
    bda->char_height = 16;
    return DONE;
}

static u16 get_mode(struct regs *r)
{
    r->bx = now ? now : bda->video_mode;
    return DONE;
}

/* ---------------------------------------------------------------- 4F05h: which 64 KiB are at A0000h */

static u16 window(struct regs *r)
{
    if (!now || r->bl)
        return FAILED;
    if (r->bh == 1) {
        r->dx = get(D_BANK);
        return DONE;
    }
    if (r->bh || r->dx >= blocks)
        return FAILED;
    put(D_BANK, r->dx);
    return DONE;
}

/* ---------------------------------------------------------------- 4F06h, 4F07h: longer lines, another start
 */

static u16 line_length(struct regs *r)
{
    const struct vbe_mode *m = find(now & 0x3fff);
    u32 pixel_bytes, line, most;
    if (!m)
        return FAILED;
    pixel_bytes = (m->bits + 7u) / 8;
    most = m->bits == 4 ? 8192 : 16000;
    switch (r->bl) {
    case 0:
        put(D_VIRT_WIDTH, r->cx);
        break;
    case 2:
        put(D_VIRT_WIDTH, m->bits == 4 ? r->cx * 8 : (u16)((r->cx + pixel_bytes - 1) / pixel_bytes));
        break;
    case 1:
        break;
    case 3:
        r->bx =
            m->bits == 4 ? (u16)(most / 8) : (u16)(most * pixel_bytes > 0xffff ? 0xffff : most * pixel_bytes);
        r->cx = (u16)most;
        r->dx = (u16)(((u32)blocks << 16) / r->bx);
        return DONE;
    default:
        return FAILED;
    }
    r->cx = get(D_VIRT_WIDTH);
    line = m->bits == 4 ? r->cx / 8u : r->cx * pixel_bytes;
    r->bx = (u16)line;
    r->dx = get(D_VIRT_HEIGHT);
    return DONE;
}

static u16 display_start(struct regs *r)
{
    if (!now)
        return FAILED;
    switch (r->bl) {
    case 0x00:
    case 0x80: /* at the retrace; here immediately */
        put(D_X_OFFSET, r->cx);
        put(D_Y_OFFSET, r->dx);
        return get(D_X_OFFSET) == r->cx && get(D_Y_OFFSET) == r->dx ? DONE : FAILED;
    case 0x01:
        r->bh = 0;
        r->cx = get(D_X_OFFSET);
        r->dx = get(D_Y_OFFSET);
        return DONE;
    default:
        return FAILED;
    }
}

/* ---------------------------------------------------------------- 4F08h, 4F09h: colours */

static u16 dac_width(struct regs *r)
{
    u16 enable = get(D_ENABLE);
    const struct vbe_mode *m = find(now & 0x3fff);
    if (!m || m->bits > 8)
        return WRONG_MODE;
    if (r->bl == 0)
        put(D_ENABLE, r->bh >= 8 ? enable | DAC_8BIT | NO_CLEAR : (enable & ~DAC_8BIT) | NO_CLEAR);
    else if (r->bl != 1)
        return FAILED;
    r->bh = get(D_ENABLE) & DAC_8BIT ? 8 : 6;
    return DONE;
}

/* Entries of four bytes: blue, green, red, nothing. */
static u16 palette(struct regs *r)
{
    u16 at = r->di;
    if ((r->bl & 0x7f) > 1 || r->cx > 256 || r->dx > 255)
        return FAILED;
    for (u16 i = 0; i < r->cx; i++, at += 4) {
        u8 index = (u8)(r->dx + i);
        if (r->bl == 1) {
            outb(DAC_READ, index);
            for (u16 part = 2; part < 3; part--)
                far_write8(r->es, at + part, inb(DAC_DATA));
            far_write8(r->es, at + 3, 0);
        } else {
            palette_write_dac(index, far_read8(r->es, at + 2), far_read8(r->es, at + 1),
                              far_read8(r->es, at));
        }
    }
    return DONE;
}

/* ---------------------------------------------------------------- 4F04h: save and restore */

enum { DISPI_BLOCK = 64, DISPI_SAVED = 9 };

static u16 save_restore(struct regs *r)
{
    struct regs standard = *r;
    standard.ax = 0x1c00 | r->dl;
    standard.cx = r->cx & 7;
    standard.bx = r->bx + (r->cx & 8 ? DISPI_BLOCK : 0);
    if (r->dl == 0) {
        standard.bx = 0;
        video_save_restore(&standard);
        r->bx = standard.bx + (r->cx & 8 ? 1 : 0);
        return DONE;
    }
    if (r->dl == 1) {
        far_write16(r->es, r->bx, now);
        for (u16 i = D_XRES; r->cx & 8 && i <= D_Y_OFFSET; i++)
            far_write16(r->es, r->bx + 2 * i, get(i));
        video_save_restore(&standard);
        return DONE;
    }
    if (r->dl != 2)
        return FAILED;
    if (r->cx & 8) {
        u16 enable = far_read16(r->es, r->bx + 2 * D_ENABLE);
        put(D_ENABLE, 0);
        for (u16 i = D_XRES; i <= D_BPP; i++)
            put(i, far_read16(r->es, r->bx + 2 * i));
        put(D_ENABLE, enable | (enable & ENABLED ? NO_CLEAR : 0));
        for (u16 i = D_BANK; i <= D_Y_OFFSET; i++)
            if (i != D_VIRT_HEIGHT)
                put(i, far_read16(r->es, r->bx + 2 * i));
        now = far_read16(r->es, r->bx);
    }
    video_save_restore(&standard);
    return DONE;
}

void vbe_service(struct regs *r)
{
    static u16 (*const service[])(struct regs *) = {
        controller_information, mode_information, set_mode, get_mode, save_restore, window, line_length,
        display_start,          dac_width,        palette,
    };
    if (!present)
        return;
    r->ax = r->al < COUNT(service) ? service[r->al](r)
                                   : NOT_THERE; /* power, protected mode, monitor's data: none */
}
