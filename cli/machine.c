/* machine.c - see machine.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bios/builtin.h"
#include "cli/hosted.h"
#include "cli/machine.h"
#include "cli/media.h"
#include "cli/nics.h"
#include "core/story/guest.h"
#include "guests/demo/demo.h"
#include "hv/hv.h"
#include "traces/memory.h"

#define MIB         (1ull << 20)
#define MAX_MEMORY  (64ull << 30)
#define MAX_ADDRESS (64ull << 30)

/* The roles of the modules' images, and the keys of the settings with their strings. */
static const char *const module_roles[MACHINE_MODULES] = {
    "module0", "module1", "module2",  "module3",  "module4",  "module5",  "module6",  "module7",
    "module8", "module9", "module10", "module11", "module12", "module13", "module14", "module15"};

struct machine {
    unsigned usb;                                                         /* a bit for each of usb_names */
    unsigned virtio;                                                      /* … of virtio_names */
    const char *board, *bios, *vgabios, *cpu, *rtc, *boot, *append, *vga; /* as given, or NULL */
    bool inspects;                                                        /* --inspect was given */
    uint32_t inspect; /* what it chose among guest_systems */
    struct media media;
    struct nics nics;
    const char *flash[MACHINE_FLASH];
    unsigned nflash;
    const char *floppy, *kernel, *initrd, *protocol, *hvmloader;
    char *module[MACHINE_MODULES];              /* the files … */
    const char *module_string[MACHINE_MODULES]; /* … and "FILE ARGUMENTS" as given */
    unsigned nmodules;
    const char *program, *uml, *sysroot; /* the Linux host instead of a PC */
    char *const *arguments;
    size_t narguments;
    char *flat;
    uint64_t flat_address;
    uint64_t memory;
    unsigned cpus;
    struct image_files *files;
    struct setting *extra; /* added by machine_add_setting */
    size_t nextra;
    struct setting *settings;
    size_t nsettings;
    struct engine_config config;
};

/* ---------------------------------------------------------------- values */

static int set_memory(struct machine *m, const struct option_row *row, const char *value, struct error *err)
{
    if (take_size(row, value, 0, &m->memory, err))
        return -1;
    if (m->memory < MIB || m->memory > MAX_MEMORY || m->memory % MIB)
        return error_set(err, "--%s: %.40s: give whole megabytes, from 1M to 64G", row->name, value);
    return 0;
}

static int set_rtc(struct machine *m, const char *value, struct error *err)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, hour, minute, second, n = 0;
    bool ok =
        strlen(value) == 19 &&
        sscanf(value, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &n) == 6 &&
        n == 19 && year >= 1970 && month >= 1 && month <= 12;
    if (ok) {
        bool leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        ok = day >= 1 && day <= days[month - 1] + leap && hour >= 0 && hour < 24 && minute >= 0 &&
             minute < 60 && second >= 0 && second < 60;
    }
    if (!ok)
        return error_set(err, "--rtc: \"%.40s\" is not a time: write it as " MACHINE_RTC, value);
    m->rtc = value;
    return 0;
}

static int set_word(const char **to, const struct option_row *row, const char *value, struct error *err)
{
    unsigned index;
    if (take_word(row, value, &index, err))
        return -1;
    *to = value;
    return 0;
}

/* As the setting names them, separated by commas. */
static const char *const usb_names[] = {"", "keyboard", "tablet", "keyboard,tablet"};

static const char *const virtio_names[] = {"", "rng", "console", "rng,console"};

/* `bits`: of the words that were given. */
static int add_word(unsigned *bits, const struct option_row *row, const char *value, struct error *err)
{
    unsigned index;
    if (take_word(row, value, &index, err))
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
    if (*end || m->flat_address >= MAX_ADDRESS)
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
    m->module[m->nmodules] = strndup(value, n);
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
    MO_MACHINE,
    MO_INSPECT,
    MO_PROGRAM,
    MO_UML,
    MO_SYSROOT
};

