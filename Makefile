# bootreel: `make` builds ./bootreel (release, assertions on). `make help` lists the targets; see README.md and docs/architecture.md.
# V=1 shows whole commands. VARIANT=release|clang|asan|ubsan|sanitize|tsan|fuzz|count|coverage builds in build/VARIANT. PREFIX=/usr/local is for install.

VARIANT ?= release
ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   := build/$(VARIANT)
PREFIX  ?= /usr/local
Q       := $(if $(V),,@)

PKGS    := chafa libnbd com_err ext2fs libarchive sqlite3 zlib liblzma libelf libdw libbpf capstone panelw ncursesw libzstd liblz4 libxxhash yajl libpng libprotobuf-c
CFLAGS_WARN := -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter
# -fno-strict-aliasing, -fwrapv: the processor reads registers at several widths and computes modulo 2^n.
CFLAGS_BASE := -std=gnu11 -g -I. -I$(BUILD) -D_GNU_SOURCE $(CFLAGS_WARN) -fno-strict-aliasing -fwrapv -MMD -MP \
               $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDLIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lslirp -lm -pthread

OPT_release := -O2
OPT_clang   := -O2 -g1
OPT_count   := -O2 -DBOOTREEL_COUNT
OPT_asan    := -O1 -fsanitize=address -fno-omit-frame-pointer -DBOOTREEL_NO_TAIL
OPT_ubsan   := -O1 -fsanitize=undefined -fno-sanitize=alignment -fno-sanitize-recover=all -DBOOTREEL_NO_TAIL
# Both at once: what the tests use, since one build takes half the time of two.
OPT_sanitize := -O1 -g1 -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all -fno-omit-frame-pointer -DBOOTREEL_NO_TAIL
OPT_tsan    := -O1 -g1 -fsanitize=thread -fno-omit-frame-pointer -DBOOTREEL_NO_TAIL
OPT_fuzz    := -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all -DBOOTREEL_NO_TAIL
# Which lines ran, for `make coverage`. Most calls at the end of a handler are jumps; scripts/coverage gives the others a large stack.
OPT_coverage := -O1 -g1 -foptimize-sibling-calls --coverage
ifeq ($(VARIANT),fuzz)
CC := clang
endif
CFLAGS  ?=
CPPFLAGS ?=
ALL_CFLAGS := $(CFLAGS_BASE) $(OPT_$(VARIANT)) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := $(OPT_$(VARIANT)) $(LDFLAGS)

