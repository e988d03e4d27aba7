/* test_net.c - frames of a network in words (core/packets): whole, cut anywhere, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/export/export.h"
#include "core/net/private/wire.h"
#include "core/packets/packet.h"
#include "core/story/private/network.h"
#include "tests/unit/net_frames.h"
#include "tests/unit/trace_sample.h"
#include "traces/event.h"

enum { MOST = NET_FRAME_MOST, TEXT = 4096 };

#define IPXE                                                                                                 \
    "class PXEClient:Arch:00000:UNDI:002001, architecture 0 (x86 BIOS), user class iPXE, iPXE "              \
    "177=01:80:86:10:0e 235=01:00:00 23=01 34=01 19=01 17=01 39=01 25=01 41=01 16=02 33=01 21=01 24=01 18=01"
#define GIVEN                                                                                                \
    "address 10.0.2.15, server 10.0.2.2, next server 10.0.2.2, boot file boot.ipxe, lease 86400 s, "         \
    "subnet mask 255.255.255.0, router 10.0.2.2, DNS 10.0.2.3"

static const char *const lines[FRAMES] = {
    [FRAME_DHCP_DISCOVER] =
        "0.0.0.0:68 > 255.255.255.255:67 DHCP discover from 52:54:00:12:34:56 xid 0x3b193b3a, " IPXE,
    [FRAME_DHCP_OFFER] =
        "10.0.2.2:67 > 255.255.255.255:68 DHCP offer to 52:54:00:12:34:56 xid 0x3b193b3a, " GIVEN,
    [FRAME_ROUTER_SOLICITATION] =
        "fe80::5054:ff:fe12:3456 > ff02::2 ICMPv6 router solicitation, from 52:54:00:12:34:56",
    [FRAME_ROUTER_ADVERTISEMENT] =
        "fe80::2 > ff02::1 ICMPv6 router advertisement, lifetime 1800 s, from 52:56:00:00:00:02, prefix fec0::/64 on link for addresses",
    [FRAME_DHCP_REQUEST] =
        "0.0.0.0:68 > 255.255.255.255:67 DHCP request from 52:54:00:12:34:56 xid 0x3b193b3a, server 10.0.2.2, asks for 10.0.2.15, " IPXE,
    [FRAME_DHCP_ACK] =
        "10.0.2.2:67 > 255.255.255.255:68 DHCP ack to 52:54:00:12:34:56 xid 0x3b193b3a, " GIVEN,
    [FRAME_ARP_ANNOUNCEMENT] = "ARP announces 10.0.2.15 at 52:54:00:12:34:56",
    [FRAME_ARP_REQUEST] = "ARP who has 10.0.2.2? tell 10.0.2.15",
    [FRAME_ARP_REPLY] = "ARP 10.0.2.2 is at 52:55:0a:00:02:02",
    [FRAME_TFTP_READ] = "10.0.2.15:16369 > 10.0.2.2:69 TFTP read boot.ipxe (octet), blksize 1432, tsize 0",
    [FRAME_TFTP_OPTIONS] = "10.0.2.2:69 > 10.0.2.15:16369 TFTP options accepted, blksize 1428, tsize 207",
    [FRAME_TFTP_ACK_0] = "10.0.2.15:16369 > 10.0.2.2:69 TFTP ack 0",
    [FRAME_TFTP_DATA_1] = "10.0.2.2:69 > 10.0.2.15:16369 TFTP data block 1, 207 bytes",
    [FRAME_TFTP_ACK_1] = "10.0.2.15:16369 > 10.0.2.2:69 TFTP ack 1",
    [FRAME_TFTP_READ_ABSENT] =
        "10.0.2.15:22243 > 10.0.2.2:69 TFTP read absent.bin (octet), blksize 1432, tsize 0",
    [FRAME_TFTP_NOT_FOUND] = "10.0.2.2:69 > 10.0.2.15:22243 TFTP error 1: File not found",
    [FRAME_SYN] = "10.0.2.15:48690 > 10.0.2.2:8123 TCP SYN seq 1131162113 window 65532, 0 bytes",
    [FRAME_HTTP_GET] = "10.0.2.15:48690 > 10.0.2.2:8123 HTTP GET /hello.ipxe HTTP/1.1, host 10.0.2.2:8123",
    [FRAME_HTTP_OK] = "10.0.2.2:8123 > 10.0.2.15:48690 HTTP/1.0 200 OK, 28 bytes",
    [FRAME_HTTP_FIN] =
        "10.0.2.2:8123 > 10.0.2.15:48690 TCP FIN ACK seq 64230 ack 1131162236 window 65535, 0 bytes",
    [FRAME_PING] = "10.0.2.15 > 10.0.2.2 ICMP echo request id 7 seq 3, 24 bytes",
    [FRAME_PORT_UNREACHABLE] = "10.0.2.15 > 10.0.2.2 ICMP destination unreachable: port",
    [FRAME_FRAGMENT] = "10.0.2.15 > 10.0.2.2 UDP, fragment 1480+64 of datagram 0x77",
    [FRAME_LAST_FRAGMENT] = "10.0.2.15 > 10.0.2.2 UDP, fragment 1544+20 of datagram 0x77 (last)",
    [FRAME_TAGGED] = "VLAN 42 10.0.2.15:123 > 10.0.2.2:123 NTP 48 bytes",
    [FRAME_DNS_QUESTION] = "10.0.2.15:5000 > 10.0.2.2:53 DNS question deb.debian.org A",
    [FRAME_DNS_ANSWER] =
        "10.0.2.15:53 > 10.0.2.2:5000 DNS answer deb.debian.org A: mirrors.debian.org, 199.232.58.132",
    [FRAME_DNS_NO_NAME] = "10.0.2.15:53 > 10.0.2.2:5001 DNS answer none.example AAAA: no such name",
    [FRAME_CLIENT_HELLO] = "10.0.2.15:40000 > 10.0.2.2:443 TLS client hello for boot.server",
    [FRAME_ALERT] = "10.0.2.15:443 > 10.0.2.2:40000 TLS fatal alert: unknown CA",
    [FRAME_NEIGHBOUR] =
        "fe80::1 > ff02::1:ff00:2 ICMPv6 neighbour solicitation of fec0::2, from 52:54:00:12:34:56",
    [FRAME_SOLICIT6] =
        "[fe80::1]:546 > [ff02::1:2]:547 DHCPv6 solicit xid 0xabcdef, architecture 7 (EFI x86-64), class HTTPClnt",
    [FRAME_REPLY6] =
        "[fe80::2]:547 > [fe80::1]:546 DHCPv6 reply xid 0xabcdef, IAID 0x1, address fec0::15, boot file tftp://[fec0::2]/g.efi",
    [FRAME_ADVERTISE6] =
        "[fe80::2]:547 > [fe80::1]:546 DHCPv6 advertise xid 0xabcdef, IAID 0x1, status 2 (no addresses) full",
    [FRAME_INFORMATION6] = "[fe80::1]:546 > [ff02::1:2]:547 DHCPv6 information request xid 0xabcdef",
    [FRAME_RELAY6] = "[2001:db8::1]:547 > [2001:db8::2]:547 DHCPv6 relay forward of fe80::1 at 2001:db8::1",
    [FRAME_PREFIX6] =
        "[fe80::2]:547 > [fe80::1]:546 DHCPv6 reply xid 0xabcdef, prefix IAID 0x7, prefix 2001:db8:1::/56, boot parameters a=1",
    [FRAME_FRAGMENT6] = "fe80::1 > fe80::2 UDP, fragment 1448+32 of datagram 0xabcd",
    [FRAME_DAMAGED] = "10.0.2.15:5000 > 10.0.2.2:53 DNS question deb.dubian.org A, UDP checksum wrong",
    [FRAME_LLDP] = "52:54:00:12:34:56 > 01:80:c2:00:00:0e LLDP",
    [FRAME_STP] = "52:54:00:12:34:56 > 01:80:c2:00:00:00 LLC 42:42",
    [FRAME_OTHER] = "52:54:00:12:34:56 > 52:55:0a:00:02:02 type 0x1234",
    [FRAME_OTHER_IP] = "10.0.2.15 > 10.0.2.2 IP protocol 200, 30 bytes",
    [FRAME_SHORT] = "no Ethernet header",
};

static void test_lines(void **state)
{
    uint8_t b[MOST];
    char text[TEXT];
    for (unsigned i = 0; i < FRAMES; i++) {
        const size_t n = net_frame((enum net_frame)i, b);
        assert_int_equal(packet_line(b, n, n, text, sizeof text), strlen(lines[i]));
        assert_string_equal(text, lines[i]);
        /* as snprintf: the length is known without room, and no byte too many is written */
        assert_int_equal(packet_line(b, n, n, NULL, 0), strlen(lines[i]));
        memset(text, '#', sizeof text);
        packet_line(b, n, n, text, 11);
        assert_memory_equal(text, lines[i], 10);
        assert_true(!text[10] && text[11] == '#');
    }
}

