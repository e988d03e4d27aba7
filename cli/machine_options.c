/* machine_options.c - the options of a machine: their table, and what each sets. See machine.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/memory.h"
#include "cli/machine_impl.h"
#include "core/story/guest.h"
#include "hv/hv.h"

/* ---------------------------------------------------------------- values */

static int set_memory(struct machine *m, const struct option_row *row, const char *value, struct error *err)
{
    if (take_size(row, value, 0, &m->memory, err))
        return -1;
    const struct setting_row *bounds = setting_row_of("memory");
    if (m->memory >= bounds->min && m->memory <= bounds->max && m->memory % MIB == 0)
        return 0;
    char *range = fill_in("from {min-memory} to {max-memory}");
    error_set(err, "--%s: %.40s: give whole megabytes, %s", row->name, value, range);
    free(range);
    return -1;
}

static int set_rtc(struct machine *m, const char *value, struct error *err)
{
    int64_t seconds;
    if (!date_parse(value, &seconds) || seconds < 0)
        return error_set(err, "--rtc: \"%.40s\" is not a time: write it as %s", value, setting_preset("rtc"));
    m->rtc = value;
    return 0;
}

static int set_word(const char **to, const struct option_row *row, const char *value, struct error *err)
{
    unsigned index;
    if (option_word(row, value, &index, err))
        return -1;
    *to = value;
    return 0;
}

/* `bits`: of the words that were given. */
static int add_word(unsigned *bits, const struct option_row *row, const char *value, struct error *err)
{
    unsigned index;
    if (option_word(row, value, &index, err))
        return -1;
    *bits |= 1u << index;
    return 0;
}

static int set_inspect(struct machine *m, const char *value, struct error *err)
{
    m->inspects = true;
    return guest_systems_parse(guest_systems, value, &m->inspect, err);
}

static int set_flat(struct machine *m, const char *value, struct error *err)
{
    const char *at = strrchr(value, '@');
    char *end = NULL;
    if (!at || at == value || !isdigit((unsigned char)at[1]))
        return error_set(err, "--flat: \"%.200s\": write it as FILE@ADDRESS, for example image.bin@0x100000",
                         value);
    m->flat_address = strtoull(at + 1, &end, 0);
    if (*end || m->flat_address >= ENGINE_MEMORY)
        return error_set(err, "--flat: \"%.40s\" is not an address: write it as 0x100000", at + 1);
    free(m->flat);
    m->flat = mem_text(value, (size_t)(at - value));
    return 0;
}

static int set_once(const char **to, const struct option_row *row, const char *value, struct error *err)
{
    if (*to)
        return error_set(err, "--%s: given twice (%.100s and %.100s): give it once", row->name, *to, value);
    *to = value;
    return 0;
}

static int add_flash(struct machine *m, const char *value, struct error *err)
{
    if (m->nflash == MACHINE_FLASH)
        return error_set(err, "--pflash: %.200s: there are %d already: give code and variables", value,
                         MACHINE_FLASH);
    m->flash[m->nflash++] = value;
    return 0;
}

static int add_module(struct machine *m, const char *value, struct error *err)
{
    size_t n = strcspn(value, " ");
    if (!n)
        return error_set(err, "--module: \"%.40s\" names no file: write it as \"FILE ARGUMENTS\"", value);
    if (m->nmodules == MACHINE_MODULES)
        return error_set(err, "--module: %.200s: there are %d already, and no more places", value,
                         MACHINE_MODULES);
    m->module[m->nmodules] = mem_text(value, n);
    m->module_string[m->nmodules++] = value;
    return 0;
}

