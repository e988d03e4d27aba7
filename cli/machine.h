/* machine.h - the machine options of `record`, as settings and images for the engine. Private to cli/. */
#ifndef BOOTREEL_CLI_MACHINE_H
#define BOOTREEL_CLI_MACHINE_H

#include <getopt.h>

#include "core/engine.h"
#include "core/image_file.h"
#include "core/symbols.h"

enum machine_option {
    MO_FIRST = 1000,
    MO_BIOS,
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
    MO_APPEND,
    MO_FLAT,
    MO_VGA,
    MO_INSPECT,
    MO_LAST
};

/* clang-format off: it takes the last row for a block */
#define MACHINE_OPTIONS                                                                                      \
    {"bios", required_argument, NULL, MO_BIOS}, {"vgabios", required_argument, NULL, MO_VGABIOS},            \
        {"memory", required_argument, NULL, MO_MEMORY}, {"cpus", required_argument, NULL, MO_CPUS},          \
        {"cpu", required_argument, NULL, MO_CPU}, {"rtc", required_argument, NULL, MO_RTC},                  \
        {"disk", required_argument, NULL, MO_DISK}, {"cdrom", required_argument, NULL, MO_CDROM},            \
        {"floppy", required_argument, NULL, MO_FLOPPY}, {"boot", required_argument, NULL, MO_BOOT},          \
        {"kernel", required_argument, NULL, MO_KERNEL}, {"initrd", required_argument, NULL, MO_INITRD},      \
        {"append", required_argument, NULL, MO_APPEND}, {"flat", required_argument, NULL, MO_FLAT},          \
        {"vga", required_argument, NULL, MO_VGA},                                                            \
    {                                                                                                        \
        "inspect", required_argument, NULL, MO_INSPECT                                                       \
    }
/* clang-format on */

#define MACHINE_HELP                                                                                         \
    "  --bios builtin|seabios|FILE   firmware (default: builtin; none with --flat)\n"                        \
    "  --vgabios FILE                VGA option ROM (default: builtin has none, seabios its own)\n"          \
    "  --memory SIZE                 256M, 1G … (default 256M)\n"                                          \
    "  --cpus N                      processors (default 1)\n"                                               \
    "  --cpu MODEL                   x86-64-v2 (default), x86-64, i686, or max: all that there is\n"         \
    "  --rtc 2027-01-01T00:00:00     what the clock says at power-on\n"                                      \
    "  --inspect NAME[,NAME…]        guest systems to look for and tell of (default: all), or none\n"       \
    "  --vga std|none                display (default std)\n"                                                \
    "  --disk FILE                   a disk, up to four times\n"                                             \
    "  --cdrom FILE                  a CD-ROM\n"                                                             \
    "  --floppy FILE                 a floppy disk\n"                                                        \
    "  --boot c|d|a|menu             boot from disk, CD-ROM or floppy first (default: what there is), or\n"  \
    "                                wait three seconds for Esc or F12, which show the boot menu\n"          \
    "  --kernel FILE                 a Linux bzImage or multiboot image, loaded directly\n"                  \
    "  --initrd FILE                 its initial RAM disk\n"                                                 \
    "  --append STRING               its command line\n"                                                     \
    "  --flat FILE@ADDRESS           a bare binary, run at once\n"

struct machine;

struct machine *machine_new(void);
void machine_free(struct machine *m); /* NULL is allowed */
/* One option. -1 with err if its value makes no sense. */
int machine_option(struct machine *m, int option, const char *value, struct error *err);
/* All options are there: finds the firmware, opens the images, sets the defaults. */
int machine_finish(struct machine *m, struct error *err);
/* A further setting, kept after those of the options. -1 with err if there are too many. */
int machine_add_setting(struct machine *m, const char *key, const char *value, struct error *err);
/* After machine_finish; valid until machine_free. */
const struct engine_config *machine_config(const struct machine *m);
const struct image_files *machine_files(const struct machine *m);
/* Symbols of what the program itself brings along and this machine runs: firmware, demo guest. Writes at most
 * MACHINE_SYMBOLS and returns how many. After machine_finish. */
enum { MACHINE_SYMBOLS = 3 };
size_t machine_symbols(const struct machine *m, struct symbol_image list[MACHINE_SYMBOLS]);
/* Nothing to boot was given: the demo disk is. After the options. */
bool machine_is_demo(const struct machine *m);

/* 256M, 1G, 65536: bytes, with suffixes K, M, G, T of 1024. Returns 0 or -1. */
int parse_size(const char *text, uint64_t *n);

/* Whether an image can be what its role says. -1 with err: of another format, of a size that cannot be, or
 * cut off. */
int image_check(const struct image *im, struct error *err);

/* Finds a firmware file of SeaBIOS's package in the usual places; 0 and its path, or -1 with what to do. */
int firmware_find(const char *file, char *path, size_t size, struct error *err);

#endif
