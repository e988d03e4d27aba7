/* nics.c - see nics.h. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/nics.h"

enum { SOCKET_MOST = 98 /* characters: with .bootreel behind it, what a socket address has room for */ };

/* By the name on the command line (QEMU's is taken, too), and the model's in the settings. */
static const struct {
    const char *name, *model, *rom;
} models[] = {{"virtio", "virtio-net", "efi-virtio.rom"},
              {"virtio-net", "virtio-net", "efi-virtio.rom"},
              {"e1000", "e1000", "efi-e1000.rom"},
              {"e1000e", "e1000e", "efi-e1000e.rom"}};

/* ---------------------------------------------------------------- words */

/* Takes the next of the words that commas separate, as a text of its own; ",," is a comma in a word. NULL at
 * the end. */
static char *next_word(const char **rest)
{
    const char *p = *rest;
    if (!p)
        return NULL;
    char *word = mem_alloc(strlen(p) + 1);
    size_t n = 0;
    for (; *p && (*p != ',' || p[1] == ','); p++) {
        p += *p == ',';
        word[n++] = *p;
    }
    word[n] = 0;
    *rest = *p ? p + 1 : NULL;
    return word;
}

/* The value of "key=value" if the word has that key; else NULL. */
static const char *value_of(const char *word, const char *key)
{
    size_t n = strlen(key);
    return !strncmp(word, key, n) && word[n] == '=' ? word + n + 1 : NULL;
}

/* ---------------------------------------------------------------- --nic */

static int take_mac(struct nic_given *c, const struct option_row *row, const char *value, struct error *err)
{
    bool good = strlen(value) == 17;
    for (unsigned i = 0; i < 17 && good; i++)
        good = i % 3 == 2 ? value[i] == ':' : isxdigit((unsigned char)value[i]);
    if (!good)
        return error_set(err, "--%s: mac=%.40s: write it as 52:54:00:12:34:56", row->name, value);
    if (strtoul(value, NULL, 16) & 1)
        return error_set(err, "--%s: mac=%s: is the address of a group: give one whose first byte is even",
                         row->name, value);
    for (unsigned i = 0; i < 17; i++)
        c->mac[i] = (char)tolower((unsigned char)value[i]);
    return 0;
}

static int take_model(struct nic_given *c, const struct option_row *row, const char *word, struct error *err)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (!strcmp(models[i].name, word)) {
            c->model = models[i].model;
            c->rom_file = models[i].rom;
            return 0;
        }
    return error_set(err, "--%s: \"%.40s\" is not a network card: give %s", row->name, word, NIC_MODELS);
}

static int take_card_word(struct nic_given *c, const struct option_row *row, const char *word,
                          struct error *err)
{
    const char *value;
    if (!c->model)
        return take_model(c, row, word, err);
    if ((value = value_of(word, "mac")))
        return take_mac(c, row, value, err);
    if (!(value = value_of(word, "rom")) || !*value)
        return error_set(err, "--%s: \"%.40s\": give mac=ADDRESS or rom=FILE|none", row->name, word);
    free(c->rom);
    c->rom = mem_string(value);
    return 0;
}

int nics_add(struct nics *all, const struct option_row *row, const char *value, struct error *err)
{
    int rc = 0;
    if (all->n == ENGINE_NICS)
        return error_set(err, "--%s: %.100s: there are %d cards already, and no room for more", row->name,
                         value, ENGINE_NICS);
    struct nic_given *c = &all->nic[all->n];
    snprintf(c->key, sizeof c->key, "nic%u", all->n & 7u);
    snprintf(c->mac_key, sizeof c->mac_key, "nic%u-mac", all->n & 7u);
    snprintf(c->wire_key, sizeof c->wire_key, "net%u", all->n & 7u);
    snprintf(c->mac, sizeof c->mac, "52:54:00:12:34:%02x", 0x56u + all->n);
    all->n++;
    for (char *word; !rc && (word = next_word(&value)); free(word))
        rc = take_card_word(c, row, word, err);
    return rc;
}

/* ---------------------------------------------------------------- --net */

static const char *keep(struct nics *all, const char *text)
{
    return all->text[all->ntexts++] = mem_string(text);
}

