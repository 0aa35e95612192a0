/* SPDX-License-Identifier: MIT */
/* What a process died of, for its log: a process in a jail leaves no core. */
#ifndef VITRINE_BASE_CRASH_H
#define VITRINE_BASE_CRASH_H

/* From now on a signal that means a fault of the program (SIGSEGV, SIGABRT, ...) is told in the log
 * before the process dies of it: where it happened and what called that, as library+offset, which
 * addr2line takes. Libraries that are loaded later have no names in it. A handler that is there already,
 * as a sanitizer's, stays. Once, by the thread whose stack may overflow. */
void crash_tell(void);

#endif
