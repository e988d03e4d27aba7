/* packet.h - a frame of Ethernet, taken apart and in words.
 *
 * Nothing is allocated, and no byte beyond the frame is read, whatever is in it: a frame is what a guest or
 * somebody's network made. A frame that ends early is described as far as it goes. Sources: IEEE 802.3,
 * 802.1Q; RFC 826 (ARP), 791 (IPv4), 8200 (IPv6), 768 (UDP), 9293 (TCP), 792 and 4443 (ICMP), 4861 (neighbour
 * discovery), 2131 and 2132 (DHCP), 4578 (its options for PXE), 8415 (DHCPv6), 1350, 2347 to 2349 and 7440
 * (TFTP), 1035 (DNS), 9112 (HTTP), 8446 and 6066 (TLS).
 */
#ifndef BOOTREEL_CORE_PACKETS_PACKET_H
#define BOOTREEL_CORE_PACKETS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a frame. */
struct net_bytes {
    const uint8_t *p;
    size_t n;
};

enum packet_protocol { PACKET_ICMP = 1, PACKET_TCP = 6, PACKET_UDP = 17, PACKET_ICMP6 = 58 };
enum packet_tcp_flags { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/* The headers of a frame. What a frame does not have is 0, or empty. */
struct packet {
    struct net_bytes to, from;       /* MAC addresses */
    unsigned tags, vlan;             /* how many VLAN tags it has; the number of the last */
    unsigned type;                   /* of what follows: 0x800 IPv4 …; below 0x600 a length (IEEE 802.3) */
    struct net_bytes inner;          /* what follows the Ethernet header */
    struct net_bytes ip;             /* the header of IPv4 or IPv6, with its options or extensions */
    struct net_bytes source, target; /* 4 or 16 bytes */
    unsigned protocol;               /* enum packet_protocol, or another number */
    uint32_t fragment;               /* where in the datagram this fragment begins */
    bool more;                       /* fragments */
    bool first;                      /* it has the transport's header: not a later fragment */
    uint32_t id;                     /* of the datagram, if it is a fragment (of IPv4: always) */
    unsigned ttl;                    /* or hop limit */
    struct net_bytes segment;        /* the transport's header and what follows */
    size_t segment_length; /* its length by the IP header: more than is in `segment` if the frame is cut */
    unsigned source_port, target_port;
    struct net_bytes payload; /* of UDP, TCP, ICMP (from its type on) or another protocol */
    size_t payload_length;    /* by the headers */
    uint32_t seq, ack;
    unsigned flags, window;
};

/* Takes a frame's headers apart. False if it is too short for an Ethernet header. */
bool packet_parse(const void *frame, size_t n, struct packet *);

/* The frame in one line: "10.0.2.15:1024 > 10.0.2.2:69 TFTP read pxelinux.0 (octet), blksize 1432, tsize 0".
 * n: the bytes at `frame`; length: of the whole frame. Fills buf like snprintf and returns the length. Bytes
 * that are not printable are written as \xNN. Cost: a microsecond. */
int packet_line(const void *frame, size_t n, uint64_t length, char *buf, size_t size);
/* All header fields with their names, as snprintf: "Ethernet: destination ff:ff:ff:ff:ff:ff, source …; IPv4:
 * …; UDP: …; DHCP: …". */
int packet_fields(const void *frame, size_t n, char *buf, size_t size);
/* An IP address (4 or 16 bytes), as snprintf; of IPv6 by RFC 5952. */
int packet_address(struct net_bytes, char *buf, size_t size);
enum { PACKET_ADDRESS_TEXT = 48 };

/* ---------------------------------------------------------------- what is inside */

enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER,
    DHCP_REQUEST,
    DHCP_DECLINE,
    DHCP_ACK,
    DHCP_NAK,
    DHCP_RELEASE,
    DHCP_INFORM
};

struct net_dhcp {
    unsigned op; /* 1: of a client, 2: of a server */
    uint32_t xid;
    unsigned type; /* enum dhcp_type; 0: BOOTP */
    struct net_bytes client, offered, next_server,
        server;                  /* addresses; empty if 0.0.0.0, or without an option */
    struct net_bytes file;       /* boot file: option 67, or the field */
    struct net_bytes options[2]; /* and those in the fields file or sname (option 52) … */
};

/* A DHCP message on its ports. */
bool packet_dhcp(const struct packet *, struct net_dhcp *);
/* The content of an option (a number of RFC 2132); empty, with p NULL, if it is not there. */
struct net_bytes packet_dhcp_option(const struct net_dhcp *, unsigned number);

enum tftp_opcode { TFTP_READ = 1, TFTP_WRITE, TFTP_DATA, TFTP_ACK, TFTP_ERROR, TFTP_OACK };

struct net_tftp {
    unsigned opcode;             /* enum tftp_opcode */
    unsigned block;              /* DATA, ACK; of ERROR the code */
    struct net_bytes name, mode; /* READ, WRITE; of ERROR its text */
    struct net_bytes options;    /* READ, WRITE, OACK: names and values, each ended by NUL */
    size_t length;               /* of DATA */
};

/* A UDP payload as a TFTP message: on port 69 any, elsewhere what can hardly be anything else. */
bool packet_tftp(const struct packet *, struct net_tftp *);
/* Any UDP payload that has the form of one: for ports that are known to speak it. */
bool packet_tftp_message(const struct packet *, struct net_tftp *);
/* The next name and value of `options`; false at their end. */
bool packet_tftp_option(struct net_bytes *options, struct net_bytes *name, struct net_bytes *value);
/* The number that an option has ("blksize"), or `otherwise`. */
uint64_t packet_tftp_number(const struct net_tftp *, const char *name, uint64_t otherwise);

struct net_http {
    bool request;
    struct net_bytes line; /* "GET /x HTTP/1.1", "HTTP/1.1 200 OK" */
    struct net_bytes method, target, host;
    unsigned status;
    bool whole;      /* its header ends in this segment … */
    size_t header;   /* … after so many bytes */
    bool has_length; /* it has Content-Length */
    uint64_t length;
};

/* A TCP segment at which an HTTP message begins. */
bool packet_http(const struct packet *, struct net_http *);

struct net_dns {
    unsigned id, flags;
    unsigned questions, answers;
    bool response;
    unsigned code; /* of a response: 0 no error, 3 no such name */
    unsigned type; /* of the first question */
};

/* A DNS message on UDP port 53 (5353: mDNS, 5355: LLMNR); its first question's name as text. */
bool packet_dns(const struct packet *, struct net_dns *, char *name, size_t size);
/* Its answers: "10.0.2.2, x.example": as snprintf. */
int packet_dns_answers(const struct packet *, char *buf, size_t size);

/* The type of a DHCPv6 message on its ports (RFC 8415, 7.3), 0 if it is none. */
unsigned packet_dhcp6(const struct packet *, uint32_t *transaction);
/* What it gives or asks for: "IAID 0x1, address fec0::15, boot file tftp://…": as snprintf. */
int packet_dhcp6_words(const struct packet *, char *buf, size_t size);
/* The first status in it that is an error (RFC 8415, 21.13), or 0. */
unsigned packet_dhcp6_error(const struct packet *);

#endif
