/* rom.c - option ROMs: found, checked, called; which of them can boot.
 *
 * Sources: IBM PC/AT Technical Reference (55 AA, length, checksum, entry at offset 3); Plug and Play BIOS
 * Specification 1.0A, 3.2 (expansion header, bootstrap entry vector), appendix B (calling); PCI Firmware
 * Specification 3.0, 5.2.1.11 (a ROM is set up in "big real mode": its data segments reach to 4 GiB).
 */
#include "bios/bios.h"

/* reset.S */
void data_limits(u32 selector);

enum {
    HEADER_POINTER = 0x1a,
    PNP_NEXT = 0x06,
    PNP_PRODUCT = 0x10,
    PNP_BCV = 0x16,
    PNP_BEV = 0x1a,
    STEP = 2048
};

struct bev bevs[BEV_MAX];
u8 bev_count;

static bool good(u16 segment)
{
    u8 sum = 0;
    u32 size;
    if (far_read16(segment, 0) != 0xaa55)
        return false;
    size = far_read8(segment, 2) * 512u;
    if (!size || ((u32)segment << 4) + size > ROM_AREA_END)
        return false;
    for (u32 i = 0; i < size; i += 16) {
        gs_set(segment + i / 16);
        for (unsigned k = 0; k < 16; k++)
            sum += *(volatile u8 __seg_gs *)k;
    }
    return !sum;
}

static u16 bdf_of(u16 segment)
{
    for (unsigned i = 0; i < shared.rom_count; i++)
        if (shared.rom[i].segment == segment)
            return shared.rom[i].bdf;
    return 0;
}

static void call(u16 segment, u16 offset, u16 bdf)
{
    struct regs r = {.ax = bdf, .bx = 0xffff, .dx = 0xffff, .es = CODE_SEG, .di = shared.pnp, .ds = DATA_SEG};
    data_limits(SEL_BIG16);
    far_call(&r, far_pointer(segment, offset), false);
    data_limits(SEL_DATA16);
}

/* The ROM's Plug and Play headers; 0: none more. Where there is a BIOS of this kind ES:DI is its header, and
 * a ROM leaves booting to it. */
static u16 next_header(u16 segment, u16 at)
{
    u16 next = at ? far_read16(segment, at + PNP_NEXT) : far_read16(segment, HEADER_POINTER);
    if (!next || next >= 0xffe0 || far_read32(segment, next) != 0x506e5024) /* $PnP */
        return 0;
    return next;
}

/* A bootstrap entry goes into the boot list; a connection vector hooks INT 13h now. */
static void take_headers(u16 segment, u16 bdf)
{
    for (u16 h = next_header(segment, 0); h; h = next_header(segment, h)) {
        u16 bcv = far_read16(segment, h + PNP_BCV), bev = far_read16(segment, h + PNP_BEV);
        u16 name = far_read16(segment, h + PNP_PRODUCT);
        if (bev && bev_count < BEV_MAX)
            bevs[bev_count++] = (struct bev){far_pointer(segment, bev), segment, name, bdf};
        if (bcv)
            call(segment, bcv, bdf);
    }
}

/* A display's BIOS leaves the choice of a mode to its caller. */
static void text_mode(void)
{
    struct regs r = {.ax = 0x0003, .ds = DATA_SEG, .es = DATA_SEG};
    call_int(0x10, &r);
}

void roms_call(bool display)
{
    u32 first = display ? ROM_AREA : ROM_AREA + 0x8000, last = display ? ROM_AREA + STEP : ROM_AREA_END;
    for (u32 at = first; at < last;) {
        u16 segment = (u16)(at >> 4), bdf = bdf_of(segment);
        if (!good(segment)) {
            at += STEP;
            continue;
        }
        log("option ROM at %05x is called\n", at);
        call(segment, 3, bdf);
        if (display)
            text_mode();
        take_headers(segment, bdf);
        /* Its size may have shrunk, even to nothing. */
        u32 size = far_read16(segment, 0) == 0xaa55 ? far_read8(segment, 2) * 512u : 0;
        at += size ? (size + STEP - 1) & ~(STEP - 1u) : STEP;
        cli();
        gs_set(0);
        sti();
    }
}
