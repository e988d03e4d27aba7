/* http_boot.c - the vendor class "HTTPClient", which a client of HTTP boot expects from the DHCP server, and
 * which libslirp's does not send. Without it, firmware takes a boot file for one to be read by TFTP.
 *
 * Source: UEFI Specification 2.10, 24.7.3.1 (class), 24.7.5; RFC 2131 (2), RFC 2132 (9.13), RFC 768. */
#include <string.h>

#include "core/net/private/wire.h"
#include "core/packets/packet.h"

enum { CLASS = 60, PAD = 0, END = 255, UDP = 8, UDP_SUM = 6, OPTIONS = 240, BOOT_REQUEST = 1 };
static const char client[] = "HTTPClient";

bool http_boot_asks(const uint8_t *frame, size_t n)
{
    struct packet p;
    struct net_dhcp d;
    if (!packet_parse(frame, n, &p) || p.protocol != PACKET_UDP || !packet_dhcp(&p, &d) ||
        d.op != BOOT_REQUEST)
        return false;
    const struct net_bytes class = packet_dhcp_option(&d, CLASS);
    return class.n >= strlen(client) && !memcmp(class.p, client, strlen(client));
}

void http_boot_answer(uint8_t *frame, size_t n)
{
    struct packet p;
    struct net_dhcp d;
    if (!packet_parse(frame, n, &p) || p.protocol != PACKET_UDP || !packet_dhcp(&p, &d) ||
        d.op == BOOT_REQUEST || packet_dhcp_option(&d, CLASS).n)
        return;
    uint8_t *udp = frame + (p.segment.p - frame), *at = udp + UDP + OPTIONS;
    const uint8_t *last = frame + n;
    while (at < last && *at != END)
        at += *at == PAD || at + 1 == last ? 1 : 2 + at[1];
    if (at + 3 + strlen(client) > last)
        return;
    *at++ = CLASS;
    *at++ = (uint8_t)strlen(client);
    memcpy(at, client, strlen(client));
    at[strlen(client)] = END;
    udp[UDP_SUM] = udp[UDP_SUM + 1] = 0; /* no checksum */
}