/* Wherever a frame ends, nothing behind its end is read (the sanitizers say so), and it is said what is missing. */
static void test_cut(void **state)
{
    uint8_t b[MOST];
    char text[TEXT];
    for (unsigned i = 0; i < FRAMES; i++)
        for (size_t n = 0, whole = net_frame((enum net_frame)i, b); n < whole; n++) {
            uint8_t *part = mem_alloc(n + !n);
            memcpy(part, b, n);
            assert_true(packet_line(part, n, whole, text, sizeof text) > 0);
            assert_true(n < 14 || strstr(text, "bytes are recorded"));
            packet_fields(part, n, text, sizeof text);
            free(part);
        }
}

static void test_fields(void **state)
{
    static const struct {
        enum net_frame frame;
        const char *part;
    } expected[] = {
        {FRAME_DHCP_DISCOVER,
         "Ethernet: destination ff:ff:ff:ff:ff:ff, source 52:54:00:12:34:56, type 0x0800; IPv4: header length 20, "},
        {FRAME_DHCP_DISCOVER,
         "header checksum 0x7842 (right), source 0.0.0.0, destination 255.255.255.255; UDP: source port 68, "},
        {FRAME_DHCP_DISCOVER,
         "; DHCP: op 1, htype 1, hlen 6, hops 0, xid 0x3b193b3a, secs 4, flags 0x0000, ciaddr 0.0.0.0, "},
        {FRAME_DHCP_DISCOVER, ", option 57 (largest message) 1472, option 93 (architecture) 0 (x86 BIOS), "},
        {FRAME_HTTP_GET, "; TCP: source port 48690, destination port 8123, sequence number 1131162114, "},
        {FRAME_ARP_REPLY,
         "; ARP: hardware type 1, protocol type 0x0800, lengths 6 and 4, operation 2, sender 52:55:0a:00:02:02 10.0.2.2, "},
        {FRAME_DAMAGED, "(wrong)"},
        {FRAME_TAGGED, ", VLAN 42, "},
        {FRAME_PING, "; ICMP: type 8, code 0, "},
        {FRAME_ADVERTISE6,
         "; DHCPv6: type 2 (advertise) xid 0xabcdef, option 1 (client id) 00:03:00:01:52:54:00:12:34:56, option 2 "},
        {FRAME_INFORMATION6, ", option 8 (elapsed) 1.50 s, option 6 (wanted options) 23 59"},
        {FRAME_REPLY6,
         ", option 3 (IAID) 0x1, T1 0 s, T2 0 s, option 5 (address) fec0::15, preferred 100 s, valid 200 s, option 59 "},
        {FRAME_PREFIX6, ", option 26 (prefix) 2001:db8:1::/56, preferred 3600 s, valid 7200 s"},
        {FRAME_NEIGHBOUR,
         "; IPv6: traffic class 0, flow label 0x00000, payload length 32, next header 58 (ICMPv6), hop limit 255, "},
    };
    uint8_t b[MOST];
    char text[TEXT];
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        packet_fields(b, net_frame(expected[i].frame, b), text, sizeof text);
        assert_non_null(strstr(text, expected[i].part));
    }
}

