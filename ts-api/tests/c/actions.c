/* Actions: cancelling and asking, at every time. */
#include "bench.h"

static Tally runs;
static TSAction own;
static int answer;

static int
counts(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  tell(&runs);
  return 0;
}

/* Cancels, in the handler, the event that it is called for. */
static int
cancels_itself(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSAction action = (TSAction)((uintptr_t)edata | 1);
  answer          = TSActionDone(action);
  TSActionCancel(action);
  TSActionCancel(action);
  answer = answer * 10 + TSActionDone(action);
  tell(&runs);
  return 0;
}

static void *
cancels(void *action)
{
  TSActionCancel((TSAction)action);
  return NULL;
}

ENTRY(before_it_ran)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont contp         = TSContCreate(counts, TSMutexCreate());
  static Hold hold     = HOLD;
  hold_thread(&hold, thread);
  TSAction later       = TSContScheduleOnThread(contp, 10, thread);
  TSAction often       = TSContScheduleEveryOnThread(contp, 10, thread);
  TSAction elsewhere   = TSContScheduleOnThread(contp, 10, thread);
  MUST(!TSActionDone(later) && !TSActionDone(often));
  TSActionCancel(later);
  TSActionCancel(often);
  TSActionCancel(often);
  on_foreign_thread(cancels, elsewhere);
  MUST(!TSActionDone(later) && !TSActionDone(often) && !TSActionDone(elsewhere));
  tell(&hold.let_go);
  let_pass(30, thread);
  MUST(told(&runs) == 0);
  TSContDestroy(contp);
  say("never");
}

ENTRY(in_its_handler)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont contp         = TSContCreate(cancels_itself, TSMutexCreate());
  own                  = TSContScheduleOnThread(contp, 0, thread);
  wait_for(&runs, 1);
  let_pass(0, thread);
  say("%02d, then %d", answer, TSActionDone(own));
  for (int i = 0; i < 2; i++) {
    int before = told(&runs);
    own        = TSContScheduleEveryOnThread(contp, i ? 1 : -1, thread);
    wait_for(&runs, before + 1);
    let_pass(30, thread);
    MUST(told(&runs) == before + 1);
  }
  TSContDestroy(contp);
  say("once");
}

ENTRY(after_it_ran)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont contp         = TSContCreate(counts, TSMutexCreate());
  TSAction over        = TSContScheduleOnThread(contp, 0, thread);
  let_pass(0, thread);
  MUST(TSActionDone(over));
  /* Others take its place, and none of them is cancelled in its stead. */
  TSAction others[1000];
  for (int i = 0; i < 1000; i++) {
    others[i] = TSContScheduleOnThread(contp, 0, thread);
    MUST(others[i] != over);
    TSActionCancel(over);
  }
  MUST(TSActionDone(over));
  let_pass(0, thread);
  for (int i = 0; i < 1000; i++) {
    MUST(TSActionDone(others[i]));
    TSActionCancel(others[i]);
  }
  say("%d", told(&runs) - 1);
  TSContDestroy(contp);
}

ENTRY(of_nothing)
{
  (void)argc, (void)argv;
  TSActionCancel(NULL);
  TSActionCancel((TSAction)1);
  say("%d %d", TSActionDone(NULL), TSActionDone((TSAction)1));
}

/* The handler's argument stands for its event as well. */
ENTRY(by_the_handlers_argument)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont contp         = TSContCreate(counts, TSMutexCreate());
  static Hold hold     = HOLD;
  hold_thread(&hold, thread);
  TSAction action = TSContScheduleOnThread(contp, 10, thread);
  TSActionCancel((TSAction)((uintptr_t)action & ~(uintptr_t)1));
  tell(&hold.let_go);
  let_pass(30, thread);
  MUST(told(&runs) == 0);
  TSContDestroy(contp);
  say("never");
}

static int
races(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  answer++;
  return 0;
}

/* Under the mutex a cancelled event does not come, whoever cancels it when. */
ENTRY(under_the_mutex)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSMutex mutex        = TSMutexCreate();
  TSCont contp         = TSContCreate(races, mutex);
  for (int i = 0; i < 2000; i++) {
    TSAction action = TSContScheduleOnThread(contp, 0, thread);
    TSMutexLock(mutex);
    int before = answer;
    TSActionCancel(action);
    TSMutexUnlock(mutex);
    if (i % 100 == 0) {
      let_pass(0, thread);
    }
    TSMutexLock(mutex);
    MUST(answer == before);
    TSMutexUnlock(mutex);
  }
  TSContDestroy(contp);
  say("done");
}