enum {
    MO_BIOS = OPT_MACHINE,
    MO_PFLASH,
    MO_VGABIOS,
    MO_MEMORY,
    MO_CPUS,
    MO_CPU,
    MO_RTC,
    MO_DISK,
    MO_CDROM,
    MO_FLOPPY,
    MO_BOOT,
    MO_KERNEL,
    MO_INITRD,
    MO_MODULE,
    MO_APPEND,
    MO_PROTOCOL,
    MO_FLAT,
    MO_HVMLOADER,
    MO_VGA,
    MO_USB,
    MO_VIRTIO,
    MO_NIC,
    MO_NET,
    MO_SHARE,
    MO_MACHINE,
    MO_INSPECT,
    MO_PROGRAM,
    MO_UML,
    MO_SYSROOT,
    MO_VARY,
    MO_SEED,
    MO_SCHEDULE
};

const struct option_row machine_options[] = {
    {.name = "bios",
     .argument = "builtin|seabios|ovmf|FILE",
     .help = "the firmware: bootreel's own (default), SeaBIOS, OVMF (UEFI), or a file; none with --flat",
     .id = MO_BIOS,
     .more = "SeaBIOS is looked for below `$BOOTREEL_GUESTS`, in /usr/share/seabios, in /usr/share/qemu "
             "and below ./.cache; OVMF likewise, in /usr/share/OVMF: its 4 MB build, in flash as with "
             "--pflash (in a domain of Xen OVMF.fd, which hvmloader copies to its place). A file is in "
             "ROM: UEFI firmware there keeps its variables only until the machine is switched off."},
    {.name = "pflash",
     .argument = "FILE",
     .help = "firmware in a flash chip that ends at 4 GiB; given twice: read-only code, then variables in "
             "a chip below it",
     .id = MO_PFLASH,
     .more = "Multiples of 4 KiB, at most 8 MiB each. A single chip can be written. The files are only "
             "read: what the guest writes is part of the machine's state; see --save-vars."},
    {.name = "vgabios",
     .argument = "FILE",
     .help = "the display's option ROM (default: SeaBIOS has its own, builtin needs none)",
     .id = MO_VGABIOS},
    {.name = "machine",
     .argument = SETTING_MACHINES,
     .help = "the board (default pc)",
     .id = MO_MACHINE,
     .more = "`pc` is the PC of 1996 (i440FX, PIIX3, IDE), `q35` a PC Express of 2007 (Q35 and ICH9: "
             "configuration space in memory, more interrupt lines, memory for system management mode that "
             "can be locked, a watchdog), as QEMU's machines of these names. UEFI firmware for Secure Boot "
             "needs `q35`."},
    {.name = "memory",
     .argument = "SIZE",
     .help = "size of the memory, such as 512M or 1G (default {memory})",
     .id = MO_MEMORY,
     .more = "Whole megabytes, from {min-memory} to {max-memory}."},
    {.name = "cpus",
     .argument = "N",
     .help = "number of processors, at most {max-cpus} (default 1): cores of one package",
     .id = MO_CPUS},
    {.name = "cpu",
     .argument = "MODEL",
     .help = "processor model: {cpu-models} (default {cpu})",
     .id = MO_CPU,
     .more =
         "`i686` has 32 bits. `x86-64-v3` is that level (AVX, AVX2, FMA, F16C, BMI1, BMI2, LZCNT, "
         "MOVBE, XSAVE) and what its processors have besides it: AES, PCLMULQDQ, ADX, FSGSBASE, SMEP, "
         "SMAP, CLFLUSHOPT, x2APIC, the TSC-deadline timer, RDRAND and RDSEED (whose numbers are the "
         "same in each recording). `max` is all that the emulator has: that, SHA, GFNI, VAES, "
         "VPCLMULQDQ, UMIP, INVPCID, CLWB, RDPID and 5-level paging (LA57), which Linux then uses "
         "unless its command line says no5lvl. These are AMD's; `intel-v2` and `intel-v3` have the "
         "features of x86-64-v2 and x86-64-v3, and Intel's vendor, model numbers and MSRs. `,+vmx` behind one of these two adds Intel's hardware virtualization with EPT, `,+svm` "
         "behind one of AMD's 64-bit models adds AMD's hardware virtualization with nested paging, for "
         "hypervisors in the machine (docs/virt.md). `,+pdpe1gb` adds pages of 1 GiB, `,+pcid` process-context identifiers with INVPCID (`max` has these), to any "
         "64-bit model; several can be added: `max,+svm,+pdpe1gb`. An instruction that the model lacks is an event, "
         "cpu.lacks, which names it and the model that has it."},
    {.name = "rtc",
     .argument = "TIME",
     .help = "what the clock says at power-on (default {rtc})",
     .id = MO_RTC,
     .more = "The host's time is never used."},
    {.name = "inspect",
     .argument = "linux,freebsd,xen,uml,efi,multiboot,virt|none",
     .help = "look for these kernels, hypervisors and firmware and record what they do (default: all of "
             "them), or do not",
     .id = MO_INSPECT,
     .more = "They are found by what every build has in memory. A kernel gives events of the classes "
             "kernel, process, sched and syscall, and symbols. Kernels from 4.6 to 7.3 are understood, of "
             "64 and of 32 bits; those without kallsyms with their vmlinux or System.map (--symbols). A "
             "kernel that another starts (kexec) is a guest of its own. System calls are those of 64-bit, "
             "x32 and 32-bit programs. A kernel without type information (BTF, or the DWARF of its "
             "vmlinux), such as Debian's 32-bit ones, gives no symbols of programs; an event kernel.note "
             "says what is not known of a kernel, and why. FreeBSD kernels of amd64 and i386 are "
             "understood (tried: 12.1 and 13.0-CURRENT); their programs have no symbols. Xen (x86-64, from "
             "4.5 on) gives the steps of its boot, domains, hypercalls, switches of virtual processors and "
             "symbols; kernels are looked for in its paravirtual domains too. Its symbols are complete if "
             "it was built with CONFIG_LIVEPATCH, and without data otherwise. `efi` is UEFI firmware: "
             "volumes, modules, boot and runtime services, as events of the class firmware, and symbols "
             "that say which module an address is in. `multiboot` is any kernel that multiboot starts: its "
             "file's name, what the loader passes, and, if its ELF file has symbols, the functions that it "
             "enters on its way. `virt` are the virtual machines of a hypervisor (--cpu MODEL,+svm or "
             "+vmx): the others are looked for inside, too."},
    {.name = "vga", .argument = SETTING_VGA, .help = "the display adapter (default std)", .id = MO_VGA},
    {.name = "usb",
     .argument = SETTING_USB,
     .help = "a device on USB (xHCI); may be given for each",
     .id = MO_USB,
     .more = "Once the guest has set up the keyboard, what is typed goes there and not to the PS/2 "
             "keyboard; the tablet takes the mouse's movements."},
    {.name = "virtio",
     .argument = SETTING_VIRTIO,
     .help = "a device on virtio that is no drive; may be given for each",
     .id = MO_VIRTIO,
     .more = "`rng` gives random numbers that follow from the machine's configuration (--rtc among it), so "
             "that the run can be repeated. `console` is Linux's hvc0; it is printed by --console=virtio, "
             "and with -i that is also where typing goes."},
    {.name = "nic",
     .argument = "MODEL[,mac=ADDRESS][,rom=FILE|none]",
     .help = "a network card: " NIC_MODELS " (up to {max-nics})",
     .id = MO_NIC,
     .more = "Its address is 52:54:00:12:34:56 (57 for the second …) if none is given. The ROM is what "
             "firmware boots from the network with: iPXE's, of Debian's package ipxe-qemu, which is looked "
             "for as SeaBIOS is; none if a kernel or a binary is loaded directly."},
    {.name = "net",
     .argument = "user[,KEY=VALUE…]|socket=PATH[,local=PATH]|none",
     .help = "what a network card is connected to: the first for the first card, and so on (default user)",
     .id = MO_NET,
     .more = "`user` is a network with a gateway (10.0.2.2) that gives the guest the address 10.0.2.15 by "
             "DHCP. Its keys: `tftp=FOLDER`, whose files, and no others, the guest can read by TFTP; "
             "`bootfile=NAME` and `hostname=NAME`, which DHCP says; `ipv6=yes`, with which it speaks IPv6, "
             "too (prefix fec0::/64, DHCPv6). What the guest gets follows from the run alone, unless "
             "`outside=yes` lets it reach what this computer reaches, or `forward=tcp:[ADDRESS:]PORT:PORT` "
             "leads from a port of this computer to one of the guest. `socket` is a Unix datagram socket "
             "at PATH, each datagram a frame; what the other program sends must go to PATH.bootreel. With "
             "`local=OWN`, it must go to OWN, and the program may start later: two recordings that name "
             "each other's sockets are connected. In any case what comes is recorded, and a replay needs "
             "no network. With `mangle=SEED:PERCENT` so many of the frames to the guest are lost, doubled, "
             "delayed or damaged; which ones, follows from the seed."},
    {.name = "share",
     .argument = "FOLDER[,tag=TEXT][,path=PATH]",
     .help = "a folder of this computer that the guest can mount by its tag (9p on virtio; up to "
             "{max-shares})",
     .id = MO_SHARE,
     .more = "`mount -t 9p -o trans=virtio,version=9p2000.L TAG /mnt`. The tag is `share0`, `share1` and "
             "so on if none is given. What the guest reads of the folder is in the trace, which needs the "
             "folder no more. What it writes is kept in memory, as part of the machine's state; the folder "
             "is only read. Nothing outside of the folder is reached, and only regular files and folders "
             "are opened. Folders show no times. `path=` says where the guest mounts it, for `bootreel "
             "files --get`."},
    {.name = "disk",
     .argument = "FILE|folder:PATH[,interface=" SETTING_DISK_INTERFACES "][,serial=TEXT][,backing=FILE…]",
     .help = "a disk image, and what it is attached to (up to {max-disks} drives)",
     .id = MO_DISK,
     .more = "The image is raw, or qcow2, VMDK, VHD, VHDX or VDI (which need `qemu-nbd`, of Debian's "
             "qemu-utils), or one that gzip, xz, zstd or bzip2 has packed, which is unpacked once, into "
             "the cache. What an image is based on must be in its folder or below, or be named by "
             "`backing=`. `folder:PATH` is a folder as a disk, with one partition and an ext4 file system. "
             "If no interface is given, it is `ide` on a pc and `ahci` on a q35, which has no IDE. An IDE "
             "controller has room for four drives, an AHCI controller (SATA) for six; each `nvme` drive "
             "has a controller of its own, each `virtio` drive (virtio-blk, modern and transitional) a "
             "card; `scsi` drives are on one virtio-scsi card with room for eight; `usb` drives are "
             "sticks, up to six. The serial number is what the drive says of itself. Image files are only "
             "read: what the guest writes is part of the machine's state."},
    {.name = "cdrom",
     .argument = "FILE[,interface=" SETTING_CDROM_INTERFACES "][,serial=TEXT]",
     .help = "a CD-ROM image, likewise",
     .id = MO_CDROM},
    {.name = "floppy", .argument = "FILE", .help = "a floppy disk image", .id = MO_FLOPPY},
    {.name = "boot",
     .argument = "c|d|a|n|menu",
     .help = "boot from the disk, the CD-ROM, the floppy or the network first (default: the first of these "
             "that is given), or show a boot menu if Esc or F12 is pressed within {boot-menu} seconds",
     .id = MO_BOOT,
     .more = "The firmware reads the key from the screen's keyboard and, if it is the built-in one, also "
             "from the serial port."},
    {.name = "kernel",
     .argument = "FILE",
     .help = "a Linux kernel (bzImage or zImage), a multiboot image, or an ELF file with a PVH entry "
             "(packed by gzip or not), loaded directly",
     .id = MO_KERNEL,
     .more = "The recording begins at the kernel's entry. The firmware has run before that, unrecorded: "
             "its services, tables and settings are there. A reset loads the kernel again."},
    {.name = "initrd",
     .argument = "FILE|folder:PATH",
     .help = "the kernel's initial RAM disk; several are joined",
     .id = MO_INITRD,
     .more = "The kernel gets a file as it is, and `folder:PATH` as a cpio archive of that folder."},
    {.name = "module",
     .argument = "\"FILE ARGUMENTS\"",
     .help = "a module for a multiboot or PVH kernel (up to {max-modules} times)",
     .id = MO_MODULE,
     .more = "The kernel gets the file as it is, and the file's name without its folder and the arguments "
             "as the module's string. Xen's first module is the kernel of its domain 0, with its command "
             "line; the second is that kernel's initial RAM disk."},
    {.name = "append", .argument = "STRING", .help = "the kernel's command line", .id = MO_APPEND},
    {.name = "protocol",
     .argument = SETTING_PROTOCOLS,
     .help = "how the kernel is loaded and entered (default: the first of these that it has; with UEFI "
             "firmware fw_cfg)",
     .id = MO_PROTOCOL,
     .more = "With fw_cfg the firmware gets kernel, initrd and command line through QEMU's configuration "
             "device and loads them by itself, as OVMF and qboot do. PVH is Xen's entry for guests without "
             "firmware; Linux's ELF image (vmlinux) has it. With it, as with multiboot, an initial RAM "
             "disk is the first module."},
    {.name = "flat",
     .argument = "FILE@ADDRESS",
     .help = "a bare binary, loaded there and run at once",
     .id = MO_FLAT},
    {.name = "hvmloader",
     .argument = "FILE",
     .help = "the first code of an HVM domain of Xen: Xen's hvmloader, or an image of your own",
     .id = MO_HVMLOADER,
     .more = "The machine is then the domain, and plays the parts of Xen 4.17, its domain builder, its "
             "device model and its xenstore. The file is a 32-bit ELF image. Xen's own (package "
             "xen-utils-4.17) takes SeaBIOS as its firmware, which is the default with this option; with "
             "`--bios none`, an image of your own gets none."},
    {.name = "uml",
     .argument = "FILE",
     .help = "user-mode Linux, on a deterministic Linux host instead of a PC",
     .id = MO_UML,
     .more = "With --memory (`mem=`), --initrd, --disk (`ubd0=` and further) and --append. The kernel is "
             "an unmodified `linux.uml`; its C library is taken from the host, or from --sysroot, and is "
             "in the trace."},
    {.name = "program",
     .argument = "FILE",
     .help = "any 64-bit Linux program, on that host; its arguments follow, after -- if they begin with -",
     .id = MO_PROGRAM,
     .more = "It sees its own file, its interpreter and its libraries, and nothing else of the real host: "
             "no files, no network, no time. A system call that the host does not have is answered with "
             "`ENOSYS`, and reported as an event of the class unhandled. --memory is for all its "
             "processes."},
    {.name = "sysroot",
     .argument = "FOLDER",
     .help = "where a program's interpreter and libraries are (default: /)",
     .id = MO_SYSROOT},
    {.name = "vary",
     .argument = "KIND[=WORD],…[,from=POSITION]",
     .help = "let the machine choose differently, as --seed says: turns, wakeups, timers, irq, disk, "
             "memory, rtc, tsc, usb",
     .id = MO_VARY,
     .more =
         "`turns` is when a processor's turn ends and which one is next (`turns=priorities`: the first "
         "that is awake runs, and the order changes now and then; `turns=at:FUNCTION`: only where a "
         "processor has entered that function); `wakeups` which one runs when "
         "another halts; `timers` lets guest time pass after a write to a device while the processors "
         "stand still; `irq` holds back interrupts; `disk` makes commands of drives take longer (these "
         "three with `max:500` in nanoseconds, or `max:20us`); `memory` is what RAM holds at power-on, "
         "`rtc` the date, `tsc` the time-stamp counters; `usb` connects devices late. `errors=disk,lba=N` makes reads of a sector "
         "fail: `count=K` of them, else all; of `drive=ROLE`, else of disk0. `errors=nvram,n=N` lets writes of "
         "flash fail from the N-th on: `count=K` of them, else all. `errors=call,FUNCTION,n=N` makes the N-th call of a "
         "kernel's, module's or firmware's function return at once, with `value=V` (0). `errors=net,percent=P` damages so many of 100 frames to the guest, as --net's mangle= does. Nothing is varied before "
         "`from=`. The same seed gives the same run, and the trace is replayed as any other. "
         "docs/hunt.md has more."},
    {.name = "seed",
     .argument = "N",
     .help = "with --vary: which of the possible runs (default 0)",
     .id = MO_SEED},
    {.name = "schedule",
     .argument = "FILE",
     .help = "the choices that a machine is to make, one a line, as bootreel hunt --explain writes them",
     .id = MO_SCHEDULE,
     .more = "What the file does not say is as without variation; with --vary, --seed decides from the end "
             "of the file on."},
    END_OF_ROWS,
};

