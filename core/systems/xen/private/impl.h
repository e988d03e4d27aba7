/* impl.h - what the files of this folder share. Private to them. See xen.h.
 *
 *   xen.c           life, events, finding the hypervisor
 *   symbol_table.c  its symbols
 *   access.c        functions hooked at entry and exit
 *   boot.c          multiboot information, steps of its boot, initcalls, processors, its end
 *   domain.c        domains and virtual processors, switches, their memory
 *   hypercall.c     hypercalls and batches of them
 *   hvm.c           domains that are virtual machines: their start, hypercalls, requests to their device model
 *   trap.c          exceptions and virtual interrupts for domains, what is emulated for them
 *   names.c         numbers by name, events in words
 */
#ifndef BOOTREEL_CORE_SYSTEMS_XEN_IMPL_H
#define BOOTREEL_CORE_SYSTEMS_XEN_IMPL_H

#include <string.h>

#include "core/story/base.h"
#include "core/systems/xen/xen.h"

/* The public ABI of 64-bit domains (xen/include/public/arch-x86/xen-x86_64.h). */
#define XEN_VIRT_BEGIN   0xffff800000000000u
#define XEN_VIRT_END     0xffff880000000000u
#define XEN_M2P          0xffff800000000000u /* u64 for each machine frame: the domain's frame number */
#define XEN_DOMID_LIMIT  0x7ff0u             /* domain numbers from here on are Xen's own */
#define XEN_DOMAIN_OTHER UINT64_MAX          /* no domain: Xen itself, or idle */

/* Functions whose direct callees are reported: values of the field `parent` of kernel.call and kernel.return.
 * Other guest systems have other numbers. */
enum xen_parent { XEN_PARENT_START = 32, XEN_PARENT_DOM0, XEN_PARENT_END };
/* Levels of EV_INITCALL. */
enum xen_level { XEN_INITCALL_PRESMP = 32, XEN_INITCALL, XEN_INITCALL_END };

/* struct cpu_user_regs, whose beginning is public: the registers of a domain that entered Xen. */
enum user_regs {
    USER_R10 = 0x38,
    USER_R9 = 0x40,
    USER_R8 = 0x48,
    USER_RAX = 0x50,
    USER_RDX = 0x60,
    USER_RSI = 0x68,
    USER_RDI = 0x70,
    USER_ERROR_CODE = 0x78,
    USER_RIP = 0x80,
    USER_RSP = 0x98,
    USER_REGS = 0xa8 /* bytes that are read */
};

struct xen_domain {
    uint64_t structure; /* address of its struct domain */
    uint32_t id;
    bool started; /* its first instruction was reached */
    bool gone;
    bool machine;   /* it is a virtual machine of the processor's extension */
    uint32_t model; /* the process of domain 0 that is its device model; 0: not known */
    uint64_t pages; /* that it was given before its start */
};

/* What a virtual processor's device model was asked last. */
struct xen_request {
    bool out; /* and has not answered yet */
    bool read;
    bool indirect; /* the data are in the domain's memory */
    uint8_t type;
    uint32_t size, count;
    uint64_t address, icount;
};

struct xen_vcpu {
    uint64_t structure; /* address of its struct vcpu */
    uint32_t domain, id;
    struct xen_request request;
};

enum { XEN_PROCESSORS = 64, XEN_CALL_TEXT = 256, XEN_STACK = 32768 };

/* A hypercall that was entered. */
struct xen_arguments {
    struct xen_vcpu by;
    uint64_t slot; /* whose last call it is: see xen_call_of */
    uint64_t number, a[6];
    uint64_t ip, caller; /* behind the syscall; where the domain calls */
    bool unfinished;     /* Xen wants it to be made again, to go on with it */
    bool narrow;         /* of 32-bit code */
};

/* The symbol at an address in a domain, which makes most of its hypercalls at a few places. */
struct xen_named {
    symbol_space space;
    uint64_t address;
    uint64_t changes; /* symbols_changes() when it was looked up */
    bool found;
    struct symbol symbol;
};
enum { XEN_NAMED = 64 };

