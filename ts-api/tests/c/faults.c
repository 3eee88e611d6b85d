/* Every call with every handle and number that will not do. */
#include "bench.h"

/* A handle that will not do where one of a kind is needed. */
static void *
bad(const char *kind, const char *how)
{
  if (strcmp(how, "null") == 0) {
    return NULL;
  }
  if (strcmp(how, "made up") == 0) {
    return (void *)bad; /* a pointer to something else */
  }
  if (strcmp(how, "of another kind") == 0) {
    return strcmp(kind, "mutex") == 0 ? (void *)TSContCreate(nothing, NULL) : (void *)TSMutexCreate();
  }
  MUST(strcmp(how, "stale") == 0);
  if (strcmp(kind, "continuation") == 0) {
    TSCont contp = TSContCreate(nothing, TSMutexCreate());
    TSContDestroy(contp);
    return contp;
  }
  if (strcmp(kind, "mutex") == 0) {
    TSMutex mutexp = TSMutexCreate();
    TSMutexDestroy(mutexp);
    return mutexp;
  }
  if (strcmp(kind, "thread") == 0) {
    TSThread thread = TSThreadCreate(returns, NULL);
    TSThreadWait(thread);
    TSThreadDestroy(thread);
    return thread;
  }
  /* A number that no thread has had. */
  MUST(strcmp(kind, "event thread") == 0);
  return (void *)((uintptr_t)thread_of(TS_THREAD_POOL_TASK) + 0x1000000);
}