const struct option_row machine_options[] = {
    {.name = "bios",
     .argument = "builtin|seabios|ovmf|FILE",
     .help = "the firmware: bootreel's own (default), SeaBIOS, OVMF (UEFI), or a file; none with --flat",
     .id = MO_BIOS,
     .more =
         "SeaBIOS is looked for below `$BOOTREEL_GUESTS`, in /usr/share/seabios, in /usr/share/qemu and below ./.cache; OVMF likewise, in "
         "/usr/share/OVMF: its 4 MB build, in flash as with --pflash (in a domain of Xen OVMF.fd, which hvmloader copies to its place). A file is in ROM: UEFI firmware there keeps its variables only until the machine is switched off."},
    {.name = "pflash",
     .argument = "FILE",
     .help =
         "firmware in a flash chip that ends at 4 GiB; given twice: read-only code, then variables in a chip below it",
     .id = MO_PFLASH,
     .more =
         "Multiples of 4 KiB, at most 8 MiB each. A single chip can be written. The files are only read: what the guest writes is part of the machine's state; see --save-vars."},
    {.name = "vgabios",
     .argument = "FILE",
     .help = "the display's option ROM (default: SeaBIOS has its own, builtin needs none)",
     .id = MO_VGABIOS},
    {.name = "machine",
     .argument = "pc|q35",
     .help = "the board (default pc)",
     .id = MO_MACHINE,
     .more =
         "`pc` is the PC of 1996 (i440FX, PIIX3, IDE), `q35` a PC Express of 2007 (Q35 and ICH9: configuration space in memory, more interrupt "
         "lines, memory for system management mode that can be locked, a watchdog), as QEMU's machines of these names. UEFI firmware for Secure Boot needs `q35`."},
    {.name = "memory",
     .argument = "SIZE",
     .help = "size of the memory, such as 512M or 1G (default {memory})",
     .id = MO_MEMORY,
     .more = "Whole megabytes, from 1M to 64G."},
    {.name = "cpus",
     .argument = "N",
     .help = "number of processors, at most {max-cpus} (default 1)",
     .id = MO_CPUS},
    {.name = "cpu",
     .argument = "MODEL",
     .help = "processor model: {cpu-models} (default {cpu})",
     .id = MO_CPU,
     .more =
         "`i686` has 32 bits. `x86-64-v3` is that level (AVX, AVX2, FMA, F16C, BMI1, BMI2, LZCNT, MOVBE, XSAVE) and what its "
         "processors have beside it: AES, PCLMULQDQ, ADX, FSGSBASE, SMEP, SMAP, CLFLUSHOPT, x2APIC, the TSC-deadline timer, RDRAND and "
         "RDSEED (whose numbers are the same in each recording). `max` is all that the emulator has: that, SHA, GFNI, VAES, VPCLMULQDQ, UMIP, INVPCID, CLWB and "
         "RDPID. An instruction that the model lacks is an event, cpu.lacks, which names it and the model that has it."},
    {.name = "rtc",
     .argument = "TIME",
     .help = "what the clock says at power-on (default {rtc})",
     .id = MO_RTC,
     .more = "The host's time is never used."},
    {.name = "inspect",
     .argument = "linux,freebsd,xen,uml,efi|none",
     .help =
         "look for these kernels, hypervisors and firmware and record what they do (default: all of them), or do not",
     .id = MO_INSPECT,
     .more =
         "They are found by what every build has in memory. A kernel gives events of the classes kernel, process, sched and "
         "syscall, and symbols. Kernels from 4.6 to 7.3 are understood, of 64 and of 32 bits; those without kallsyms with "
         "their vmlinux or System.map (--symbols). A kernel that another starts (kexec) is a guest of its own. System calls are those of 64-bit, x32 and 32-bit programs. "
         "A kernel without type information (BTF, or the DWARF of its vmlinux), such as Debian's 32-bit ones, gives no symbols of programs; an event kernel.note says what is not known of a kernel, and why. "
         "FreeBSD kernels of amd64 and i386 are understood (tried: 12.1 and 13.0-CURRENT); their programs have no symbols. "
         "Xen (x86-64, from 4.5 on) gives the steps of its boot, domains, hypercalls, switches of virtual processors and symbols; kernels are looked for "
         "in its paravirtual domains too. Its symbols are complete if it was built with CONFIG_LIVEPATCH, and without data otherwise. "
         "`efi` is UEFI firmware: volumes, modules, boot and runtime services, as events of the class firmware, and symbols that say which module "
         "an address is in."},
    {.name = "vga", .argument = "std|none", .help = "the display adapter (default std)", .id = MO_VGA},
    {.name = "usb",
     .argument = "keyboard|tablet",
     .help = "a device on USB (xHCI); may be given for each",
     .id = MO_USB,
     .more =
         "Once the guest has set up the keyboard, what is typed goes there and not to the PS/2 keyboard; the tablet takes the mouse's movements."},
    {.name = "virtio",
     .argument = "rng|console",
     .help = "a device on virtio that is no drive; may be given for each",
     .id = MO_VIRTIO,
     .more =
         "`rng` gives random numbers that follow from the machine's configuration (--rtc among it), so that the run can be repeated. "
         "`console` is Linux's hvc0; it is printed by --console=virtio, and with -i that is also where typing goes."},
    {.name = "nic",
     .argument = "MODEL[,mac=ADDRESS][,rom=FILE|none]",
     .help = "a network card: " NIC_MODELS " (up to {max-nics})",
     .id = MO_NIC,
     .more =
         "Its address is 52:54:00:12:34:56 (57 for the second …) if none is given. The ROM is what firmware boots from the network with: iPXE's, of "
         "Debian's package ipxe-qemu, which is looked for as SeaBIOS is; none if a kernel or a binary is loaded directly."},
    {.name = "net",
     .argument = "user[,KEY=VALUE…]|socket=PATH|none",
     .help = "what a network card is connected to: the first for the first card, and so on (default user)",
     .id = MO_NET,
     .more =
         "`user` is a network with a gateway (10.0.2.2) that gives the guest the address 10.0.2.15 by DHCP. Its keys: `tftp=FOLDER`, whose files, and "
         "no others, the guest can read by TFTP; `bootfile=NAME` and `hostname=NAME`, which DHCP says. What the guest gets follows from the run alone, unless "
         "`outside=yes` lets it reach what this computer reaches, or `forward=tcp:[ADDRESS:]PORT:PORT` leads from a port of this computer to one of the guest. "
         "`socket` is a Unix datagram socket at PATH, each datagram a frame; what the other program sends must go to PATH.bootreel. In any case what comes is "
         "recorded, and a replay needs no network. With `mangle=SEED:PERCENT` so many of the frames to the guest are lost, doubled, delayed or damaged; "
         "which ones, follows from the seed."},
    {.name = "disk",
     .argument = "FILE[,interface=ide|ahci|nvme|virtio|scsi|usb][,serial=TEXT]",
     .help = "a raw disk image, and what it is attached to (up to {max-disks} drives)",
     .id = MO_DISK,
     .more =
         "If no interface is given, it is `ide` on a pc and `ahci` on a q35, which has no IDE. An IDE controller has room for four drives, an AHCI controller (SATA) for six; each `nvme` drive has a controller of its own, each `virtio` drive (virtio-blk, modern and transitional) a card; `scsi` drives are on one virtio-scsi card with room for eight; `usb` drives are sticks, up to six. The "
         "serial number is what the drive says of itself. Image files are only read: what the guest writes is part of the machine's state."},
    {.name = "cdrom",
     .argument = "FILE[,interface=ide|ahci|scsi|usb][,serial=TEXT]",
     .help = "a CD-ROM image, likewise",
     .id = MO_CDROM},
    {.name = "floppy", .argument = "FILE", .help = "a floppy disk image", .id = MO_FLOPPY},
    {.name = "boot",
     .argument = "c|d|a|n|menu",
     .help =
         "boot from the disk, the CD-ROM, the floppy or the network first (default: the first of these that is given), or show a boot menu if Esc "
         "or F12 is pressed within {boot-menu} seconds",
     .id = MO_BOOT,
     .more =
         "The firmware reads the key from the screen's keyboard and, if it is the built-in one, also from the serial port."},
    {.name = "kernel",
     .argument = "FILE",
     .help =
         "a Linux kernel (bzImage or zImage), a multiboot image, or an ELF file with a PVH entry (packed by gzip or not), loaded directly",
     .id = MO_KERNEL,
     .more =
         "The recording begins at the kernel's entry. The firmware has run before that, unrecorded: its services, tables and settings are there. A reset loads the kernel again."},
    {.name = "initrd", .argument = "FILE", .help = "the kernel's initial RAM disk", .id = MO_INITRD},
    {.name = "module",
     .argument = "\"FILE ARGUMENTS\"",
     .help = "a module for a multiboot or PVH kernel (up to {max-modules} times)",
     .id = MO_MODULE,
     .more =
         "The kernel gets the file as it is, and the file's name without its folder and the arguments as the module's string. Xen's first module is the kernel of its domain 0, with its command line; the second is that kernel's initial RAM disk."},
    {.name = "append", .argument = "STRING", .help = "the kernel's command line", .id = MO_APPEND},
    {.name = "protocol",
     .argument = "linux|multiboot|multiboot2|pvh",
     .help = "how the kernel is loaded and entered (default: the first of these that it has)",
     .id = MO_PROTOCOL,
     .more =
         "PVH is Xen's entry for guests without firmware; Linux's ELF image (vmlinux) has it. With it, as with multiboot, an initial RAM disk is the first module."},
    {.name = "flat",
     .argument = "FILE@ADDRESS",
     .help = "a bare binary, loaded there and run at once",
     .id = MO_FLAT},
    {.name = "hvmloader",
     .argument = "FILE",
     .help = "the first code of an HVM domain of Xen: Xen's hvmloader, or an image of your own",
     .id = MO_HVMLOADER,
     .more =
         "The machine is then the domain, and plays the parts of Xen 4.17, its domain builder, its device model and its "
         "xenstore. The file is a 32-bit ELF image. Xen's own (package xen-utils-4.17) takes SeaBIOS "
         "as its firmware, which is the default with this option; with `--bios none`, an image of your own gets none."},
    {.name = "uml",
     .argument = "FILE",
     .help = "user-mode Linux, on a deterministic Linux host instead of a PC",
     .id = MO_UML,
     .more =
         "With --memory (`mem=`), --initrd, --disk (`ubd0=` and further) and --append. The kernel is an unmodified `linux.uml`; its C library is taken from the host, or from "
         "--sysroot, and is in the trace."},
    {.name = "program",
     .argument = "FILE",
     .help = "any 64-bit Linux program, on that host; its arguments follow, after -- if they begin with -",
     .id = MO_PROGRAM,
     .more =
         "It sees its own file, its interpreter and its libraries, and nothing else of the real host: no files, no network, no time. A system call that the host does not have is answered with `ENOSYS`, "
         "and reported as an event of the class unhandled. --memory is for all its processes."},
    {.name = "sysroot",
     .argument = "FOLDER",
     .help = "where a program's interpreter and libraries are (default: /)",
     .id = MO_SYSROOT},
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
        if (take_number(row, value, 1, MACHINE_CPUS, &n, err))
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
        return set_once(&m->initrd, row, value, err);
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
    case MO_MACHINE:
        return set_word(&m->board, row, value, err);
    case MO_INSPECT:
        return set_inspect(m, value, err);
    case MO_PROGRAM:
        return set_once(&m->program, row, value, err);
    case MO_UML:
        return set_once(&m->uml, row, value, err);
    case MO_SYSROOT:
        return set_once(&m->sysroot, row, value, err);
    default:
        return option_not_handled(row, err);
    }
}

