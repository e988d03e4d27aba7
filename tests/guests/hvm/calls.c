/* calls.c - a domain that makes hypercalls that nobody asks for: random numbers, operations, structures, pointers and pages, and
 * junk in the rings of xenstore and the console. It must come to its end: "done". Its seed is the 4 bytes at 4 after the magic
 * "seed". */
#include <stdint.h>

enum { CONSOLE_IO = 18, SCHED_OP = 29, EVENT_CHANNEL_OP = 32, CALLS = 20000, BUFFER = 8192 };
enum { STORE_RING = 0xfeffc000, CONSOLE_RING = 0xfefff000 };

extern char hypercall_page[];
int32_t hypercall(uint32_t number, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t a4);

static volatile char seed[8] = "seed\1\0\0\0";
static uint32_t state;
static uint8_t buffer[BUFFER + 4096]; /* answers may be longer than the structures */

static uint32_t random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void print(const char *text)
{
    uint32_t n = 0;
    while (text[n])
        n++;
    hypercall(CONSOLE_IO, 0, n, (uint32_t)text, 0, 0);
}

/* A page of the domain's memory that this program does not need, of device memory, or anything. */
static uint32_t page(void)
{
    static const uint32_t starts[] = {0x800, 0x80, 0xa0, 0xf0000, 0xfc000, 0xfe700, 0xfec00, 0xfee00, 0xfeff0, 0xffff0, 0x100000, 0x180000};
    uint32_t r = random();
    if (r % 16 < 8)
        return 0x800 + r / 16 % 0x100;
    if (r % 16 < 15)
        return starts[r / 16 % (sizeof starts / sizeof starts[0])] + r / 4096 % 32;
    return random() | 0x1000;
}

static uint32_t word(void)
{
    uint32_t r = random();
    switch (r % 8) {
    case 0:
        return 0x7ff0; /* the domain itself */
    case 1:
        return r >> 8 & 3;
    case 2:
        return page();
    case 3:
        return (uint32_t)buffer + (r >> 8) % BUFFER;
    case 4:
        return r >> 8 & 0x3ff;
    case 5:
        return random();
    default:
        return r >> 8 & 31;
    }
}

static void fill(void)
{
    uint32_t *p = (uint32_t *)buffer, n = 8 + random() % 24;
    for (uint32_t i = 0; i < n; i++)
        p[i] = word();
    if (random() % 2)
        p[0] = (p[0] & 0xffff0000) | 0x7ff0;
}

/* A pointer to a structure, nearly always a good one. */
static uint32_t pointer(void)
{
    uint32_t r = random() % 64;
    if (r == 0)
        return random() | 0x40000000;
    return r == 1 ? (uint32_t)buffer + BUFFER - 4 : (uint32_t)buffer;
}

static void call(void)
{
    static const uint8_t numbers[] = {12, 12, 12, 13, 15, 17, 18, 20, 21, 24, 24, 26, 29, 32, 32, 32, 33, 34, 34, 35, 36, 41};
    uint32_t r = random(), number = r % 32 ? numbers[r / 32 % sizeof numbers] : r / 32 % 128;
    uint32_t operation = random() % 64 ? random() % 32 : random();
    fill();
    if (number == 23) /* IRET, whose entry in the page is an invalid instruction */
        number++;
    if (number == SCHED_OP && operation <= 3) /* it would wait forever, or end here */
        operation = 0;
    if (number == 13) /* which could hold such calls */
        *(uint32_t *)buffer = 17;
    if (number == 24 && operation == 11) /* an NMI, for which there is no handler */
        operation++;
    if (number == 24)
        hypercall(number, operation, word() % 4, pointer(), word(), word());
    else if (number == CONSOLE_IO)
        hypercall(number, operation % 4, word() % 64, pointer(), 0, 0);
    else
        hypercall(number, operation, number == 13 || number == 21 ? word() % 8 : pointer(), word(), word(), word());
}

/* Bytes and indexes in a ring, then an event on its port; sometimes a request that makes sense. */
static void ring(uint32_t at, uint32_t size, uint32_t indexes, uint32_t port)
{
    static const char paths[][32] = {"name", "/local/domain/1/data/x", "control/shutdown", "data", "//", "/", "@introduceDomain"};
    uint32_t *header = (uint32_t *)buffer, producer, r = random();
    uint32_t *index = (uint32_t *)(at + indexes);
    uint8_t *bytes = (uint8_t *)at;
    const char *path = paths[r % 7];
    header[0] = r >> 4 & 31;
    header[1] = r;
    header[2] = r >> 9 & 1 ? random() % 4 : 0;
    header[3] = r >> 10 & 63 ? 0 : random();
    uint32_t n = 16;
    for (uint32_t i = 0; path[i]; i++)
        buffer[n++] = (uint8_t)path[i];
    buffer[n++] = 0;
    for (uint32_t i = r >> 16 & 31; i; i--)
        buffer[n++] = (uint8_t)random();
    if (r >> 25 & 1)
        buffer[n++] = 0;
    if (!header[3])
        header[3] = n - 16;
    producer = index[1];
    for (uint32_t i = 0; i < n; i++)
        bytes[(producer + i) % size] = buffer[i];
    index[1] = r >> 26 ? producer + n : random();
    index[2] = index[3]; /* all answers are read */
    if (random() % 64 == 0)
        index[5] = 1; /* connect again */
    hypercall(EVENT_CHANNEL_OP, 4, (uint32_t)&port, 0, 0, 0);
}

int main(void)
{
    uint32_t r[4], power_off = 0;
    for (unsigned i = 0; i < 4; i++)
        state |= (uint32_t)(uint8_t)seed[4 + i] << i * 8;
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(0x40000002), "c"(0));
    __asm__ volatile("wrmsr" : : "c"(r[1]), "a"(hypercall_page), "d"(0));
    for (uint32_t i = 0; i < 500; i++)
        ring(STORE_RING, 1024, 2048, 1);
    for (uint32_t i = 0; i < CALLS; i++) {
        call();
        if (i % 64 == 0)
            ring(CONSOLE_RING, 1024, 3072, 2);
    }
    print("done\n");
    hypercall(SCHED_OP, 2, (uint32_t)&power_off, 0, 0, 0);
    return 0;
}
