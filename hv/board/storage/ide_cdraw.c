/* ide_cdraw.c - a CD sector in raw form: sync, header, user data, error detection and correction codes.
 *
 * Source: ECMA-130, clause 14 (mode 1 sectors) and annex A (the error correction encoding). */
#include "hv/board/storage/ide.h"

#include <string.h>

enum { SYNC = 0, HEADER = 12, USER = 16, EDC = 2064, ZERO = 2068, P_PARITY = 2076, Q_PARITY = 2248 };

/* CRC with the polynomial (x^16+x^15+x^2+1)(x^16+x^2+x+1), least significant bit first. */
static uint32_t edc(const uint8_t *p, size_t n)
{
    uint32_t crc = 0;

    while (n--) {
        crc ^= *p++;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xd8018001 : 0);
    }
    return crc;
}

/* GF(2^8) with x^8+x^4+x^3+x^2+1. */
static uint8_t twice(uint8_t x)
{
    return x << 1 ^ (x & 0x80 ? 0x1d : 0);
}

/* One of the two product codes: `vectors` vectors of `length` bytes, each a step of `step` bytes through the
 * `size` bytes at `data` (mod size), two parity bytes for each. A vector v0 … vn-1, a, b satisfies sum(v) + a
 * + b = 0   and   sum(v_i * 2^(n+1-i)) + 2a + b = 0 so with s the plain sum and t the weighted one, a = (s +
 * t) / 3 and b = a + s. */
static void parity(const uint8_t *data, unsigned size, unsigned vectors, unsigned length, unsigned start,
                   unsigned step, const uint8_t *third, uint8_t *out)
{
    for (unsigned v = 0; v < vectors; v++) {
        unsigned at = (v / 2) * start + (v & 1);
        uint8_t sum = 0, weighted = 0;

        for (unsigned i = 0; i < length; i++, at = at + step < size ? at + step : at + step - size) {
            sum ^= data[at];
            weighted = twice(weighted ^ data[at]);
        }
        out[v] = third[twice(weighted) ^ sum];
        out[v + vectors] = out[v] ^ sum;
    }
}

static uint8_t bcd(unsigned n)
{
    return n / 10 << 4 | n % 10;
}

void cd_raw_sector(uint8_t *raw, uint32_t lba)
{
    uint32_t frame = lba + 150;
    uint8_t third[256];
    uint32_t crc;

    memset(raw + SYNC, 0xff, HEADER);
    raw[SYNC] = raw[SYNC + 11] = 0;
    raw[HEADER] = bcd(frame / 75 / 60 % 100);
    raw[HEADER + 1] = bcd(frame / 75 % 60);
    raw[HEADER + 2] = bcd(frame % 75);
    raw[HEADER + 3] = 1;
    crc = edc(raw, EDC);
    for (unsigned i = 0; i < 4; i++)
        raw[EDC + i] = crc >> 8 * i;
    memset(raw + ZERO, 0, P_PARITY - ZERO);
    for (unsigned i = 0; i < 256; i++)
        third[twice(i) ^ i] = i;
    parity(raw + HEADER, P_PARITY - HEADER, 86, 24, 2, 86, third, raw + P_PARITY);
    parity(raw + HEADER, Q_PARITY - HEADER, 52, 43, 86, 88, third, raw + Q_PARITY);
}