/* ---------------------------------------------------------------- the whole */

struct machine *machine_new(void)
{
    struct machine *m = mem_zero(1, sizeof *m);
    m->memory = MACHINE_MEMORY;
    m->cpus = 1;
    m->files = image_files_new();
    return m;
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->nsettings; i++)
        free((char *)m->settings[i].value);
    free(m->settings);
    free(m->extra);
    image_files_free(m->files);
    for (unsigned i = 0; i < m->nmodules; i++)
        free(m->module[i]);
    media_free(&m->media);
    nics_free(&m->nics);
    free(m->flat);
    free(m);
}

bool machine_is_hosted(const struct machine *m)
{
    return m->program || m->uml;
}

int machine_arguments(struct machine *m, char *const *arguments, size_t n, struct error *err)
{
    if (n && !m->program)
        return error_set(err,
                         "record: \"%.100s\" is not an option: give images as --kernel, --disk, --cdrom …",
                         arguments[0]);
    m->arguments = arguments;
    m->narguments = n;
    return 0;
}

bool machine_is_demo(const struct machine *m)
{
    return !m->media.n && !m->floppy && !m->nics.n && !m->kernel && !m->flat && !m->hvmloader &&
           !machine_is_hosted(m);
}

static bool is_q35(const struct machine *m)
{
    return m->board && !strcmp(m->board, "q35");
}

