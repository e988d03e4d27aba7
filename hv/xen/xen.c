/* xen.c - the domain as a whole: made, built, saved. See xen.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "hv/xen/internal.h"

/* ---------------------------------------------------------------- state */

static const struct field vcpu_fields[] = {
    FIELD(struct vcpu, info),       FIELD(struct vcpu, timer),  FIELD(struct vcpu, period),
    FIELD(struct vcpu, periodic),   FIELD(struct vcpu, polls),  FIELD(struct vcpu, poll_port),
    FIELD(struct vcpu, registered), FIELD(struct vcpu, upcall), FIELD(struct vcpu, blocked),
};

static const struct field channel_fields[] = {
    FIELD(struct channel, type),
    FIELD(struct channel, vcpu),
    FIELD(struct channel, virq),
};

static const struct field xen_rows[] = {
    FIELDS(struct xen, param),
    FIELD_STRUCTS(struct xen, vcpu, vcpu_fields),
    FIELD_STRUCTS(struct xen, channel, channel_fields),
    FIELD(struct xen, hypercall_page),
    FIELD(struct xen, wide),
    FIELD(struct xen, grant_version),
    FIELD(struct xen, grant_frames),
    FIELD(struct xen, map_entries),
    FIELD_BYTES(struct xen, map),
    FIELD(struct xen, assists),
    FIELD(struct xen, repeat.number),
    FIELD(struct xen, repeat.count),
    FIELD(struct xen, repeat.last),
    FIELD(struct xen, repeat.vcpu),
    FIELD(struct xen, repeat.length),
    FIELD_BYTES(struct xen, repeat.text),
    FIELD(struct xen, ring.have),
    FIELD_BYTES(struct xen, ring.request),
    FIELD(struct xen, ring.next_transaction),
    FIELD(struct xen, ring.generation),
    FIELD(struct xen, line_length),
    FIELD_BYTES(struct xen, line),
};

struct field_table xen_fields(void)
{
    return fields_flatten(xen_rows, FIELD_COUNT(xen_rows));
}

static bool numbers_good(const struct xen *xen)
{
    bool good = xen->map_entries <= MAX_E820 && xen->grant_frames <= MAX_GRANT_FRAMES &&
                xen->line_length <= LINE_MAX_BYTES && xen->repeat.length <= TEXT_MAX &&
                xen->repeat.vcpu < ENGINE_CPUS && xen->hypercall_page / PAGE < xen->pages;
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        good &= xen->vcpu[i].info / PAGE < xen->pages &&
                (xen->vcpu[i].period || xen->vcpu[i].periodic == UINT64_MAX);
    for (unsigned i = 0; i < CHANNELS; i++)
        good &= xen->channel[i].type <= CHANNEL_IPI && xen->channel[i].vcpu < ENGINE_CPUS;
    return good;
}

bool xen_loaded(struct xen *xen)
{
    bool good = memory_loaded(xen); /* always: the memory map must be right */
    if (good && numbers_good(xen) && store_loaded(xen))
        return true;
    xen_reset(xen);
    return false;
}

/* ---------------------------------------------------------------- building */

/* As libxl does: RAM from 1 MiB on, and above 4 GiB. hvmloader adds what is below. */
static void make_map(struct xen *xen)
{
    const struct xen_domain *d = &xen->domain;
    const struct {
        uint64_t address, size;
        uint32_t type;
    } __attribute__((packed)) map[2] = {{0x100000, d->ram_low - 0x100000, 1}, {1ull << 32, d->ram_high, 1}};
    memset(xen->map, 0, sizeof xen->map);
    memcpy(xen->map, map, sizeof map);
    xen->map_entries = d->ram_high ? 2 : 1;
}

