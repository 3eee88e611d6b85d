/* Threads of a plugin's own, and the event thread that runs just now. Part of <ts/ts.h>. */

#ifndef TS_PARTS_THREADS_H
#define TS_PARTS_THREADS_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Starts a thread that runs `func(data)`. It is no event thread, nothing can be scheduled on it, but it may schedule, and it
 * may block. On any thread. Faults: no function; no thread to be had.
 */
TSThread TSThreadCreate(TSThreadFunc func, void *data);

/** Waits until the function of a created thread has returned. On any thread but that one, as often as one likes. */
void TSThreadWait(TSThread thread);

/**
 * Gives back what a thread holds. After TSThreadCreate(), on any thread, and not before its function has returned; after
 * TSThreadInit(), on that thread, before it ends.
 */
void TSThreadDestroy(TSThread thread);

/** Makes this thread, which the plugin started by other means, one that may schedule. Until TSThreadDestroy(). */
TSThread TSThreadInit(void);

/** The thread that calls, or null on one that the host does not know. */
TSThread TSThreadSelf(void);

/** The event thread that calls, or null on any other. */
TSEventThread TSEventThreadSelf(void);

#ifdef __cplusplus
}
#endif

#endif
