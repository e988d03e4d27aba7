# The stages of the demo disk's boot after the firmware (profiles/firmware.profile). Form: core/profile.h, docs/profiles.md.

# ---- boot/: boot sector and loader, which call the BIOS ----
stage loader
    open event loader.boot-sector
    close console "demo kernel: started"
    close event power.reset
stage loader.boot-sector
    in loader
    open event loader.boot-sector
stage loader.memory
    in loader
    open service 0x15 function=0xe820
    once
stage loader.disk
    in loader
    open event firmware.text "loader: reading the kernel"
    once
stage loader.protected
    in loader
    open event firmware.text "loader: on to protected mode"
    once

# ---- kernel/ and user/ ----
stage kernel
    open console "demo kernel: started"
    once
    close event power.off
    close event power.reset
    close event power.halt
stage kernel.memory
    in kernel
    open console "demo kernel: started"
    once
stage kernel.devices
    in kernel
    open console "kernel: paging is on"
    once
stage user
    in kernel
    open event process.first
    once
    close console "kernel: power off"
    close console "kernel: reset"
stage user.hello
    in user
    open console "is hello"
    once
stage user.together
    in user
    open console "is primes"
    once
stage user.fault
    in user
    open console "is fault"
    once
stage user.key
    in user
    open console "init: free memory"
    once
stage user.shell
    in user
    open console "is shell"
    once
stage user.end
    in user
    open console "init: that was all"
    once
