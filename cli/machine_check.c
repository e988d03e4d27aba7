/* machine_check.c - which options of a machine go together: a table. See machine_impl.h. */
#include <string.h>

#include "cli/machine_impl.h"

/* What can be given: an option, or an option with a value. */
enum {
    KERNEL,
    FLAT,
    HVMLOADER,
    UML,
    PROGRAM,
    BIOS,
    PFLASH,
    VGABIOS,
    VGA,
    MACHINE,
    CPUS,
    DISK,
    CDROM,
    FLOPPY,
    BOOT,
    USB,
    VIRTIO,
    NIC,
    NET,
    SHARE,
    INITRD,
    APPEND,
    MODULE,
    PROTOCOL,
    SYSROOT,
    VARY,
    SEED,
    VARY_FROM,
    SCHEDULE,
    BIOS_BUILTIN,
    BIOS_UEFI,
    MACHINE_Q35,
    VGA_NONE,
    PROTOCOL_HEADER, /* not by fw_cfg */
    KERNEL_FW_CFG,   /* the firmware loads it */
    THINGS
};

static const char *const names[THINGS] = {
    [KERNEL] = "kernel",
    [FLAT] = "flat",
    [HVMLOADER] = "hvmloader",
    [UML] = "uml",
    [PROGRAM] = "program",
    [BIOS] = "bios",
    [PFLASH] = "pflash",
    [VGABIOS] = "vgabios",
    [VGA] = "vga",
    [MACHINE] = "machine",
    [CPUS] = "cpus",
    [DISK] = "disk",
    [CDROM] = "cdrom",
    [FLOPPY] = "floppy",
    [BOOT] = "boot",
    [USB] = "usb",
    [VIRTIO] = "virtio",
    [NIC] = "nic",
    [NET] = "net",
    [SHARE] = "share",
    [INITRD] = "initrd",
    [APPEND] = "append",
    [MODULE] = "module",
    [PROTOCOL] = "protocol",
    [SYSROOT] = "sysroot",
    [VARY] = "vary",
    [SEED] = "seed",
    [VARY_FROM] = "vary from=",
    [SCHEDULE] = "schedule",
    [BIOS_BUILTIN] = "bios builtin",
    [BIOS_UEFI] = "bios",
    [MACHINE_Q35] = "machine q35",
    [VGA_NONE] = "vga none",
    [PROTOCOL_HEADER] = "protocol",
    [KERNEL_FW_CFG] = "kernel",
};

#define B(thing) ((uint64_t)1 << (thing))
#define PC_OPTIONS                                                                                           \
    (B(KERNEL) | B(FLAT) | B(HVMLOADER) | B(BIOS) | B(PFLASH) | B(VGABIOS) | B(VGA) | B(MACHINE) | B(CPUS) | \
     B(CDROM) | B(FLOPPY) | B(BOOT) | B(USB) | B(VIRTIO) | B(NIC) | B(NET) | B(SHARE) | B(MODULE) |          \
     B(VARY) | B(SCHEDULE) | B(PROTOCOL) | B(SEED) | B(VARY_FROM))

/* Refused is what has one of `one`, one of `other` if that is not 0, and none of `without`. The message names the first of `one` and, if
 * `both`, of `other`. */
static const struct rule {
    uint64_t one, other, without;
    bool both;
    const char *reason;
} rules[] = {
    {B(HVMLOADER), B(NIC), 0, true, "a domain of Xen has no network here: leave one of them out"},
    {B(KERNEL), B(FLAT), 0, true, "give one of them: both say what runs first"},
    {B(HVMLOADER), B(KERNEL) | B(FLAT), 0, true, "give one of them: both say what runs first"},
    {B(HVMLOADER), B(BIOS_BUILTIN), 0, false,
     "bootreel's own BIOS does not know Xen: leave --bios out, which takes SeaBIOS, or give a file"},
    {B(HVMLOADER), B(MACHINE_Q35), 0, true, "a domain of Xen is a pc: leave one of them out"},
    {B(PROGRAM), B(UML), 0, true, "give one of them: both say what runs first"},
    {B(UML) | B(PROGRAM), PC_OPTIONS, 0, true,
     "what runs is on a Linux host, not on a PC: leave the PC's options out"},
    {B(PROGRAM), B(INITRD) | B(APPEND) | B(DISK), 0, true,
     "a program has no --initrd, --append or --disk: leave them out"},
    {B(SYSROOT), 0, B(PROGRAM) | B(UML), false, "goes with --program or --uml: give one of them"},
    {B(INITRD) | B(APPEND) | B(MODULE) | B(PROTOCOL), 0, B(KERNEL) | B(UML), false,
     "goes with a kernel: give --kernel FILE too"},
    {B(INITRD), B(MODULE), 0, true, "give one of them: Xen's initial RAM disk is its second module"},
    {B(PFLASH), B(BIOS) | B(FLAT) | B(HVMLOADER), 0, true, "give one of them: both say which firmware runs"},
    {B(MODULE), B(KERNEL_FW_CFG), 0, false,
     "UEFI firmware takes a kernel and an initrd only: leave it out, or put the kernel on a disk"},
    {B(PROTOCOL_HEADER), B(BIOS_UEFI), 0, false, "UEFI firmware takes a kernel by fw_cfg only: leave it out"},
    {B(FLAT), B(BIOS), 0, true, "a bare binary runs without firmware: leave one of them out"},
    {B(SEED), 0, B(VARY), false, "goes with --vary: say what is to be varied"},
    {B(VARY_FROM), 0, B(VARY) | B(SCHEDULE), false, "say what is to be varied, as --vary turns,from=500M"},
    {B(VGABIOS), B(VGA_NONE), 0, true, "there is no display: leave one of them out"},
};

