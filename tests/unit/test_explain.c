/* test_explain.c - events in words: registers against the names that their manuals give them, what has to be remembered
 * from one access to the next, and that the words of an event do not depend on where one looks from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/story/explain.h"
#include "tests/host_asked.h"

static const struct engine_kind pc = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked, .words = &hv_words};
static const struct trace_config plain = {
    .engine = "pc", .behaviour = HV_BEHAVIOUR, .classes = EVENT_CLASSES_ALL};

struct told {
    struct explainer *x;
    char words[512];
};

static int setup(void **state)
{
    struct told *t = mem_zero(1, sizeof *t);
    t->x = explainer_new(&pc, &plain);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct told *t = *state;
    explainer_free(t->x);
    free(t);
    return 0;
}

static const char *tell(struct told *t, const struct event *ev)
{
    int n = explainer_event(t->x, ev, t->words, sizeof t->words);
    assert_int_equal(n, (int)strlen(t->words));
    return t->words;
}

static struct event access_event(bool mmio, bool write, uint64_t at, unsigned size, uint64_t value)
{
    struct event ev = {.kind = mmio    ? write ? EV_MMIO_WRITE : EV_MMIO_READ
                               : write ? EV_PIO_WRITE
                                       : EV_PIO_READ};
    ev.f[EVF_PIO_READ_port] = at;
    ev.f[EVF_PIO_READ_size] = size;
    ev.f[EVF_PIO_READ_value] = value;
    ev.f[EVF_PIO_READ_count] = 1;
    return ev;
}

static const char *out(struct told *t, unsigned port, unsigned value)
{
    struct event ev = access_event(false, true, port, 1, value);
    return tell(t, &ev);
}

static const char *in(struct told *t, unsigned port, unsigned value)
{
    struct event ev = access_event(false, false, port, 1, value);
    return tell(t, &ev);
}

/* ---------------------------------------------------------------- names against the manuals */

enum { OUT, IN, OUT2, IN2, OUT4, IN4, WRITE, READ };