static bool take_port(const char **at, char end, uint16_t *port)
{
    char *stop;
    unsigned long n = strtoul(*at, &stop, 10);
    if (stop == *at || *stop != end || !n || n > 65535)
        return false;
    *port = (uint16_t)n;
    *at = stop + (end != 0);
    return true;
}

/* tcp:[ADDRESS:]PORT:PORT */
static int take_forward(struct net_wire *w, const struct option_row *row, const char *value,
                        struct error *err)
{
    struct in_addr ignored;
    if (w->nforwards == NET_FORWARDS)
        return error_set(err, "--%s: forward=%.40s: there are %d already, and no room for more", row->name,
                         value, NET_FORWARDS);
    struct net_forward *f = &w->forward[w->nforwards++];
    const char *p = value + 4, *last = strrchr(value, ':'), *host = last;
    bool good = !strncmp(value, "tcp:", 4) && last > p;
    while (good && host > p && host[-1] != ':')
        host--;
    if (good && host > p) {
        snprintf(f->host_address, sizeof f->host_address, "%.*s", (int)(host - 1 - p), p);
        good = inet_pton(AF_INET, f->host_address, &ignored) == 1;
    }
    if (good && take_port(&host, ':', &f->host_port) && take_port(&host, 0, &f->guest_port))
        return 0;
    return error_set(err, "--%s: forward=%.60s: write it as tcp:8022:22 or tcp:127.0.0.1:8022:22", row->name,
                     value);
}

bool nics_parse_mangle(const char *text, uint64_t *seed, unsigned *percent)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    *seed = strtoull(text, &end, 0);
    if (*end != ':' || !isdigit((unsigned char)end[1]))
        return false;
    const unsigned long rate = strtoul(end + 1, &end, 10);
    *percent = (unsigned)rate;
    return !*end && !errno && rate <= NET_PERCENT;
}

static int take_mangle(struct net_wire *w, const struct option_row *row, const char *value, struct error *err)
{
    if (nics_parse_mangle(value, &w->seed, &w->mangle))
        return 0;
    return error_set(err, "--%s: mangle=%.40s: write it as SEED:PERCENT, such as 1:5", row->name, value);
}

static int take_text(struct nics *all, const char **to, size_t most, const struct option_row *row,
                     const char *word, const char *value, struct error *err)
{
    if (!*value || (most && strlen(value) > most) || *to)
        return error_set(err, "--%s: \"%.200s\": give it once, with 1 to %zu characters", row->name, word,
                         most ? most : 4095);
    *to = keep(all, value);
    return 0;
}

/* "folder/" is the same as "folder", also in what is recorded. */
static int take_folder(struct nics *all, struct net_wire *w, const struct option_row *row, const char *word,
                       const char *value, struct error *err)
{
    size_t n = strlen(value);
    char *path = mem_string(value);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    int rc = take_text(all, &w->tftp, 0, row, word, path, err);
    free(path);
    return rc;
}

static int take_wire_word(struct nics *all, struct net_wire *w, const struct option_row *row,
                          const char *word, struct error *err)
{
    const char *v;
    if (!w->kind && !strcmp(word, "user"))
        return w->kind = NET_USER, 0;
    if (!w->kind && (v = value_of(word, "socket")))
        return w->kind = NET_SOCKET, take_text(all, &w->socket, SOCKET_MOST, row, word, v, err);
    if (w->kind && (v = value_of(word, "mangle")))
        return take_mangle(w, row, v, err);
    if (w->kind == NET_SOCKET && (v = value_of(word, "local")))
        return take_text(all, &w->local, SOCKET_MOST, row, word, v, err);
    if (w->kind == NET_SOCKET)
        return error_set(err, "--%s: \"%.40s\": with a socket, give local=PATH or mangle=SEED:PERCENT",
                         row->name, word);
    if (w->kind != NET_USER)
        return error_set(err, "--%s: \"%.40s\": begin with user, socket=PATH or none", row->name, word);
    if ((v = value_of(word, "tftp")))
        return take_folder(all, w, row, word, v, err);
    if ((v = value_of(word, "bootfile")))
        return take_text(all, &w->bootfile, NET_BOOTFILE_MOST, row, word, v, err);
    if ((v = value_of(word, "hostname")))
        return take_text(all, &w->hostname, NET_HOSTNAME_MOST, row, word, v, err);
    if ((v = value_of(word, "forward")))
        return take_forward(w, row, v, err);
    if ((v = value_of(word, "outside")) && (!strcmp(v, "yes") || !strcmp(v, "no")))
        return w->outside = *v == 'y', 0;
    if ((v = value_of(word, "ipv6")) && (!strcmp(v, "yes") || !strcmp(v, "no")))
        return w->ipv6 = *v == 'y', 0;
    return error_set(
        err,
        "--%s: \"%.40s\": give tftp=FOLDER, bootfile=NAME, hostname=NAME, outside=yes, ipv6=yes, "
        "forward=tcp:HOST:GUEST "
        "or mangle=SEED:PERCENT",
        row->name, word);
}

