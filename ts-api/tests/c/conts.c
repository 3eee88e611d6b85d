/* Continuations: calls, data, and the ways in which they end. */
#include "bench.h"

static int
echo(TSCont contp UNUSED, TSEvent event, void *edata)
{
  say("called with %d and %s", event, edata ? (const char *)edata : "nothing");
  return 42;
}

ENTRY(a_call)
{
  TSMutex mutex = TSMutexCreate();
  TSCont contp  = TSContCreate(echo, mutex);
  MUST(TSContMutexGet(contp) == mutex);
  say("%d", TSContCall(contp, TS_EVENT_CONTINUE, (void *)argv[argc - 1]));
  TSMutexLock(mutex);
  say("%d", TSContCall(contp, TS_EVENT_ERROR, NULL));
  TSMutexUnlock(mutex);
  TSContDestroy(contp);
}

/* Codes that the original takes for scheduled events whatever they come with. */
ENTRY(calls_with_every_code)
{
  (void)argc, (void)argv;
  int codes[] = {0, 1, 2, 5, 60012, -1, INT32_MAX, INT32_MIN};
  TSCont contp = TSContCreate(echo, TSMutexCreate());
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    TSContCall(contp, (TSEvent)codes[i], (void *)"words");
  }
  TSContDestroy(contp);
}

static int
nested(TSCont contp, TSEvent event, void *edata)
{
  int depth = (int)event;
  say("%d begins", depth);
  if (depth < 3) {
    MUST(TSContCall(contp, (TSEvent)(depth + 1), edata) == depth + 1);
  }
  say("%d ends", depth);
  return depth;
}

ENTRY(a_call_of_itself)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(nested, TSMutexCreate());
  TSContCall(contp, (TSEvent)1, NULL);
  TSContDestroy(contp);
}

static int
destroys_while_it_is_on_the_stack_twice(TSCont contp, TSEvent event, void *edata UNUSED)
{
  if (event == TS_EVENT_CONTINUE) {
    TSContCall(contp, TS_EVENT_ERROR, NULL);
    say("the outer one goes on");
  } else {
    TSContDestroy(contp);
    say("destroyed");
  }
  return 0;
}

ENTRY(a_call_that_destroys)
{
  (void)argc, (void)argv;
  TSContCall(TSContCreate(destroys_while_it_is_on_the_stack_twice, TSMutexCreate()), TS_EVENT_CONTINUE, NULL);
  TSContCall(TSContCreate(destroys_while_it_is_on_the_stack_twice, NULL), TS_EVENT_CONTINUE, NULL);
}

static int words[4];

static void *
sets_data(void *contp)
{
  for (int i = 0; i < 10000; i++) {
    TSContDataSet((TSCont)contp, &words[i % 4]);
    int *word = (int *)TSContDataGet((TSCont)contp);
    MUST(words <= word && word < words + 4);
  }
  return NULL;
}

ENTRY(data)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(echo, NULL);
  MUST(TSContMutexGet(contp) == NULL);
  MUST(TSContDataGet(contp) == NULL);
  MUST(TSContDataSet(contp, words) == TS_SUCCESS);
  MUST(TSContDataGet(contp) == words);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    MUST(pthread_create(&threads[i], NULL, sets_data, contp) == 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  TSContDestroy(contp);
  say("done");
}

static void *
whole_life(void *done UNUSED)
{
  TSCont contp = TSContCreate(echo, TSMutexCreate());
  MUST(TSContDataSet(contp, words) == TS_SUCCESS);
  MUST(TSContCall(contp, TS_EVENT_CONTINUE, NULL) == 42);
  TSContDestroy(contp);
  return NULL;
}

ENTRY(a_life_on_a_foreign_thread)
{
  (void)argc, (void)argv;
  on_foreign_thread(whole_life, NULL);
}

/* What is destroyed when, and how often its handler has run. */
static Tally runs;

static int
counts(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  tell(&runs);
  return 0;
}

ENTRY(destroyed_with_events_pending)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont contp         = TSContCreate(counts, TSMutexCreate());
  static Hold hold     = HOLD;
  hold_thread(&hold, thread);
  for (int i = 1; i <= 3; i++) {
    TSContScheduleOnThread(contp, 10 * i, thread);
  }
  TSContDestroy(contp);
  tell(&hold.let_go);
  let_pass(40, thread);
  say("%d runs", told(&runs));
}

/* P-2: it has run before, so the original frees it at once, and an event keeps its address. */
ENTRY(destroyed_when_scheduled_again)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont contp         = TSContCreate(counts, TSMutexCreate());
  TSContScheduleOnThread(contp, 0, thread);
  wait_for(&runs, 1);
  static Hold hold = HOLD;
  hold_thread(&hold, thread);
  TSContScheduleOnThread(contp, 10, thread);
  TSContDestroy(contp);
  tell(&hold.let_go);
  let_pass(30, thread);
  say("%d runs", told(&runs));
}

static int
destroys_itself(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  TSContDestroy(contp);
  tell(&runs);
  return 0;
}

