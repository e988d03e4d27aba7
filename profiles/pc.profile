# The stages of a PC's boot after its firmware (firmware.profile): boot loader, Linux. Form: core/story/profile.h, docs/profiles.md.

# ---- the boot loader: from the boot sector to the kernel ----
stage loader
    once
    open event loader.boot-sector
    open event virt.boot "a boot sector is entered"
    open event loader.handover
    close event kernel.boot-params
    close event kernel.reached "startup_64"
    close event kernel.reached "startup_32"
    close event kernel.found
    close event kernel.entry "multiboot"
    close event kernel.entry "pvh"
    close event kernel.entry "linux"
    close event kernel.entry "Xen"
    close event xen.found
    # a kernel that is not known: code of the upper half, of 64-bit and of 32-bit address spaces
    close event cpu.cr ip>=0x80000000
    close event cpu.msr ip>=0x80000000
    close event cpu.table ip>=0x80000000
    # a system that its own boot sector has loaded: a DOS is there with its first service; others are in protected mode and never go back
    # to real mode or to the BIOS, nor does a known kernel follow
    close event exception.int vector=0x21
    close mode protected16 for-good
    close mode protected32 for-good
    close mode compatibility for-good
    close mode long for-good
    against mode real
    against mode v86
    against event firmware.service
    against event kernel.boot-params
    against event kernel.found
    against event kernel.entry
    against event xen.found
    close event power.reset
# UEFI: the applications that the firmware starts, and those that they start
stage loader
    outside loader
    outside kernel
    open event efi.start type=9
    close event efi.bds
    close event kernel.boot-params
    close event kernel.reached "startup_64"
    close event kernel.reached "startup_32"
    close event kernel.found
    close event kernel.entry "multiboot"
    close event kernel.entry "linux"
    close event kernel.entry "Xen"
    close event xen.found
    # a kernel that is not known: it has ended boot services
    close event efi.service service=0x21a status=0 for-good
    against event efi.start
    against event kernel.boot-params
    against event kernel.found
    against event kernel.entry
    against event xen.found
    close event power.reset
    close event power.off
# a kernel's EFI stub failed: the program that started it goes on, unless that is the firmware
stage loader
    outside loader
    outside kernel
    after kernel.efi-stub
    lasting
    open event efi.return type=9
    close event efi.bds
    close event kernel.boot-params
    close event kernel.found
    close event kernel.entry "linux"
    close event power.reset
    close event power.off
stage loader.{data}
    in loader
    in loader.{data}
    open event efi.start type=9
    close event efi.return type=9 same
stage loader.boot-sector
    in loader
    open event loader.boot-sector
    open event virt.boot "a boot sector is entered"
stage loader.core
    in loader
    outside loader.cdboot
    outside loader.btx
    open mode protected32
    once

# ---- a system of which nothing is known but that it is there ----
stage system
    outside kernel
    outside xen
    outside bios
    outside loader
    outside system
    once
    note "not known"
    open event exception.int vector=0x21
    open mode protected16 for-good
    open mode protected32 for-good
    open mode compatibility for-good
    open mode long for-good
    open event efi.service service=0x21a status=0 for-good
    against mode real
    against mode v86
    against event firmware.service
    against event kernel.boot-params
    against event kernel.found
    against event kernel.entry
    against event xen.found
    against event efi.start
    close event kernel.boot-params
    close event kernel.found
    close event kernel.entry
    close event xen.found
    close event power.off
    close event power.reset
    close event power.halt

# ---- a kernel of which nothing is known but that it runs ----
stage kernel
    outside kernel
    outside system
    outside xen
    outside bios
    lasting
    note "not known"
    open event kernel.entry "multiboot"
    open event kernel.entry "pvh"
    open event cpu.cr ip>=0x80000000
    open event cpu.msr ip>=0x80000000
    open event cpu.table ip>=0x80000000
    close event kernel.boot-params
    close event kernel.found
    close event kernel.entry "Xen"
    close event xen.found
    close event power.off
    close event power.reset
    close event power.halt