static void test_event(void **state)
{
    uint8_t b[MOST];
    char text[TEXT];
    struct event ev = {
        .kind = EV_NET_IN, .f = {1, 60}, .data = b, .len = (uint32_t)net_frame(FRAME_ARP_REPLY, b)};
    const char *line = "card 1 takes 60 bytes: ARP 10.0.2.2 is at 52:55:0a:00:02:02";
    ev.len = 60;
    assert_int_equal(event_text(&ev, text, sizeof text), strlen(line));
    assert_string_equal(text, line);
    assert_int_equal(event_text(&ev, text, 20), strlen(line));
    assert_string_equal(text, "card 1 takes 60 byt");
}

/* A compressed name that points at itself, or forward, has no end. */
static void test_dns_loop(void **state)
{
    uint8_t b[MOST];
    char text[TEXT];
    size_t n = net_frame(FRAME_DNS_QUESTION, b);
    const size_t name = 14 + 20 + 8 + 12;
    b[name] = 0xc0;
    b[name + 1] = 12;
    assert_true(packet_line(b, n, n, text, sizeof text) > 0);
    b[name + 1] = 40;
    assert_true(packet_line(b, n, n, text, sizeof text) > 0);
}

/* ---------------------------------------------------------------- transfers */

enum { SAID = 4096 };

