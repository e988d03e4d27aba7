/* machine.h - the machine options of `record`, as settings and images for the engine. Private to cli/. */
#ifndef BOOTREEL_CLI_MACHINE_H
#define BOOTREEL_CLI_MACHINE_H

#include "cli/options.h"
#include "core/engine/engine.h"
#include "core/net/net.h"
#include "core/run/image_file.h"
#include "core/symbols/symbols.h"

/* Bounds; defaults are in core/engine/settings.h. The default processor model is hv_cpu_model(0). */
enum { MACHINE_FLASH = 2, MACHINE_MODULES = 16, MACHINE_BOOT_MENU_MS = 3000 };

extern const struct option_row machine_options[];

struct machine;

struct machine *machine_new(void);
void machine_free(struct machine *m); /* NULL is allowed */
/* One of machine_options. -1 with err if its value makes no sense. */
int machine_option(struct machine *m, const struct option_row *row, const char *value, struct error *err);
/* The arguments after the options, which are the program's; they must stay valid. -1 with err if there is no
 * program. */
int machine_arguments(struct machine *m, char *const *arguments, size_t n, struct error *err);
/* Whether it is a program on the Linux host, not a PC. After the options. */
bool machine_is_hosted(const struct machine *m);
/* To be called after all options: finds the firmware, opens the images, sets the defaults. */
int machine_finish(struct machine *m, struct error *err);
/* Adds a setting, after those of the options. */
void machine_add_setting(struct machine *m, const char *key, const char *value);
/* Adds a folder of the host, as --share does. -1 with err. */
int machine_add_share(struct machine *m, const char *folder, const char *tag, const char *path,
                      struct error *err);
/* The kernel's initial RAM disk, in place of --initrd; the bytes must stay valid. */
void machine_set_initrd(struct machine *m, const void *bytes, size_t n);
/* After machine_finish; valid until machine_free. */
const struct engine_config *machine_config(const struct machine *m);
const struct image_files *machine_files(const struct machine *m);
/* The symbols of the built-in guests that this machine runs: firmware, demo guest. Writes at most
 * MACHINE_SYMBOLS and returns how many. After machine_finish. */
enum { MACHINE_SYMBOLS = 3 };
size_t machine_symbols(const struct machine *m, struct symbol_image list[MACHINE_SYMBOLS]);
/* The kernel's file, if it is an ELF file with symbols; else NULL. After the options. */
const char *machine_kernel_symbols(const struct machine *m);
/* Whether nothing to boot was given, so that the demo disk is used. After the options. */
bool machine_is_demo(const struct machine *m);

/* Whether its processors have hardware virtualization (--cpu MODEL,+svm or +vmx). After the options. */
bool machine_has_guests(const struct machine *m);

/* Sets what --vary says of functions in the options of a recording: call_errors and turns_at. They stay with the machine. */
void machine_functions(const struct machine *m, struct record_options *o);
/* Whether --vary has errors=net. After the options. */
bool machine_mangles(const struct machine *m);
/* What its network cards are connected to, *n of them. After machine_finish. */
const struct net_wire *machine_wires(const struct machine *m, size_t *n);

/* The role of the flash chip that holds variables (settings of UEFI firmware); NULL if the machine has none.
 * After machine_finish. */
const char *machine_variables(const struct machine *m);

/* Checks whether an image can be used in its role. -1 with err if it has another format or an impossible
 * size, or is truncated. `smm`: whether the machine has the memory for system management mode that firmware
 * for Secure Boot needs. */
int image_check(const struct image *im, bool smm, struct error *err);
/* Warns on standard error if the image is a disk's and ends within a sector, which is then filled up. */
void image_say_padding(const struct image *im);

/* Finds a file of a firmware's package in the usual places. Returns 0 and its path, or -1 with err, which
 * says what to do. */
enum firmware { FIRMWARE_SEABIOS, FIRMWARE_OVMF, FIRMWARE_IPXE };
int firmware_find(enum firmware which, const char *file, char *path, size_t size, struct error *err);
/* Whether an image is SeaBIOS, by the words with which it announces itself. NULL: no. */
bool firmware_is_seabios(const struct image *im);
/* Whether there are volumes of UEFI firmware in the image. NULL is allowed. */
bool firmware_is_uefi(const struct image *im);

#endif
