/* packet.h - frames of the remote protocol: $data#checksum, escapes, run-length encoding, hexadecimal. It
 * does no input or output. Private to gdbstub/. */
#ifndef BOOTREEL_GDBSTUB_PACKET_H
#define BOOTREEL_GDBSTUB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest contents of a packet in both directions, as reported to gdb (PacketSize). */
enum { PACKET_MAX = 0x8000 };

/* ---------------------------------------------------------------- receiving */

enum packet_event {
    PACKET_NONE, /* more bytes are needed */
    PACKET_DATA, /* a packet is in data[0 … n), followed by a zero byte; valid until the next byte is fed */
    PACKET_BAD,  /* a packet with a wrong checksum; its contents are in data as well */
    PACKET_TOO_LONG,  /* a packet longer than PACKET_MAX: its contents are lost */
    PACKET_ACK,       /* + */
    PACKET_NAK,       /* - */
    PACKET_INTERRUPT, /* 0x03 between packets */
};

enum packet_state { PACKET_OUTSIDE, PACKET_INSIDE, PACKET_ESCAPED, PACKET_SUM1, PACKET_SUM2 };

/* A zeroed parser is at the beginning of the input. */
struct packet_parser {
    enum packet_state state;
    uint8_t sum;  /* of the bytes so far */
    uint8_t want; /* first digit of the checksum */
    bool bad_sum; /* a checksum digit is not hexadecimal */
    bool overflow;
    size_t n;
    uint8_t data[PACKET_MAX + 1];
};

/* Takes one byte. A $ inside a packet begins a new packet: the old one was cut off. */
enum packet_event packet_feed(struct packet_parser *p, uint8_t byte);

/* ---------------------------------------------------------------- sending */

/* Room for the frame of n bytes, in the worst case. */
static inline size_t packet_frame_room(size_t n)
{
    return 2 * n + 4;
}
/* Frames n bytes, escaped and run-length encoded. Returns the frame's length. */
size_t packet_frame(const void *data, size_t n, uint8_t *out);

/* ---------------------------------------------------------------- hexadecimal */

/* Value of a digit, or -1. */
int hex_digit(int c);
/* Parses hexadecimal digits at *p and moves *p past them. False if there are none, or more than 64 bits. */
bool hex_number(const char **p, uint64_t *value);
/* Writes two digits per byte, without a terminator. */
void hex_encode(const void *data, size_t n, char *out);
/* Decodes 2n digits into n bytes; false if one is not a digit. Decoding in place is allowed. */
bool hex_decode(const char *digits, size_t n, void *out);

#endif
