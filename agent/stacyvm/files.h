/* The methods on files that have one short answer: list_files, stat_file, glob_files, delete_file, move_file, chmod_file. Each is one
 * job, which writes its answer, too. */
#ifndef STACYVM_FILES_H
#define STACYVM_FILES_H

#include <sys/stat.h>

#include "stacyvm/internal.h"

/* A mode as Go's os.FileMode numbers it: the nine bits, and flags from bit 31 down. */
uint32_t files_go_mode(mode_t mode);

#endif
