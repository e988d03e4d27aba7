/* media.h - the disks and CD-ROMs that are given by --disk and --cdrom. Private to cli/. */
#ifndef BOOTREEL_CLI_MEDIA_H
#define BOOTREEL_CLI_MEDIA_H

#include "cli/options.h"

enum { MEDIA_MOST = 16 };

/* FILE[,interface=NAME][,serial=TEXT] */
struct medium {
    bool cdrom;
    char role[16]; /* disk0, disk1 …; cdrom, cdrom1 … */
    char *path;
    const char *interface;                  /* NULL: the machine's own */
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

#endif