int machine_option(struct machine *m, const struct option_row *row, const char *value, struct error *err)
{
    uint64_t n;
    switch (row->id) {
    case MO_BIOS:
        return set_once(&m->bios, row, value, err);
    case MO_PFLASH:
        return add_flash(m, value, err);
    case MO_VGABIOS:
        return set_once(&m->vgabios, row, value, err);
    case MO_MEMORY:
        return set_memory(m, row, value, err);
    case MO_CPUS:
        if (take_number(row, value, 1, ENGINE_CPUS, &n, err))
            return -1;
        m->cpus = (unsigned)n;
        return 0;
    case MO_CPU:
        return set_once(&m->cpu, row, value, err);
    case MO_RTC:
        return set_rtc(m, value, err);
    case MO_DISK:
    case MO_CDROM:
        return media_add(&m->media, row->id == MO_CDROM, row, value, err);
    case MO_FLOPPY:
        return set_once(&m->floppy, row, value, err);
    case MO_BOOT:
        return set_word(&m->boot, row, value, err);
    case MO_KERNEL:
        return set_once(&m->kernel, row, value, err);
    case MO_INITRD:
        given_words_add(&m->initrds, value);
        return 0;
    case MO_MODULE:
        return add_module(m, value, err);
    case MO_APPEND:
        return set_once(&m->append, row, value, err);
    case MO_PROTOCOL:
        return set_word(&m->protocol, row, value, err);
    case MO_FLAT:
        return set_flat(m, value, err);
    case MO_HVMLOADER:
        return set_once(&m->hvmloader, row, value, err);
    case MO_VGA:
        return set_word(&m->vga, row, value, err);
    case MO_USB:
        return add_word(&m->usb, row, value, err);
    case MO_VIRTIO:
        return add_word(&m->virtio, row, value, err);
    case MO_NIC:
        return nics_add(&m->nics, row, value, err);
    case MO_NET:
        return nics_add_wire(&m->nics, row, value, err);
    case MO_SHARE:
        return shares_add(&m->shares, row, value, err);
    case MO_MACHINE:
        return set_word(&m->board, row, value, err);
    case MO_INSPECT:
        return set_inspect(m, value, err);
    case MO_PROGRAM:
        return set_once(&m->program, row, value, err);
    case MO_UML:
        return set_once(&m->uml, row, value, err);
    case MO_VARY:
        return variation_add(&m->vary, value, err);
    case MO_SEED:
        m->vary.seeded = true;
        return take_number(row, value, 0, UINT64_MAX, &m->vary.seed, err);
    case MO_SCHEDULE:
        return variation_schedule(&m->vary, value, err);
    case MO_SYSROOT:
        return set_once(&m->sysroot, row, value, err);
    default:
        return option_not_handled(row, err);
    }
}
