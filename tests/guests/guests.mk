# guests.mk - the test guests of our own: `make test-guests`. Bare binaries for the machine, so built without any library.

GUEST_DIR    := $(BUILD)/tests/guests
GUEST_CFLAGS := -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only -mno-red-zone \
 -O1 -fno-strict-aliasing -fwrapv -fno-toplevel-reorder -Wall -Wextra -Werror -Wno-unused-parameter \
                -Wno-array-bounds -fno-delete-null-pointer-checks
SYS32_SRC    := $(addprefix tests/guests/sys/,start32.S sys.c segments32.c gates32.c tasks32.c pages32.c privilege32.c exceptions32.c v86.c \
                debug32.c code32.c real.c)
SYS64_SRC    := $(addprefix tests/guests/sys/,start64.S sys.c long.c levels5.c)

$(GUEST_DIR)/32/%.o: tests/guests/%.c tests/guests/sys/sys.h
	@mkdir -p $(@D)
	$(Q)gcc -m32 -march=pentium3 $(GUEST_CFLAGS) -c -o $@ $<
$(GUEST_DIR)/32/%.o: tests/guests/%.S
	@mkdir -p $(@D)
	$(Q)gcc -m32 -c -o $@ $<
$(GUEST_DIR)/64/%.o: tests/guests/%.c tests/guests/sys/sys.h
	@mkdir -p $(@D)
	$(Q)gcc -m64 $(GUEST_CFLAGS) -c -o $@ $<
$(GUEST_DIR)/64/%.o: tests/guests/%.S
	@mkdir -p $(@D)
	$(Q)gcc -m64 -c -o $@ $<

# guest_objects WIDTH SOURCES
guest_objects = $(patsubst tests/guests/%,$(GUEST_DIR)/$(1)/%,$(patsubst %.S,%.o,$(patsubst %.c,%.o,$(2))))

$(GUEST_DIR)/sys32.bin: $(call guest_objects,32,$(SYS32_SRC)) tests/guests/sys/sys.ld
	$(Q)ld -m elf_i386 -T tests/guests/sys/sys.ld --oformat binary -o $@ $(filter %.o,$^)
$(GUEST_DIR)/sys64.bin: $(call guest_objects,64,$(SYS64_SRC)) tests/guests/sys/sys.ld
	$(Q)ld -m elf_x86_64 -T tests/guests/sys/sys.ld --oformat binary -o $@ $(filter %.o,$^)

.PHONY: test-guests
test-guests: $(GUEST_DIR)/sys32.bin $(GUEST_DIR)/sys64.bin

# Hypervisors of our own.
$(GUEST_DIR)/svm.bin: $(GUEST_DIR)/64/virt/start.o $(GUEST_DIR)/64/virt/svm.o tests/guests/sys/sys.ld
	$(Q)ld -m elf_x86_64 -T tests/guests/sys/sys.ld --oformat binary -o $@ $(filter %.o,$^)
$(GUEST_DIR)/vmx.bin: $(GUEST_DIR)/64/virt/start.o $(GUEST_DIR)/64/virt/vmx.o tests/guests/sys/sys.ld
	$(Q)ld -m elf_x86_64 -T tests/guests/sys/sys.ld --oformat binary -o $@ $(filter %.o,$^)
$(GUEST_DIR)/64/virt/svm.o $(GUEST_DIR)/64/virt/vmx.o: tests/guests/virt/world.h
test-guests: $(GUEST_DIR)/svm.bin $(GUEST_DIR)/vmx.bin

# Wild guests: flat images, for --flat FILE@ADDRESS.
WILD := triple nowhere halt loop wait zero flood
$(GUEST_DIR)/%.bin: $(GUEST_DIR)/32/wild/%.o
	$(Q)ld -m elf_i386 -Ttext 0 -e 0 --oformat binary -o $@ $<
FUZZ_GUEST := $(addprefix $(GUEST_DIR)/32/wild/,fuzz_start.o fuzz.o fuzz_junk.o fuzz_devices.o fuzz_system.o fuzz_code.o)
$(FUZZ_GUEST): tests/guests/wild/fuzz.h
$(GUEST_DIR)/fuzz.bin: $(FUZZ_GUEST) tests/guests/sys/sys.ld
	$(Q)ld -m elf_i386 -T tests/guests/sys/sys.ld --oformat binary -o $@ $(filter %.o,$^)
test-guests: $(WILD:%=$(GUEST_DIR)/%.bin) $(GUEST_DIR)/fuzz.bin