int nics_add_wire(struct nics *all, const struct option_row *row, const char *value, struct error *err)
{
    int rc = 0;
    if (all->nwires == ENGINE_NICS)
        return error_set(err, "--%s: %.100s: there are %d networks already, and no card has two", row->name,
                         value, ENGINE_NICS);
    struct net_wire *w = &all->wire[all->nwires++];
    if (!strcmp(value, "none"))
        return 0;
    for (char *word; !rc && (word = next_word(&value)); free(word))
        rc = take_wire_word(all, w, row, word, err);
    return rc;
}

/* ---------------------------------------------------------------- all */

int nics_finish(struct nics *all, struct error *err)
{
    if (all->nwires > all->n)
        return error_set(err, "--net: goes with a network card: give --nic %s too", models[0].name);
    for (; all->nwires < all->n; all->nwires++)
        all->wire[all->nwires].kind = NET_USER;
    for (unsigned i = 0; i < all->n; i++)
        all->wire[i].card = i;
    return 0;
}

int nics_mangle(struct nics *all, const struct net_wire *how, struct error *err)
{
    bool connected = false;
    if (!all->n)
        return error_set(err, "--vary errors=net: the machine has no network card: give --nic %s too",
                         models[0].name);
    for (unsigned i = 0; i < all->n; i++) {
        struct net_wire *w = &all->wire[i];
        connected |= w->kind != NET_NONE;
        if (w->kind == NET_NONE || w->mangle)
            continue;
        w->mangle = how->mangle;
        w->seed = how->seed;
        w->mangle_from = how->mangle_from;
        w->mangle_from_time = how->mangle_from_time;
    }
    return connected ? 0
                     : error_set(err, "--vary errors=net: no card is connected to a network: leave out "
                                      "--net none, or errors=net");
}

char *nics_wire_text(const struct net_wire *w)
{
    struct text out = {0};
    text_add(&out, "%s", w->kind == NET_USER ? "user" : w->kind == NET_SOCKET ? "socket=" : "none");
    if (w->kind == NET_SOCKET)
        text_add(&out, "%s", path_last_part(w->socket));
    if (w->local)
        text_add(&out, ",local=%s", path_last_part(w->local));
    if (w->tftp)
        text_add(&out, ",tftp=%s", path_last_part(w->tftp));
    if (w->bootfile)
        text_add(&out, ",bootfile=%s", w->bootfile);
    if (w->hostname)
        text_add(&out, ",hostname=%s", w->hostname);
    if (w->outside)
        text_add(&out, ",outside=yes");
    if (w->ipv6)
        text_add(&out, ",ipv6=yes");
    for (unsigned i = 0; i < w->nforwards; i++)
        text_add(&out, ",forward=tcp:%s%s%u:%u", w->forward[i].host_address,
                 w->forward[i].host_address[0] ? ":" : "", w->forward[i].host_port, w->forward[i].guest_port);
    if (w->mangle)
        text_add(&out, ",mangle=%llu:%u", (unsigned long long)w->seed, w->mangle);
    if (w->mangle_from)
        text_add(&out, ",from=%llu", (unsigned long long)w->mangle_from);
    if (w->mangle_from_time)
        text_add(&out, ",from=%lluns", (unsigned long long)w->mangle_from_time);
    return out.s;
}

void nics_free(struct nics *all)
{
    for (unsigned i = 0; i < all->n; i++)
        free(all->nic[i].rom);
    for (unsigned i = 0; i < all->ntexts; i++)
        free(all->text[i]);
}