/* A line that a domain writes to Xen's console. */
struct xen_line {
    uint32_t domain;
    size_t n;
    char text[400];
};

/* A call that was reported, while the same one is repeated. */
struct xen_repeat {
    unsigned kind;
    uint64_t number;
    struct xen_vcpu by;
    char text[XEN_CALL_TEXT];
    uint64_t count; /* of those after the reported one */
    uint64_t last;  /* icount of the last */
};

struct xen_guest;

enum xen_state { XEN_NONE, XEN_ENTERED, XEN_FOUND, XEN_GIVEN_UP };

struct xen_guest {
    struct guest_base base;
    enum xen_state state;
    /* what was searched */
    unsigned misses; /* places where its entry was not: each costs milliseconds */
    unsigned tries;
    uint64_t tried[8];
    unsigned ntried;
    /* the hypervisor */
    char version[512]; /* as its banner */
    struct xen_domain *domains;
    size_t ndomains;
    struct xen_vcpu *vcpus;
    size_t nvcpus;
    uint64_t running[XEN_PROCESSORS]; /* address of the struct vcpu; 0: not known yet */
    unsigned start_probe;             /* where Xen goes to a domain; 0: no domain waits for its start */
    uint64_t start_entry;             /* address that is probed for that */
    /* frames of the domain that was asked about last: machine frame by its frame number */
    uint32_t *frames;
    size_t nframes;
    uint64_t frames_at; /* icount */
    /* hypercalls */
    struct xen_repeat repeat;
    struct xen_arguments *calls; /* the last of each virtual processor: it may go on on another processor */
    size_t ncalls;
    uint64_t user_regs; /* distance from the stack's end down to a domain's registers; 0: not known yet */
    struct xen_line line;
    struct xen_named named[XEN_NAMED]; /* by address */
    /* events */
    uint64_t port_offset;            /* of the port in struct evtchn */
    bool interrupts[XEN_PROCESSORS]; /* a virtual or a device's interrupt is being raised there */
};

GUEST_ACCESS(xen, struct xen_guest);

/* ---------------------------------------------------------------- access.c */

/* Of these functions (ended by NULL), hooks the first that exists: calls enter when it is entered, and leave
 * (if not NULL) when it is left. False if there is none: then its first name is noted as missing. */
bool xen_hook(struct xen_guest *xg, const char *const *names, xen_enter *enter, xen_leave *leave);
#define XEN_HOOK(xg, enter, leave, ...) xen_hook(xg, (const char *const[]){__VA_ARGS__, NULL}, enter, leave)

/* ---------------------------------------------------------------- the parts */

void xen_boot_setup(struct xen_guest *xg);
void xen_domain_setup(struct xen_guest *xg);
void xen_hypercall_setup(struct xen_guest *xg);
void xen_trap_setup(struct xen_guest *xg);

/* ---------------------------------------------------------------- domain.c */

/* The virtual processor that runs there; NULL if not known. */
struct xen_vcpu *xen_running(const struct xen_guest *xg, unsigned cpu);
/* The virtual processor whose struct vcpu that is, or NULL. */
struct xen_vcpu *xen_vcpu(const struct xen_guest *xg, uint64_t structure);
/* The domain of that number, or NULL. */
struct xen_domain *xen_domain_numbered(const struct xen_guest *xg, uint64_t id);
/* The number of the domain whose struct domain that is; XEN_DOMAIN_OTHER if none. */
uint64_t xen_domain_number(const struct xen_guest *xg, uint64_t structure);
/* As guest_system.domain, given, retell, translate. */
bool xen_domain_of(struct guest *g, unsigned cpu, uint64_t *domain);
bool xen_domain_given(const struct guest *g, unsigned cpu, uint64_t *domain);
void xen_domain_retell(struct guest *g, const struct event *ev);
bool xen_translate(struct guest *g, uint64_t domain, uint64_t address, uint64_t *outer);
void xen_domains_free(struct xen_guest *xg);