/* Each on a machine that was just switched on, but for `before`: a write that selects the register. */
static const struct {
    uint16_t before_port;
    uint8_t before_size;
    uint32_t before;
    uint8_t how;
    uint64_t at, value;
    const char *words, *manual, *source;
} names[] = {
    /* the examples of the task */
    {0, 0, 0, OUT, 0x70, 0x8f, "CMOS: select register 0Fh (shutdown status), NMI masked", "PIIX3",
     "Real-Time Clock Address"},
    {0, 0, 0, IN, 0x1f7, 0x58, "IDE primary: status DRDY DSC DRQ", "ATA/ATAPI-6", "7.15 Status register"},
    /* MC146818A */
    {0x70, 1, 0x0a, IN, 0x71, 0xa6,
     "CMOS: register A: UIP (update in progress), 32 kHz time base, periodic rate 1024 Hz", "MC146818A",
     "Register A"},
    {0x70, 1, 0x0b, OUT, 0x71, 0x42, "CMOS: register B PIE, BCD values, 24 hours", "MC146818A", "Register B"},
    {0x70, 1, 0x0c, IN, 0x71, 0xc0, "CMOS: register C IRQF PF", "MC146818A", "Register C"},
    {0x70, 1, 0x0d, IN, 0x71, 0x80, "CMOS: register D: VRT (valid RAM and time)", "MC146818A", "Register D"},
    {0x70, 1, 0x10, IN, 0x71, 0x40, "CMOS: floppy drive types: 1.44 MB, none", "CMOS", "10h"},
    /* 8254 */
    {0, 0, 0, OUT, 0x43, 0x34, "PIT: counter 0 (IRQ 0): low then high byte, mode 2 (rate generator), binary",
     "8254", "Control Word Format"},
    {0, 0, 0, OUT, 0x43, 0x00, "PIT: counter 0 (IRQ 0): latch count", "8254", "Counter Latch Command"},
    {0, 0, 0, OUT, 0x43, 0xe2, "PIT: read back: latch status, counter 0", "8254", "Read-Back Command"},
    {0, 0, 0, OUT, 0x61, 0x03, "PC: port 61h: timer 2 gate on, speaker on", "PIIX3", "NMI Status"},
    /* 8259A */
    {0, 0, 0, OUT, 0x20, 0x11, "master PIC: ICW1: edge-triggered, cascade, ICW4 follows", "8259A",
     "Initialization Command"},
    {0, 0, 0, OUT, 0xa0, 0x20, "slave PIC: non-specific EOI", "8259A", "Operation Control Word 2"},
    {0, 0, 0, OUT, 0x20, 0x66, "master PIC: specific EOI, IRQ 6 (floppy)", "8259A",
     "Operation Control Word 2"},
    {0, 0, 0, OUT, 0x20, 0x0b, "master PIC: OCW3: read ISR", "8259A", "Operation Control Word 3"},
    {0, 0, 0, OUT, 0x21, 0xfb, "master PIC: masked: IRQ 0-1, 3-7", "8259A", "Operation Control Word 1"},
    {0, 0, 0, OUT2, 0x4d0, 0x0c00, "PIC: level-triggered: none; level-triggered: IRQ 10-11", "PIIX3",
     "ELCR2"},
    /* 16550 */
    {0, 0, 0, OUT, 0x3fb, 0x03, "COM1: line control: 8 bits, no parity, 1 stop bit", "PC16550D", "8.1"},
    {0, 0, 0, IN, 0x2fd, 0x60, "COM2: line status THRE TEMT", "PC16550D", "8.3"},
    {0, 0, 0, OUT, 0x3ea, 0xc7, "COM3: FIFO control: FIFOs on, clear receiver, clear transmitter, trigger 14",
     "PC16550D", "8.4"},
    {0, 0, 0, IN, 0x3fa, 0xc2, "COM1: interrupt identification: transmitter empty, FIFOs on", "PC16550D",
     "8.5"},
    {0, 0, 0, OUT, 0x3f9, 0x05, "COM1: interrupt enable ERBFI ELSI", "PC16550D", "8.6"},
    {0, 0, 0, OUT, 0x2ec, 0x0b, "COM4: modem control DTR RTS OUT2", "PC16550D", "8.7"},
    {0, 0, 0, IN, 0x3fe, 0xb0, "COM1: modem status CTS DSR DCD", "PC16550D", "8.8"},
    {0, 0, 0, OUT, 0x3f8, 'A', "COM1: transmitter holding 41h 'A'", "PC16550D", "8.0"},
    /* ATA */
    {0, 0, 0, OUT, 0x176, 0xb0, "IDE secondary: device: slave, CHS, head 00h", "ATA/ATAPI-6",
     "7.7 Device register"},
    {0, 0, 0, OUT, 0x1f7, 0xec, "IDE primary: command IDENTIFY DEVICE (ECh)", "ATA/ATAPI-6",
     "7.4 Command register"},
    {0, 0, 0, IN, 0x1f1, 0x04, "IDE primary: error ABRT", "ATA/ATAPI-6", "7.9 Error register"},
    {0, 0, 0, OUT, 0x3f6, 0x0e, "IDE primary: device control: SRST (reset), nIEN (interrupt off)",
     "ATA/ATAPI-6", "7.8 Device Control register"},
    {0, 0, 0, IN, 0x376, 0x80, "IDE secondary: alternate status BSY", "ATA/ATAPI-6",
     "7.3 Alternate Status register"},
    {0, 0, 0, IN2, 0x1f0, 0x1234, "IDE primary: data", "ATA/ATAPI-6", "7.6 Data register"},
    {0, 0, 0, OUT, 0x1f3, 0x10, "IDE primary: LBA low 10h", "ATA/ATAPI-6", "7.12 LBA Low register"},
    {0, 0, 0, IN, 0x174, 0x14, "IDE secondary: LBA mid 14h", "ATA/ATAPI-6", "7.13 LBA Mid register"},
    {0, 0, 0, IN, 0x175, 0xeb, "IDE secondary: LBA high EBh", "ATA/ATAPI-6", "7.11 LBA High register"},
    /* 82077AA */
    {0, 0, 0, OUT, 0x3f2, 0x1c, "floppy: digital output: drive 0, running, DMA gate, motor 0 on", "82077AA",
     "Digital Output Register"},
    {0, 0, 0, IN, 0x3f4, 0xd0, "floppy: main status RQM DIO CMD-BSY", "82077AA", "Main Status Register"},
    {0, 0, 0, OUT, 0x3f7, 0x00, "floppy: configuration control: 500 kbit/s", "82077AA",
     "Configuration Control Register"},
    {0, 0, 0, IN, 0x3f7, 0x80, "floppy: digital input: disk changed", "82077AA", "Digital Input Register"},
    /* 8237A */
    {0, 0, 0, OUT, 0x0b, 0x46, "DMA channel 2: mode: to memory, single mode", "8237A", "Mode Register"},
    {0, 0, 0, OUT, 0x0a, 0x02, "DMA channel 2: mask: enabled", "8237A", "Mask Register"},
    {0, 0, 0, OUT, 0xd4, 0x04, "DMA channel 4: mask: masked", "8237A", "Mask Register"},
    {0, 0, 0, OUT, 0x81, 0x12, "DMA: page of channel 2: 12h", "PIIX3", "DMA Page Registers"},
    {0, 0, 0, OUT, 0x0c, 0x00, "DMA channels 0-3: clear byte pointer", "8237A", "Flip-Flop"},
    /* 8042 */
    {0, 0, 0, OUT, 0x64, 0xaa, "8042: command: self test (AAh)", "IBM PS/2", "Keyboard"},
    {0, 0, 0, IN, 0x64, 0x1d, "8042: status: output full, system, last was a command", "IBM PS/2",
     "Keyboard"},
    {0x64, 1, 0x60, OUT, 0x60, 0x47, "8042: command byte: keyboard IRQ, mouse IRQ, system, translation",
     "IBM PS/2", "Keyboard"},
    {0, 0, 0, OUT, 0x60, 0xed, "8042: to the keyboard: set LEDs (EDh)", "IBM PS/2", "Keyboard"},
    {0, 0, 0, IN, 0x60, 0x1c, "8042: keyboard: scan code 1Ch (Enter pressed)", "IBM PS/2", "Keyboard"},
    {0, 0, 0, IN, 0x92, 0x02, "PC: port 92h: A20 on", "PIIX3", "Port 92h"},
    /* VGA */
    {0, 0, 0, OUT2, 0x3c4, 0x0f02, "VGA sequencer: select register 02h (map mask); map mask 0Fh",
     "Video Subsystem", "Sequencer"},
    {0x3d4, 1, 0x0e, OUT, 0x3d5, 0x01, "VGA CRTC: cursor location high 01h", "Video Subsystem",
     "CRT Controller"},
    {0x3ce, 1, 0x06, OUT, 0x3cf, 0x0e,
     "VGA graphics controller: miscellaneous: text, chain odd/even, B8000h-BFFFFh", "Video Subsystem",
     "Graphics Controller"},
    {0, 0, 0, IN, 0x3da, 0x09, "VGA: input status 1: not displaying, vertical retrace", "Video Subsystem",
     "General"},
    {0x1ce, 2, 0x04, OUT2, 0x1cf, 0x41, "VBE: enable: enabled, linear frame buffer", "Bochs", "INDEX_ENABLE"},
    /* PCI */
    {0xcf8, 4, 0x80000904, OUT2, 0xcfc, 0x0005, "PCI 00:01.1 (PIIX3 IDE): command: I/O on, bus master",
     "PCI Local Bus", "6.2.2"},
    {0xcf8, 4, 0x80000000, IN4, 0xcfc, 0x12378086,
     "PCI 00:00.0 (i440FX host bridge): device and vendor ID: Intel 82441FX host bridge", "PCI Local Bus",
     "6.2.1"},
    {0xcf8, 4, 0x80000070, OUT, 0xcfe, 0x1a,
     "PCI 00:00.0 (i440FX host bridge): SMRAM, system management RAM control: locked, enabled", "440FX",
     "SMRAM"},
    {0xcf8, 4, 0x80000058, OUT, 0xcfd, 0x30, "PCI 00:00.0 (i440FX host bridge): PAM0, F0000h-FFFFFh: in RAM",
     "440FX", "PAM[6:0]"},
    {0xcf8, 4, 0x80000860, OUT, 0xcfe, 0x0b,
     "PCI 00:01.0 (PIIX3 ISA bridge): PIRQRC C, PCI interrupt routing: IRQ 11", "PIIX3", "PIRQRC"},
    {0, 0, 0, OUT, 0xcf9, 0x06, "PC: reset control: reset now, hard reset", "PIIX3", "RC register"},
    {0, 0, 0, OUT, 0xb2, 0xf1, "ACPI PM: APM control, SMI command: ACPI on", "PIIX4", "APMC"},
    /* fw_cfg */
    {0, 0, 0, OUT2, 0x510, 0x0005, "fw_cfg: select 05h (number of processors)", "QEMU", "Selector"},
    /* APICs, HPET */
    {0, 0, 0, WRITE, 0xfee000f0, 0x1ff, "local APIC: spurious-interrupt vector: APIC on, spurious vector FFh",
     "SDM", "10.9"},
    {0, 0, 0, WRITE, 0xfee000b0, 0, "local APIC: EOI", "SDM", "10.8.5"},
    {0, 0, 0, WRITE, 0xfee00320, 0x200ec, "local APIC: LVT timer: vector ECh, periodic", "SDM", "10.5.1"},
    {0, 0, 0, WRITE, 0xfee00350, 0x8700, "local APIC: LVT LINT0: vector 00h, ExtINT, level", "SDM", "10.5.1"},
    {0, 0, 0, WRITE, 0xfee003e0, 0x0b, "local APIC: timer divide configuration: by 1", "SDM", "10.5.4"},
    {0, 0, 0, WRITE, 0xfec00000, 0x01, "I/O APIC: select register 01h (version)", "82093AA", "3.1.1"},
    {0, 0, 0, WRITE, 0xfed00010, 0x01, "HPET: configuration ENABLE_CNF", "HPET", "2.3.5"},
    {0, 0, 0, WRITE, 0xfed00100, 0x4c,
     "HPET timer 0: configuration: edge, interrupt on, periodic, set value, pin 0", "HPET", "2.3.8"},
};

