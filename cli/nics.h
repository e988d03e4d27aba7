/* nics.h - the network cards and what they are connected to, as --nic and --net give them. Private to cli/. */
#ifndef BOOTREEL_CLI_NICS_H
#define BOOTREEL_CLI_NICS_H

#include "cli/options.h"
#include "core/engine/engine.h"
#include "core/net/net.h"

#define NIC_MODELS "virtio, e1000 or e1000e"

/* MODEL[,mac=ADDRESS][,rom=FILE|none] */
struct nic_given {
    const char *model;
    const char *rom_file; /* of the model, in Debian's package of iPXE */
    char mac[18];
    char *rom;                             /* as given; NULL: the model's */
    char key[8], mac_key[16], wire_key[8]; /* of its settings */
};
struct nics {
    struct nic_given nic[ENGINE_NICS];
    unsigned n;
    /* A card for which there is none is connected to a user network. */
    struct net_wire wire[ENGINE_NICS];
    unsigned nwires;
    char *text[ENGINE_NICS * 4]; /* what the wires point to */
    unsigned ntexts;
};

/* Take the value of --nic or --net. -1 with err if it makes no sense, or if there are too many. */
int nics_add(struct nics *, const struct option_row *row, const char *value, struct error *err);
int nics_add_wire(struct nics *, const struct option_row *row, const char *value, struct error *err);
/* "SEED:PERCENT": false if it is something else. */
bool nics_parse_mangle(const char *text, uint64_t *seed, unsigned *percent);
/* After all options: connects each card. -1 with err if there are more networks than cards. */
int nics_finish(struct nics *, struct error *err);
/* Then: frames to the guest are mangled as `how` says (its mangle, seed, mangle_from and mangle_from_time), on each card that --net does not
 * say it of. -1 with err if there is none. */
int nics_mangle(struct nics *, const struct net_wire *how, struct error *err);
/* A wire as a setting of the trace: with the base names of folders, since paths of the host are not part of
 * the machine. The caller frees it. */
char *nics_wire_text(const struct net_wire *);
void nics_free(struct nics *);

#endif