static int check(const struct machine *m, struct error *err)
{
    if (m->nics.n && m->hvmloader)
        return error_set(err,
                         "--hvmloader and --nic: a domain of Xen has no network here: leave one of them out");
    if (m->kernel && m->flat)
        return error_set(err, "--kernel and --flat: give one of them: both say what runs first");
    if (m->hvmloader && (m->kernel || m->flat))
        return error_set(err, "--hvmloader and --%s: give one of them: both say what runs first",
                         m->kernel ? "kernel" : "flat");
    if (m->hvmloader && m->bios && !strcmp(m->bios, "builtin"))
        return error_set(err,
                         "--hvmloader: bootreel's own BIOS does not know Xen: leave --bios out, which takes "
                         "SeaBIOS, or give a file");
    if (m->hvmloader && is_q35(m))
        return error_set(err,
                         "--hvmloader and --machine q35: a domain of Xen is a pc: leave one of them out");
    if (m->program && m->uml)
        return error_set(err, "--program and --uml: give one of them: both say what runs first");
    if (machine_is_hosted(m) &&
        (m->kernel || m->flat || m->hvmloader || m->bios || m->nflash || m->media.ncdroms || m->floppy ||
         m->boot || m->vga || m->board || m->nmodules || m->nics.n))
        return error_set(err, "--%s: runs on a Linux host, not on a PC: leave the PC's options out",
                         m->uml ? "uml" : "program");
    if (m->program && (m->initrd || m->append || m->media.n))
        return error_set(err, "--program: takes no --initrd, --append or --disk: leave them out");
    if (m->sysroot && !machine_is_hosted(m))
        return error_set(err, "--sysroot: goes with --program or --uml: give one of them");
    if (!m->kernel && m->protocol)
        return error_set(err, "--protocol: goes with a kernel: give --kernel FILE too");
    if (!m->kernel && !m->uml && (m->initrd || m->append || m->nmodules))
        return error_set(err, "--%s: goes with a kernel: give --kernel FILE too",
                         m->initrd   ? "initrd"
                         : m->append ? "append"
                                     : "module");
    if (m->initrd && m->nmodules)
        return error_set(
            err, "--initrd and --module: give one of them: Xen's initial RAM disk is its second module");
    if (m->nflash && (m->bios || m->flat || m->hvmloader))
        return error_set(err, "--pflash and --%s: give one of them: both say which firmware runs",
                         m->bios   ? "bios"
                         : m->flat ? "flat"
                                   : "hvmloader");
    if (m->kernel && (m->nflash || (m->bios && !strcmp(m->bios, "ovmf"))))
        return error_set(
            err,
            "--kernel and UEFI firmware: a kernel is loaded directly by a BIOS: leave one of them out, or put the "
            "kernel on a disk");
    if (m->flat && m->bios)
        return error_set(err,
                         "--flat and --bios: a bare binary runs without firmware: leave one of them out");
    if (m->vga && !strcmp(m->vga, "none") && m->vgabios)
        return error_set(err, "--vgabios: there is no display with --vga none: leave one of them out");
    return 0;
}

