/* The end of the machine. */
#ifndef INIT_END_H
#define INIT_END_H

/* Writes everything to the disks and ends the machine; does not return. */
_Noreturn void end_machine(void);

#endif
