/* /etc/machine-id: 32 hexadecimal digits that tell this machine from all others (machine-id(5)). One that is there stays; else it is
 * made of the VM's own UUID (SMBIOS), or by chance. On a read-only root it lies in /run and is mounted over the empty file. */
#ifndef INIT_MACHINE_ID_H
#define INIT_MACHINE_ID_H

#include "core/err.h"

#define MACHINE_ID_FILE "/etc/machine-id"
#define MACHINE_ID_RUN  "/run/machine-id"

/* Sees that there is one. Returns 0, or -1 with *e. */
MUST_CHECK int machine_id_make(struct err *e);

#endif