static const char *told_access(struct told *t, unsigned how, uint64_t at, uint64_t value)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 4};
    struct event ev =
        access_event(how >= WRITE, how >= WRITE ? how == WRITE : !(how & 1), at, sizes[how], value);
    return tell(t, &ev);
}

static void test_names(void **state)
{
    size_t n = sizeof names / sizeof names[0];
    assert_true(n >= 50);
    for (size_t i = 0; i < n; i++) {
        struct told t = {.x = explainer_new(&pc, &plain)};
        if (names[i].before_size) {
            struct event ev =
                access_event(false, true, names[i].before_port, names[i].before_size, names[i].before);
            tell(&t, &ev);
        }
        assert_string_equal(told_access(&t, names[i].how, names[i].at, names[i].value), names[i].words);
        assert_non_null(explainer_manual(t.x));
        assert_non_null(strstr(explainer_manual(t.x), names[i].manual));
        assert_non_null(explainer_source(t.x));
        assert_non_null(strstr(explainer_source(t.x), names[i].source));
        explainer_free(t.x);
    }
}

/* ---------------------------------------------------------------- what is remembered */

static void test_pit_bytes(void **state)
{
    struct told *t = *state;
    assert_string_equal(out(t, 0x40, 0x00),
                        "PIT: counter 0 (IRQ 0): count 00h"); /* which byte is not known */
    out(t, 0x43, 0x34);
    assert_string_equal(out(t, 0x40, 0x9c), "PIT: counter 0 (IRQ 0): count, low byte 9Ch");
    assert_string_equal(out(t, 0x40, 0x2e), "PIT: counter 0 (IRQ 0): count, high byte 2Eh");
    assert_string_equal(out(t, 0x40, 0x9c), "PIT: counter 0 (IRQ 0): count, low byte 9Ch");
    out(t, 0x43, 0xe2);
    assert_string_equal(
        in(t, 0x40, 0xb4),
        "PIT: counter 0 (IRQ 0): status: output high, low then high byte, mode 2 (rate generator), binary");
    assert_string_equal(in(t, 0x40, 0x11), "PIT: counter 0 (IRQ 0): present count, low byte 11h");
}