static void hear(void *ctx, const struct event *ev)
{
    char line[600], *all = ctx;
    event_text(ev, line, sizeof line);
    assert_true(strlen(all) + strlen(line) + 2 < SAID);
    strcat(strcat(all, line), "\n");
}

/* A frame each microsecond. */
static void show_bytes(struct network *n, const uint8_t *b, size_t len, bool out, uint64_t i)
{
    const struct event ev = {.kind = out ? EV_NET_OUT : EV_NET_IN,
                             .icount = 10 * i,
                             .time = 1000 * i,
                             .f = {0, len},
                             .data = b,
                             .len = (uint32_t)len};
    network_event(n, &ev);
}

static void show(struct network *n, enum net_frame which, bool out, uint64_t i)
{
    uint8_t b[MOST];
    show_bytes(n, b, net_frame(which, b), out, i);
}

static void test_transfers(void **state)
{
    static const struct {
        enum net_frame frame;
        bool out;
    } boot[] = {
        {FRAME_DHCP_DISCOVER, true},    {FRAME_DHCP_DISCOVER, true},
        {FRAME_DHCP_OFFER, false},      {FRAME_DHCP_REQUEST, true},
        {FRAME_DHCP_ACK, false},        {FRAME_ARP_REQUEST, true},
        {FRAME_ARP_REPLY, false},       {FRAME_TFTP_READ, true},
        {FRAME_TFTP_OPTIONS, false},    {FRAME_TFTP_ACK_0, true},
        {FRAME_TFTP_DATA_1, false},     {FRAME_TFTP_ACK_1, true},
        {FRAME_TFTP_READ_ABSENT, true}, {FRAME_TFTP_READ_ABSENT, true},
        {FRAME_TFTP_NOT_FOUND, false},  {FRAME_SYN, true},
        {FRAME_HTTP_GET, true},         {FRAME_HTTP_OK, false},
        {FRAME_HTTP_FIN, false},        {FRAME_DNS_QUESTION, true},
        {FRAME_DNS_ANSWER, false},
    };
    char said[SAID] = "";
    struct network *n = network_new(hear, said);
    for (size_t i = 0; i < sizeof boot / sizeof boot[0]; i++)
        show(n, boot[i].frame, boot[i].out, i);
    network_free(n);
    assert_string_equal(said,
                        "transfer 1 begins: dhcp\n"
                        "transfer 1: DHCP discover again\n"
                        "DHCP: 10.0.2.15 from 10.0.2.2, boot file boot.ipxe at 10.0.2.2, after 4000 ns\n"
                        "transfer 2 begins: tftp boot.ipxe\n"
                        "TFTP: boot.ipxe from 10.0.2.2, 207 bytes in 3000 ns\n"
                        "transfer 3 begins: tftp absent.bin\n"
                        "transfer 3: TFTP read absent.bin again\n"
                        "TFTP: absent.bin from 10.0.2.2: File not found, 0 bytes in 2000 ns\n"
                        "transfer 4 begins: http http://10.0.2.2:8123/hello.ipxe\n"
                        "HTTP: GET http://10.0.2.2:8123/hello.ipxe: status 200, 28 bytes in 1000 ns\n"
                        "DNS: deb.debian.org: mirrors.debian.org, 199.232.58.132, after 1000 ns\n");
}

/* A reset cuts transfers off: what comes for them later is of none. */
static void test_transfers_reset(void **state)
{
    char said[SAID] = "";
    struct network *n = network_new(hear, said);
    show(n, FRAME_TFTP_READ, true, 0);
    network_event(n, &(struct event){.kind = EV_RESET});
    show(n, FRAME_TFTP_DATA_1, false, 1);
    network_free(n);
    assert_string_equal(said, "transfer 1 begins: tftp boot.ipxe\n");
}

