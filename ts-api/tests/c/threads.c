/* Threads of the plugin's own, and threads that join in for a while. */
#include "bench.h"

static Tally runs, steps;

static int
tells(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  TSContDestroy(contp);
  tell(&runs);
  return 0;
}

static void *
schedules(void *own)
{
  wait_for(&steps, 1);
  MUST(TSThreadSelf() == *(TSThread *)own && TSThreadSelf() == TSThreadSelf());
  MUST(TSEventThreadSelf() == NULL);
  TSCont contp = TSContCreate(tells, TSMutexCreate());
  MUST(TSContThreadAffinityGet(contp) == NULL);
  MUST(TSContSchedule(contp, 1) != NULL);
  return own;
}

static void *
waits(void *thread)
{
  TSThreadWait((TSThread)thread);
  MUST(told(&runs) >= 0);
  return NULL;
}

static void *
destroys(void *thread)
{
  TSThreadDestroy((TSThread)thread);
  return NULL;
}

static void
waits_there(void *thread)
{
  TSThreadWait((TSThread)thread);
}

ENTRY(a_life)
{
  (void)argc, (void)argv;
  static TSThread thread;
  thread = TSThreadCreate(schedules, &thread);
  MUST(thread != NULL);
  pthread_t waiters[3];
  for (int i = 0; i < 3; i++) {
    MUST(pthread_create(&waiters[i], NULL, waits, thread) == 0);
  }
  tell(&steps);
  TSThreadWait(thread);
  TSThreadWait(thread);
  on_pool(TS_THREAD_POOL_NET, waits_there, thread);
  for (int i = 0; i < 3; i++) {
    pthread_join(waiters[i], NULL);
  }
  on_foreign_thread(destroys, thread);
  wait_for(&runs, 1);
  say("done");
}

static void *
does_nothing(void *data)
{
  return data;
}

static long
pages_mapped(void)
{
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  MUST(file != NULL && fscanf(file, "%ld", &pages) == 1);
  fclose(file);
  return pages;
}

static int
files_open(void)
{
  int count = 0;
  for (int file = 0; file < 1000; file++) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    FILE *link = fopen(name, "re");
    count += link != NULL;
    if (link != NULL) {
      fclose(link);
    }
  }
  return count;
}

/* P-19: threads come and go, and leave nothing behind. */
ENTRY(many_lives)
{
  (void)argc, (void)argv;
  long pages = 0;
  int files  = 0;
  for (int i = 0; i < 600; i++) {
    if (i == 100) {
      pages = pages_mapped();
      files = files_open();
    }
    TSThread thread = TSThreadCreate(does_nothing, NULL);
    TSThreadWait(thread);
    TSThreadDestroy(thread);
  }
  /* A stack has 1 MiB. */
  MUST(pages_mapped() < pages + 200 * 256);
  MUST(files_open() <= files + 10);
  say("done");
}

ENTRY(who_is_who)
{
  (void)argc, (void)argv;
  MUST(TSEventThreadSelf() == NULL);
  TSThread here = TSThreadSelf();
  MUST(here != NULL && here == TSThreadSelf());
  say("done");
}

typedef struct {
  TSThread thread;
  TSEventThread event_thread;
} Selves;

static void
finds(void *selves)
{
  ((Selves *)selves)->thread       = TSThreadSelf();
  ((Selves *)selves)->event_thread = TSEventThreadSelf();
}

/* Each event thread has one handle, however often and by whomever it is asked for. */
ENTRY(handles_of_event_threads)
{
  (void)argc, (void)argv;
  Selves seen[8];
  for (int i = 0; i < 8; i++) {
    on_pool(i < 4 ? TS_THREAD_POOL_NET : TS_THREAD_POOL_TASK, finds, &seen[i]);
    MUST(seen[i].event_thread != NULL && seen[i].thread != NULL);
  }
  int threads = 0;
  for (int i = 0; i < 8; i++) {
    int known = 0;
    for (int k = 0; k < i; k++) {
      MUST((seen[i].event_thread == seen[k].event_thread) == (seen[i].thread == seen[k].thread));
      known |= seen[i].event_thread == seen[k].event_thread;
    }
    threads += !known;
  }
  say("%d", threads);
  TSCont contp = TSContCreate(tells, TSMutexCreate());
  TSContThreadAffinitySet(contp, seen[0].event_thread);
  MUST(TSContThreadAffinityGet(contp) == seen[0].event_thread);
  TSContDestroy(contp);
}