#define IF(name, call)               \
  if (strcmp(function, #name) == 0) { \
    (void)(call);                    \
    return;                          \
  }

static void
call_with(const char *function, void *h)
{
  TSAction actions[8];
  TSCont contp         = TSContCreate(nothing, TSMutexCreate());
  TSEventThread thread = TSEventThreadSelf();
  IF(TSContDestroy, (TSContDestroy((TSCont)h), 0));
  IF(TSContDataSet, TSContDataSet((TSCont)h, NULL));
  IF(TSContDataGet, TSContDataGet((TSCont)h));
  IF(TSContCall, TSContCall((TSCont)h, TS_EVENT_CONTINUE, NULL));
  IF(TSContMutexGet, TSContMutexGet((TSCont)h));
  IF(TSContSchedule, TSContSchedule((TSCont)h, 0));
  IF(TSContScheduleEvery, TSContScheduleEvery((TSCont)h, 1));
  IF(TSContScheduleOnPool, TSContScheduleOnPool((TSCont)h, 0, TS_THREAD_POOL_NET));
  IF(TSContScheduleEveryOnPool, TSContScheduleEveryOnPool((TSCont)h, 1, TS_THREAD_POOL_NET));
  IF(TSContScheduleOnThread, TSContScheduleOnThread((TSCont)h, 0, thread));
  IF(TSContScheduleEveryOnThread, TSContScheduleEveryOnThread((TSCont)h, 1, thread));
  IF(TSContScheduleOnEntirePool, TSContScheduleOnEntirePoolInto((TSCont)h, 0, TS_THREAD_POOL_NET, actions, 8));
  IF(TSContScheduleEveryOnEntirePool,
     TSContScheduleEveryOnEntirePoolInto((TSCont)h, 1, TS_THREAD_POOL_NET, actions, 8));
  IF(TSContThreadAffinitySet, TSContThreadAffinitySet((TSCont)h, thread));
  IF(TSContThreadAffinityGet, TSContThreadAffinityGet((TSCont)h));
  IF(TSContThreadAffinityClear, (TSContThreadAffinityClear((TSCont)h), 0));
  IF(TSContCreate, TSContCreate(nothing, (TSMutex)h));
  IF(TSMutexDestroy, (TSMutexDestroy((TSMutex)h), 0));
  IF(TSMutexLock, (TSMutexLock((TSMutex)h), 0));
  IF(TSMutexLockTry, TSMutexLockTry((TSMutex)h));
  IF(TSMutexUnlock, (TSMutexUnlock((TSMutex)h), 0));
  IF(TSThreadWait, (TSThreadWait((TSThread)h), 0));
  IF(TSThreadDestroy, (TSThreadDestroy((TSThread)h), 0));
  IF(TSActionCancel, (TSActionCancel((TSAction)h), 0));
  IF(TSActionDone, TSActionDone((TSAction)h));
  IF(TSContScheduleOnThread on, TSContScheduleOnThread(contp, 0, (TSEventThread)h));
  IF(TSContScheduleEveryOnThread on, TSContScheduleEveryOnThread(contp, 1, (TSEventThread)h));
  IF(TSContThreadAffinitySet to, TSContThreadAffinitySet(contp, (TSEventThread)h));
  MUST(!"known");
}

typedef struct {
  const char *function;
  void *handle;
} Bad;

static void
call_there(void *bad)
{
  call_with(((Bad *)bad)->function, ((Bad *)bad)->handle);
}

static void *
call_outside(void *bad)
{
  call_there(bad);
  return NULL;
}

/* function, kind, how: on an event thread. */
ENTRY(with_a_bad_handle)
{
  MUST(argc == 4);
  Bad call = {argv[1], bad(argv[2], argv[3])};
  on_pool(TS_THREAD_POOL_NET, call_there, &call);
}

/* function, mutex or none: on a foreign thread. */
ENTRY(on_a_foreign_thread)
{
  MUST(argc == 3);
  Bad call = {argv[1], NULL};
  if (strcmp(argv[2], "null") != 0) {
    call.handle = TSContCreate(nothing, strcmp(argv[2], "mutex") == 0 ? TSMutexCreate() : NULL);
  }
  on_foreign_thread(call_outside, &call);
}

/* function, mutex or none: with a live continuation. */
ENTRY(with_or_without_a_mutex)
{
  MUST(argc == 3);
  Bad call = {argv[1], TSContCreate(nothing, strcmp(argv[2], "mutex") == 0 ? TSMutexCreate() : NULL)};
  on_pool(TS_THREAD_POOL_NET, call_there, &call);
}

/* function, number: of a pool, a period, a capacity. */
ENTRY(with_a_number)
{
  MUST(argc == 3);
  const char *function = argv[1];
  int number           = atoi(argv[2]);
  TSThreadPool pool    = (TSThreadPool)number;
  TSAction actions[8];
  TSCont contp         = TSContCreate(nothing, TSMutexCreate());
  TSCont shared        = TSContCreate(nothing, NULL);
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  IF(TSContScheduleOnPool pool, TSContScheduleOnPool(contp, 0, pool));
  IF(TSContScheduleEveryOnPool pool, TSContScheduleEveryOnPool(contp, 1, pool));
  IF(TSContScheduleOnEntirePool pool, TSContScheduleOnEntirePoolInto(shared, 0, pool, actions, 8));
  IF(TSContScheduleEveryOnEntirePool pool, TSContScheduleEveryOnEntirePoolInto(shared, 1, pool, actions, 8));
  IF(TSContScheduleEvery every, TSContScheduleEvery(contp, number));
  IF(TSContScheduleEveryOnPool every, TSContScheduleEveryOnPool(contp, number, TS_THREAD_POOL_NET));
  IF(TSContScheduleEveryOnThread every, TSContScheduleEveryOnThread(contp, number, thread));
  IF(TSContScheduleEveryOnEntirePool every,
     TSContScheduleEveryOnEntirePoolInto(shared, number, TS_THREAD_POOL_NET, actions, 8));
  IF(TSContScheduleOnEntirePool capacity,
     TSContScheduleOnEntirePoolInto(shared, 0, TS_THREAD_POOL_NET, actions, number));
  IF(TSContScheduleOnEntirePool actions,
     TSContScheduleOnEntirePoolInto(shared, 0, TS_THREAD_POOL_NET, NULL, number));
  MUST(!"known");
}

/* function: that lacks another function. */
ENTRY(without_a_function)
{
  MUST(argc == 2);
  const char *function = argv[1];
  IF(TSContCreate, TSContCreate(NULL, NULL));
  IF(TSThreadCreate, TSThreadCreate(NULL, NULL));
}