/* DHCP that nobody answers ends when the guest boots something else, and after 64 s of silence. */
static void test_dhcp_unanswered(void **state)
{
    enum { SECOND = 1000000 /* of show()'s numbers */ };
    char said[SAID] = "";
    struct network *n = network_new(hear, said);
    show(n, FRAME_DHCP_DISCOVER, true, 0);
    show(n, FRAME_DHCP_DISCOVER, true, SECOND);
    network_event(n, &(struct event){.kind = EV_BOOT_SECTOR_ENTER, .time = 3 * 1000000000ull});
    network_event(n, &(struct event){.kind = EV_POWER_OFF, .time = 4 * 1000000000ull});
    show(n, FRAME_DHCP_DISCOVER, true, 10 * SECOND);
    show(n, FRAME_ARP_REQUEST, true, 73 * SECOND);
    show(n, FRAME_ARP_REQUEST, true, 74 * SECOND);
    network_free(n);
    assert_string_equal(said, "transfer 1 begins: dhcp\n"
                              "transfer 1: DHCP discover again\n"
                              "DHCP: no answer, after 3000000000 ns\n"
                              "transfer 2 begins: dhcp\n"
                              "DHCP: no answer, after 64000000000 ns\n");
}

/* Offers that are not taken are told with their servers, each once; so is a request that is not acknowledged. */
static void test_dhcp_offers(void **state)
{
    enum { SECOND = 1000000 };
    char said[SAID] = "";
    uint8_t b[MOST];
    struct network *n = network_new(hear, said);
    const size_t len = net_frame(FRAME_DHCP_OFFER, b);
    net_frame_option(b, len, 54)[3] = 9;
    show(n, FRAME_DHCP_DISCOVER, true, 0);
    show(n, FRAME_DHCP_OFFER, false, SECOND);
    show_bytes(n, b, len, false, SECOND);
    show(n, FRAME_DHCP_OFFER, false, SECOND);
    network_event(n, &(struct event){.kind = EV_BOOT_SECTOR_ENTER, .time = 3 * 1000000000ull});
    show(n, FRAME_DHCP_DISCOVER, true, 10 * SECOND);
    show(n, FRAME_DHCP_OFFER, false, 11 * SECOND);
    show(n, FRAME_DHCP_REQUEST, true, 11 * SECOND);
    show(n, FRAME_DHCP_REQUEST, true, 12 * SECOND);
    network_event(n, &(struct event){.kind = EV_BOOT_SECTOR_ENTER, .time = 15 * 1000000000ull});
    network_free(n);
    assert_string_equal(
        said,
        "transfer 1 begins: dhcp\n"
        "DHCP: not taken: 10.0.2.15 from 10.0.2.2, boot file boot.ipxe; 10.0.2.15 from 10.0.2.9, boot file boot.ipxe, "
        "after 3000000000 ns\n"
        "transfer 2 begins: dhcp\n"
        "transfer 2: DHCP request again\n"
        "DHCP: no acknowledgement of 10.0.2.15 from 10.0.2.2, after 5000000000 ns\n");
}

/* A server refuses what the client asks for: its message is told. */
static void test_dhcp_refused(void **state)
{
    char said[SAID] = "";
    uint8_t b[MOST];
    struct network *n = network_new(hear, said);
    const size_t len = net_frame(FRAME_DHCP_ACK, b);
    *net_frame_option(b, len, 53) = 6;
    memcpy(net_frame_option(b, len, 51) - 2, "\x38\x04gone", 6);
    show(n, FRAME_DHCP_REQUEST, true, 0);
    show_bytes(n, b, len, false, 2);
    network_free(n);
    assert_string_equal(said, "transfer 1 begins: dhcp\n"
                              "DHCP: refused by 10.0.2.2: gone, after 2000 ns\n");
}

