/* guestd as git's askpass program: git runs it with a prompt, it asks the agent that started git, and prints the answer. It holds
 * the answer as long as that takes, and knows nothing else. gitcredentials(7), "Requesting credentials". */
#ifndef AGENT_ASKPASS_H
#define AGENT_ASKPASS_H

/* The variable that makes guestd one: "askpass:N", where N is a socket of guest/git/asker.h. */
#define ASKPASS_VARIABLE "GUESTD_HELPER"

/* Asks and prints. Returns the program's exit code: 0, or 1 when there is no answer. */
int askpass_main(const char *how, int argc, char **argv);

#endif
