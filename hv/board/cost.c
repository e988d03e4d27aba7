/* cost.c - how much guest time an access to a device takes.
 *
 * A step is 1 ns, but a processor waits for the answer of a slow bus much longer: about a microsecond on real machines.
 * Software relies on that. It counts reads of a timer, measures the processor's clock by them, and limits its polling
 * by a number of reads. So such an access takes the time below, after which the next step begins.
 *
 * Reads and writes of ports take it: the processor waits for both. Of device memory only reads do: writes are posted.
 * What is memory behind the bus (ROM, a linear framebuffer) costs nothing, and neither does a local APIC, which is in
 * the processor. Nor do ports that exist in virtual machines only, since no software expects them to be slow.
 *
 * Sources of the numbers, in ns:
 *   ISA     An 8-bit I/O cycle takes 6 clocks of 120 ns (IEEE P996), and 3.5 more until the next one (82371SB
 *           datasheet, register IORT): 1.1 microseconds. Linux counts on about 1 microsecond for port 80h
 *           (arch/x86/kernel/io_delay.c). The I/O APIC (82093AA) and the flash are on the 82371SB's X-bus, which has
 *           the timing of ISA.
 *   IDE     ATA/ATAPI-6 (T13/1410D), tables 53 and 54: 120 ns for 16 bits of data in PIO mode 4; the 82371SB makes the
 *           8-bit accesses with compatible timing, 600 ns (register IDETIM).
 *   timers  "0.8 to 1.0 microseconds" for a read of the PM timer or the HPET (Microsoft, Acquiring high-resolution
 *           time stamps).
 *   PCI     A function behind the same bridges as the PM timer: the same.
 *   CF8h    Is in the 82441FX, so no cycle goes to PCI: six of the processor bus's clocks of 15 ns. */
#include "hv/board/bus.h"
#include "hv/board/chip.h"

enum { ISA = 1000, IDE_DATA = 120, IDE_REGISTER = 600, PCI_CYCLE = 800, HOST_BRIDGE = 90 };

struct cost {
    uint64_t first, last;
    uint32_t ns;    /* one bus cycle */
    uint32_t width; /* … moves so many bytes at most */
};

/* In the order of addresses; each row begins after the one before. */
static const struct cost ports[] = {
    {0x0000, 0x00e8, ISA, 1}, /* DMA, PIC, PIT, keyboard controller, CMOS, port 80h */
    {0x00e9, 0x00e9, 0, 1},   /* debug port of Bochs */
    {0x00ea, 0x016f, ISA, 1},
    {0x0170, 0x0170, IDE_DATA, 2},
    {0x0171, 0x0177, IDE_REGISTER, 1},
    {0x0178, 0x01cd, ISA, 1},
    {0x01ce, 0x01d0, PCI_CYCLE, 2}, /* display: VBE extensions */
    {0x01d1, 0x01ef, ISA, 1},
    {0x01f0, 0x01f0, IDE_DATA, 2},
    {0x01f1, 0x01f7, IDE_REGISTER, 1},
    {0x01f8, 0x0375, ISA, 1},
    {0x0376, 0x0376, IDE_REGISTER, 1},
    {0x0377, 0x03af, ISA, 1},
    {0x03b0, 0x03df, PCI_CYCLE, 4}, /* display: VGA */
    {0x03e0, 0x03f5, ISA, 1},
    {0x03f6, 0x03f6, IDE_REGISTER, 1},
    {0x03f7, 0x0401, ISA, 1},
    {0x0402, 0x0402, 0, 1}, /* firmware's log */
    {0x0403, 0x050f, ISA, 1},
    {0x0510, 0x051b, 0, 1}, /* fw_cfg */
    {0x051c, 0x0cf7, PCI_CYCLE, 4},
    {0x0cf8, 0x0cfb, HOST_BRIDGE, 4},
    {0x0cfc, 0xffff, PCI_CYCLE, 4}, /* PCI configuration, PM timer, functions' I/O */
};

static const struct cost memory[] = {
    {0, 0xfebfffff, PCI_CYCLE, 4},          /* VGA memory, functions' registers */
    {0xfec00000, 0xfec00fff, ISA, 4},       /* I/O APIC */
    {0xfec01000, 0xfeffffff, PCI_CYCLE, 4}, /* HPET */
    {0xff000000, 0xffffffff, ISA, 1},       /* flash that answers with its status */
    {0x100000000, UINT64_MAX, PCI_CYCLE, 8},
};

static uint64_t look_up(const struct cost *row, uint64_t at, unsigned size)
{
    while (at > row->last)
        row++;
    return (uint64_t)row->ns * ((size + row->width - 1) / row->width);
}

uint64_t cost_of_port(uint16_t port, unsigned size)
{
    return look_up(ports, port, size);
}

uint64_t cost_of_memory_read(uint64_t pa, unsigned size)
{
    return look_up(memory, pa, size);
}
