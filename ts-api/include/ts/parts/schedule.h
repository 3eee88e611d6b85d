/* Scheduling, and the thread that a continuation prefers. Part of <ts/ts.h>.
 *
 * All of it works on event threads, on a plugin's own threads and during its initialisation; from any other thread it is a
 * fault. Times are milliseconds. One of zero is for now, and the event TS_EVENT_IMMEDIATE; any other gives TS_EVENT_TIMEOUT, one
 * below zero as soon as may be. A handler is never called before its time, and never from inside the call that schedules it.
 * Its third argument is `(void *)((uintptr_t)action & ~(uintptr_t)1)`.
 *
 * Null, or no action: the host is shutting down. Faults of all: a continuation without a mutex, if nothing else is said.
 */

#ifndef TS_PARTS_SCHEDULE_H
#define TS_PARTS_SCHEDULE_H

#include <ts/apidefs.h>

#ifdef __cplusplus
#include <cstddef>
#include <vector>
extern "C" {
#endif

/* ---- Once ---- */

/**
 * On a thread of the pool: the one the continuation prefers if it is of this pool, otherwise this one if it is, otherwise the
 * next in turn. The choice becomes the preference of a continuation that had none.
 *
 * Faults: a pool that does not exist, or has no threads.
 */
TSAction TSContScheduleOnPool(TSCont contp, TSHRTime timeout, TSThreadPool tp);

/** On this event thread, which becomes the preference of a continuation that had none. */
TSAction TSContScheduleOnThread(TSCont contp, TSHRTime timeout, TSEventThread ethread);

/** On the thread the continuation prefers; if it prefers none, on this one, or from a thread without events on a network thread. */
TSAction TSContSchedule(TSCont contp, TSHRTime timeout);

/* ---- Again and again, until the action is cancelled or the continuation destroyed ----
 *
 * A time below zero asks for every turn of the thread's loop. Faults: a time of zero.
 */

/** As TSContScheduleOnPool(), every so many milliseconds, first after one such time. The thread stays the same. */
TSAction TSContScheduleEveryOnPool(TSCont contp, TSHRTime every, TSThreadPool tp);

/** As TSContScheduleOnThread(), every so many milliseconds, first after one such time. */
TSAction TSContScheduleEveryOnThread(TSCont contp, TSHRTime every, TSEventThread ethread);

/** As TSContSchedule(), every so many milliseconds, first after one such time. The thread stays the same. */
TSAction TSContScheduleEvery(TSCont contp, TSHRTime every);

/* ---- On every thread of a pool ----
 *
 * For continuations without a mutex: the handler runs on all of them, at the same time. Faults: a continuation with a mutex.
 */

/**
 * Puts an action for each thread of the pool into `actions`, and gives how many threads there are. If there is room for fewer,
 * nothing is scheduled: call again with enough.
 */
int TSContScheduleOnEntirePoolInto(TSCont contp, TSHRTime timeout, TSThreadPool tp, TSAction *actions, int capacity);

/** As TSContScheduleOnEntirePoolInto(), every so many milliseconds, first after one such time. */
int TSContScheduleEveryOnEntirePoolInto(TSCont contp, TSHRTime every, TSThreadPool tp, TSAction *actions, int capacity);

/* ---- The preferred thread, the continuation's affinity ---- */

/** From now on this thread, for every call that leaves a choice. TS_SUCCESS. */
TSReturnCode TSContThreadAffinitySet(TSCont contp, TSEventThread ethread);

/** The preferred thread, or null. */
TSEventThread TSContThreadAffinityGet(TSCont contp);

/** From now on none. */
void TSContThreadAffinityClear(TSCont contp);

/**
 * Calls the continuation with the transaction as third argument, on the transaction's thread, so many milliseconds from now,
 * with TS_EVENT_IMMEDIATE if that is zero, or TS_EVENT_TIMEOUT. If the transaction is over before, nothing comes of it.
 */
TSAction TSHttpSchedule(TSCont contp, TSHttpTxn txnp, TSHRTime timeout);

#ifdef __cplusplus
}
#endif

/* ---- Other forms ---- */

/** TSContScheduleOnEntirePoolInto() by its usual name. */
static inline int
TSContScheduleOnEntirePool(TSCont contp, TSHRTime timeout, TSThreadPool tp, TSAction *actions, int capacity)
{
  return TSContScheduleOnEntirePoolInto(contp, timeout, tp, actions, capacity);
}

/** TSContScheduleEveryOnEntirePoolInto() by its usual name. */
static inline int
TSContScheduleEveryOnEntirePool(TSCont contp, TSHRTime every, TSThreadPool tp, TSAction *actions, int capacity)
{
  return TSContScheduleEveryOnEntirePoolInto(contp, every, tp, actions, capacity);
}

#ifdef __cplusplus
namespace ts_detail
{
/* As many as there are threads, found out by asking. */
template <typename Into>
std::vector<TSAction>
every_thread(Into into)
{
  std::vector<TSAction> actions(16);
  int                   threads = into(actions.data(), static_cast<int>(actions.size()));
  while (static_cast<std::size_t>(threads) > actions.size()) {
    actions.resize(static_cast<std::size_t>(threads));
    threads = into(actions.data(), threads);
  }
  actions.resize(static_cast<std::size_t>(threads));
  return actions;
}
} // namespace ts_detail

/** An action for each thread of the pool. */
inline std::vector<TSAction>
TSContScheduleOnEntirePool(TSCont contp, TSHRTime timeout, TSThreadPool tp)
{
  return ts_detail::every_thread([=](TSAction *actions, int capacity) {
    return TSContScheduleOnEntirePoolInto(contp, timeout, tp, actions, capacity);
  });
}

/** An action for each thread of the pool, which comes again every so many milliseconds. */
inline std::vector<TSAction>
TSContScheduleEveryOnEntirePool(TSCont contp, TSHRTime every, TSThreadPool tp)
{
  return ts_detail::every_thread([=](TSAction *actions, int capacity) {
    return TSContScheduleEveryOnEntirePoolInto(contp, every, tp, actions, capacity);
  });
}
#endif

#endif