static void set(struct machine *m, const char *key, const char *value)
{
    MEM_MORE(m->settings, m->nsettings);
    m->settings[m->nsettings++] = (struct setting){key, mem_string(value)};
}

static void set_number(struct machine *m, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    set(m, key, text);
}

void machine_add_setting(struct machine *m, const char *key, const char *value)
{
    MEM_MORE(m->extra, m->nextra);
    m->extra[m->nextra++] = (struct setting){key, value};
}

static const char *or_default(const char *given, const char *fallback)
{
    return given ? given : fallback;
}

/* The device that the machine has, if none is named. */
static const char *boot_default(const struct machine *m)
{
    if (m->media.ndisks || (!m->media.ncdroms && !m->floppy && !m->nics.n))
        return "c";
    return m->media.ncdroms ? "d" : m->floppy ? "a" : "n";
}

/* Stores the names, not "all": that would mean others in a program that has more guest systems. */
static void set_inspected(struct machine *m, const char *engine)
{
    struct text names = {0};
    uint32_t chosen = guest_systems_of(guest_systems, engine);
    guest_systems_names(guest_systems, m->inspects ? m->inspect & chosen : chosen, &names);
    set(m, "inspect", names.s);
    free(names.s);
}

/* The string of a module: its file's name without the folder, then its arguments. */
static void set_modules(struct machine *m)
{
    for (unsigned i = 0; i < m->nmodules; i++) {
        const char *slash = strrchr(m->module[i], '/');
        set(m, module_roles[i], m->module_string[i] + (slash ? slash + 1 - m->module[i] : 0));
    }
}

