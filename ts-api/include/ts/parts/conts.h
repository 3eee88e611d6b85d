/* Continuations, mutexes, actions. Part of <ts/ts.h>. */

#ifndef TS_PARTS_CONTS_H
#define TS_PARTS_CONTS_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Continuations ---- */

/**
 * Makes a continuation: a handler, and the mutex under which it runs.
 *
 * Without a mutex the handler may run on several threads at once. For a continuation that only one transaction knows that
 * cannot happen: the transaction's own mutex is held whenever it calls. From then on the mutex belongs to the continuations
 * that were made with it and goes with the last of them: it must not be destroyed.
 *
 * On any thread. Faults: no handler; no mutex but something else in its place.
 */
TSCont TSContCreate(TSEventFunc funcp, TSMutex mutexp);

/**
 * Ends a continuation. The handle is stale at once, what is still scheduled is dead, and the handler is not entered again; if
 * it runs just now, it runs to its end. What was set with TSContDataSet() is the plugin's to free.
 *
 * On any thread, in the handler too.
 */
void TSContDestroy(TSCont contp);

/** Keeps a pointer with the continuation. It is never followed. On any thread, under the continuation's mutex. TS_SUCCESS. */
TSReturnCode TSContDataSet(TSCont contp, void *data);

/** The pointer that was set last, null before. On any thread, under the continuation's mutex. */
void *TSContDataGet(TSCont contp);

/**
 * Calls the handler on this thread's stack, under the continuation's mutex, and gives what it returns.
 *
 * The caller should hold the mutex. Faults: another thread holds it.
 */
int TSContCall(TSCont contp, TSEvent event, void *edata);

/** The mutex the continuation was made with, or null. It lives as long as the continuation does. On any thread. */
TSMutex TSContMutexGet(TSCont contp);

/* ---- Mutexes ---- */

/** Makes a mutex, which its holder may lock again. On any thread. */
TSMutex TSMutexCreate(void);

/** Ends a mutex. Faults: it is locked; a continuation was made with it. */
void TSMutexDestroy(TSMutex mutexp);

/**
 * Locks, and waits for as long as that takes. On threads of the plugin's own: in a handler it stops everything else that its
 * event thread has to do, which the host reports. There TSMutexLockTry() is the call.
 */
void TSMutexLock(TSMutex mutexp);

/**
 * Locks if no other thread holds it: TS_SUCCESS. If one does, TS_ERROR; try again some 10 ms later, with a call such as
 * TSContScheduleOnPool(). On any thread.
 */
TSReturnCode TSMutexLockTry(TSMutex mutexp);

/**
 * Takes back one TSMutexLock() or TSMutexLockTry() of this thread.
 *
 * Faults: this thread did not lock it. What the host locked around a handler is the host's to unlock.
 */
void TSMutexUnlock(TSMutex mutexp);

/* ---- Actions ---- */

/**
 * Cancels what is scheduled. Null does nothing, and so does an action that is over: it may be called at any time, on any
 * thread, as often as one likes. Under the continuation's mutex its handler is not called for this action any more.
 */
void TSActionCancel(TSAction actionp);

/** One if the handler ran for the action and will not again; zero while it waits or runs, for null, and for what was cancelled as
 *  long as the host remembers that. On any thread. */
int TSActionDone(TSAction actionp);

#ifdef __cplusplus
}

/** Holds a mutex for as long as it lives. */
class TSMutexLockGuard
{
public:
  explicit TSMutexLockGuard(TSMutex mutexp) : mutex_(mutexp) { TSMutexLock(mutex_); }
  ~TSMutexLockGuard() { TSMutexUnlock(mutex_); }
  TSMutexLockGuard(const TSMutexLockGuard &)            = delete;
  TSMutexLockGuard &operator=(const TSMutexLockGuard &) = delete;

private:
  TSMutex mutex_;
};
#endif

#endif