static void test_uart_divisor(void **state)
{
    struct told *t = *state;
    assert_string_equal(out(t, 0x3f9, 0), "COM1: interrupt enable 00h");
    out(t, 0x3fb, 0x83);
    assert_string_equal(out(t, 0x3f8, 0x01), "COM1: divisor latch, low byte 01h");
    assert_string_equal(out(t, 0x3f9, 0x00), "COM1: divisor latch, high byte 00h");
    assert_string_equal(out(t, 0x2f9, 0x00), "COM2: interrupt enable 00h");
    out(t, 0x3fb, 0x03);
    assert_string_equal(out(t, 0x3f9, 0x01), "COM1: interrupt enable ERBFI");
}

static const char *irq(struct told *t, unsigned vector, unsigned source)
{
    struct event ev = {.kind = EV_IRQ};
    ev.f[EVF_IRQ_vector] = vector;
    ev.f[EVF_IRQ_source] = source;
    return tell(t, &ev);
}

static const char *apic_msr(struct told *t, bool write, uint32_t msr, uint64_t value)
{
    struct event ev = {.kind = write ? EV_APIC_WRITE : EV_APIC_READ};
    ev.f[EVF_APIC_READ_msr] = msr;
    ev.f[EVF_APIC_READ_value] = value;
    return tell(t, &ev);
}

static void test_x2apic(void **state)
{
    struct told *t = *state;
    assert_string_equal(apic_msr(t, false, 0x802, 3), "local APIC: ID: number 3");
    assert_string_equal(apic_msr(t, false, 0x80d, 0x10002),
                        "local APIC: logical destination: cluster 1, set 02h");
    assert_string_equal(apic_msr(t, true, 0x80b, 0), "local APIC: EOI");
    assert_string_equal(apic_msr(t, true, 0x832, 0x400ec), "local APIC: LVT timer: vector ECh, TSC deadline");
    assert_string_equal(apic_msr(t, true, 0x83f, 0xf2), "local APIC: self IPI: vector F2h");
    assert_string_equal(irq(t, 0xf2, 1), "inter-processor interrupt F2h");
    assert_string_equal(apic_msr(t, true, 0x830, 5ull << 32 | 0x40fb),
                        "local APIC: interrupt command: fixed, vector FBh, physical, assert, destination 5h");
    assert_string_equal(apic_msr(t, true, 0x6e0, 123456), "local APIC: TSC deadline: 123456");
    assert_string_equal(apic_msr(t, true, 0x6e0, 0), "local APIC: TSC deadline: none");
}

static void test_vectors(void **state)
{
    struct told *t = *state;
    assert_string_equal(irq(t, 8, 0), "interrupt from the 8259A");
    out(t, 0x20, 0x11);
    assert_string_equal(out(t, 0x21, 0x08), "master PIC: ICW2: IRQ 0-7 are vectors 08h-0Fh");
    assert_string_equal(out(t, 0x21, 0x04), "master PIC: ICW3: slaves at IRQ 2");
    assert_string_equal(out(t, 0x21, 0x01), "master PIC: ICW4: normal EOI, 8086 mode");
    assert_string_equal(out(t, 0x21, 0xff), "master PIC: masked: all");
    assert_string_equal(irq(t, 8, 0), "IRQ 0 (timer) from the 8259A");
    assert_string_equal(irq(t, 0x30, 1), "interrupt from the local APIC");
    told_access(t, WRITE, 0xfec00000, 0x14);
    assert_string_equal(told_access(t, WRITE, 0xfec00010, 0x30),
                        "I/O APIC: pin 2 (timer): vector 30h, fixed, physical, edge");
    assert_string_equal(irq(t, 0x30, 1), "IRQ 0 (timer) from I/O APIC pin 2");
    told_access(t, WRITE, 0xfee00320, 0x000ec);
    assert_string_equal(irq(t, 0xec, 1), "local APIC timer");
    told_access(t, WRITE, 0xfee00300, 0x000f8);
    assert_string_equal(irq(t, 0xf8, 1), "inter-processor interrupt F8h");
    struct event reset = {.kind = EV_RESET};
    tell(t, &reset);
    assert_string_equal(irq(t, 8, 0), "interrupt from the 8259A");
}

