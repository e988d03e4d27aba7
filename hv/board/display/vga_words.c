/* vga_words.c - the VGA in words.
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem (registers and their names);
 * Bochs, VBE display interface (1CEh, 1CFh). */
#include "hv/board/display/vga.h"
#include "hv/board/words/words.h"

static const char manual[] = "IBM PS/2 Hardware Interface Technical Reference, Video Subsystem",
                  vbe_manual[] = "Bochs VBE display interface";

static const struct word_reg sequencer[] = {
    {0, WORD_BOTH, "reset", NULL, "Sequencer Registers", SHOW_VALUE},
    {SEQ_CLOCKING, WORD_BOTH, "clocking mode", NULL, "Sequencer Registers", SHOW_VALUE},
    {SEQ_MAP_MASK, WORD_BOTH, "map mask", NULL, "Sequencer Registers", SHOW_VALUE},
    {SEQ_FONT, WORD_BOTH, "character map select", NULL, "Sequencer Registers", SHOW_VALUE},
    {SEQ_MEMORY, WORD_BOTH, "memory mode", NULL, "Sequencer Registers", SHOW_VALUE},
    {7, WORD_BOTH, "horizontal counter reset", NULL, "Sequencer Registers", SHOW_VALUE},
};
static const struct word_value write_modes[] = {
    {0, "write mode 0"}, {1, "write mode 1"}, {2, "write mode 2"}, {3, "write mode 3"}, {0, NULL}};