/* The same of DHCPv6, which is told by its name: an offer is none, and an address that is refused no lease. */
static void test_dhcp6(void **state)
{
    enum { SECOND = 1000000 };
    char said[SAID] = "";
    struct network *n = network_new(hear, said);
    show(n, FRAME_SOLICIT6, true, 0);
    network_event(n, &(struct event){.kind = EV_BOOT_SECTOR_ENTER, .time = 3 * 1000000000ull});
    show(n, FRAME_SOLICIT6, true, 4 * SECOND);
    show(n, FRAME_ADVERTISE6, false, 5 * SECOND);
    show(n, FRAME_ARP_REQUEST, true, 70 * SECOND);
    show(n, FRAME_SOLICIT6, true, 71 * SECOND);
    show(n, FRAME_REPLY6, false, 72 * SECOND);
    show(n, FRAME_INFORMATION6, true, 73 * SECOND);
    show(n, FRAME_INFORMATION6, true, 74 * SECOND);
    show(n, FRAME_PREFIX6, false, 75 * SECOND);
    network_free(n);
    assert_string_equal(
        said,
        "transfer 1 begins: dhcp6\n"
        "DHCP: no DHCPv6 answer, after 3000000000 ns\n"
        "transfer 2 begins: dhcp6\n"
        "DHCP: no DHCPv6 reply; offered: IAID 0x1, status 2 (no addresses) full, after 66000000000 ns\n"
        "transfer 3 begins: dhcp6\n"
        "DHCP: DHCPv6 reply: IAID 0x1, address fec0::15, boot file tftp://[fec0::2]/g.efi, after 1000000000 ns\n"
        "transfer 4 begins: dhcp6\n"
        "transfer 4: DHCPv6 information request again\n"
        "DHCP: DHCPv6 reply: prefix IAID 0x7, prefix 2001:db8:1::/56, boot parameters a=1, after 2000000000 ns\n");
}

/* ---------------------------------------------------------------- HTTP boot, and frames that are mangled */

/* The vendor class of a request, PXEClient in the sample, becomes another one of the same length. */
static size_t with_class(uint8_t b[MOST], const char *class)
{
    const size_t n = net_frame(FRAME_DHCP_DISCOVER, b);
    uint8_t *at = memmem(b, n, "PXEClient:", strlen(class));
    assert_non_null(at);
    memcpy(at, class, strlen(class));
    return n;
}

static void test_http_boot(void **state)
{
    uint8_t b[MOST], was[MOST];
    char text[TEXT];
    size_t n = with_class(b, "HTTPClient");
    assert_true(http_boot_asks(b, n));
    assert_false(http_boot_asks(b, with_class(b, "PXEClient:")));
    for (size_t cut = 0; cut < n; cut++) { /* where the sanitizer sees what is read beyond it */
        uint8_t *part = mem_copy(b, cut + 1);
        http_boot_asks(part, cut);
        http_boot_answer(part, cut);
        free(part);
    }
    n = net_frame(FRAME_DHCP_OFFER, b);
    assert_false(http_boot_asks(b, n));
    http_boot_answer(b, n);
    packet_line(b, n, n, text, sizeof text);
    assert_non_null(strstr(text, "class HTTPClient"));
    assert_null(strstr(text, "checksum"));
    memcpy(was, b, n);
    http_boot_answer(b, n); /* it has one */
    assert_memory_equal(was, b, n);
    n = net_frame(FRAME_TFTP_READ, b);
    memcpy(was, b, n);
    http_boot_answer(b, n);
    assert_memory_equal(was, b, n);
}

/* ---------------------------------------------------------------- IPv6 on its way to libslirp and back */

static void line_is(const uint8_t *b, size_t n, const char *line)
{
    char text[TEXT];
    packet_line(b, n, n, text, sizeof text);
    assert_string_equal(text, line);
}

/* A router's advertisement with a server of names, as libslirp sends it on a host that has one of IPv6. */
static void test_ipv6_own_answer(void **state)
{
    static const uint8_t names[24] = {25, 3, 0, 0, 0, 0, 4, 176, 0xfe, 0xc0, [23] = 3};
    uint8_t b[MOST], was[MOST];
    const size_t n = net_frame(FRAME_ROUTER_ADVERTISEMENT, was);
    size_t length;
    memcpy(b, was, n);
    assert_int_equal(ipv6_own_answer(b, n), n);
    assert_memory_equal(b, was, n);
    memcpy(b + n, names, sizeof names);
    b[19] += sizeof names;
    uint8_t *icmp = ipv6_transport(b, n + sizeof names, PACKET_ICMP6, &length);
    assert_int_equal(length, n - 54 + sizeof names);
    ipv6_seal(b, icmp, length);
    assert_int_equal(ipv6_own_answer(b, n + sizeof names), n);
    assert_memory_equal(b, was, n);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *part = mem_copy(was, cut + 1);
        assert_true(ipv6_own_answer(part, cut) == cut);
        free(part);
    }
}

