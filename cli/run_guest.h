/* run_guest.h - what a guest of `bootreel run` gets besides its kernel: the initramfs, made in memory. Private to cli/. */
#ifndef BOOTREEL_CLI_RUN_GUEST_H
#define BOOTREEL_CLI_RUN_GUEST_H

#include "cli/kernel_tree.h"

/* Prints the options that a kernel needs to be run, and what the kernel at hand has of them. Returns how many it lacks. */
unsigned run_print_options(const struct kernel_tree *);
/* How many it lacks; their names into `names`, separated by blanks. */
unsigned run_lacks(const struct kernel_tree *, char *names, size_t size);

/* Bytes of a job at most. */
enum { RUN_JOB = 100 << 10 };

/* A growing initramfs in the newc form. */
struct run_archive {
    uint8_t *bytes;
    size_t n;
    unsigned files;
};
/* Adds the first program, the modules that the kernel needs, and `job`: what the program is to do (guests/run/init.c), after the modules.
 * -1 with err: a module is missing, or cannot be read. */
int run_archive_make(struct run_archive *, const struct kernel_tree *, const uint8_t *job, size_t n,
                     struct error *err);

#endif