/* Ports that PCI moves: where the guest has put them, not where it asked how large they are. */
static void test_moved_ports(void **state)
{
    struct told *t = *state;
    assert_string_equal(told_access(t, IN, 0xc002, 4), "");
    told_access(t, OUT4, 0xcf8, 0x80000920);
    told_access(t, OUT4, 0xcfc, 0xffffffff);
    told_access(t, IN4, 0xcfc, 0xfffffff1);
    assert_string_equal(told_access(t, IN, 0xfff2, 4), "");
    told_access(t, OUT4, 0xcfc, 0xc001);
    assert_string_equal(told_access(t, IN, 0xc002, 4), "IDE primary bus master: status: interrupt");
    assert_string_equal(told_access(t, OUT, 0xc008, 9),
                        "IDE secondary bus master: command: start, to memory");
    told_access(t, OUT4, 0xcfc, 0xd001);
    assert_string_equal(told_access(t, IN, 0xc002, 4), "");
    /* a guest that only reads tells as much */
    told_access(t, OUT4, 0xcf8, 0x80000b40);
    told_access(t, IN4, 0xcfc, 0xb001);
    assert_string_equal(told_access(t, OUT2, 0xb004, 0x2001), "ACPI PM: PM1 control SCI_EN SLP_EN, soft off");
}

static void test_disk_commands(void **state)
{
    struct told *t = *state;
    assert_string_equal(out(t, 0x177, 0xa0), "IDE secondary: command PACKET (A0h)");
    assert_string_equal(in(t, 0x172, 0x01), "IDE secondary: interrupt reason: C/D (command), to drive");
    assert_string_equal(told_access(t, OUT2, 0x170, 0x0028),
                        "IDE secondary: command packet: ATAPI READ(10) (28h)");
    assert_string_equal(told_access(t, OUT2, 0x170, 0x0000), "IDE secondary: command packet");
    for (unsigned i = 0; i < 4; i++)
        told_access(t, OUT2, 0x170, 0);
    assert_string_equal(told_access(t, OUT2, 0x170, 0x0000), "IDE secondary: data");
    struct event packet = access_event(false, true, 0x170, 2, 0);
    out(t, 0x177, 0xa0);
    packet.f[EVF_PIO_WRITE_count] = 6;
    packet.f[EVF_PIO_WRITE_changes] = 1;
    packet.f[EVF_PIO_WRITE_earlier] = 0x28;
    assert_string_equal(tell(t, &packet), "IDE secondary: command packet: ATAPI READ(10) (28h)");
    struct event fifo = access_event(false, true, 0x3f5, 1, 0x94);
    fifo.f[EVF_PIO_WRITE_count] = 3;
    fifo.f[EVF_PIO_WRITE_changes] = 2;
    fifo.f[EVF_PIO_WRITE_earlier] = 0x0013;
    assert_string_equal(tell(t, &fifo),
                        "floppy: command FLOPPY CONFIGURE (13h); FLOPPY CONFIGURE, byte 1 of the "
                        "command: 00h; FLOPPY CONFIGURE, byte 2 of the command: 94h");
    out(t, 0x3f5, 0);
    assert_string_equal(out(t, 0x3f5, 0x08), "floppy: command FLOPPY SENSE INTERRUPT (08h)");
    assert_string_equal(in(t, 0x3f5, 0xc0), "floppy: byte 0 of the result: ST0: drive 0, ready line changed");
}

static void test_keyboard(void **state)
{
    struct told *t = *state;
    out(t, 0x60, 0xed);
    assert_string_equal(out(t, 0x60, 0x02), "8042: to the keyboard: set LEDs: num lock");
    assert_string_equal(in(t, 0x60, 0xfa), "8042: keyboard: ACK");
    out(t, 0x64, 0xd4);
    assert_string_equal(out(t, 0x60, 0xf4), "8042: to the mouse: reporting on (F4h)");
    in(t, 0x64, 0x3d);
    assert_string_equal(in(t, 0x60, 0x08), "8042: mouse: data 08h");
    in(t, 0x64, 0x1d);
    assert_string_equal(in(t, 0x60, 0x9e), "8042: keyboard: scan code 9Eh (A released)");
    out(t, 0x64, 0xaa);
    assert_string_equal(in(t, 0x60, 0x55), "8042: self test passed");
}

