/* video.c - INT 10h: selects the function. Used if no video BIOS in a ROM has taken the interrupt.
 *
 * Sources: IBM PS/2 BIOS Interface Technical Reference (INT 10h); IBM VGA Technical Reference.
 */
#include "bios/video.h"

static bool present; /* there is a display */

/* A VGA answers at the sequencer's index. */
static bool find_display(void)
{
    if (shared.vga)
        return true;
    outb(SEQ, 0x02);
    return inb(SEQ) == 0x02;
}

void video_init(void)
{
    bda->video_mode = 0x03;
    bda->columns = 80;
    present = find_display();
    if (!present) {
        bda->equipment |= 0x30;
        log("no display\n");
        return;
    }
    bda->equipment |= 0x20; /* 80x25, colour */
    if (shared.rom_count && shared.rom[0].segment == ROM_AREA >> 4)
        return; /* its own BIOS comes */
    bda->video_flags = 0x51;
    bda->video_combination = 0x08;
    bda->video_control = 0x60;
    bda->video_switches = 0xf9;
    vbe_init();
    video_set(0x03, true);
}

static void set_mode(struct regs *r)
{
    u8 mode = r->al & 0x7f;
    video_set(mode, !(r->al & 0x80));
    r->al = mode > 7 ? 0x20 : mode == 6 ? 0x3f : 0x30;
}

static void get_mode(struct regs *r)
{
    r->al = bda->video_mode | (bda->video_control & 0x80);
    r->ah = (u8)bda->columns;
    r->bh = bda->page;
}

static void get_cursor(struct regs *r)
{
    r->cx = bda->cursor_shape;
    r->dx = r->bh < 8 ? bda->cursor[r->bh] : 0;
}

static void pixel(struct regs *r)
{
    const struct video_mode *m = video_now();
    if (!m || m->kind == KIND_TEXT)
        return;
    if (r->ah == 0x0c)
        graphics_put_pixel(m, r->bh, r->cx, r->dx, r->al);
    else
        r->al = graphics_get_pixel(m, r->bh, r->cx, r->dx);
}

void int10_video(struct regs *r)
{
    if (!present)
        return;
    switch (r->ah) {
    case 0x00:
        set_mode(r);
        break;
    case 0x01:
        video_cursor_shape(r->cx);
        break;
    case 0x02:
        if (r->bh < 8)
            video_put_cursor(r->bh, r->dx);
        break;
    case 0x03:
        get_cursor(r);
        break;
    case 0x04: /* light pen: none */
        r->ax = 0;
        break;
    case 0x05:
        video_page(r->al);
        break;
    case 0x06:
    case 0x07:
        video_scroll(r->ah == 0x06, r->al, r->bh, r->cx, r->dx);
        break;
    case 0x08:
        video_read(r);
        break;
    case 0x09:
        video_write(r->al, r->bl, true, r->bh, r->cx);
        break;
    case 0x0a:
        video_write(r->al, r->bl, false, r->bh, r->cx);
        break;
    case 0x0b:
        palette_cga(r);
        break;
    case 0x0c:
    case 0x0d:
        pixel(r);
        break;
    case 0x0e:
        video_teletype(r->al, r->bl, bda->page);
        break;
    case 0x0f:
        get_mode(r);
        break;
    case 0x10:
        palette_service(r);
        break;
    case 0x11:
        font_service(r);
        break;
    case 0x12:
        video_alternate(r);
        break;
    case 0x13:
        video_string(r);
        break;
    case 0x1a:
        video_combination(r);
        break;
    case 0x1b:
        video_functionality(r);
        break;
    case 0x1c:
        video_save_restore(r);
        break;
    case 0x4f:
        vbe_service(r);
        break;
    }
}
