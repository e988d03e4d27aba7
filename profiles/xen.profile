# The stages of Xen's boot. Its domain 0's kernel has the stages of Linux (pc.profile), inside `xen`.

stage xen
    open event kernel.entry "Xen"
    open event xen.found
    once
    close event power.off
    close event power.reset
    close event power.halt
stage xen.entry
    in xen
    open event kernel.entry "Xen"
    close event kernel.reached "__start_xen"
    once
stage xen.start
    in xen
    open event kernel.reached "__start_xen"
    close event kernel.reached "init_done"
    close event kernel.reached "reinit_bsp_stack"
    close event domain.start
    once
stage xen.{data}
    in xen.start
    open event kernel.call parent=32
    close event kernel.return parent=32 same
stage xen.initcall.{data}
    in xen.start
    in xen.{data}
    open event kernel.initcall level>=32
    close event kernel.initcall-done level>=32 same
    fold 1%
stage xen.dom0.{data}
    in xen.{data}
    open event kernel.call parent=33
    close event kernel.return parent=33 same
    fold 1%
stage xen.to-domain
    in xen
    open event kernel.reached "init_done"
    open event kernel.reached "reinit_bsp_stack"
    close event domain.start
stage xen.domain.{domain}
    in xen
    by domain
    open event domain.create
    close event domain.end "destroyed"
stage xen.shutdown
    in xen
    open event kernel.shutdown "Xen "
    once
