/* explain_virt.c - what the events of a hypervisor's guests mean, and what a hypervisor usually does then.
 *
 * Sources: AMD APM volume 2, chapter 15 (15.5 VMRUN, 15.7 to 15.14 intercepts, 15.20 injection, 15.25 nested paging) and appendix C (exit codes); SDM
 * volume 3, chapters 24 to 27 and appendix C. Intel's reasons are looked up by AMD's numbers where these have the same. */
#include <inttypes.h>

#include "core/story/private/explain_impl.h"

/* A range of ports, or of physical addresses, where a PC has a device. */
struct where {
    uint64_t first, count;
    const char *name;
};

static const struct where ports[] = {
    {0x00, 0x20, "first DMA controller"},
    {0x20, 2, "first interrupt controller (8259A)"},
    {0x40, 4, "timer (8254)"},
    {0x60, 1, "keyboard controller's data"},
    {0x61, 1, "port B: speaker and timer 2"},
    {0x64, 1, "keyboard controller's command and status"},
    {0x70, 2, "real-time clock and CMOS memory"},
    {0x80, 1, "POST codes"},
    {0x81, 15, "DMA page registers"},
    {0x92, 1, "A20 and reset"},
    {0xa0, 2, "second interrupt controller (8259A)"},
    {0xb2, 2, "SMI commands"},
    {0xc0, 0x20, "second DMA controller"},
    {0xe9, 1, "debug port"},
    {0xf0, 2, "coprocessor"},
    {0x170, 8, "second ATA channel"},
    {0x1ce, 3, "display's VBE registers"},
    {0x1f0, 7, "first ATA channel"},
    {0x1f7, 1, "first ATA channel's status and command"},
    {0x2e8, 8, "fourth serial port"},
    {0x2f8, 8, "second serial port"},
    {0x376, 1, "second ATA channel's control"},
    {0x3b0, 0x30, "VGA"},
    {0x3e8, 8, "third serial port"},
    {0x3f0, 6, "floppy controller"},
    {0x3f6, 1, "first ATA channel's control"},
    {0x3f7, 1, "floppy controller"},
    {0x3f8, 8, "first serial port"},
    {0x402, 1, "firmware's debug port"},
    {0x4d0, 2, "interrupt controllers' edge and level control"},
    {0x510, 12, "fw_cfg"},
    {0xcf8, 1, "PCI configuration address"},
    {0xcf9, 1, "reset control"},
    {0xcfc, 4, "PCI configuration data"},
};
static const struct where addresses[] = {
    {0xa0000, 0x20000, "VGA's memory"},
    {0xfec00000, 0x1000, "I/O APIC"},
    {0xfed00000, 0x400, "HPET"},
    {0xfee00000, 0x1000, "local APIC"},
};

static void add_place(struct text *out, const struct where *list, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++)
        if (at - list[i].first < list[i].count) {
            text_add(out, ", on a PC the %s", list[i].name);
            return;
        }
}

void explain_add_place(struct text *out, bool port, uint64_t at)
{
    if (port)
        add_place(out, ports, sizeof ports / sizeof ports[0], at);
    else
        add_place(out, addresses, sizeof addresses / sizeof addresses[0], at);
}

/* ---------------------------------------------------------------- exits */

