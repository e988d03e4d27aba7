/* btf_member.h - where members are in the structures of a Linux kernel: in its types as libbpf has them. kernel_types_member() asks a kernel whose
 * types were read. */
#ifndef BOOTREEL_CORE_SYMBOLS_BTF_MEMBER_H
#define BOOTREEL_CORE_SYMBOLS_BTF_MEMBER_H

#include <stddef.h>
#include <stdint.h>

struct btf;
struct btf_member;

/* The member of type `id` that a path names: "a", or "a.b" for b of a; n: its characters. Members of anonymous structures and unions are
 * their structure's. *offset: in bytes. NULL if there is none, or if it is a bit-field. */
const struct btf_member *btf_member_at(const struct btf *btf, uint32_t id, const char *path, size_t n,
                                       uint64_t *offset);

#endif