/* Index and data take turns at 3C0h; a read of 3DAh begins anew. */
static void test_attribute_controller(void **state)
{
    struct told *t = *state;
    in(t, 0x3da, 0);
    assert_string_equal(out(t, 0x3c0, 0x10), "VGA attribute controller: select register 10h, screen off");
    assert_string_equal(out(t, 0x3c0, 0x0c),
                        "VGA attribute controller: attribute mode control: text, line graphics, blink");
    out(t, 0x3c0, 0x33);
    in(t, 0x3da, 0);
    assert_string_equal(out(t, 0x3c0, 0x05), "VGA attribute controller: select register 05h, screen off");
    assert_string_equal(out(t, 0x3c0, 0x14), "VGA attribute controller: palette register 5h: colour 14h");
    out(t, 0x3c8, 7);
    out(t, 0x3c9, 1);
    assert_string_equal(out(t, 0x3c9, 2), "VGA DAC: colour 07h, green 2");
    out(t, 0x3c9, 3);
    assert_string_equal(out(t, 0x3c9, 4), "VGA DAC: colour 08h, red 4");
}

/* A loop that ends in its middle leaves the registers as its first part does. */
static void test_after_repetition(void **state)
{
    struct told *t = *state;
    out(t, 0x70, 0x0a);
    out(t, 0x70, 0x0b);
    struct event again = {.kind = EV_AGAIN};
    again.f[EVF_AGAIN_period] = 2;
    again.f[EVF_AGAIN_count] = 1000;
    tell(t, &again);
    assert_string_equal(in(t, 0x71, 0x02), "CMOS: register B: BCD values, 24 hours");
    out(t, 0x70, 0x0a);
    out(t, 0x70, 0x0b);
    again.f[EVF_AGAIN_more] = 1;
    tell(t, &again);
    assert_string_equal(in(t, 0x71, 0x00), "CMOS: register A: 4.19 MHz time base, no periodic rate");
}

/* ---------------------------------------------------------------- processor, BIOS, Linux */

static const char *event(struct told *t, unsigned kind, const char *data, uint64_t a, uint64_t b, uint64_t c)
{
    struct event ev = {
        .kind = (uint16_t)kind, .data = data, .len = data ? (uint32_t)strlen(data) : 0, .f = {a, b, c}};
    return tell(t, &ev);
}

static void test_processor(void **state)
{
    struct told *t = *state;
    assert_string_equal(event(t, EV_CPU_MSR, NULL, 0xc0000080, 0x500, 0), "EFER: LME, LMA");
    assert_string_equal(event(t, EV_CPU_MSR, NULL, 0xc0000082, 0xffffffff82000080, 0),
                        "LSTAR: SYSCALL from 64-bit code goes to FFFFFFFF82000080h");
    assert_string_equal(event(t, EV_CPU_CR, NULL, 0, 0x10, 0x11), "CR0: PE on (protected mode)");
    assert_string_equal(event(t, EV_CPU_CR, NULL, 3, 0x1000, 0x2000), "CR3: page tables at 2000h");
    assert_string_equal(event(t, EV_CPU_CR, NULL, 4, 0x20, 0x20), "CR4: PAE");
    struct event fault = {.kind = EV_EXCEPTION};
    fault.f[EVF_EXCEPTION_vector] = 14;
    fault.f[EVF_EXCEPTION_error] = 6;
    fault.f[EVF_EXCEPTION_cr2] = 0x1234;
    assert_string_equal(tell(t, &fault), "#PF page fault: write by user code, page not present, at 1234h");
    struct event fetch = {.kind = EV_EXCEPTION, .f = {14, 0, 0x10, 0x40000000, 0x40000000}};
    assert_string_equal(tell(t, &fetch),
                        "#PF page fault: the next instruction itself is not mapped: the kernel has jumped to "
                        "40000000h, or run on to there");
    fetch.f[EVF_EXCEPTION_error] = 1; /* it is mapped */
    assert_string_equal(tell(t, &fetch), "#PF page fault: read by the kernel, not allowed, at 40000000h");
    struct event triple = {.kind = EV_TRIPLE_FAULT,
                           .f = {0x10, 0x1000, 14, 13 | 0x73 << 8, 13 | 0x43 << 8, 0x5000}};
    assert_string_equal(
        tell(t, &triple),
        "a fault while a double fault was delivered: the processor shuts down. First #PF page fault: read by the kernel, "
        "page not present, at 5000h; its delivery: #GP general protection: IDT entry 0Eh; the double fault's: #GP "
        "general protection: IDT entry 08h");
    fault.f[EVF_EXCEPTION_vector] = 13;
    fault.f[EVF_EXCEPTION_error] = 0x1c;
    assert_string_equal(tell(t, &fault), "#GP general protection: selector 0018h in the LDT");
    assert_string_equal(event(t, EV_CPU_DTABLE, "IDT", 1, 0, 0x3ff), "interrupt vectors of real mode, at 0");
    assert_string_equal(event(t, EV_UNHANDLED, "msr", 0x140, 0, 0),
                        "MISC_FEATURE_ENABLES read: this processor has none: #GP");
    assert_string_equal(event(t, EV_UNHANDLED, "msr", 0x405, 0, 0),
                        "IA32_MC1_STATUS read: this processor has none: #GP");
    assert_string_equal(event(t, EV_UNHANDLED, "port", 0x2e, 1, 0), "not there: Super I/O configuration");
}

