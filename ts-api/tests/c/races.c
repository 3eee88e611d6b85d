/* What several threads do to the same things at once, and may. */
#include "bench.h"

static TSMutex mutexp;
static Tally   begun, ended;

static void *
unlocks_and_destroys(void *rounds)
{
  for (int round = 1; round <= *(int *)rounds; round++) {
    wait_for(&begun, round);
    TSMutexLock(mutexp);
    TSMutexUnlock(mutexp);
    TSMutexDestroy(mutexp);
    tell(&ended);
  }
  return NULL;
}

/* Whoever got the lock from the last one who had it knows that nobody has it any more. */
ENTRY(the_last_who_had_a_mutex_destroys_it)
{
  MUST(argc == 2);
  int       rounds = atoi(argv[1]);
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, unlocks_and_destroys, &rounds) == 0);
  for (int round = 1; round <= rounds; round++) {
    mutexp = TSMutexCreate();
    TSMutexLock(mutexp);
    tell(&begun);
    TSMutexUnlock(mutexp);
    wait_for(&ended, round);
  }
  MUST(pthread_join(thread, NULL) == 0);
  say("done");
}

static pthread_barrier_t together;

static void *
does_wrong(void *unused UNUSED)
{
  pthread_barrier_wait(&together);
  TSMutexUnlock(NULL);
  return NULL;
}

ENTRY(all_threads_do_wrong_at_once)
{
  (void)argc, (void)argv;
  enum { THREADS = 16 };
  pthread_t threads[THREADS];
  MUST(pthread_barrier_init(&together, NULL, THREADS) == 0);
  for (int i = 0; i < THREADS; i++) {
    MUST(pthread_create(&threads[i], NULL, does_wrong, NULL) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    MUST(pthread_join(threads[i], NULL) == 0);
  }
}