static size_t tftp6(uint8_t b[MOST], const char *name)
{
    static const uint8_t head[] = {0x52, 0x56, 0,    0,    0, 2, 0x52, 0x54, 0, 0x12, 0x34,
                                   0x56, 0x86, 0xdd, 0x60, 0, 0, 0,    0,    0, 17,   255};
    uint8_t *ip = b + 14, *udp = ip + 40;
    const size_t length = 8 + 2 + strlen(name) + 1 + 6;
    memset(b, 0, MOST);
    memcpy(b, head, sizeof head);
    ip[5] = (uint8_t)length;
    ip[8] = ip[24] = 0xfe;
    ip[9] = ip[25] = 0xc0;
    ip[23] = 15;
    ip[39] = 2;
    udp[0] = 8;
    udp[3] = 69;
    udp[5] = (uint8_t)length;
    udp[9] = 1;
    strcpy((char *)udp + 10, name);
    strcpy((char *)udp + 10 + strlen(name) + 1, "octet");
    ipv6_seal(b, udp, length);
    return 54 + length;
}

static void test_tftp_guard_ipv6(void **state)
{
    uint8_t b[MOST];
    size_t n = tftp6(b, "no-such-file");
    assert_true(tftp_guard("/proc/self", 0, b, n));
    line_is(b, n, "[fec0::f]:2048 > [fec0::2]:69 TFTP read no-such-file (octet)");
    n = tftp6(b, "exe"); /* a link that leads out of the folder */
    assert_true(tftp_guard("/proc/self", 0, b, n));
    line_is(b, n, "[fec0::f]:2048 > [fec0::2]:69 TFTP read /// (octet)");
    n = tftp6(b, "");
    assert_false(tftp_guard("/proc/self", 0, b, n));
}

static void test_mangle(void **state)
{
    static const char *const words[] = {
        [MANGLE_LOSE] = "lost: ",
        [MANGLE_DOUBLE] = "doubled: ",
        [MANGLE_DELAY] = "delayed: ",
        [MANGLE_DAMAGE] = "damaged, bit ",
    };
    uint64_t seed = 7;
    unsigned seen[MANGLE_DAMAGE + 1] = {0};
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t b[MOST], was[MOST];
        char said[MANGLE_WORDS] = "";
        const size_t n = net_frame(FRAME_PING, b);
        memcpy(was, b, n);
        const enum mangled what = mangle(&seed, 50, b, n, said);
        seen[what]++;
        assert_int_equal(what == MANGLE_DAMAGE, !!memcmp(was, b, n));
        if (what != MANGLE_NOTHING) {
            assert_memory_equal(said, words[what], strlen(words[what]));
            assert_non_null(strstr(said, "ICMP"));
        }
    }
    for (unsigned i = 0; i <= MANGLE_DAMAGE; i++)
        assert_in_range(seen[i], i == MANGLE_NOTHING ? 400 : 80, i == MANGLE_NOTHING ? 600 : 200);
}

/* ---------------------------------------------------------------- pcapng */

static uint32_t at32(const struct bytes *b, size_t at)
{
    uint32_t v;
    assert_true(at + 4 <= b->n);
    memcpy(&v, b->p + at, 4);
    return v;
}

static void put_event(struct trace_writer *w, uint16_t kind, uint64_t card, enum net_frame which,
                      uint64_t icount)
{
    uint8_t b[MOST];
    const size_t n = net_frame(which, b);
    assert_int_equal(trace_write_event(w,
                                       &(struct event){.kind = kind,
                                                       .icount = icount,
                                                       .time = icount * STEP_NS,
                                                       .f = {card, n},
                                                       .data = b,
                                                       .len = (uint32_t)n},
                                       NULL),
                     0);
}

