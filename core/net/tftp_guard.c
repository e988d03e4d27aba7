/* tftp_guard.c - what a guest may read by TFTP: regular files below one folder, however it is reached.
 *
 * libslirp opens the path that is asked for, with the folder in front of it. It refuses "../", but follows
 * symbolic links, opens folders (whose size a guest would see), and would wait for a FIFO. So a request is
 * looked at before libslirp gets it: one for anything else is changed so that it is refused as libslirp
 * refuses a bad name. A request in fragments is not passed on at all.
 *
 * Source: RFC 1350 (5, opcodes), RFC 791 (3.1), RFC 768. */
#include "core/net/private/wire.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ETHERNET = 14,
    TYPE = 12,
    UDP = 8,
    TFTP_PORT = 69,
    READ_REQUEST = 1,
    MORE_FRAGMENTS = 0x2000,
    OFFSET = 0x1fff
};

/* Whether a file of that name may be read; one that does not exist may, since the server says so. */
static bool permitted(const char *folder, const char *name)
{
    char path[PATH_MAX], real[PATH_MAX], root[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || !realpath(folder, root))
        return false;
    if (!realpath(path, real))
        return lstat(path, &st) != 0; /* a link that leads nowhere is not a file of the folder */
    size_t n = strcmp(root, "/") ? strlen(root) : 0;
    return !strncmp(real, root, n) && real[n] == '/' && !stat(real, &st) && S_ISREG(st.st_mode);
}

/* A datagram to the server. */
struct request {
    uint8_t *udp;
    size_t n;
    bool ipv6;
};

/* False if it is for somebody else, or too short. */
static bool find_request(uint32_t host, uint8_t *frame, size_t n, struct request *r)
{
    size_t length = 0;
    *r = (struct request){.udp = ipv6_transport(frame, n, IPPROTO_UDP, &length), .ipv6 = true};
    r->n = length;
    if (r->udp)
        return length >= UDP + 2;
    uint8_t *ip = frame + ETHERNET;
    if (n < ETHERNET + 20 || be16(frame + TYPE) != 0x0800 || ip[9] != IPPROTO_UDP ||
        memcmp(ip + 16, &host, 4))
        return false;
    const size_t header = (ip[0] & 15u) * 4u;
    if (header < 20 || n < ETHERNET + header + UDP + 2)
        return false;
    *r = (struct request){.udp = ip + header, .n = n - ETHERNET - header};
    return true;
}

/* libslirp puts IPv4 fragments together, and does not know IPv6 fragments. */
static bool is_fragment(uint32_t host, const uint8_t *frame, size_t n)
{
    const uint8_t *ip = frame + ETHERNET;
    return n >= ETHERNET + 20 && be16(frame + TYPE) == 0x0800 && ip[9] == IPPROTO_UDP &&
           !memcmp(ip + 16, &host, 4) && be16(ip + 6) & (MORE_FRAGMENTS | OFFSET);
}

/* Changes the name in the request to one that ends with a slash, which is refused. */
static void refuse(uint8_t *frame, const struct request *r, char *name)
{
    memset(name, '/', strlen(name));
    if (r->ipv6)
        ipv6_seal(frame, r->udp, r->n);
    else
        r->udp[6] = r->udp[7] = 0; /* no checksum */
}

bool tftp_guard(const char *folder, uint32_t host, uint8_t *frame, size_t n)
{
    struct request r;
    if (is_fragment(host, frame, n))
        return false;
    if (!find_request(host, frame, n, &r))
        return true;
    uint8_t *tftp = r.udp + UDP;
    if (be16(r.udp + 2) != TFTP_PORT || be16(tftp) != READ_REQUEST)
        return true;
    char *name = (char *)tftp + 2;
    if (!memchr(name, 0, r.n - UDP - 2))
        return true; /* it has no end: the server refuses it */
    if (!*name)
        return false;
    if (folder && !permitted(folder, name))
        refuse(frame, &r, name);
    return true;
}
