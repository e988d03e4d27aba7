/* tftp_guard.c - what a guest may read by TFTP: regular files below one folder, however it is reached.
 *
 * libslirp opens the path that is asked for, with the folder in front of it. It refuses "../", but follows symbolic links, opens
 * folders (whose size a guest would see), and would wait for a FIFO. So a request is looked at before libslirp gets it: one for anything else is
 * changed so that it is refused as libslirp refuses a bad name. A request in fragments does not get there at all.
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

static unsigned get16(const uint8_t *p)
{
    return p[0] * 256u + p[1];
}

/* Whether a file of that name may be read; one that does not exist may, since the server says so. */
static bool permitted(const char *folder, const char *name)
{
    char path[PATH_MAX], real[PATH_MAX], root[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || !realpath(folder, root))
        return false;
    if (!realpath(path, real))
        return lstat(path, &st) != 0; /* a link to nowhere is none of the folder's files */
    size_t n = strcmp(root, "/") ? strlen(root) : 0;
    return !strncmp(real, root, n) && real[n] == '/' && !stat(real, &st) && S_ISREG(st.st_mode);
}

/* The name in the request becomes one that ends with a slash, which is refused. */
static void refuse(uint8_t *udp, char *name)
{
    memset(name, '/', strlen(name));
    udp[6] = udp[7] = 0; /* no checksum */
}

bool tftp_guard(const char *folder, uint32_t host, uint8_t *frame, size_t n)
{
    if (n < ETHERNET + 20 || get16(frame + TYPE) != 0x0800)
        return true;
    uint8_t *ip = frame + ETHERNET;
    size_t header = (ip[0] & 15u) * 4u;
    if (ip[9] != IPPROTO_UDP || memcmp(ip + 16, &host, 4))
        return true;
    if (get16(ip + 6) & (MORE_FRAGMENTS | OFFSET))
        return false;
    if (header < 20 || n < ETHERNET + header + UDP + 2)
        return true;
    uint8_t *udp = ip + header, *tftp = udp + UDP;
    if (get16(udp + 2) != TFTP_PORT || get16(tftp) != READ_REQUEST)
        return true;
    char *name = (char *)tftp + 2;
    if (!memchr(name, 0, n - (size_t)((uint8_t *)name - frame)))
        return true; /* it has no end: the server refuses it */
    if (!*name)
        return false;
    if (folder && !permitted(folder, name))
        refuse(udp, name);
    return true;
}