static void write_trace(const char *path)
{
    struct error err;
    struct trace_writer *w = trace_writer_create(path, &sample_config, &err);
    assert_non_null(w);
    put_event(w, EV_NET_OUT, 0, FRAME_ARP_REQUEST, 7);
    put_event(w, EV_NET_IN, 0, FRAME_ARP_REPLY, 9);
    put_event(w, EV_NET_OUT, 3, FRAME_PING, 5000000000u);
    assert_int_equal(
        trace_writer_finish(w, &(struct trace_end){.reason = "reached", .icount = 5000000001u}, &err), 0);
}

static struct bytes capture(const char *path)
{
    struct error err;
    struct trace *t = trace_open(path, &err);
    struct bytes b = {0};
    assert_non_null(t);
    FILE *out = open_memstream((char **)&b.p, &b.n);
    const struct export_options o = {.trace = t, .to = UINT64_MAX};
    assert_int_equal(export_format_by_name("pcapng")->write(&o, out, &err), 0);
    fclose(out);
    trace_close(t);
    return b;
}

/* An Enhanced Packet Block: 4.3 of the draft. */
static void check_packet(const struct bytes *b, size_t at, uint32_t interface, enum net_frame which,
                         uint64_t time, const char *comment, uint32_t flags)
{
    uint8_t bytes[MOST];
    const size_t n = net_frame(which, bytes), options = at + 28 + (n + 3) / 4 * 4;
    assert_int_equal(at32(b, at + 8), interface);
    assert_int_equal((uint64_t)at32(b, at + 12) << 32 | at32(b, at + 16), time);
    assert_int_equal(at32(b, at + 20), n);
    assert_int_equal(at32(b, at + 24), n);
    assert_memory_equal(b->p + at + 28, bytes, n);
    assert_int_equal(at32(b, options), 1 | strlen(comment) << 16);
    assert_memory_equal(b->p + options + 4, comment, strlen(comment));
    const size_t next = options + 4 + (strlen(comment) + 3) / 4 * 4;
    assert_int_equal(at32(b, next), 2 | 4 << 16);
    assert_int_equal(at32(b, next + 4), flags);
    assert_int_equal(at32(b, next + 8), 0);
}

static void test_pcapng(void **state)
{
    static const uint32_t types[] = {0x0a0d0d0a, 1, 6, 6, 1, 6};
    char *path = temp_path("net");
    size_t at = 0, block[6];
    write_trace(path);
    struct bytes b = capture(path);
    for (size_t i = 0; i < 6; i++) {
        block[i] = at;
        const uint32_t n = at32(&b, at + 4);
        assert_int_equal(at32(&b, at), types[i]);
        assert_true(n % 4 == 0 && n >= 12);
        assert_int_equal(at32(&b, at + n - 4), n);
        at += n;
    }
    assert_int_equal(at, b.n);
    assert_int_equal(at32(&b, 8), 0x1a2b3c4d);
    check_packet(&b, block[2], 0, FRAME_ARP_REQUEST, 7 * STEP_NS, "icount 7", 2);
    check_packet(&b, block[3], 0, FRAME_ARP_REPLY, 9 * STEP_NS, "icount 9", 1);
    check_packet(&b, block[5], 1, FRAME_PING, 5000000000u * STEP_NS, "icount 5000000000", 2);
    unlink(path);
    free(path);
    free(b.p);
}

/* --seeds FOLDER: for fuzz_net. */
static int write_seeds(const char *folder)
{
    uint8_t b[MOST];
    char path[300];
    for (unsigned i = 0; i < FRAMES; i++) {
        const size_t n = net_frame((enum net_frame)i, b);
        snprintf(path, sizeof path, "%s/frame-%u", folder, i);
        FILE *f = fopen(path, "w");
        if (!f || fwrite(b, 1, n, f) != n || fclose(f))
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),           cmocka_unit_test(test_cut),
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_event),
        cmocka_unit_test(test_dns_loop),        cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_transfers_reset), cmocka_unit_test(test_pcapng),
        cmocka_unit_test(test_dhcp_unanswered), cmocka_unit_test(test_dhcp_offers),
        cmocka_unit_test(test_dhcp_refused),    cmocka_unit_test(test_dhcp6),
        cmocka_unit_test(test_http_boot),       cmocka_unit_test(test_mangle),
        cmocka_unit_test(test_ipv6_own_answer), cmocka_unit_test(test_tftp_guard_ipv6),
    };
    if (argc == 3 && !strcmp(argv[1], "--seeds"))
        return write_seeds(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