/* ---------------------------------------------------------------- hvm.c */

/* Whether virtual machines of the processor's extension are told apart. Otherwise all is told as it was before there were any. */
static inline bool xen_virtualizes(const struct xen_guest *xg)
{
    return xg->base.guest.apart;
}
/* What domain.start says of such a domain, at the beginning of its text. */
extern const char xen_machine_text[];
/* As guest_system.machine. */
bool xen_is_machine(const struct guest *g, uint64_t domain);
/* The processor enters a virtual machine, or leaves it. */
void xen_machine_entered(struct xen_guest *xg, const struct event *ev);
void xen_machine_left(struct xen_guest *xg, const struct event *ev);
void xen_machine_setup(struct xen_guest *xg);
/* That process of domain 0 has become the device model of a domain. */
void xen_model_made(struct xen_guest *xg, uint64_t domain, uint64_t process);
void xen_memory_given(struct xen_guest *xg, uint64_t domain, uint64_t pages);
/* The name of an operation that xen_operation_name() does not know, or NULL; of a parameter of hvm_op. */
const char *xen_machine_operation(uint64_t hypercall, uint64_t operation);
const char *xen_parameter_name(uint64_t n);
/* What a domain's request to its device model, or the answer to it, means. */
bool xen_explain_request(const struct event *ev, struct text *out);
/* The operation of dm_op and its operands. */
void xen_show_model_op(struct xen_guest *xg, const struct xen_arguments *a, char *text, size_t size);

/* ---------------------------------------------------------------- hypercall.c */

/* Reports the repetitions of the last hypercall, if there are any. */
void xen_hypercall_flush(struct xen_guest *xg);
/* Something that a domain does, or that is done for it: the kind, fields and text of its event. */
struct xen_call {
    unsigned kind;
    uint64_t number; /* of the hypercall, for hypercall.again */
    struct xen_vcpu by;
    uint64_t f[EVENT_MAX_FIELDS];
    char text[XEN_CALL_TEXT];
};
/* The last hypercall of a virtual processor, or, until STORY_OF_MACHINES, on this processor; NULL: there was none. */
struct xen_arguments *xen_call_of(const struct xen_guest *xg, uint64_t structure);
/* Keeps a hypercall instead of the last one of its virtual processor. */
void xen_call_keep(struct xen_guest *xg, const struct xen_arguments *a);
/* Forgets those of a domain's virtual processors. */
void xen_calls_drop(struct xen_guest *xg, uint64_t domain);
/* Makes the event of a call, or counts the call if it says the same as the last one. */
void xen_report_call(struct xen_guest *xg, const struct xen_call *c);
/* A hypercall of a domain that is a virtual machine. */
void xen_report_hypercall(struct xen_guest *xg, const struct xen_arguments *a, uint64_t result);
/* The function in the current domain that contains an address, for a call's text; "" if not known. */
void xen_caller(struct xen_guest *xg, uint64_t address, char *buf, size_t size);

/* ---------------------------------------------------------------- names.c */

/* Appends to a text of `size` bytes, as much as fits. */
__attribute__((format(printf, 3, 4))) void xen_put(char *text, size_t size, const char *format, ...);
/* Appends a string as it is; much cheaper than xen_put, for the sake of hypercalls. */
void xen_add(char *text, size_t size, const char *string);
/* The name of a hypercall, or NULL. */
const char *xen_hypercall_name(uint64_t number);
bool xen_has_operations(uint64_t hypercall);
/* The name of a hypercall's sub-operation, or NULL. */
const char *xen_operation_name(uint64_t hypercall, uint64_t operation);
const char *xen_virq_name(uint64_t virq);
const char *xen_shutdown_reason(uint64_t reason);
const char *xen_mmuext_name(uint64_t command);
const char *xen_value_word(unsigned kind, unsigned field, uint64_t value);
bool xen_explain(const struct event *ev, struct text *out);

#endif
