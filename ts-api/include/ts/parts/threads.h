/* Threads of a plugin's own, and the event thread that runs just now. Part of <ts/ts.h>. */

#ifndef TS_PARTS_THREADS_H
#define TS_PARTS_THREADS_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Starts a thread that runs `func(data)`. It is no event thread, nothing can be scheduled on it, but it may schedule, and it
 * may block. On any thread. Null: the host is shutting down, or the system has no more threads. Faults: no function.
 */
TSThread TSThreadCreate(TSThreadFunc func, void *data);

/**
 * Waits until the function of a created thread has returned. On any thread, as often as one likes. Faults: it is this thread;
 * it was not made by TSThreadCreate().
 */
void TSThreadWait(TSThread thread);

/**
 * Ends a handle. After TSThreadCreate(), on any thread, when the function has returned; a thread that is left alone goes by
 * itself. After TSThreadInit(), on that thread. Faults: its function still runs; it is another thread's, or the host's.
 */
void TSThreadDestroy(TSThread thread);

/**
 * Makes this thread, which the plugin started by other means, one that may schedule, until TSThreadDestroy() or its end. Null:
 * the host has not started, or has ended. Faults: it may schedule already.
 */
TSThread TSThreadInit(void);

/** The thread that calls, or null on one that the host does not know. */
TSThread TSThreadSelf(void);

/** The event thread that calls, or null on any other. */
TSEventThread TSEventThreadSelf(void);

#ifdef __cplusplus
}
#endif

#endif