# its functions on the way, if it was started by multiboot and has symbols
stage kernel.{data}
    in kernel
    in kernel.{data}
    least 1%
    open event kernel.call parent=64
    close event kernel.return parent=64 same

# ---- Linux ----
# kexec: what runs between two kernels checks and moves the second
stage kexec
    open event kernel.kexec
    close event kernel.entry "linux"
    close event kernel.boot-params
    close event kernel.found
    close event power.off
    close event power.reset
stage kernel
    open event kernel.entry "linux"
    open event kernel.boot-params
    open event kernel.found
    once
    close event kernel.end
    close event kernel.kexec
    # its EFI stub failed
    close event efi.return type=9
    close event power.off
    close event power.reset
    close event power.halt
# a kernel after one whose EFI stub failed
stage kernel
    outside kernel
    after kernel.efi-stub
    open event kernel.entry "linux"
    open event kernel.boot-params
    open event kernel.found
    close event kernel.end
    close event kernel.kexec
    close event efi.return type=9
    close event power.off
    close event power.reset
    close event power.halt
# user-mode Linux boots again by executing itself, without a reset of the machine
stage kernel
    with kind=uml
    outside kernel
    open event kernel.found
    close event kernel.end
    close event power.off
stage kernel.main
    in kernel
    with kind=uml
    open event kernel.reached "linux_main"
    close event kernel.reached "start_kernel"
stage kernel.main.{data}
    in kernel.main
    open event kernel.call parent=7
    close event kernel.return parent=7 same
stage kernel.efi-stub
    in kernel
    open event kernel.entry "linux EFI"
stage kernel.efi-stub.ExitBootServices
    in kernel.efi-stub
    open event efi.call service=0x21a
    close event efi.service service=0x21a
stage kernel.setup
    in kernel
    once
    open event kernel.entry "linux real-mode"
    open event kernel.boot-params
stage kernel.decompress
    in kernel
    open event kernel.decompress
    close event kernel.decompressed
stage kernel.early
    in kernel
    open event kernel.decompressed
    open event kernel.reached "x86_64_start_kernel"
    open event kernel.reached "i386_start_kernel"
    open event kernel.reached "xen_start_kernel"
    # a kernel whose symbols are not found: what its console says, and its first program, tell of it
    open event kernel.note "its symbols are not found"
    once
stage kernel.start_kernel
    in kernel
    open event kernel.reached "start_kernel"
    open console "Linux version "
    close event kernel.reached "rest_init"
    close event kernel.init
stage kernel.start_kernel.{data}
    in kernel.start_kernel
    open event kernel.call parent=1
    close event kernel.return parent=1 same
# what start_kernel calls that is no initialisation function (256 and its number): only where it takes long, as calibrate_delay may
stage kernel.start_kernel.{data}
    in kernel.start_kernel
    least 1%
    open event kernel.call parent=257
    close event kernel.return parent=257 same
# user-mode Linux: the file that is its physical memory is made and mapped there
stage kernel.start_kernel.setup_arch.{data}
    in kernel.start_kernel.{data}
    with kind=uml
    open event kernel.call parent=8
    close event kernel.return parent=8 same
stage kernel.SetVirtualAddressMap
    in kernel.start_kernel
    in kernel.start_kernel.{data}
    open event efi.call service=0x304
    close event efi.service service=0x304
stage kernel.init
    in kernel
    open event kernel.reached "rest_init"
    close event process.exec pid=1
    close event kernel.init
    close event kernel.panic
stage kernel.initcalls
    in kernel.init
    open event kernel.initcall
    close event kernel.init-freed
stage kernel.initcall.{data}
    in kernel.initcalls
    open event kernel.initcall
    close event kernel.initcall-done same
# beside the initcalls: since 5.13 a thread of its own unpacks it
stage kernel.initramfs.{data}
    in kernel.init
    in kernel.initcalls
    by pid
    open event kernel.initramfs
    close event kernel.initramfs-done
    fail event kernel.initramfs-done ": "
