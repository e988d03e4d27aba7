/* media.h - the disks and CD-ROMs that are given by --disk and --cdrom. Private to cli/. */
#ifndef BOOTREEL_CLI_MEDIA_H
#define BOOTREEL_CLI_MEDIA_H

#include "cli/options.h"
#include "core/run/image_file.h"

enum { MEDIA_MOST = 16 };

/* FILE[,interface=NAME][,serial=TEXT][,backing=FILE…] */
struct medium {
    bool cdrom;
    char role[16];  /* disk0, disk1 …; cdrom, cdrom1 … */
    char *path;     /* or folder:PATH */
    char **backing; /* files that it may be based on, wherever they are */
    size_t nbacking;
    char *interface;                        /* NULL: the machine's own */
    char *serial;                           /* NULL: one that the drive makes up */
    char interface_key[32], serial_key[32]; /* of its settings */
};
struct media {
    struct medium medium[MEDIA_MOST];
    unsigned n, ndisks, ncdroms;
};

/* Takes the value of an option. -1 with err if it is not of that form, or if there are too many. */
int media_add(struct media *, bool cdrom, const struct option_row *row, const char *value, struct error *err);
void media_free(struct media *);

/* Opens the image of a drive, in whatever format it is, under a role. `m`: what was given for it. -1 with err. */
int medium_open(const struct medium *m, const char *role, struct image_files *files, struct error *err);
/* The initramfs images of a kernel, as one image. */
int initrds_open(const struct words *paths, const char *role, struct image_files *files, struct error *err);

#endif
