/* fuzz_nics.c - network cards, and virtio's devices without a drive, under a hostile driver and a hostile network (tests/fuzz/cards.h). */
#include "tests/fuzz/cards.h"

enum { RING_SIZE = 8, RECEIVE = 0x2800, TRANSMIT = 0x3800, RING_STEP = 0x100 };

/* Ring 0-1 receives, 2-3 sends. */
static uint32_t ring_at(unsigned i)
{
    return (i & 2 ? TRANSMIT : RECEIVE) + (i & 1) * RING_STEP;
}

static void start_e1000(struct driven *d)
{
    for (unsigned i = 0; i < 4; i++) {
        set(d, 0, ring_at(i), 4, ARENA + i * 0x1000);
        set(d, 0, ring_at(i) + 4, 4, 0);
        set(d, 0, ring_at(i) + 8, 4, RING_SIZE * 16);
        set(d, 0, ring_at(i) + 0x10, 4, 0);
        set(d, 0, ring_at(i) + 0x18, 4, 0);
    }
    set(d, 0, 0xd0, 4, UINT32_MAX);                              /* IMS */
    set(d, 0, 0x400, 4, 2 | take(d));                            /* TCTL */
    set(d, 0, 0x100, 4, 0x801a | (take_bytes(d, 4) & ~0x8000u)); /* RCTL: on, everything is for it */
}

/* A descriptor, and the tail behind it. */
static void give_e1000(struct driven *d, unsigned which)
{
    const unsigned i = which & 3;
    const uint64_t entry[2] = {take_value(d), which & 4 ? take_value(d) : take_bytes(d, 8)};
    put(d, ARENA + i * 0x1000 + d->tail[i] * 16, entry, sizeof entry);
    d->tail[i] = (d->tail[i] + 1) % RING_SIZE;
    set(d, 0, ring_at(i) + 0x18, 4, d->tail[i]);
}

/* A command of virtio-net's control queue. */
static size_t control_command(struct driven *d, uint8_t *head)
{
    head[0] = take(d) & 7;
    head[1] = take(d) & 7;
    return 2;
}

static const struct driven_kind kinds[] = {
    {.devfn = 4 << 3,
     .setting = {{"nic0", "virtio-net"}},
     .start = start_virtio,
     .give = give_virtio,
     .request = control_command,
     .input = INPUT_NET0},
    {.devfn = 4 << 3,
     .setting = {{"nic0", "e1000"}},
     .start = start_e1000,
     .give = give_e1000,
     .input = INPUT_NET0},
    {.devfn = 4 << 3,
     .setting = {{"nic0", "e1000e"}},
     .start = start_e1000,
     .give = give_e1000,
     .input = INPUT_NET0},
    {.devfn = 4 << 3, .setting = {{"virtio", "rng"}}, .start = start_virtio, .give = give_virtio},
    {.devfn = 4 << 3,
     .setting = {{"virtio", "console"}},
     .start = start_virtio,
     .give = give_virtio,
     .input = INPUT_VIRTIO},
};

/* What libFuzzer calls has no context, so this is kept here. */
enum { KINDS = sizeof kinds / sizeof kinds[0] };
static struct driven_bench benches[KINDS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drive(kinds, benches, KINDS, data, size);
    return 0;
}