static void set_drive(struct machine *m, const struct medium *drive)
{
    if (drive->interface)
        set(m, drive->interface_key, drive->interface);
    if (drive->serial)
        set(m, drive->serial_key, drive->serial);
}

static void set_nics(struct machine *m)
{
    for (unsigned i = 0; i < m->nics.n; i++) {
        const struct nic_given *c = &m->nics.nic[i];
        char *wire = nics_wire_text(&m->nics.wire[i]);
        set(m, c->key, c->model);
        set(m, c->mac_key, c->mac);
        set(m, c->wire_key, wire);
        free(wire);
    }
}

/* All settings are stored, even defaults, so that a trace keeps its meaning when defaults change. */
static void make_settings(struct machine *m, const char *bios)
{
    set(m, "machine", or_default(m->board, "pc"));
    set_number(m, "memory", m->memory);
    set_number(m, "cpus", m->cpus);
    set(m, "cpu", or_default(m->cpu, hv_cpu_model(0)));
    set(m, "rtc", or_default(m->rtc, MACHINE_RTC));
    set(m, "bios", bios);
    bool both = m->nflash == MACHINE_FLASH || !strcmp(bios, "ovmf");
    if (both || m->nflash)
        set(m, "pflash0", both ? "read-only" : "writable");
    if (both)
        set(m, "pflash1", "writable");
    bool menu = m->boot && !strcmp(m->boot, "menu");
    set(m, "boot", m->boot && !menu ? m->boot : boot_default(m));
    if (menu)
        set_number(m, "boot-menu", MACHINE_BOOT_MENU_MS);
    set(m, "vga", or_default(m->vga, "std"));
    set_inspected(m, "pc");
    if (m->usb)
        set(m, "usb", usb_names[m->usb]);
    if (m->virtio)
        set(m, "virtio", virtio_names[m->virtio]);
    for (unsigned i = 0; i < m->media.n; i++)
        set_drive(m, &m->media.medium[i]);
    set_nics(m);
    if (m->kernel)
        set(m, "append", or_default(m->append, ""));
    set_modules(m);
    if (m->protocol)
        set(m, "protocol", m->protocol);
    if (m->flat)
        set_number(m, "flat-address", m->flat_address);
    for (size_t i = 0; i < m->nextra; i++)
        set(m, m->extra[i].key, m->extra[i].value);
}

/* ---------------------------------------------------------------- a program on the Linux host */

enum { HOST_EXTRA = 256 }; /* MiB for what user-mode Linux's host needs besides the guest's memory */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void set_format(struct machine *m, const char *key, const char *format, const char *text)
{
    char *s = NULL;
    if (asprintf(&s, format, text) < 0)
        abort();
    set(m, key, s);
    free(s);
}

/* What the guest is told: by arguments, as on any host. */
static int set_uml_arguments(struct machine *m, struct error *err)
{
    char text[64];
    set(m, "argument", base_name(m->uml));
    snprintf(text, sizeof text, "mem=%lluM", (unsigned long long)(m->memory / MIB));
    set(m, "argument", text);
    if (m->initrd) {
        if (image_files_add(m->files, "file /initrd", m->initrd, err))
            return -1;
        set(m, "argument", "initrd=/initrd");
    }
    for (unsigned i = 0; i < m->media.n; i++) {
        snprintf(text, sizeof text, "file /disk%u", i);
        if (image_files_add(m->files, text, m->media.medium[i].path, err))
            return -1;
        snprintf(text, sizeof text, "ubd%u=/disk%u", i, i);
        set(m, "argument", text);
    }
    set(m, "argument", "con0=fd:0,fd:1");
    set(m, "argument", "con=null");
    for (char *copy = strdup(m->append ? m->append : ""), *rest = copy, *word; copy; copy = NULL) {
        while ((word = strsep(&rest, " ")))
            if (*word)
                set(m, "argument", word);
        free(copy);
    }
    return 0;
}