static void test_bios(void **state)
{
    struct told *t = *state;
    assert_string_equal(event(t, EV_SOFTINT, NULL, 0x13, 0x4200, 0), "BIOS disk service: extended read");
    assert_string_equal(event(t, EV_SOFTINT, NULL, 0x21, 0x4c00, 0), "DOS service");
    event(t, EV_CPU_MODE, "", 0, 3, 0);
    assert_string_equal(event(t, EV_SOFTINT, NULL, 0x80, 4, 0), "system call by INT 80h, number 4");
    assert_string_equal(event(t, EV_FW_CFG, "file_dir", 0x19, 0, 0), "fw_cfg: directory of files");
    assert_string_equal(event(t, EV_DISK_COMMAND, "IDENTIFY DEVICE", 0, 0xec, 0x58),
                        "IDE primary master: status DRDY DSC DRQ");
    assert_string_equal(event(t, EV_DISK_READ, "READ DMA", 2, 0, 0), "IDE secondary master");
}

static void test_post_codes(void **state)
{
    static const struct setting own = {"bios", "builtin"}, other = {"bios", "seabios"};
    struct trace_config cfg = plain;
    struct told t = {0};
    cfg.settings = &own;
    cfg.nsettings = 1;
    t.x = explainer_new(&pc, &cfg);
    assert_string_equal(event(&t, EV_POST_CODE, NULL, 4, 0, 0), "stage bios.post.pci begins");
    explainer_free(t.x);
    cfg.settings = &other;
    t.x = explainer_new(&pc, &cfg);
    assert_string_equal(event(&t, EV_POST_CODE, NULL, 4, 0, 0), "a number for people with a POST card");
    explainer_free(t.x);
}

static void test_linux(void **state)
{
    struct told *t = *state;
    assert_string_equal(event(t, EV_PROCESS_CREATE, "sh", 1, 0x4111, 7),
                        "process: CLONE_VM|CLONE_VFORK|SIGCHLD");
    assert_string_equal(event(t, EV_PROCESS_CREATE, "kthreadd", 0, 0x800700, 2),
                        "kernel thread: CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_UNTRACED");
    assert_string_equal(event(t, EV_PROCESS_EXIT, "sh", 0x300, 7, 7), "exit code 3");
    assert_string_equal(event(t, EV_PROCESS_EXIT, "sh", 0x8b, 7, 7), "killed by SIGSEGV, core dumped");
    assert_string_equal(event(t, EV_INITCALL, "acpi_init", 4, 0, 1), "subsys initcall");
    assert_string_equal(event(t, EV_INITCALL_DONE, "x", 6, (uint64_t)-19, 1),
                        "device initcall, failed: ENODEV");
    assert_string_equal(event(t, EV_SYSCALL_EXIT, "openat", 257, 1, (uint64_t)-2), "failed: ENOENT");
    assert_string_equal(event(t, EV_BOOT_PARAMS, NULL, 0x20f, 0x72, 0),
                        "Linux boot protocol 2.15, loaded by GRUB");
}

/* ---------------------------------------------------------------- hostile and unknown */

/* Events of a damaged trace may hold any numbers. */
static void test_any_numbers(void **state)
{
    struct told *t = *state;
    uint64_t x = 88172645463325252u;
    char small[7];
    for (unsigned i = 0; i < 200000; i++) {
        struct event ev = {.kind = (uint16_t)(i % EV_COUNT), .data = "port", .len = 4};
        for (unsigned f = 0; f < EVENT_MAX_FIELDS; f++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            ev.f[f] = x >> (x >> 58);
        }
        ev.cpu = (uint8_t)x;
        explainer_event(t->x, &ev, NULL, 0);
        explainer_event(t->x, &ev, small, sizeof small);
        assert_true(strlen(small) < sizeof small);
    }
}

/* Another engine's trace: what is no engine's matter has words all the same. */
static void test_without_engine(void **state)
{
    struct told t = {.x = explainer_new(NULL, &plain)};
    assert_string_equal(out(&t, 0x70, 0x8f), "");
    assert_string_equal(event(&t, EV_PROCESS_EXIT, "sh", 9, 7, 7), "killed by SIGKILL");
    explainer_free(t.x);
}

/* ---------------------------------------------------------------- anywhere in a trace */

enum { WRITTEN = 20000 };

static void write_trace(const char *path)
{
    struct error err;
    struct trace_writer *w = trace_writer_create(path, &plain, &err);
    assert_non_null(w);
    for (unsigned i = 0; i < WRITTEN; i++) {
        struct event ev =
            i % 7 == 3 ? (struct event){.kind = EV_PROCESS_EXIT, .data = "sh", .len = 2, .f = {i % 5 << 8}}
            : i % 997  ? access_event(false, i % 3, i % 2 ? 0x40 : 0x71, 1, i & 0xff)
                       : access_event(false, true, i % 2 ? 0x43 : 0x70, 1, i % 2 ? 0x34 : i % 14);
        ev.icount = ev.time = 10 * i;
        assert_int_equal(trace_write_event(w, &ev, &err), 0);
    }
    assert_int_equal(trace_writer_finish(
                         w,
                         &(struct trace_end){
                             .icount = 10 * WRITTEN, .time = 10 * WRITTEN, .reason = "reached", .text = ""},
                         &err),
                     0);
}