# Images for --hvmloader: the example, and those of the tests.
HVM_CFLAGS := $(GUEST_CFLAGS) -march=pentium3
$(GUEST_DIR)/hvm/start.o: guests/hvm/start.S
	@mkdir -p $(@D)
	$(Q)gcc -m32 -c -o $@ $<
$(GUEST_DIR)/hvm/%.o: guests/hvm/%.c
	@mkdir -p $(@D)
	$(Q)gcc -m32 $(HVM_CFLAGS) -c -o $@ $<
$(GUEST_DIR)/hvm/%.o: tests/guests/hvm/%.c
	@mkdir -p $(@D)
	$(Q)gcc -m32 $(HVM_CFLAGS) -c -o $@ $<
$(GUEST_DIR)/hvm/%.elf: $(GUEST_DIR)/hvm/%.o $(GUEST_DIR)/hvm/start.o guests/hvm/hvm.ld
	$(Q)ld -m elf_i386 --no-warn-rwx-segments -T guests/hvm/hvm.ld --build-id=none -o $@ $(filter %.o,$^)
HVM_GUESTS := hello calls
test-guests: $(HVM_GUESTS:%=$(GUEST_DIR)/hvm/%.elf)

# Programs for the deterministic Linux host, which run on this computer's Linux, too. Built alike whatever builds the host program.
HOST_CFLAGS   := -O1 -w -pthread -static -ffile-prefix-map="$$PWD"=.
HOST_PROGRAMS := $(addprefix $(GUEST_DIR)/,host_calls host_rest host_folders host_more)
$(GUEST_DIR)/host_rest: tests/guests/host_files.c tests/guests/host_inet.c tests/guests/host_rest.h
$(HOST_PROGRAMS): $(GUEST_DIR)/%: tests/guests/%.c
	@mkdir -p $(@D)
	$(Q)gcc $(HOST_CFLAGS) -o $@ $(filter %.c,$^)

# What hunts and losses of power are tried on: a kernel with planted races, and a disk with a record in two copies.
HOBBY_LINK := ld -m elf_i386 -n --no-warn-rwx-segments --defsym=BASE=0 -T tests/guests/hobby/kernel.ld
$(GUEST_DIR)/race.elf: tests/guests/race/entry.S tests/guests/race/race.c tests/guests/hobby/kernel.ld
	@mkdir -p $(@D)
	$(Q)gcc -m32 -c -o $@.entry.o tests/guests/race/entry.S
	$(Q)gcc -m32 $(GUEST_CFLAGS) -fcf-protection=none -fno-omit-frame-pointer -c -o $@.o tests/guests/race/race.c
	$(Q)$(HOBBY_LINK) -o $@ $@.entry.o $@.o
$(GUEST_DIR)/copies-wrong.img: COPIES := -Wa,--defsym,WRONG=1
$(GUEST_DIR)/copies-right.img $(GUEST_DIR)/copies-wrong.img: tests/guests/two-copies.S
	@mkdir -p $(@D)
	$(Q)gcc -c $(COPIES) -o $@.o $<
	$(Q)ld -m elf_x86_64 --oformat binary -Ttext=0x7c00 -o $@ $@.o
CAMPAIGN_GUESTS := $(addprefix $(GUEST_DIR)/,race.elf copies-right.img copies-wrong.img)
# Kernels of which nothing is known but their multiboot header, PVH entry and symbols; of 32 and 64 bits.
$(GUEST_DIR)/hobby32.elf: HOBBY := -m32 -DPLAIN
$(GUEST_DIR)/hobby64.elf: HOBBY := -m64 -DWIDE -mno-red-zone
$(GUEST_DIR)/hobby64.elf: HOBBY_LINK := $(subst elf_i386,elf_x86_64,$(HOBBY_LINK))
$(GUEST_DIR)/hobby32.elf $(GUEST_DIR)/hobby64.elf: tests/guests/hobby/entry.S tests/guests/hobby/kernel.c tests/guests/hobby/kernel.ld
	@mkdir -p $(@D)
	$(Q)gcc $(HOBBY) -c -o $@.entry.o tests/guests/hobby/entry.S
	$(Q)gcc $(HOBBY) -O2 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -mgeneral-regs-only \
	    -c -o $@.o tests/guests/hobby/kernel.c
	$(Q)$(HOBBY_LINK) -o $@ $@.entry.o $@.o
MACHINE_GUESTS  := $(addprefix $(GUEST_DIR)/,svm.bin vmx.bin hvm/hello.elf hobby32.elf hobby64.elf)