static int finish_hosted(struct machine *m, struct error *err)
{
    const char *file = m->uml ? m->uml : m->program, *sysroot = m->sysroot ? m->sysroot : "";
    char to[4096];
    snprintf(to, sizeof to, "/usr/bin/%s", base_name(file));
    if (hosted_add_program(m->files, strcmp(sysroot, "/") ? sysroot : "", file, to, err))
        return -1;
    set_number(m, "ram", m->memory + (m->uml ? HOST_EXTRA * MIB : 0));
    set(m, "cpu", or_default(m->cpu, hv_cpu_model(0)));
    set(m, "rtc", or_default(m->rtc, MACHINE_RTC));
    set_inspected(m, "linux");
    set(m, "kind", m->uml ? "uml" : "program");
    set(m, "program", to);
    set(m, "folder", "/root");
    set(m, "environment", "HOME=/root");
    set(m, "environment", "PATH=/usr/local/bin:/usr/bin:/bin");
    set(m, "environment", "TERM=linux");
    if (m->uml && set_uml_arguments(m, err))
        return -1;
    if (!m->uml)
        set_format(m, "argument", "%s", base_name(m->program));
    for (size_t i = 0; i < m->narguments; i++)
        set(m, "argument", m->arguments[i]);
    for (size_t i = 0; i < m->nextra; i++)
        set(m, m->extra[i].key, m->extra[i].value);
    m->config.settings = m->settings;
    m->config.nsettings = m->nsettings;
    m->config.images = image_files_images(m->files, &m->config.nimages);
    return 0;
}

static const char *bios_kind(const struct machine *m)
{
    if (m->nflash)
        return "flash";
    if (!m->bios)
        return m->flat ? "none" : m->hvmloader ? "seabios" : "builtin";
    if (m->hvmloader && !strcmp(m->bios, "none"))
        return "none";
    if (!strcmp(m->bios, "ovmf"))
        return m->hvmloader ? "file" : "ovmf"; /* a domain has no flash: hvmloader copies it to its place */
    return !strcmp(m->bios, "seabios") || !strcmp(m->bios, "builtin") ? m->bios : "file";
}

static int add(struct machine *m, const char *role, const char *path, struct error *err)
{
    return path ? image_files_add(m->files, role, path, err) : 0;
}

static int add_flash_images(struct machine *m, const char *kind, struct error *err)
{
    static const char *const roles[MACHINE_FLASH] = {"pflash0", "pflash1"};
    static const char *const ovmf[MACHINE_FLASH] = {"OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"};
    char path[4096];
    for (unsigned i = 0; i < m->nflash; i++)
        if (add(m, roles[i], m->flash[i], err))
            return -1;
    for (unsigned i = 0; i < MACHINE_FLASH && !strcmp(kind, "ovmf"); i++)
        if (firmware_find(FIRMWARE_OVMF, ovmf[i], path, sizeof path, err) || add(m, roles[i], path, err))
            return -1;
    return 0;
}

static int add_firmware_file(struct machine *m, struct error *err)
{
    char path[4096];
    if (strcmp(m->bios, "ovmf"))
        return add(m, "bios", m->bios, err);
    return firmware_find(FIRMWARE_OVMF, "OVMF.fd", path, sizeof path, err) ? -1 : add(m, "bios", path, err);
}

static int add_firmware(struct machine *m, const char *kind, struct error *err)
{
    char path[4096];
    if (add_flash_images(m, kind, err))
        return -1;
    bool seabios = !strcmp(kind, "seabios");
    bool display = !m->vga || strcmp(m->vga, "none");
    size_t size;
    const uint8_t *builtin = builtin_bios(&size);
    if (!strcmp(kind, "builtin") && image_files_add_memory(m->files, "bios", "builtin", builtin, size, err))
        return -1;
    if (seabios && (firmware_find(FIRMWARE_SEABIOS, "bios-256k.bin", path, sizeof path, err) ||
                    add(m, "bios", path, err)))
        return -1;
    if (!strcmp(kind, "file") && add_firmware_file(m, err))
        return -1;
    if (!seabios || m->vgabios || !display)
        return add(m, "vgabios", m->vgabios, err);
    if (firmware_find(FIRMWARE_SEABIOS, "vgabios-stdvga.bin", path, sizeof path, err))
        return -1;
    return add(m, "vgabios", path, err);
}

static int add_drives(struct machine *m, bool cdroms, struct error *err)
{
    for (unsigned i = 0; i < m->media.n; i++)
        if (m->media.medium[i].cdrom == cdroms &&
            add(m, m->media.medium[i].role, m->media.medium[i].path, err))
            return -1;
    return 0;
}