ENTRY(destroyed_in_a_periodic_handler)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSContScheduleEveryOnThread(TSContCreate(destroys_itself, TSMutexCreate()), 1, thread);
  TSContScheduleEveryOnThread(TSContCreate(destroys_itself, TSMutexCreate()), -1, thread);
  TSContScheduleOnThread(TSContCreate(destroys_itself, TSMutexCreate()), 0, thread);
  TSContScheduleOnThread(TSContCreate(destroys_itself, TSMutexCreate()), 1, thread);
  wait_for(&runs, 4);
  let_pass(30, thread);
  say("%d runs", told(&runs));
}

ENTRY(destroyed_while_it_is_periodic)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSMutex mutex        = TSMutexCreate();
  TSCont contp         = TSContCreate(counts, mutex);
  TSContScheduleEveryOnThread(contp, 1, thread);
  wait_for(&runs, 2);
  TSMutexLock(mutex);
  TSContDestroy(contp);
  int at_the_end = told(&runs);
  TSMutexUnlock(mutex);
  let_pass(30, thread);
  MUST(told(&runs) == at_the_end);
  say("no more runs");
}

ENTRY(destroyed_and_cancelled)
{
  (void)argc, (void)argv;
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSCont first         = TSContCreate(counts, TSMutexCreate());
  TSCont second        = TSContCreate(counts, TSMutexCreate());
  static Hold hold     = HOLD;
  hold_thread(&hold, thread);
  TSAction of_first    = TSContScheduleOnThread(first, 10, thread);
  TSAction of_second   = TSContScheduleEveryOnThread(second, 10, thread);
  TSActionCancel(of_first);
  TSContDestroy(first);
  TSContDestroy(second);
  TSActionCancel(of_second);
  tell(&hold.let_go);
  let_pass(30, thread);
  say("%d runs", told(&runs));
}

/* P-6: several threads run it, one of them ends it. */
static Tally ends;

static int
first_one_destroys(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  static int destroyed;
  if (__atomic_exchange_n(&destroyed, 1, __ATOMIC_SEQ_CST) == 0) {
    TSContDestroy(contp);
    tell(&ends);
  }
  tell(&runs);
  return 0;
}

ENTRY(destroyed_by_one_of_several_threads)
{
  (void)argc, (void)argv;
  TSAction actions[16];
  TSCont contp = TSContCreate(first_one_destroys, NULL);
  int threads  = TSContScheduleEveryOnEntirePoolInto(contp, 1, TS_THREAD_POOL_TASK, actions, 16);
  MUST(threads == 2);
  wait_for(&ends, 1);
  let_all_turn(TS_THREAD_POOL_TASK);
  int at_the_end = told(&runs);
  let_pass(30, thread_of(TS_THREAD_POOL_TASK));
  let_pass(30, thread_of(TS_THREAD_POOL_TASK));
  MUST(told(&runs) == at_the_end);
  say("no more runs");
}

static int
tells_which_threads(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  /* Not out before another thread is in. */
  tell(&runs);
  wait_for(&runs, 2);
  return 0;
}

ENTRY(several_threads_in_one_handler)
{
  (void)argc, (void)argv;
  TSAction actions[2];
  TSCont contp = TSContCreate(tells_which_threads, NULL);
  MUST(TSContScheduleOnEntirePoolInto(contp, 0, TS_THREAD_POOL_TASK, actions, 2) == 2);
  wait_for(&runs, 2);
  MUST(TSContMutexGet(contp) == NULL);
  TSContDestroy(contp);
  say("both at once");
}

static void *
holds(void *mutex)
{
  static Tally never = TALLY;
  TSMutexLock((TSMutex)mutex);
  tell(&runs);
  wait_for(&never, 1);
  return NULL;
}

ENTRY(a_call_while_another_thread_holds_the_mutex)
{
  (void)argc, (void)argv;
  TSMutex mutex = TSMutexCreate();
  TSCont contp  = TSContCreate(echo, mutex);
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, holds, mutex) == 0);
  wait_for(&runs, 1);
  TSContCall(contp, TS_EVENT_CONTINUE, NULL);
}

static int
destroys_twice(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  TSContDestroy(contp);
  TSContDestroy(contp);
  return 0;
}

ENTRY(destroyed_twice)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(echo, NULL);
  TSContDestroy(contp);
  TSContDestroy(contp);
}

ENTRY(destroyed_twice_in_its_handler)
{
  (void)argc, (void)argv;
  TSContScheduleOnPool(TSContCreate(destroys_twice, TSMutexCreate()), 0, TS_THREAD_POOL_NET);
  wait_for(&runs, 1);
}

/* P-4: what is gone may have left its place to another. */
ENTRY(a_stale_handle_and_many_others)
{
  (void)argc, (void)argv;
  TSCont stale = TSContCreate(echo, NULL);
  TSContDestroy(stale);
  for (int i = 0; i < 100000; i++) {
    TSCont other = TSContCreate(echo, NULL);
    MUST(other != stale);
    TSContDestroy(other);
  }
  for (int i = 0; i < 1000; i++) {
    MUST(TSContCreate(echo, NULL) != stale);
  }
  TSContDestroy(stale);
}