stage user
    in kernel
    open event process.exec pid=1
    open event kernel.init
    close event kernel.shutdown
stage user.{program}
    in user
    open event process.exec pid=1
stage process.{program}
    in user.{program}
    by pid
    under parent
    open event process.create kind=1
    open event process.exec pid>=2
    rename event process.name
    rename event process.exec
    close event process.exit
    fold 1%
# modules, in the processes that load them
stage module.{program}
    in kernel.initcalls
    in kernel.init
    in user.{program}
    by pid
    under tgid of process.{program}
    open event kernel.module-load
    close event kernel.module-done
    fail event kernel.module-done result>=0x8000000000000000
    fold 1%

# ---- systemd: what it says to the log ----
stage systemd.startup
    in user.{program}
    open event process.log pid=1 "running in system mode"
    close event process.log pid=1 "Startup finished in "
    close event process.log pid=1 "Switching root."
# an initramfs that has systemd itself (dracut's): it hands over to that of the root file system
stage systemd.initrd
    in systemd.startup
    open event process.log pid=1 "Running in initrd."
stage unit.{unit}
    in systemd.startup
    in user.{program}
    outside systemd.initrd
    by unit " - "
    child
    chain
    open event process.log pid=1 "Starting {unit}..."
    open event process.log pid=1 "Mounting {unit}..."
    open event process.log pid=1 "Activating swap {unit}..."
    close event process.log pid=1 "Started {unit}."
    close event process.log pid=1 "Finished {unit}."
    close event process.log pid=1 "Mounted {unit}."
    close event process.log pid=1 "Activated swap {unit}."
    close event process.log pid=1 "Listening on {unit}."
    # a program that ends at once, and leaves nothing active: its last word comes before the line on the console, which takes its time
    close event process.log pid=1 "{unit}: Deactivated successfully."
    close event process.log pid=1 "Condition check resulted in {unit} being skipped."
    fail event process.log pid=1 "Failed to start {unit}."
    fail event process.log pid=1 "Failed to mount {unit}."
    fail event process.log pid=1 "Failed to activate swap {unit}."
    fail event process.log pid=1 "Dependency failed for {unit}."
# A device is waited for: this is no unit's own start. Its description is another one when it is there: its name is what comes before it.
stage wait.{unit}
    in systemd.startup
    in user.{program}
    outside systemd.initrd
    by unit
    chain
    open event process.log pid=1 "Expecting device {unit| - }..."
    close event process.log pid=1 "Found device {unit| - }."
    close event process.log pid=1 "Condition check resulted in {unit| - } being skipped."
    fail event process.log pid=1 "Timed out waiting for device {unit| - }."
    fail event process.log pid=1 "Dependency failed for {unit| - }."
# those that systemd only says to be there: sockets, timers, paths, slices, scopes, services that it need not wait for
stage unit.{unit}
    in systemd.startup
    in user.{program}
    outside systemd.initrd
    by unit " - "
    moment
    unclosed
    chain
    open event process.log pid=1 "Started {unit}."
    open event process.log pid=1 "Listening on {unit}."
    open event process.log pid=1 "Created slice {unit}."
    open event process.log pid=1 "Set up automount {unit}."
stage target.{target}
    in systemd.startup
    in user.{program}
    outside systemd.initrd
    by target
    moment
    chain
    open event process.log pid=1 "Reached target {target}."
# units of an initramfs's systemd; the root file system's may start those of the same names again
stage initrd.{unit}
    in systemd.initrd
    by unit " - "
    child
    chain
    open event process.log pid=1 "Starting {unit}..."
    open event process.log pid=1 "Mounting {unit}..."
    open event process.log pid=1 "Activating swap {unit}..."
    close event process.log pid=1 "Started {unit}."
    close event process.log pid=1 "Finished {unit}."
    close event process.log pid=1 "Mounted {unit}."
    close event process.log pid=1 "Activated swap {unit}."
    close event process.log pid=1 "Listening on {unit}."
    close event process.log pid=1 "{unit}: Deactivated successfully."
    close event process.log pid=1 "Condition check resulted in {unit} being skipped."
    fail event process.log pid=1 "Failed to start {unit}."
    fail event process.log pid=1 "Failed to mount {unit}."
    fail event process.log pid=1 "Failed to activate swap {unit}."
    fail event process.log pid=1 "Dependency failed for {unit}."
