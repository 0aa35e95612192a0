/* SPDX-License-Identifier: MIT */
/* What `vitrine VERB` runs: each takes the words behind the verb and returns the exit status. */
#ifndef VITRINE_APP_VERBS_H
#define VITRINE_APP_VERBS_H

enum exit_status {
    EXIT_POWEROFF = 0,
    EXIT_FAILED = 1,  /* what was asked for could not be done; said in one line */
    EXIT_USAGE = 2,   /* bad usage or input; said in one line */
    EXIT_CRASH = 3,   /* the guest crashed */
    EXIT_STOPPED = 4, /* from outside */
};

int verb_run(int argc, char **argv);
int verb_new(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_edit(int argc, char **argv);
int verb_rm(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_display(int argc, char **argv);
int verb_disk(int argc, char **argv);
int verb_ctl(int argc, char **argv);
int verb_gpu(int argc, char **argv);
int verb_input(int argc, char **argv);

#endif
