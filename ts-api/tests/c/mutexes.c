/* Mutexes: who holds them, how often, and how long there are any. */
#include "bench.h"

static Tally runs, steps;
static TSMutex mutex;
static int number;

static void *
tries(void *mutexp)
{
  return TSMutexLockTry((TSMutex)mutexp) == TS_SUCCESS ? mutexp : NULL;
}

static int
free_for_others(TSMutex mutexp)
{
  pthread_t thread;
  void *taken;
  MUST(pthread_create(&thread, NULL, tries, mutexp) == 0);
  MUST(pthread_join(thread, &taken) == 0);
  return taken != NULL;
}

ENTRY(recursion)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSMutexLock(mutex);
  MUST(TSMutexLockTry(mutex) == TS_SUCCESS);
  TSMutexLock(mutex);
  for (int level = 0; level < 3; level++) {
    MUST(!free_for_others(mutex));
    TSMutexUnlock(mutex);
  }
  MUST(free_for_others(mutex));
  say("done");
}

static void *
adds(void *mutexp)
{
  for (int i = 0; i < 20000; i++) {
    if (i % 2) {
      TSMutexLock((TSMutex)mutexp);
    } else {
      while (TSMutexLockTry((TSMutex)mutexp) == TS_ERROR) {
        sched_yield();
      }
    }
    number++;
    TSMutexUnlock((TSMutex)mutexp);
  }
  return NULL;
}

/* P-14: threads that the host knows nothing of exclude each other too. */
ENTRY(foreign_threads)
{
  (void)argc, (void)argv;
  pthread_t threads[4];
  mutex = TSMutexCreate();
  for (int i = 0; i < 4; i++) {
    MUST(pthread_create(&threads[i], NULL, adds, mutex) == 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  TSMutexDestroy(mutex);
  say("%d", number);
}

static int
adds_slowly(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  int seen = number;
  sched_yield();
  number = seen + 1;
  TSContDestroy(contp);
  tell(&runs);
  return 0;
}

ENTRY(shared_by_continuations)
{
  (void)argc, (void)argv;
  TSCont conts[1000];
  mutex = TSMutexCreate();
  for (int i = 0; i < 1000; i++) {
    conts[i] = TSContCreate(adds_slowly, mutex);
  }
  for (int i = 0; i < 1000; i++) {
    TSContScheduleOnPool(conts[i], 0, i % 2 ? TS_THREAD_POOL_NET : TS_THREAD_POOL_TASK);
  }
  wait_for(&runs, 1000);
  say("%d", number);
}

/* P-18: the last continuation goes, and its mutex is still locked. */
ENTRY(locked_beyond_the_last_continuation)
{
  (void)argc, (void)argv;
  mutex         = TSMutexCreate();
  TSCont first  = TSContCreate(nothing, mutex);
  TSCont second = TSContCreate(nothing, mutex);
  TSMutexLock(mutex);
  TSContDestroy(first);
  TSMutexLock(mutex);
  TSContDestroy(second);
  TSMutexUnlock(mutex);
  MUST(!free_for_others(mutex));
  TSMutexUnlock(mutex);
  say("unlocked");
  TSMutexLock(mutex);
}

static int
destroys_itself_locked(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  TSMutexLock(mutex);
  TSContDestroy(contp);
  TSMutexUnlock(mutex);
  tell(&runs);
  return 0;
}

ENTRY(locked_in_a_handler_that_destroys)
{
  (void)argc, (void)argv;
  for (int i = 1; i <= 100; i++) {
    mutex = TSMutexCreate();
    TSContScheduleOnPool(TSContCreate(destroys_itself_locked, mutex), 0, TS_THREAD_POOL_NET);
    wait_for(&runs, i);
  }
  say("done");
}

ENTRY(gone_with_the_last_continuation)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSContDestroy(TSContCreate(nothing, mutex));
  TSMutexLockTry(mutex);
}

static int
unlocks(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  TSMutexUnlock(TSContMutexGet(contp));
  return 0;
}

/* P-8 */
ENTRY(unlocked_in_place_of_the_host)
{
  (void)argc, (void)argv;
  TSContScheduleOnPool(TSContCreate(unlocks, TSMutexCreate()), 0, TS_THREAD_POOL_NET);
  wait_for(&runs, 1);
}

ENTRY(unlocked_twice)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSMutexLock(mutex);
  TSMutexUnlock(mutex);
  TSMutexUnlock(mutex);
}

static void *
unlocks_it(void *mutexp)
{
  TSMutexUnlock((TSMutex)mutexp);
  return NULL;
}

ENTRY(unlocked_by_another_thread)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSMutexLock(mutex);
  on_foreign_thread(unlocks_it, mutex);
}

ENTRY(destroyed_locked)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSMutexLock(mutex);
  TSMutexDestroy(mutex);
}

ENTRY(destroyed_with_continuations)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSContCreate(nothing, mutex);
  TSMutexDestroy(mutex);
}

ENTRY(destroyed_twice)
{
  (void)argc, (void)argv;
  mutex = TSMutexCreate();
  TSMutexDestroy(mutex);
  TSMutexDestroy(mutex);
}

static int
reports(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  MUST(told(&steps) == 1);
  tell(&runs);
  return 0;
}

ENTRY(held_against_a_handler)
{
  (void)argc, (void)argv;
  mutex        = TSMutexCreate();
  TSCont contp = TSContCreate(reports, mutex);
  TSMutexLock(mutex);
  TSContScheduleOnPool(contp, 0, TS_THREAD_POOL_TASK);
  TSContScheduleOnPool(contp, 1, TS_THREAD_POOL_NET);
  tell(&steps);
  TSMutexUnlock(mutex);
  wait_for(&runs, 2);
  TSMutexLock(mutex);
  TSContDestroy(contp);
  TSMutexUnlock(mutex);
  say("done");
}