/* tools/libs/guest/xg_dom_x86.c: which page of the special ones is for what. */
static void make_parameters(struct xen *xen)
{
    enum { PAGING = FIRST_SPECIAL + 8, ACCESS, SHARING, BUFIOREQ, STORE, IOREQ, IDENT_PT, CONSOLE };
    uint64_t *p = xen->param;
    memset(p, 0, sizeof xen->param);
    p[PARAM_STORE_PFN] = STORE;
    p[PARAM_STORE_EVTCHN] = PORT_STORE;
    p[PARAM_IOREQ_PFN] = IOREQ;
    p[PARAM_BUFIOREQ_PFN] = BUFIOREQ;
    p[PARAM_TIMER_MODE] = 1;
    p[PARAM_HPET_ENABLED] = 1;
    p[PARAM_IDENT_PT] = (uint64_t)IDENT_PT * PAGE;
    p[PARAM_CONSOLE_PFN] = CONSOLE;
    p[PARAM_CONSOLE_EVTCHN] = PORT_CONSOLE;
    p[PARAM_PAGING_RING_PFN] = PAGING;
    p[PARAM_MONITOR_RING_PFN] = ACCESS;
    p[PARAM_SHARING_RING_PFN] = SHARING;
    p[PARAM_IOREQ_SERVER_PFN] = FIRST_SPECIAL;
    p[PARAM_NR_IOREQ_SERVER_PAGES] = 8;
    for (uint32_t i = 0; i < PAGE / 4; i++) { /* superpages, one to one */
        const uint32_t entry = i << 22 | 0xe7;
        physmem_write(xen->domain.mem, p[PARAM_IDENT_PT] + i * 4, &entry, 4);
    }
}

void xen_reset(struct xen *xen)
{
    xen->hypercall_page = 0;
    xen->wide = false;
    xen->grant_version = xen->grant_frames = 1;
    xen->assists = 0;
    xen->line_length = 0;
    memset(xen->line, 0, sizeof xen->line);
    memset(&xen->repeat, 0, sizeof xen->repeat);
    timers_reset(xen);
    memory_reset(xen);
    channels_reset(xen);
    make_map(xen);
    make_parameters(xen);
    store_reset(xen);
    info_refresh(xen);
}

struct xen *xen_create(const struct xen_host *host, const struct xen_domain *domain)
{
    struct xen *xen = mem_zero(1, sizeof *xen);
    xen->host = *host;
    xen->domain = *domain;
    if (memory_create(xen) && store_create(xen))
        return xen;
    xen_destroy(xen);
    return NULL;
}

void xen_destroy(struct xen *xen)
{
    if (xen)
        free(xen->applied);
    free(xen);
}

/* struct hvm_info_table (xen/include/public/hvm/hvm_info_table.h) */
void xen_hvm_info(const struct xen *xen, uint8_t info[XEN_HVM_INFO_SIZE])
{
    enum {
        LENGTH = 8,
        CHECKSUM = 12,
        APIC_MODE,
        VCPUS = 16,
        LOW = 20,
        RESERVED = 24,
        HIGH = 28,
        ONLINE = 32
    };
    const struct xen_domain *d = &xen->domain;
    const uint32_t numbers[] = {d->vcpus, (uint32_t)(d->ram_low / PAGE), FIRST_SPECIAL,
                                d->ram_high ? (uint32_t)(((1ull << 32) + d->ram_high) / PAGE) : 0};
    const uint32_t length = XEN_HVM_INFO_SIZE;
    uint8_t sum = 0;
    memset(info, 0, XEN_HVM_INFO_SIZE);
    memcpy(info, "HVM INFO", 8);
    memcpy(info + LENGTH, &length, 4);
    info[APIC_MODE] = 1;
    memcpy(info + VCPUS, numbers, sizeof numbers);
    for (unsigned i = 0; i < d->vcpus && i < 128; i++)
        info[ONLINE + i / 8] |= (uint8_t)(1u << i % 8);
    for (unsigned i = 0; i < XEN_HVM_INFO_SIZE; i++)
        sum = (uint8_t)(sum + info[i]);
    info[CHECKSUM] = (uint8_t)-sum;
}