/* Rows of exit codes, the first that fits: what a hypervisor usually does. */
static const struct {
    uint64_t first, last;
    const char *does;
} usual[] = {
    {0x00, 0x0f, "the hypervisor gives the value that the guest is to see"},
    {0x10, 0x1f, "the hypervisor looks at the value, takes it over, and goes on behind the instruction"},
    {0x20, 0x3f, "the hypervisor loads or keeps the guest's debug registers"},
    {0x4e, 0x4e, "the hypervisor mends its shadow page tables, or injects the page fault into the guest"},
    {0x40, 0x5f, "the hypervisor handles the exception itself, or injects it into the guest"},
    {0x60, 0x60,
     "an interrupt of the machine came while the guest ran: the hypervisor's own handler takes it, and the guest goes on"},
    {0x61, 0x61, "an NMI of the machine came while the guest ran: the hypervisor's own handler takes it"},
    {0x62, 0x63, "a signal of the machine came while the guest ran: the hypervisor takes it"},
    {0x64, 0x64, "the guest can take an interrupt now: the hypervisor injects the one that it has kept"},
    {0x72, 0x72, "the hypervisor answers with the processor that the guest is to see"},
    {0x74, 0x74, "the guest's handler of an NMI returns: the hypervisor may inject the next one"},
    {0x77, 0x77, "the guest spins: the hypervisor may run another one"},
    {0x78, 0x78, "the guest waits for an interrupt: the hypervisor runs another one, or waits as well"},
    {0x79, 0x7a, "the hypervisor drops the translation from its shadow page tables"},
    {0x7b, 0x7b,
     "the hypervisor hands the access to its model of the device, and goes on behind the instruction"},
    {0x7c, 0x7c,
     "the number is in the guest's ECX; the hypervisor reads or writes its own copy of the register, or injects #GP"},
    {0x7d, 0x7d, "the hypervisor switches the guest's task itself"},
    {0x7f, 0x7f, "the guest has met a triple fault: the hypervisor resets it, or gives it up"},
    {0x80, 0x80,
     "the guest would be a hypervisor itself: it gets #UD, or the hypervisor plays the processor for it"},
    {0x81, 0x81, "the guest calls the hypervisor; what for is in its registers"},
    {0x82, 0x86, "an instruction of hypervisors: the guest gets #UD, or the hypervisor executes it for it"},
    {0x8d, 0x8d, "the hypervisor checks the value, and loads it"},
    {EVENT_EXIT_VMX + 4, EVENT_EXIT_VMX + 4,
     "another processor of the guest has started this one: the hypervisor sets its registers, and it runs"},
    {EVENT_EXIT_VMX + 8, EVENT_EXIT_VMX + 8,
     "the guest can take an NMI now: the hypervisor injects the one that it has kept"},
    {EVENT_EXIT_VMX + 37, EVENT_EXIT_VMX + 37,
     "the hypervisor lets the guest execute one instruction at a time"},
    {EVENT_EXIT_VMX + 43, EVENT_EXIT_VMX + 43,
     "the guest has lowered its task priority: the hypervisor injects an interrupt that was held back by it"},
    {EVENT_EXIT_VMX + 52, EVENT_EXIT_VMX + 52,
     "the time that the hypervisor gave the guest is over: most often a timer of the guest is due"},
    {0x400, 0x400, "the hypervisor maps memory there, or hands the access to its model of the device"},
};

static void add_usual(struct text *out, uint64_t reason)
{
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (reason >= usual[i].first && reason <= usual[i].last) {
            text_add(out, "; %s", usual[i].does);
            return;
        }
}

static void left(const struct event *ev, struct text *out)
{
    char words[160];
    uint16_t port;
    uint64_t address;
    event_exit_words(ev, words, sizeof words);
    text_add(out, "the guest of %s %" PRIX64 "h: %s", event_block_name(ev), EVF(ev, VIRT_EXIT, vmcb), words);
    if (event_exit_port(ev, &port))
        add_place(out, ports, sizeof ports / sizeof ports[0], port);
    else if (event_exit_nested(ev, &address))
        add_place(out, addresses, sizeof addresses / sizeof addresses[0], address);
    add_usual(out, event_exit_code(ev));
}

/* ---------------------------------------------------------------- the others */

static void injected(const struct event *ev, struct text *out)
{
    enum { INTERRUPT, NMI = 2, SOFT = 4 };
    const uint64_t type = EVF(ev, VIRT_INJECT, type);
    text_add(out, "the guest of control block %" PRIX64 "h gets %s, through its own IDT; ",
             EVF(ev, VIRT_INJECT, vmcb),
             type == INTERRUPT ? "an interrupt"
             : type == NMI     ? "an NMI"
             : type == SOFT    ? "an INT n"
                               : "an exception");
    text_add(out, "%s",
             EVF(ev, VIRT_INJECT, virtual)
                 ? "the hypervisor had left it with the processor (V_IRQ), until the guest was ready for it"
                 : "the hypervisor gave it with the entry: most often of a device that it plays, "
                   "or what an exit had interrupted");
}

bool explain_virt_event(const struct event *ev, struct text *out)
{
    switch (ev->kind) {
    case EV_VIRT_ENTER:
        text_add(out,
                 "%s: the hypervisor's state is put aside, and the guest of %s %" PRIX64
                 "h runs until something happens that is intercepted",
                 event_is_vmx(ev) ? "VMLAUNCH or VMRESUME" : "VMRUN", event_block_name(ev),
                 EVF(ev, VIRT_ENTER, vmcb));
        return true;
    case EV_VIRT_EXIT:
        left(ev, out);
        return true;
    case EV_VIRT_BOOT:
        text_add(out, "a virtual machine boots as a PC does; its own stages are those with its name before "
                      "them (kvm.1.bios, xen.domain.1.loader)");
        return true;
    case EV_VIRT_INJECT:
        injected(ev, out);
        return true;
    case EV_VIRT_REFUSED:
        text_add(out,
                 "the guest is not entered: its %s %" PRIX64
                 "h fails a check, and the hypervisor sees %s; it has a mistake, or "
                 "asks for what this processor does not have",
                 event_block_name(ev), EVF(ev, VIRT_REFUSED, vmcb),
                 event_is_vmx(ev) ? "the number of the error, or the exit reason"
                                  : "exit code -1 (VMEXIT_INVALID)");
        return true;
    }
    return false;
}
