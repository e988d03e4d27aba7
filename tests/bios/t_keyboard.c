/* t_keyboard.c - INT 16h and INT 09h: keys are made by the keyboard controller's command D2h (as if the
 * keyboard had sent the byte). */
#include "test.h"

static void scan(u8 code)
{
    for (u32 i = 0; i < 100000 && inb(0x64) & 3; i++)
        ;
    outb(0x64, 0xd2);
    for (u32 i = 0; i < 100000 && inb(0x64) & 2; i++)
        ;
    outb(0x60, code);
    for (u32 i = 0; i < 2000; i++)
        inb(0x64);
}

static void press(u8 code)
{
    scan(code);
    scan(code | 0x80);
}

static void grey(u8 code)
{
    scan(0xe0);
    scan(code);
    scan(0xe0);
    scan(code | 0x80);
}

static void look(const char *name)
{
    struct regs r = call(name, 0x16, with(0x1100), AX | ZF);
    if (!(r.flags & ZERO))
        call("take", 0x16, with(0x1000), AX);
}

static void look_old(const char *name)
{
    struct regs r = call(name, 0x16, with(0x0100), AX | ZF);
    if (!(r.flags & ZERO))
        call("take", 0x16, with(0x0000), AX);
}

/* Every key alone and with the shifts. */
static void test_all(void)
{
    static const u8 shifts[] = {0, 0x2a, 0x1d, 0x38};
    for (unsigned s = 0; s < sizeof shifts; s++) {
        print("T keys with %02x:", shifts[s]);
        if (shifts[s])
            scan(shifts[s]);
        for (u8 code = 1; code < 0x59; code++) {
            struct regs r = with(0x1100);
            if (code == 0x1d || code == 0x2a || code == 0x36 || code == 0x37 || code == 0x38 ||
                code == 0x3a || code == 0x45 || code == 0x46 || code == 0x54 || code == 0x55 ||
                (shifts[s] == 0x38 && code >= 0x47 && code <= 0x53))
                continue;
            press(code);
            call_interrupt(0x16, &r);
            if (r.flags & ZERO)
                continue;
            r.eax = 0x1000;
            call_interrupt(0x16, &r);
            print(" %04x", r.eax & 0xffff);
        }
        if (shifts[s])
            scan(shifts[s] | 0x80);
        print("\n");
    }
    print("T grey keys:");
    for (u8 code = 0x1c; code < 0x54; code++) {
        struct regs r = with(0x1100);
        if (code != 0x1c && code != 0x35 && code < 0x47)
            continue;
        grey(code);
        call_interrupt(0x16, &r);
        if (r.flags & ZERO)
            continue;
        r.eax = 0x1000;
        call_interrupt(0x16, &r);
        print(" %04x", r.eax & 0xffff);
    }
    print("\n");
}

static u16 ticks(void)
{
    return peek16(0x40, 0x6c);
}

/* Looks from the next tick to the one after it, with so many reads of a port between two. */
static u32 looks_in_tick(unsigned reads)
{
    u32 looks = 0;
    for (u16 now = ticks(); ticks() == now;)
        ;
    for (u16 now = ticks(); ticks() == now; looks++) {
        struct regs r = with(0x1100);
        call_interrupt(0x16, &r);
        for (unsigned i = 0; i < reads; i++)
            inb(0x61);
    }
    return looks;
}

static const char *how_many(u32 looks)
{
    return looks > 10000 ? "all the time" : looks > 1000 ? "often" : looks > 100 ? "seldom" : "hardly";
}

/* Who does nothing but look for a key waits for one. */
static void test_waiting(void)
{
    print("T looks without work: %s\n", how_many(looks_in_tick(0)));
    print("T in the next tick: %s\n", how_many(looks_in_tick(0)));
    press(0x1e);
    look("a after that");
    print("T looks during much work: %s\n", how_many(looks_in_tick(2000)));
    print("T during little work after that: %s\n", how_many(looks_in_tick(30)));
}

void test_keyboard(void)
{
    struct regs r;
    look("no key");
    press(0x1e);
    look("a");
    press(0x1e);
    look_old("a, old");
    grey(0x48);
    look("grey up");
    grey(0x48);
    look_old("grey up, old");
    grey(0x1c);
    look_old("grey enter, old");
    press(0x57);
    look_old("F11, old: no such key");
    press(0x57);
    look("F11");
    call("shift states", 0x16, with(0x0200), AL);
    scan(0x2a);
    call("left shift down", 0x16, with(0x0200), AL);
    call("the same, extended", 0x16, with(0x1200), AX);
    scan(0xaa);
    scan(0x1d);
    scan(0x38);
    call("control and alt down", 0x16, with(0x1200), AX);
    scan(0x9d);
    scan(0xb8);
    press(0x3a);
    call("caps lock", 0x16, with(0x1200), AX);
    press(0x1e);
    look("a with caps lock");
    press(0x02);
    look("1 with caps lock");
    press(0x3a);
    press(0x45);
    press(0x48);
    look("keypad 8 with num lock");
    press(0x45);
    call("locks off", 0x16, with(0x1200), AX);
    r = with(0x0500), r.ecx = 0x1e61;
    call("store", 0x16, r, AL);
    look("the stored key");
    for (unsigned i = 0; i < 15; i++) {
        r = with(0x0500), r.ecx = 0x3000 + i;
        call_interrupt(0x16, &r);
    }
    r = with(0x0500), r.ecx = 0x9999;
    call("store into the full ring", 0x16, r, AL);
    for (unsigned i = 0; i < 15; i++) {
        r = with(0x1000);
        call_interrupt(0x16, &r);
    }
    look("the ring is empty");
    scan(0x38);
    press(0x4f);
    press(0x50);
    scan(0xb8);
    look("alt and 1, 2 of the keypad");
    call("functions", 0x16, with(0x0900), AL);
    call("identity", 0x16, with(0x0a00), BX);
    test_all();
    test_waiting();
}
