/* A certificate authority of the host's in the system's store: the bundle that TLS libraries read, and a copy where
 * update-ca-certificates(8) finds it when it makes the bundle anew. In a worker. */
#ifndef GUEST_TRUST_H
#define GUEST_TRUST_H

#include "core/err.h"

#define TRUST_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define TRUST_COPY   "/usr/local/share/ca-certificates/e2b-ca.crt"

/* Installs the certificates `pem` in place of those that the copy holds; directories are made. The bundle is replaced as a whole,
 * in place only where it is a mount. What is there already is left alone. Returns 0, or -1 with *e: invalid_argument (it is no
 * PEM), resource_exhausted (TRUST_FILE_MAX), unavailable (another installation has not ended within INIT_WORK_MS), or as the file
 * system says. */
MUST_CHECK int trust_install(const char *bundle, const char *copy, const char *pem, struct err *e);

#endif