stage initrd.wait.{unit}
    in systemd.initrd
    by unit
    chain
    open event process.log pid=1 "Expecting device {unit| - }..."
    close event process.log pid=1 "Found device {unit| - }."
    close event process.log pid=1 "Condition check resulted in {unit| - } being skipped."
    fail event process.log pid=1 "Timed out waiting for device {unit| - }."
    fail event process.log pid=1 "Dependency failed for {unit| - }."
stage initrd.{unit}
    in systemd.initrd
    by unit " - "
    moment
    unclosed
    chain
    open event process.log pid=1 "Started {unit}."
    open event process.log pid=1 "Listening on {unit}."
    open event process.log pid=1 "Created slice {unit}."
    open event process.log pid=1 "Set up automount {unit}."
stage initrd.{target}
    in systemd.initrd
    by target
    moment
    chain
    open event process.log pid=1 "Reached target {target}."
stage stop.{unit}
    in user.{program}
    by unit
    fold 1%
    open event process.log pid=1 "Stopping {unit}..."
    open event process.log pid=1 "Unmounting {unit}..."
    open event process.log pid=1 "Deactivating swap {unit}..."
    close event process.log pid=1 "Stopped {unit}."
    close event process.log pid=1 "Unmounted {unit}."
    close event process.log pid=1 "Deactivated swap {unit}."
# ---- services of sysvinit, OpenRC and runit: the scripts and supervisors that are executed ----
stage service.{service}
    in user.{program}
    by pid
    # sysvinit, busybox and Buildroot: scripts with their names, or links with an order before it
    open event process.exec "/sh /etc/init.d/{service} start"
    open event process.exec "/bash /etc/init.d/{service} start"
    open event process.exec "/dash /etc/init.d/{service} start"
    open event process.exec "/init-d-script /etc/init.d/{service} start"
    open event process.exec "/sh /etc/rcS.d/{service} start"
    open event process.exec "/sh /etc/rc2.d/{service} start"
    open event process.exec "/sh /etc/rc3.d/{service} start"
    open event process.exec "/sh /etc/rc5.d/{service} start"
    # OpenRC: a script's interpreter is openrc-run, which then executes openrc-run.sh
    open event process.exec "/openrc-run /etc/init.d/{service| --} start"
    # runit: the supervisor, as long as it runs
    open event process.exec " runsv {service}"
    close event process.exit
    fail event process.exit code>=1
# suspend to RAM: from the kernel's first word about it; then the firmware, until the kernel runs in its own address space again
stage kernel.suspend
    in user.{program}
    in user
    open console "PM: suspend entry (deep)"
    close event power.sleep
    close console "PM: suspend exit"
stage firmware.resume
    in user.{program}
    in user
    open event power.wake
    close event cpu.cr ip>=0xffff800000000000
    close event cpu.msr ip>=0xffff800000000000
    close event cpu.table ip>=0xffff800000000000
    close event power.reset
stage kernel.shutdown
    in kernel
    open event kernel.shutdown
    close event kernel.kexec
    close event power.off
    close event power.reset

# ---- the network: transfers, beside whatever runs ----
stage firmware.network.{data}
    in bios
    in loader
    by id
    open event net.begin
    close event net.dhcp
    close event net.tftp
    close event net.http
    fail event net.dhcp result>=1
    fail event net.tftp error>=1
    fail event net.http status>=400
stage kernel.network.{data}
    in kernel
    by id
    open event net.begin
    close event net.dhcp
    close event net.tftp
    close event net.http
    fail event net.dhcp result>=1
    fail event net.tftp error>=1
    fail event net.http status>=400