static void test_anywhere(void **state)
{
    char path[] = "/tmp/test_explain.XXXXXX", words[256];
    struct error err;
    close(mkstemp(path));
    write_trace(path);
    struct trace *tr = trace_open(path, &err);
    assert_non_null(tr);
    struct trace_explainer *e = trace_explainer_new(tr, &pc);
    char(*all)[256] = mem_zero(WRITTEN, sizeof *all);
    for (uint64_t i = 0; i < WRITTEN; i++)
        assert_true(trace_explain(e, i, all[i], sizeof all[i], &err) >= 0);
    assert_string_not_equal(all[WRITTEN - 1], "");
    for (uint64_t at = WRITTEN - 1; at > 400; at -= 397) { /* and back */
        assert_true(trace_explain(e, at, words, sizeof words, &err) >= 0);
        assert_string_equal(words, all[at]);
    }
    trace_explainer_free(e);
    e = trace_explainer_new(tr, &pc);
    assert_int_equal(trace_explain_prepare(e, 10000, 0, &err), 0);
    assert_int_equal(trace_explain_prepare(e, 10000, 6000, &err), 0);
    assert_int_equal(trace_explain_prepare(e, 10000, 6000, &err), 1);
    assert_int_equal(trace_explain_prepare(e, 9999, 0, &err), 1);
    for (uint64_t i = 0, at = 12345; i < 2000; i++, at = (at * 7919 + 17) % WRITTEN) {
        assert_true(trace_explain(e, at, words, sizeof words, &err) >= 0);
        assert_string_equal(words, all[at]);
    }
    assert_int_equal(trace_explain(e, WRITTEN, words, sizeof words, &err), 0);
    trace_explainer_free(e);
    free(all);
    trace_close(tr);
    unlink(path);
}

/* A packet written by REP OUTSW: one event, with the last word. What it was, the drive's own event says later. */
static void test_folded_packet(void **state)
{
    char path[] = "/tmp/test_explain.XXXXXX", words[256];
    struct error err;
    struct event ev[] = {
        access_event(false, true, 0x177, 1, 0xa0),
        access_event(false, true, 0x170, 2, 0),
        access_event(false, false, 0x376, 1, 0xd0),
        {.kind = EV_DISK_READ, .data = "ATAPI READ(10)", .len = 14},
        access_event(false, true, 0x177, 1, 0xa0),
        access_event(false, true, 0x170, 2, 0),
        access_event(false, true, 0x177, 1, 0x08),
        {.kind = EV_DISK_COMMAND, .data = "ATAPI INQUIRY", .len = 13},
    };
    static const char *const expected[] = {
        "IDE secondary: command PACKET (A0h)",
        "IDE secondary: command packet: ATAPI READ(10) (28h), LBA 16, 1 block",
        "IDE secondary: alternate status BSY DRDY DSC",
        "IDE secondary master",
        "IDE secondary: command PACKET (A0h)",
        "IDE secondary: command packet"}; /* a reset came before it ended */
    ev[1].f[EVF_PIO_WRITE_count] = ev[5].f[EVF_PIO_WRITE_count] = 6;
    memcpy(ev[3].f, (uint64_t[]){2, 0x28, 16, 1, 0x8000}, 5 * sizeof ev[3].f[0]);
    memcpy(ev[7].f, (uint64_t[]){2, 0x12, 0x50}, 3 * sizeof ev[7].f[0]);
    close(mkstemp(path));
    struct trace_writer *w = trace_writer_create(path, &plain, &err);
    for (size_t i = 0; i < sizeof ev / sizeof ev[0]; i++) {
        ev[i].icount = ev[i].time = 10 * i;
        assert_int_equal(trace_write_event(w, &ev[i], &err), 0);
    }
    const struct trace_end end = {.icount = 100, .time = 100, .reason = "reached", .text = ""};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *tr = trace_open(path, &err);
    struct trace_explainer *e = trace_explainer_new(tr, &pc);
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
            assert_int_equal(trace_explain(e, i, words, sizeof words, &err), (int)strlen(expected[i]));
            assert_string_equal(words, expected[i]);
        }
    trace_explainer_free(e);
    trace_close(tr);
    unlink(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_folded_packet),
        TEST(test_pit_bytes),
        TEST(test_uart_divisor),
        TEST(test_vectors),
        TEST(test_x2apic),
        TEST(test_moved_ports),
        TEST(test_disk_commands),
        TEST(test_keyboard),
        TEST(test_attribute_controller),
        TEST(test_after_repetition),
        TEST(test_processor),
        TEST(test_bios),
        TEST(test_post_codes),
        TEST(test_linux),
        TEST(test_any_numbers),
        TEST(test_without_engine),
        TEST(test_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