static bool is(const char *text, const char *word)
{
    return text && !strcmp(text, word);
}

bool machine_uefi(const struct machine *m)
{
    return m->nflash || is(m->bios, "ovmf");
}

bool machine_by_fw_cfg(const struct machine *m)
{
    return m->kernel && (m->protocol ? is(m->protocol, "fw_cfg") : machine_uefi(m));
}

bool machine_is_q35(const struct machine *m)
{
    return is(m->board, "q35");
}

static uint64_t things_of(const struct machine *m)
{
    const bool has[THINGS] = {
        [KERNEL] = m->kernel,
        [FLAT] = m->flat,
        [HVMLOADER] = m->hvmloader,
        [UML] = m->uml,
        [PROGRAM] = m->program,
        [BIOS] = m->bios,
        [PFLASH] = m->nflash,
        [VGABIOS] = m->vgabios,
        [VGA] = m->vga,
        [MACHINE] = m->board,
        [CPUS] = m->cpus > 1,
        [DISK] = m->media.ndisks,
        [CDROM] = m->media.ncdroms,
        [FLOPPY] = m->floppy,
        [BOOT] = m->boot,
        [USB] = m->usb,
        [VIRTIO] = m->virtio,
        [NIC] = m->nics.n,
        [NET] = m->nics.nwires,
        [SHARE] = m->shares.n,
        [INITRD] = m->initrds.n,
        [APPEND] = m->append,
        [MODULE] = m->nmodules,
        [PROTOCOL] = m->protocol,
        [SYSROOT] = m->sysroot,
        [VARY] = m->vary.kinds.s || m->vary.net.given,
        [SEED] = m->vary.seeded,
        [VARY_FROM] = m->vary.from || m->vary.from_time,
        [SCHEDULE] = m->vary.schedule,
        [BIOS_BUILTIN] = is(m->bios, "builtin"),
        [BIOS_UEFI] = machine_uefi(m),
        [MACHINE_Q35] = machine_is_q35(m),
        [VGA_NONE] = is(m->vga, "none"),
        [PROTOCOL_HEADER] = m->protocol && !is(m->protocol, "fw_cfg"),
        [KERNEL_FW_CFG] = machine_by_fw_cfg(m),
    };
    uint64_t set = 0;
    for (unsigned i = 0; i < THINGS; i++)
        set |= (uint64_t)has[i] << i;
    return set;
}

static const char *first(uint64_t set)
{
    return names[__builtin_ctzll(set)];
}

/* How many devices the machine has on USB: drives, and those of --usb, of which there is one of a kind. */
static unsigned usb_devices(const struct machine *m)
{
    unsigned n = (unsigned)__builtin_popcount(m->usb);
    for (unsigned i = 0; i < m->media.n; i++)
        n += m->media.medium[i].interface && !strcmp(m->media.medium[i].interface, "usb");
    return n;
}

int machine_check(const struct machine *m, struct error *err)
{
    const uint64_t has = things_of(m);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *r = &rules[i];
        const uint64_t one = has & r->one, other = has & r->other;
        if (!one || (r->other && !other) || has & r->without)
            continue;
        return r->both ? error_set(err, "--%s and --%s: %s", first(one), first(other), r->reason)
                       : error_set(err, "--%s: %s", first(one), r->reason);
    }
    return variation_check(&m->vary, m->cpus, usb_devices(m), err);
}