static const struct word_bits mode_bits[] = {{0x03, "write mode", NULL, write_modes},
                                             {0x08, "read mode 1", "read mode 0", NULL},
                                             {0x10, "odd/even", NULL, NULL},
                                             {0x40, "256 colours", NULL, NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_value windows[] = {
    {0, "A0000h-BFFFFh"}, {1, "A0000h-AFFFFh"}, {2, "B0000h-B7FFFh"}, {3, "B8000h-BFFFFh"}, {0, NULL}};
static const struct word_bits misc_bits[] = {{0x01, "graphics", "text", NULL},
                                             {0x02, "chain odd/even", NULL, NULL},
                                             {0x0c, "memory", NULL, windows},
                                             {0, NULL, NULL, NULL}};
static const struct word_reg graphics[] = {
    {GR_SET_RESET, WORD_BOTH, "set/reset", NULL, "Graphics Controller Registers", SHOW_VALUE},
    {GR_ENABLE_SET, WORD_BOTH, "enable set/reset", NULL, "Graphics Controller Registers", SHOW_VALUE},
    {GR_COMPARE, WORD_BOTH, "color compare", NULL, "Graphics Controller Registers", SHOW_VALUE},
    {GR_ROTATE, WORD_BOTH, "data rotate", NULL, "Graphics Controller Registers", SHOW_VALUE},
    {GR_READ_MAP, WORD_BOTH, "read map select", NULL, "Graphics Controller Registers", SHOW_VALUE},
    {GR_MODE, WORD_BOTH, "graphics mode", mode_bits, "Graphics Controller Registers", SHOW_VALUE},
    {GR_MISC, WORD_BOTH, "miscellaneous", misc_bits, "Graphics Controller Registers", SHOW_VALUE},
    {GR_DONT_CARE, WORD_BOTH, "color don't care", NULL, "Graphics Controller Registers", SHOW_VALUE},
    {GR_BIT_MASK, WORD_BOTH, "bit mask", NULL, "Graphics Controller Registers", SHOW_VALUE},
};
static const char crtc_source[] = "CRT Controller Registers";
static const struct word_bits start_bits[] = {
    {0x1f, "first line", NULL, NULL}, {0x20, "cursor off", "cursor on", NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits scan_bits[] = {
    {0x1f, "last line of a row", NULL, NULL}, {0x80, "lines doubled", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_reg crtc[] = {
    {CR_HTOTAL, WORD_BOTH, "horizontal total", NULL, crtc_source, SHOW_VALUE},
    {CR_HDISPLAY, WORD_BOTH, "horizontal display-enable end", NULL, crtc_source, SHOW_VALUE},
    {2, WORD_BOTH, "start horizontal blanking", NULL, crtc_source, SHOW_VALUE},
    {3, WORD_BOTH, "end horizontal blanking", NULL, crtc_source, SHOW_VALUE},
    {4, WORD_BOTH, "start horizontal retrace", NULL, crtc_source, SHOW_VALUE},
    {5, WORD_BOTH, "end horizontal retrace", NULL, crtc_source, SHOW_VALUE},
    {CR_VTOTAL, WORD_BOTH, "vertical total", NULL, crtc_source, SHOW_VALUE},
    {CR_OVERFLOW, WORD_BOTH, "overflow", NULL, crtc_source, SHOW_VALUE},
    {8, WORD_BOTH, "preset row scan", NULL, crtc_source, SHOW_VALUE},
    {CR_SCAN, WORD_BOTH, "maximum scan line", scan_bits, crtc_source, SHOW_VALUE},
    {CR_CURSOR_START, WORD_BOTH, "cursor start", start_bits, crtc_source, SHOW_VALUE},
    {CR_CURSOR_END, WORD_BOTH, "cursor end", NULL, crtc_source, SHOW_VALUE},
    {CR_START_HIGH, WORD_BOTH, "start address high", NULL, crtc_source, SHOW_VALUE},
    {CR_START_LOW, WORD_BOTH, "start address low", NULL, crtc_source, SHOW_VALUE},
    {CR_CURSOR_HIGH, WORD_BOTH, "cursor location high", NULL, crtc_source, SHOW_VALUE},
    {CR_CURSOR_LOW, WORD_BOTH, "cursor location low", NULL, crtc_source, SHOW_VALUE},
    {CR_RETRACE_START, WORD_BOTH, "vertical retrace start", NULL, crtc_source, SHOW_VALUE},
    {CR_RETRACE_END, WORD_BOTH, "vertical retrace end", NULL, crtc_source, SHOW_VALUE},
    {CR_VDISPLAY, WORD_BOTH, "vertical display-enable end", NULL, crtc_source, SHOW_VALUE},
    {CR_OFFSET, WORD_BOTH, "offset", NULL, crtc_source, SHOW_VALUE},
    {20, WORD_BOTH, "underline location", NULL, crtc_source, SHOW_VALUE},
    {21, WORD_BOTH, "start vertical blanking", NULL, crtc_source, SHOW_VALUE},
    {22, WORD_BOTH, "end vertical blanking", NULL, crtc_source, SHOW_VALUE},
    {CR_MODE, WORD_BOTH, "CRTC mode control", NULL, crtc_source, SHOW_VALUE},
    {CR_COMPARE, WORD_BOTH, "line compare", NULL, crtc_source, SHOW_VALUE},
};
static const struct word_bits attr_mode_bits[] = {{0x01, "graphics", "text", NULL},
                                                  {0x02, "monochrome", NULL, NULL},
                                                  {0x04, "line graphics", NULL, NULL},
                                                  {0x08, "blink", "bright background", NULL},
                                                  {0x20, "split-screen panning", NULL, NULL},
                                                  {0x40, "256 colours", NULL, NULL},
                                                  {0x80, "palette from colour select", NULL, NULL},
                                                  {0, NULL, NULL, NULL}};
static const struct word_reg attribute[] = {
    {AR_MODE, WORD_BOTH, "attribute mode control", attr_mode_bits, "Attribute Controller Registers",
     SHOW_VALUE},
    {AR_MODE + 1, WORD_BOTH, "overscan color", NULL, "Attribute Controller Registers", SHOW_VALUE},
    {AR_PLANES, WORD_BOTH, "color plane enable", NULL, "Attribute Controller Registers", SHOW_VALUE},
    {AR_PAN, WORD_BOTH, "horizontal PEL panning", NULL, "Attribute Controller Registers", SHOW_VALUE},
    {AR_COLOUR, WORD_BOTH, "color select", NULL, "Attribute Controller Registers", SHOW_VALUE},
};
static const struct word_bits vbe_bits[] = {
    {VBE_ENABLED, "enabled", "disabled", NULL},  {VBE_GETCAPS, "get capabilities", NULL, NULL},
    {VBE_8BIT_DAC, "8-bit DAC", NULL, NULL},     {VBE_LFB, "linear frame buffer", NULL, NULL},
    {VBE_NOCLEAR, "memory is kept", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_reg vbe[] = {
    {VBE_ID, WORD_BOTH, "ID", NULL, "INDEX_ID", SHOW_VALUE},
    {VBE_XRES, WORD_BOTH, "width", NULL, "INDEX_XRES", SHOW_DECIMAL},
    {VBE_YRES, WORD_BOTH, "height", NULL, "INDEX_YRES", SHOW_DECIMAL},
    {VBE_BPP, WORD_BOTH, "bits a pixel", NULL, "INDEX_BPP", SHOW_DECIMAL},
    {VBE_ENABLE, WORD_BOTH, "enable", vbe_bits, "INDEX_ENABLE", SHOW_VALUE},
    {VBE_BANK, WORD_BOTH, "bank", NULL, "INDEX_BANK", SHOW_DECIMAL},
    {VBE_VIRT_WIDTH, WORD_BOTH, "virtual width", NULL, "INDEX_VIRT_WIDTH", SHOW_DECIMAL},
    {VBE_VIRT_HEIGHT, WORD_BOTH, "virtual height", NULL, "INDEX_VIRT_HEIGHT", SHOW_DECIMAL},
    {VBE_X_OFFSET, WORD_BOTH, "x offset", NULL, "INDEX_X_OFFSET", SHOW_DECIMAL},
    {VBE_Y_OFFSET, WORD_BOTH, "y offset", NULL, "INDEX_Y_OFFSET", SHOW_DECIMAL},
    {VBE_MEMORY, WORD_BOTH, "video memory, in 64 KiB", NULL, "INDEX_VIDEO_MEMORY_64K", SHOW_DECIMAL},
};

/* Index registers with their tables. */
struct indexed {
    const char *chip;
    const struct word_reg *table;
    size_t n;
};
static const struct indexed seq_set = {"VGA sequencer", WORD_ROWS(sequencer)},
                            gr_set = {"VGA graphics controller", WORD_ROWS(graphics)},
                            crtc_set = {"VGA CRTC", WORD_ROWS(crtc)},
                            attr_set = {"VGA attribute controller", WORD_ROWS(attribute)};

static bool select_words(const struct indexed *x, uint8_t *index, const struct access *a, struct words *w)
{
    if (a->write)
        *index = (uint8_t)a->value;
    words_select(w, x->chip, manual, x->table, x->n, a->value);
    return true;
}

static bool data_words(const struct indexed *x, unsigned index, const struct access *a, struct words *w)
{
    if (words_register(w, x->chip, manual, x->table, x->n, index, a))
        return true;
    words_begin(w, x->chip, manual);
    words_add(w, "register %02Xh: %02llXh", index, (unsigned long long)a->value);
    return true;
}

/* 3C0h takes index and data alternately; reading 3DAh resets it to index. */
static bool attribute_words(struct vga_seen *v, const struct access *a, struct words *w)
{
    unsigned index = v->attr & 31;
    bool data = a->write ? v->attr_data : a->at & 1;
    if (a->write)
        v->attr_data ^= a->count & 1;
    if (data && index >= AR_MODE)
        return data_words(&attr_set, index, a, w);
    if (data) {
        words_begin(w, attr_set.chip, manual);
        w->source = "Attribute Controller Registers";
        words_add(w, "palette register %Xh: colour %02llXh", index, (unsigned long long)a->value);
        return true;
    }
    if (a->write)
        v->attr = (uint8_t)a->value;
    words_begin(w, attr_set.chip, manual);
    w->source = "Attribute Controller Registers";
    words_add(w, "%s register %02llXh, screen %s", a->write ? "select" : "selected",
              (unsigned long long)a->value & 31, a->value & 0x20 ? "on" : "off");
    return true;
}

static bool dac_words(struct vga_seen *v, const struct access *a, struct words *w)
{
    static const char *const parts[] = {"red", "green", "blue"};
    uint8_t *index = a->write ? &v->dac_write : &v->dac_read;
    words_begin(w, "VGA DAC", manual);
    w->source = "Video Digital-to-Analog Converter";
    if (a->at != 0x3c9) {
        words_add(w, "%s %02Xh",
                  a->at == 0x3c8 ? "write from colour"
                  : a->write     ? "read from colour"
                                 : "state",
                  (unsigned)a->value);
        if (a->write) {
            v->dac_part = 0;
            *(a->at == 0x3c7 ? &v->dac_read : &v->dac_write) = (uint8_t)a->value;
        }
        return true;
    }
    if (a->count > 1)
        words_add(w, "colours up to %02Xh", (unsigned)(*index + (v->dac_part + a->count - 1) / 3) & 0xff);
    else
        words_add(w, "colour %02Xh, %s %u", *index, parts[v->dac_part % 3], (unsigned)a->value);
    *index += (uint8_t)((v->dac_part + a->count) / 3);
    v->dac_part = (uint8_t)((v->dac_part + a->count) % 3);
    return true;
}

static const struct word_bits output_bits[] = {{0x01, "registers at 3Dxh", "registers at 3Bxh", NULL},
                                               {0x02, "memory on", "memory off", NULL},
                                               {0x0c, "clock", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits status1_bits[] = {{0x01, "not displaying", "displaying", NULL},
                                                {0x08, "vertical retrace", NULL, NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_reg general[] = {
    {0x3c2, WORD_WRITE, "miscellaneous output", output_bits, "General Registers", SHOW_VALUE},
    {0x3cc, WORD_READ, "miscellaneous output", output_bits, "General Registers", SHOW_VALUE},
    {0x3c2, WORD_READ, "input status 0", NULL, "General Registers", SHOW_VALUE},
    {0x3da, WORD_READ, "input status 1", status1_bits, "General Registers", SHOW_VALUE},
    {0x3da, WORD_WRITE, "feature control", NULL, "General Registers", SHOW_VALUE},
    {0x3ca, WORD_READ, "feature control", NULL, "General Registers", SHOW_VALUE},
    {0x3c3, WORD_BOTH, "video subsystem enable", NULL, "General Registers", SHOW_VALUE},
    {0x3c6, WORD_BOTH, "DAC PEL mask", NULL, "Video Digital-to-Analog Converter", SHOW_VALUE},
};

bool vga_words(struct board_seen *s, const struct access *in, struct words *w)
{
    struct vga_seen *v = &s->vga;
    struct access access = *in, *a = &access;
    if (a->at < 0x3c0) /* monochrome: the same registers, 20h below */
        a->at += 0x20;
    switch (a->at) {
    case 0x3c0:
    case 0x3c1:
        return attribute_words(v, a, w);
    case 0x3c4:
        return select_words(&seq_set, &v->seq, a, w);
    case 0x3c5:
        return data_words(&seq_set, v->seq, a, w);
    case 0x3ce:
        return select_words(&gr_set, &v->gr, a, w);
    case 0x3cf:
        return data_words(&gr_set, v->gr, a, w);
    case 0x3d4:
        return select_words(&crtc_set, &v->crtc, a, w);
    case 0x3d5:
        return data_words(&crtc_set, v->crtc, a, w);
    case 0x3c7 ... 0x3c9:
        return dac_words(v, a, w);
    }
    if (a->at == 0x3da && !a->write)
        v->attr_data = 0;
    if (words_register(w, "VGA", manual, WORD_ROWS(general), a->at, a))
        return true;
    words_begin(w, "VGA", manual);
    words_add(w, "unused port %03Xh", (unsigned)in->at);
    return true;
}

bool vbe_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at != 0x1ce)
        return words_register(w, "VBE", vbe_manual, WORD_ROWS(vbe), s->vga.vbe, a);
    if (a->write)
        s->vga.vbe = (uint16_t)a->value;
    words_select(w, "VBE", vbe_manual, WORD_ROWS(vbe), a->value);
    return true;
}

/* ---------------------------------------------------------------- memory */

bool vga_memory_words(struct board_seen *s, const struct access *a, struct words *w)
{
    enum { TEXT = 0x18000, MONOCHROME = 0x10000, WINDOW = 0x20000 };
    words_begin(w, "VGA memory", manual);
    if (a->at >= TEXT && a->at < WINDOW && a->size == 2)
        words_add(w, "text cell %u: character %02Xh, attribute %02Xh", (unsigned)(a->at - TEXT) / 2,
                  (unsigned)a->value & 0xff, (unsigned)a->value >> 8 & 0xff);
    else if (a->at >= TEXT && a->at < WINDOW && a->size == 1)
        words_add(w, "text cell %u: %s %02Xh", (unsigned)(a->at - TEXT) / 2,
                  a->at & 1 ? "attribute" : "character", (unsigned)a->value & 0xff);
    else if (a->at >= TEXT && a->at < WINDOW)
        words_add(w, "text, B8000h+%Xh", (unsigned)(a->at - TEXT));
    else if (a->at >= MONOCHROME && a->at < TEXT)
        words_add(w, "monochrome text, B0000h+%Xh", (unsigned)(a->at - MONOCHROME));
    else
        words_add(w, "graphics, offset %Xh", (unsigned)a->at);
    return true;
}

bool vga_register_words(struct board_seen *s, const struct access *a, struct words *w)
{
    enum { ENDIAN = MMIO_EXT + 4 };
    struct access in = *a;
    if (a->at - MMIO_PORTS < 0x20 && a->size == 1) {
        in.at = 0x3c0 + a->at - MMIO_PORTS;
        return vga_words(s, &in, w);
    }
    if (a->at - MMIO_VBE < 2 * VBE_COUNT)
        return words_register(w, "VBE", vbe_manual, WORD_ROWS(vbe), (a->at - MMIO_VBE) / 2, a);
    words_begin(w, "VGA", "QEMU, docs/specs/standard-vga");
    if (a->at < MMIO_PORTS) {
        words_add(w, "EDID byte %u: %02Xh", (unsigned)a->at, (unsigned)a->value & 0xff);
        return true;
    }
    if (a->at == ENDIAN)
        words_add(w, "byte order of the frame buffer");
    else
        words_add(w, "register %03Xh", (unsigned)a->at);
    return true;
}
