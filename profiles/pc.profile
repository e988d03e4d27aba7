# The stages of a PC's boot after its firmware (firmware.profile): boot loader, Linux. Form: core/profile.h, docs/profiles.md.

# ---- the boot loader: from the boot sector to the kernel ----
stage loader
    once
    open event loader.boot-sector
    open event loader.handover
    close event kernel.boot-params
    close event kernel.reached "startup_64"
    close event kernel.reached "startup_32"
    close event kernel.found
    close event power.reset
stage loader.boot-sector
    in loader
    open event loader.boot-sector
stage loader.core
    in loader
    open mode protected32
    once

# ---- Linux ----
stage kernel
    open event kernel.boot-params
    open event kernel.found
    once
    close event power.off
    close event power.reset
    close event power.halt
stage kernel.setup
    in kernel
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
    once
stage kernel.start_kernel
    in kernel
    open event kernel.reached "start_kernel"
    close event kernel.reached "rest_init"
stage kernel.start_kernel.{data}
    in kernel.start_kernel
    open event kernel.call parent=1
    close event kernel.return parent=1 same
stage kernel.init
    in kernel
    open event kernel.reached "rest_init"
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
stage user
    in kernel
    open event kernel.init
    close event kernel.shutdown
stage kernel.shutdown
    in kernel
    open event kernel.shutdown
    close event power.off
    close event power.reset