ROOMS   := base traces $(patsubst %/,%,$(sort $(filter-out %/private/,$(wildcard core/*/ core/systems/*/ core/systems/*/*/)))) hv/x86 $(patsubst %/,%,$(sort $(filter-out hv/x86/decode/table/,$(wildcard hv/x86/*/)))) hv/vary hv/xen hv/board $(patsubst %/,%,$(sort $(wildcard hv/board/*/))) hv/load hv uml tui gdbstub
LIB_SRC := $(foreach r,$(ROOMS),$(sort $(wildcard $(r)/*.c)))
CLI_SRC := $(sort $(wildcard cli/*.c))
PROTO_SRC := $(sort $(wildcard core/*/*.proto))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(PROTO_SRC:%.proto=$(BUILD)/%.pb-c.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
LIB     := $(BUILD)/libbootreel.a
# The commands, for their unit tests.
CLI_LIB := $(BUILD)/libcommands.a
VNC_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard vnc/*.c)))

# $(call need,PROGRAMS,LIBRARIES,HEADERS): ends make if one is missing. Libraries by their names for pkg-config; headers of those whose
# requirements are not installed with them.
missing = $(strip $(shell for p in $(1); do command -v $$p >/dev/null || echo $$p; done; \
    for p in $(2); do pkg-config --exists $$p 2>/dev/null || echo $$p; done; \
    for p in $(3); do echo "\#include <$$p>" | $(CC) -E - >/dev/null 2>&1 || echo $$p; done))
need = $(foreach m,$(call missing,$(1),$(2),$(3)),$(eval MISSING += $m))$(if $(MISSING),$(error needed, and not installed: $(MISSING). \
    `scripts/deps` installs what the build and the tests need, on Debian))
# What compiles needs these; they are looked for once (and when scripts/deps changes), before anything is built.
NO_BUILD := coverage help clean dist deb test-deb tidy words layers format format-check demo test
BUILDS   := $(filter-out $(NO_BUILD),$(or $(MAKECMDGOALS),all))
ifneq ($(BUILDS),)
ifeq ($(shell [ $(BUILD)/packages -nt scripts/deps ] && echo checked),)
$(call need,$(firstword $(CC)) gcc ld objcopy iasl protoc-c pkg-config,$(PKGS) libvncserver,slirp/libslirp.h)
$(shell mkdir -p $(BUILD) && : >$(BUILD)/packages)
endif
endif

# Each step of a build has its number: "  12/721 CC core/run/run.c". How many there are, a dry run says, in which $(STEP) is a word to count.
ifneq ($(BUILDS),)
ifndef STEP
STEPS := $(shell MAKEFLAGS= $(MAKE) -n STEP=step-of-the-build VARIANT='$(VARIANT)' $(MAKECMDGOALS) 2>/dev/null | grep -c step-of-the-build)
STEP   = $(eval STEPS_DONE += x)$(words $(STEPS_DONE))/$(STEPS)
endif
endif

include bios/bios.mk
include guests/demo/demo.mk
include guests/run/run.mk
include tests/guests/guests.mk

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
NATIVE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/native/*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:%.c=$(BUILD)/%)

# `make demo` and `make test` install what they need by scripts/deps.
.PHONY: coverage hostile threads faults damage killed soak test-fuzz all demo asan ubsan fuzz test test-checkers test-deb test-devices test-images test-kernels test-loaders test-long test-net test-origin test-selftests test-systemd test-v3 test-virt test-why test-wild unit check bench bench-rows layers format format-check tidy words help dist deb install clean
ifeq ($(VARIANT),release)
all: bootreel bootreel-vnc ## build ./bootreel
bootreel bootreel-vnc: %: $(BUILD)/%
	cp -f $< $@
else
all: $(BUILD)/bootreel $(BUILD)/bootreel-vnc
endif

$(BUILD)/bootreel: $(CLI_OBJ) $(LIB)
	@echo "  $(STEP) LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_OBJ) $(LIB) $(LDLIBS)

# A program of its own, since libvncserver is under the GPL (vnc/README.md).
$(BUILD)/bootreel-vnc: $(VNC_OBJ)
	@echo "  $(STEP) LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs libvncserver)

# What is installed beside the program, and derives from its tables: completions, and a manual page for each command.
$(BUILD)/completion.%: $(BUILD)/bootreel
	$(Q)$< completion $* >$@.new && mv $@.new $@
$(BUILD)/pages: $(BUILD)/bootreel
	$(Q)rm -rf $@.new && mkdir -p $@.new
	$(Q)for c in $$($< manual table | cut -f 1 | grep -vx manual | uniq); do $< manual $$c.1 >$@.new/bootreel-$$c.1 || exit; done
	$(Q)rm -rf $@ && mv $@.new $@

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@echo "  $(STEP) AR $@"
	$(Q)ar rcs $@ $(LIB_OBJ)

$(CLI_LIB): $(filter-out $(BUILD)/cli/main.o,$(CLI_OBJ))
	@rm -f $@
	@echo "  $(STEP) AR $@"
	$(Q)ar rcs $@ $^

# What clangd and clang-tidy read. The commands are those of a dry run, so that each file has its own; what they include is made before.
GENERATED := $(addprefix $(BUILD)/,hv/board/dsdt.h hv/board/dsdt_q35.h core/story/builtin_profile.h core/export/report_css.h cli/release.h) \
             $(PROTO_SRC:%.proto=$(BUILD)/%.pb-c.c)
.PHONY: compile_commands.json
compile_commands.json: $(GENERATED) ## how each file is compiled, for clangd and clang-tidy
	$(Q)MAKEFLAGS= $(MAKE) -Bn V=1 STEP=x VARIANT='$(VARIANT)' all unit fuzz-targets $(BENCH_SRC:%.c=$(BUILD)/%) $(BUILD)/tests/devices/content | \
	    awk -v here="$(CURDIR)" -f scripts/compile_commands.awk >$@.new
	$(Q)mv $@.new $@

# The boards' DSDTs, as bytes, from one source. -oa: no optimizations, so that iasl's version matters less. Warning 3073 (_HID beside
# _ADR): the PCI root has both, as QEMU's and SeaBIOS's have.
$(BUILD)/hv/board/dsdt_q35.h: DSDT_FLAGS := -DQ35
$(BUILD)/hv/board/dsdt.h $(BUILD)/hv/board/dsdt_q35.h: hv/board/firmware/dsdt.asl
	@mkdir -p $(@D)
	@echo "  $(STEP) IASL $(@F)"
	$(Q)$(CC) -E -P -undef $(CPPFLAGS) $(DSDT_FLAGS) -x c $< -o $(@:.h=.asl)
	$(Q)iasl -oa -vw 3073 -p $(@:.h=) $(@:.h=.asl) >$(@:.h=.log) 2>&1 || { cat $(@:.h=.log); false; }
	$(Q)od -An -v -tu1 $(@:.h=.aml) | sed 's/  *\([0-9][0-9]*\)/\1,/g' >$@
$(BUILD)/hv/board/kinds.o: $(BUILD)/hv/board/dsdt.h $(BUILD)/hv/board/dsdt_q35.h

# The release stands in the file VERSION alone.
$(BUILD)/cli/release.h: VERSION
	@mkdir -p $(@D)
	$(Q)echo '#define BOOTREEL_VERSION "$(shell cat VERSION)"' >$@
$(BUILD)/cli/version.o: $(BUILD)/cli/release.h

# The embedded boot profile, as a string: stages that others lie in come first.
PROFILES := profiles/firmware.profile profiles/pc.profile
PROFILES += $(filter-out $(PROFILES),$(sort $(wildcard profiles/*.profile)))
$(BUILD)/core/story/builtin_profile.h: $(PROFILES)
	@mkdir -p $(@D)
	$(Q){ echo 'static const char builtin_profile[] ='; sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $^; echo ';'; } >$@
$(BUILD)/core/story/profile.o: $(BUILD)/core/story/builtin_profile.h

# The look of reports, as a string.
$(BUILD)/core/export/report_css.h: core/export/report.css
	@mkdir -p $(@D)
	$(Q){ echo 'static const char report_css[] ='; sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $<; echo ';'; } >$@
$(BUILD)/core/export/html.o: $(BUILD)/core/export/report_css.h

# Formats that are protocol buffers: from each .proto come a .pb-c.h and a .pb-c.c.
$(BUILD)/%.pb-c.c: %.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=. --c_out=$(BUILD) $<
$(BUILD)/%.pb-c.o: $(BUILD)/%.pb-c.c
	@echo "  $(STEP) CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(BUILD)/core/export/perfetto.o: $(BUILD)/core/export/perfetto.pb-c.c
$(BUILD)/core/export/pprof.o: $(BUILD)/core/export/pprof.pb-c.c

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  $(STEP) CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/test_host_programs: | $(HOST_PROGRAMS)
$(BUILD)/tests/unit/test_campaigns: | $(CAMPAIGN_GUESTS)
$(BUILD)/tests/unit/test_machine_guests: | $(MACHINE_GUESTS)
$(BUILD)/tests/unit/test_compile: $(BUILD)/tests/unit/programs.o $(BUILD)/tests/unit/programs_x87.o
$(BUILD)/tests/unit/test_native $(BUILD)/tests/unit/test_sequences: $(NATIVE_OBJ)
# cmocka 2 has new names for what Debian 12's cmocka 1.1 has.
$(BUILD)/tests/%.o: ALL_CFLAGS += -Wno-deprecated-declarations
# It reads the types in its own debugging information.
$(BUILD)/tests/unit/test_symbols.o: ALL_CFLAGS += -g
$(BUILD)/tests/unit/test_x87 $(BUILD)/tests/unit/test_simd: $(BUILD)/tests/native/vendor.o
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(CLI_LIB) $(LIB)
	@echo "  $(STEP) LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(CLI_LIB) $(LIB) $(LDLIBS) -lcmocka

# By libFuzzer, or in another build by a small driver of our own.
FUZZ_MAIN := $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer,$(BUILD)/tests/fuzz/alone.o)
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(filter %.o,$(FUZZ_MAIN)) $(LIB)
	@echo "  $(STEP) LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(FUZZ_MAIN) $(LIB) $(LDLIBS) -lcmocka

$(BUILD)/tests/devices/%: $(BUILD)/tests/devices/%.o $(LIB)
	@echo "  $(STEP) LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB)
	@echo "  $(STEP) LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

asan: ## build with the address sanitizer, in build/asan
	$(MAKE) VARIANT=asan all
ubsan: ## build with the undefined-behaviour sanitizer, in build/ubsan
	$(MAKE) VARIANT=ubsan all
fuzz: ## build the fuzz targets, in build/fuzz
	$(MAKE) VARIANT=fuzz fuzz-targets
fuzz-targets: $(FUZZ_BIN) ## build the fuzz targets with VARIANT= (sanitize: without libFuzzer)

unit: $(UNIT_BIN) ## build the unit tests
coverage: ## which part of each room the unit tests run, by lines (minutes)
	@scripts/coverage
$(UNIT_SRC:%.c=$(BUILD)/%.o): | $(BUILD)/packages.unit
$(BUILD)/packages.unit:
	$(call need,,cmocka)
	@: >$@
demo: ## install what is needed, build, record a real boot, replay and show it
	@scripts/demo
check: ## layers, format, words and unit tests: a minute
	$(call need,clang-format,cmocka)
	@tests/run layers format unit
test: ## all tests but the long ones
	@scripts/deps
	@tests/run
test-long: ## the tests that tests/long lists (half an hour or more)
	@scripts/deps
	@tests/run long
test-fuzz: ## the fuzz targets by libFuzzer, TIME=60 seconds each, going on where they were
	@scripts/deps
	@FUZZ_SECONDS='$(or $(TIME),60)' tests/run libFuzzer
test-systemd: all ## a Debian with systemd, with one and two processors; that of trixie and sid (minutes)
	@scripts/deps
	@BOOTREEL_SYSTEMD_CPUS="1 2" BOOTREEL_SYSTEMD_SUITES="trixie sid" bash tests/boot/systemd.sh
test-kernels: all ## kernels of all of Debian's suites, and small ones (many minutes; downloads much)
	@scripts/deps
	@BOOTREEL_KERNELS=all bash tests/boot/kernels.sh
	@BOOTREEL_ALL_KERNELS=1 bash tests/boot/types.sh
test-loaders: all ## boot loaders under our firmware and SeaBIOS (minutes)
	@scripts/deps
	@tests/bios/loaders.sh
test-devices: all $(BUILD)/tests/devices/content ## real guests on disks and cards of all kinds, lspci and others against QEMU (many minutes)
	@scripts/deps
	@tests/devices/run
test-net: all ## boots from the network: PXE to an installer, Linux over each card (minutes)
	@scripts/deps
	@tests/net/run
test-origin: all $(BUILD)/tests/unit/test_origin ## origins of random places of TRACE=, compared with the machine and tried (minutes; PLACES=100, SEED=1, TIMES=1: only measured, SHOW=1: each chain)
	@ORIGIN_TRACE='$(TRACE)' ORIGIN_PLACES='$(or $(PLACES),100)' ORIGIN_SEED='$(SEED)' ORIGIN_TIMES='$(TIMES)' ORIGIN_SHOW='$(SHOW)' $(BUILD)/tests/unit/test_origin
test-wild: all ## boots that `bootreel why` had not seen when they were made (an hour)
	@tests/why/wild/run

test-why: all ## broken boots, and what `bootreel why` says of each (minutes)
	@scripts/deps
	@tests/why/run
test-virt: all ## hypervisors with guests in the machine: KVM with QEMU, Xen with HVM and PVH domains, SVM and VMX (half an hour)
	@scripts/deps
	@tests/run cli/svm cli/vmx "boot virt" "boot xen-hvm"
test-selftests: all ## Linux's x86 self tests in a guest, compared with QEMU (minutes)
	@scripts/deps
	@tests/selftests/run
test-checkers: all ## fwts and stress-ng in guests: what they find wrong with tables and processors (minutes)
	@scripts/deps
	@tests/checkers/run $(PARTS)
hostile: all ## a guest with hostile names through every command (minutes)
	@scripts/deps
	@tests/hostile/run
damage: all ## damaged inputs of every kind, through the commands that read them (half an hour; N=100 copies of each)
	@scripts/deps
	@tests/damage/run $(N)
killed: all ## each command that writes is killed at random moments (half an hour; N=40 times)
	@scripts/deps
	@tests/killed/run $(N)
soak: all ## work that is new each time, compiled, interpreted and on the host, for TIME=3600 seconds; goes on where it was
	@scripts/deps
	@TIME='$(TIME)' tests/soak/run $(KINDS)
threads: ## commands that use threads, under the thread sanitizer (minutes)
	@scripts/deps
	@tests/threads/run
faults: all ## the n-th allocation and the n-th system call fails, in thirteen commands (half an hour; MOST=500)
	@scripts/deps
	@tests/faults/run $(MOST)
test-v3: all ## x86-64-v3: floating point, strings, ciphers, csmith, a kernel's self tests, against the host (minutes)
	@scripts/deps
	@tests/v3/run $(PARTS)
layers: ## check the includes against the arrows of the design
	scripts/layers
bench: all ## benchmarks, against QEMU, and against another bootreel (BASE=PROGRAM, RUNS=N of each)
	BASE='$(BASE)' bench/run $(RUNS)
bench-rows: all ## one kind of work at a time, against QEMU: which are slower here (minutes; BASE=PROGRAM)
	BASE='$(BASE)' bench/rows $(RUNS)
format: ## format all C files
	@scripts/format-check --mend
words: ## habits of writing that a program can find
	@scripts/words
tidy: ## clang-tidy on all C files (a quarter of an hour)
	@scripts/tidy
format-check: ## say which C files are not formatted
	@scripts/format-check
.PHONY: docs
docs: all ## write what derives from the tables of options into docs/bootreel.1
	BOOTREEL=$(BUILD)/bootreel scripts/manual
# A folder as one word for the shell, whatever its name has in it.
INSTALL_TO = '$(subst ','\'',$(DESTDIR)$(PREFIX))'
SHELLS := bash zsh fish
install: all $(SHELLS:%=$(BUILD)/completion.%) $(BUILD)/pages ## install below PREFIX (and DESTDIR)
	install -D -m 755 bootreel $(INSTALL_TO)/bin/bootreel
	install -D -m 755 bootreel-vnc $(INSTALL_TO)/libexec/bootreel/bootreel-vnc
	install -d $(INSTALL_TO)/share/man/man1 $(INSTALL_TO)/share/bootreel/gdb
	install -m 644 docs/bootreel.1 $(BUILD)/pages/*.1 $(INSTALL_TO)/share/man/man1/
	install -D -m 644 $(BUILD)/completion.bash $(INSTALL_TO)/share/bash-completion/completions/bootreel
	install -D -m 644 $(BUILD)/completion.zsh $(INSTALL_TO)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_bootreel
	install -D -m 644 $(BUILD)/completion.fish $(INSTALL_TO)/share/fish/vendor_completions.d/bootreel.fish
	install -m 644 scripts/gdb/*.py scripts/gdb/*.gdb $(INSTALL_TO)/share/bootreel/gdb/
dist: ## the source of the last commit, in build/dist: the same bytes each time
	@scripts/dist
deb: ## Debian packages of the last commit, in build/deb
	scripts/deb $(CHECK)
test-images: all ## images of all formats by qemu-img, and 500 hostile ones (minutes; PARTS="formats linux hostile", COUNT=500, SEED=1)
	@scripts/deps
	@COUNT='$(COUNT)' SEED='$(SEED)' tests/images/run $(PARTS)
test-deb: ## the packages built and used on fresh Debians: SUITES="bookworm trixie sid", as root (an hour)
	@tests/package/run $(SUITES)
clean: ## remove what was built
	rm -rf build bootreel bootreel-vnc

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | sort | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'

.SECONDARY:
BENCH_SRC := $(sort $(wildcard bench/*.c))
-include $(BENCH_SRC:%.c=$(BUILD)/%.d) $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(VNC_OBJ:.o=.d) $(UNIT_SRC:%.c=$(BUILD)/%.d) $(FUZZ_SRC:%.c=$(BUILD)/%.d) $(NATIVE_OBJ:.o=.d)