static void *
joins_in(void *argument UNUSED)
{
  MUST(TSThreadSelf() == NULL && TSEventThreadSelf() == NULL);
  for (int i = 0; i < 3; i++) {
    TSThread thread = TSThreadInit();
    MUST(thread != NULL && thread == TSThreadSelf());
    MUST(TSEventThreadSelf() == NULL);
    TSContScheduleOnPool(TSContCreate(tells, TSMutexCreate()), 0, TS_THREAD_POOL_TASK);
    TSThreadDestroy(thread);
    MUST(TSThreadSelf() == NULL);
  }
  /* One that forgets to. */
  TSThreadInit();
  return NULL;
}

ENTRY(a_foreign_thread_joins_in)
{
  (void)argc, (void)argv;
  on_foreign_thread(joins_in, NULL);
  wait_for(&runs, 3);
  say("done");
}

static void *
joins_in_and_leaves(void *argument UNUSED)
{
  TSThreadDestroy(TSThreadInit());
  TSContSchedule(TSContCreate(tells, TSMutexCreate()), 0);
  return NULL;
}

ENTRY(a_foreign_thread_that_has_left)
{
  (void)argc, (void)argv;
  on_foreign_thread(joins_in_and_leaves, NULL);
}

static void *
joins_twice(void *argument UNUSED)
{
  TSThreadInit();
  TSThreadInit();
  return NULL;
}

ENTRY(joined_twice)
{
  (void)argc, (void)argv;
  on_foreign_thread(joins_twice, NULL);
}

static TSThread joined;

static void *
joins_and_stays(void *argument UNUSED)
{
  joined = TSThreadInit();
  tell(&steps);
  wait_for(&steps, 2);
  return NULL;
}

ENTRY(joined_and_destroyed_elsewhere)
{
  (void)argc, (void)argv;
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, joins_and_stays, NULL) == 0);
  wait_for(&steps, 1);
  TSThreadDestroy(joined);
}

ENTRY(joined_and_waited_for)
{
  (void)argc, (void)argv;
  TSThreadWait(TSThreadSelf());
}

ENTRY(the_hosts_destroyed)
{
  (void)argc, (void)argv;
  TSThreadDestroy(TSThreadSelf());
}

static void *
waits_for_itself(void *own)
{
  wait_for(&steps, 1);
  TSThreadWait(*(TSThread *)own);
  return NULL;
}

ENTRY(waited_for_by_itself)
{
  (void)argc, (void)argv;
  static TSThread thread;
  thread = TSThreadCreate(waits_for_itself, &thread);
  tell(&steps);
  wait_for(&steps, 2);
}

static void *
stays(void *data)
{
  wait_for(&steps, 1);
  return data;
}

ENTRY(destroyed_running)
{
  (void)argc, (void)argv;
  TSThreadDestroy(TSThreadCreate(stays, NULL));
}

ENTRY(destroyed_twice)
{
  (void)argc, (void)argv;
  TSThread thread = TSThreadCreate(does_nothing, NULL);
  TSThreadWait(thread);
  TSThreadDestroy(thread);
  TSThreadDestroy(thread);
}

ENTRY(after_the_shutdown)
{
  (void)argc, (void)argv;
}

ENTRY(after_the_shutdown_after)
{
  (void)argc, (void)argv;
  MUST(TSThreadCreate(does_nothing, NULL) == NULL);
  fprintf(stderr, "as expected\n");
}
