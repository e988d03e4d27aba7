/* mouse.c - the PS/2 mouse: INT 15h AH=C2h and INT 74h.
 *
 * Sources: IBM PS/2 BIOS Interface Technical Reference (AH=C2h); IBM PS/2 Hardware Interface Technical
 * Reference (auxiliary device). The mouse's bytes collect in the extended BIOS data area; a whole packet is
 * handed to the program's handler, which is called far with status, X, Y and 0 on the stack.
 */
#include "bios/bios.h"
#include "bios/keyboard.h"
#include "bios/mouse.h"

enum { ACK = 0xfa, CMD_BYTE_READ = 0x20, CMD_BYTE_WRITE = 0x60, CMD_MOUSE_IRQ = 0x02, CMD_MOUSE_OFF = 0x20 };
/* INT 15h C2h: what AH returns. */
enum { MOUSE_OK = 0, MOUSE_BAD_FUNCTION = 1, MOUSE_BAD_INPUT = 2, MOUSE_INTERFACE = 3, MOUSE_NO_HANDLER = 5 };

void mouse_init(void)
{
    bda->equipment |= 0x04;
}

/* ---------------------------------------------------------------- the device */

static u8 command_byte(void)
{
    kbc_command(CMD_BYTE_READ);
    int byte = kbc_read(100000);
    return byte < 0 ? 0x65 : (u8)byte;
}

static void set_command_byte(u8 byte)
{
    kbc_command(CMD_BYTE_WRITE);
    kbc_data(byte);
}

/* Sends a command and its parameter (or -1), and collects `n` bytes of answer. The
 * keyboard is disabled and both interrupts are off, so that all bytes are the mouse's. */
static bool talk(u8 command, int parameter, u8 *in, unsigned n)
{
    u8 before = command_byte();
    bool good = true;
    set_command_byte((before & ~(CMD_MOUSE_OFF | CMD_MOUSE_IRQ | 1)) | 0x10);
    for (int i = 0; i < 2 && good; i++) {
        if (i && parameter < 0)
            break;
        kbc_command(0xd4);
        kbc_data(i ? (u8)parameter : command);
        good = kbc_read(400000) == ACK;
    }
    for (unsigned i = 0; i < n && good; i++) {
        int byte = kbc_read(1000000);
        good = byte >= 0;
        in[i] = (u8)byte;
    }
    set_command_byte(before);
    return good;
}

static u8 result(bool good)
{
    return good ? MOUSE_OK : MOUSE_INTERFACE;
}

/* ---------------------------------------------------------------- functions */

static u8 enable(bool on)
{
    u8 byte;
    if (on && !(EBDA_READ8(mouse_flags2) & 0x80))
        return MOUSE_NO_HANDLER;
    byte = command_byte();
    byte = on ? (byte | CMD_MOUSE_IRQ) & ~CMD_MOUSE_OFF : (byte & ~CMD_MOUSE_IRQ) | CMD_MOUSE_OFF;
    set_command_byte(byte);
    if (on) {
        irq_unmask(2);
        irq_unmask(12);
    }
    EBDA_WRITE8(mouse_flags1, EBDA_READ8(mouse_flags1) & ~7);
    return result(talk(on ? 0xf4 : 0xf5, -1, NULL, 0));
}

static u8 reset(struct regs *r)
{
    u8 in[2];
    if (!talk(0xff, -1, in, 2))
        return MOUSE_INTERFACE;
    r->bl = in[0]; /* AAh */
    r->bh = in[1]; /* type: 0 */
    return MOUSE_OK;
}

static u8 set_rate(u8 index)
{
    static const u8 rates[] = {10, 20, 40, 60, 80, 100, 200};
    if (index >= sizeof rates)
        return MOUSE_BAD_INPUT;
    return result(talk(0xf3, rates[index], NULL, 0));
}

static u8 initialize(struct regs *r)
{
    u8 size = r->bh;
    if (size < 1 || size > 8)
        return MOUSE_BAD_INPUT;
    EBDA_WRITE8(mouse_flags1, 0);
    EBDA_WRITE8(mouse_flags2, (EBDA_READ8(mouse_flags2) & ~7) | (size - 1));
    return reset(r);
}

static u8 extended(struct regs *r)
{
    u8 in[3];
    switch (r->bh) {
    case 0:
        if (!talk(0xe9, -1, in, 3))
            return MOUSE_INTERFACE;
        r->bl = in[0];
        r->cl = in[1];
        r->dl = in[2];
        return MOUSE_OK;
    case 1:
    case 2:
        return result(talk(r->bh == 1 ? 0xe6 : 0xe7, -1, NULL, 0));
    default:
        return MOUSE_BAD_FUNCTION;
    }
}

static u8 set_handler(struct regs *r)
{
    far_write16(bda->ebda, offsetof(struct ebda, mouse), r->bx);
    far_write16(bda->ebda, offsetof(struct ebda, mouse) + 2, r->es);
    u8 flags = EBDA_READ8(mouse_flags2);
    EBDA_WRITE8(mouse_flags2, r->es || r->bx ? flags | 0x80 : flags & ~0x80);
    if (!r->es && !r->bx)
        return enable(false);
    return MOUSE_OK;
}

static u8 function(struct regs *r)
{
    u8 in[1];
    switch (r->al) {
    case 0x00:
        return r->bh > 1 ? MOUSE_BAD_INPUT : enable(r->bh);
    case 0x01:
        return reset(r);
    case 0x02:
        return set_rate(r->bh);
    case 0x03:
        return r->bh > 3 ? MOUSE_BAD_INPUT : result(talk(0xe8, r->bh, NULL, 0));
    case 0x04:
        if (!talk(0xf2, -1, in, 1))
            return MOUSE_INTERFACE;
        r->bh = in[0];
        return MOUSE_OK;
    case 0x05:
        return initialize(r);
    case 0x06:
        return extended(r);
    case 0x07:
        return set_handler(r);
    default:
        return MOUSE_BAD_FUNCTION;
    }
}

void mouse_service(struct regs *r)
{
    answer(r, function(r));
}

/* ---------------------------------------------------------------- INT 74h, IRQ 12 */

static void call_handler(void)
{
    u16 ebda = bda->ebda, at = offsetof(struct ebda, mouse_data);
    u32 handler = far_read32(ebda, offsetof(struct ebda, mouse));
    mouse_call(handler, far_read8(ebda, at), far_read8(ebda, at + 1), far_read8(ebda, at + 2));
}

void irq12_mouse(struct regs *r)
{
    u8 status = inb(KBC_STATUS), flags1, flags2, index;
    if ((status & (KBC_OUTPUT_FULL | KBC_FROM_MOUSE)) != (KBC_OUTPUT_FULL | KBC_FROM_MOUSE)) {
        eoi2();
        return;
    }
    u8 byte = inb(KBC_DATA);
    flags1 = EBDA_READ8(mouse_flags1);
    flags2 = EBDA_READ8(mouse_flags2);
    index = flags1 & 7;
    if (flags2 & 0x80) {
        far_write8(bda->ebda, offsetof(struct ebda, mouse_data) + index, byte);
        if (index < (flags2 & 7)) {
            EBDA_WRITE8(mouse_flags1, flags1 + 1);
        } else {
            EBDA_WRITE8(mouse_flags1, flags1 & ~7);
            call_handler();
        }
    }
    cli();
    eoi2();
}