/* Firmware needs a card's ROM to boot from the network, and nothing else does. */
static int add_nic_roms(struct machine *m, struct error *err)
{
    static const char *const roles[ENGINE_NICS] = {"nic0-rom", "nic1-rom", "nic2-rom", "nic3-rom",
                                                   "nic4-rom", "nic5-rom", "nic6-rom", "nic7-rom"};
    char path[4096];
    for (unsigned i = 0; i < m->nics.n; i++) {
        const struct nic_given *c = &m->nics.nic[i];
        if (c->rom ? !strcmp(c->rom, "none") : m->kernel || m->flat)
            continue;
        if (!c->rom && firmware_find(FIRMWARE_IPXE, c->rom_file, path, sizeof path, err))
            return -1;
        if (add(m, roles[i], c->rom ? c->rom : path, err))
            return -1;
    }
    return 0;
}

static int add_media(struct machine *m, struct error *err)
{
    if (add(m, "kernel", m->kernel, err) || add(m, "initrd", m->initrd, err) ||
        add(m, "flat", m->flat, err) || add(m, "hvmloader", m->hvmloader, err))
        return -1;
    if (add_drives(m, false, err))
        return -1;
    for (unsigned i = 0; i < m->nmodules; i++)
        if (add(m, module_roles[i], m->module[i], err))
            return -1;
    size_t size;
    const uint8_t *demo = demo_disk(&size);
    if (machine_is_demo(m) && image_files_add_memory(m->files, "disk0", "demo", demo, size, err))
        return -1;
    return add_drives(m, true, err) || add(m, "floppy0", m->floppy, err) || add_nic_roms(m, err) ? -1 : 0;
}

int machine_finish(struct machine *m, struct error *err)
{
    const char *bios = bios_kind(m);
    if (machine_is_hosted(m))
        return check(m, err) ? -1 : finish_hosted(m, err);
    if (check(m, err) || nics_finish(&m->nics, err) || add_firmware(m, bios, err) || add_media(m, err))
        return -1;
    make_settings(m, bios);
    m->config.settings = m->settings;
    m->config.nsettings = m->nsettings;
    m->config.images = image_files_images(m->files, &m->config.nimages);
    for (size_t i = 0; i < m->config.nimages; i++)
        if (image_check(&m->config.images[i], is_q35(m), err))
            return -1;
    for (size_t i = 0; i < m->config.nimages; i++)
        image_say_padding(&m->config.images[i]);
    return 0;
}

const struct net_wire *machine_wires(const struct machine *m, size_t *n)
{
    *n = m->nics.n;
    return m->nics.wire;
}

const char *machine_variables(const struct machine *m)
{
    return config_image(&m->config, "pflash1")   ? "pflash1"
           : config_image(&m->config, "pflash0") ? "pflash0"
                                                 : NULL;
}

const struct engine_config *machine_config(const struct machine *m)
{
    return &m->config;
}

const struct image_files *machine_files(const struct machine *m)
{
    return m->files;
}

static void add_symbols(struct symbol_image *list, size_t *n, const char *name,
                        const uint8_t *(*image)(size_t *size))
{
    struct symbol_image *im = &list[(*n)++];
    *im = (struct symbol_image){.name = name};
    im->data = image(&im->size);
}

/* The first instruction is executed right below 4 GiB. */
static void add_bios_symbols(struct symbol_image *list, size_t *n)
{
    static const char *const reset[] = {"reset_vector", NULL};
    struct symbol_image *im = &list[*n];
    add_symbols(list, n, "bios", builtin_bios_symbols);
    im->rom_functions = reset;
    im->rom_name = "rom";
    im->rom_distance = 0xfff00000;
}

size_t machine_symbols(const struct machine *m, struct symbol_image list[MACHINE_SYMBOLS])
{
    size_t n = 0;
    if (!strcmp(bios_kind(m), "builtin") && !machine_is_hosted(m))
        add_bios_symbols(list, &n);
    if (machine_is_demo(m)) {
        add_symbols(list, &n, "loader", demo_loader_symbols);
        add_symbols(list, &n, "kernel", demo_kernel_symbols);
    }
    return n;
}

const char *machine_kernel_symbols(const struct machine *m)
{
    return m->kernel && symbols_in_elf_file(m->kernel) ? m->kernel : NULL;
}
