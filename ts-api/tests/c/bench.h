/* What the plugins of the tests say and wait for, and where they run things. */
#pragma once

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ts/ts.h>

#ifdef __cplusplus
#define ENTRY(name) extern "C" void name(int argc, const char *argv[])
#else
#define ENTRY(name) void name(int argc, const char *argv[])
#endif
#define UNUSED __attribute__((unused))

/* Prints a line, which is out even if the process ends at the next step. */
__attribute__((format(printf, 1, 2))) static inline void
say(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  flockfile(stdout);
  vprintf(format, arguments);
  putchar('\n');
  fflush(stdout);
  funlockfile(stdout);
  va_end(arguments);
}

/* Ends the process: the plugin found something that must not be. */
#define MUST(condition)                                                           \
  do {                                                                            \
    if (!(condition)) {                                                           \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);     \
      _Exit(9);                                                                   \
    }                                                                             \
  } while (0)

/* Counts what happened; somebody waits for it. */
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t happened;
  int count;
} Tally;

#define TALLY {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void
tell(Tally *tally)
{
  pthread_mutex_lock(&tally->mutex);
  tally->count++;
  pthread_cond_broadcast(&tally->happened);
  pthread_mutex_unlock(&tally->mutex);
}

static inline int
told(Tally *tally)
{
  pthread_mutex_lock(&tally->mutex);
  int count = tally->count;
  pthread_mutex_unlock(&tally->mutex);
  return count;
}

/* Waits until it happened so many times, since the process began. */
static inline void
wait_for(Tally *tally, int count)
{
  pthread_mutex_lock(&tally->mutex);
  while (tally->count < count) {
    pthread_cond_wait(&tally->happened, &tally->mutex);
  }
  pthread_mutex_unlock(&tally->mutex);
}

/* Runs a function on a thread that the host knows nothing of, to its end. */
static inline void
on_foreign_thread(void *(*f)(void *), void *argument)
{
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, f, argument) == 0);
  MUST(pthread_join(thread, NULL) == 0);
}

typedef struct {
  void (*f)(void *);
  void *argument;
  Tally done;
} Errand;

static inline int
errand_handler(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  Errand *errand = (Errand *)TSContDataGet(contp);
  TSContDestroy(contp);
  errand->f(errand->argument);
  tell(&errand->done);
  return 0;
}

/* Runs a function in a handler on a thread of a pool, to its end. Not from a handler. */
static inline void
on_pool(TSThreadPool pool, void (*f)(void *), void *argument)
{
  Errand errand = {f, argument, TALLY};
  TSCont contp = TSContCreate(errand_handler, TSMutexCreate());
  TSContDataSet(contp, &errand);
  TSContScheduleOnPool(contp, 0, pool);
  wait_for(&errand.done, 1);
}

static inline void
find_thread(void *place)
{
  *(TSEventThread *)place = TSEventThreadSelf();
}

/* A thread of a pool. */
static inline TSEventThread
thread_of(TSThreadPool pool)
{
  TSEventThread thread;
  on_pool(pool, find_thread, &thread);
  return thread;
}

static Tally turns UNUSED = TALLY;

static inline int
takes_its_turn(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  TSContDestroy(contp);
  tell(&turns);
  return 0;
}

/* Until everything that a thread had to do up to some milliseconds from now is done. */
static inline void
let_pass(TSHRTime milliseconds, TSEventThread thread)
{
  int before = told(&turns);
  TSContScheduleOnThread(TSContCreate(takes_its_turn, TSMutexCreate()), milliseconds, thread);
  wait_for(&turns, before + 1);
}

/* Keeps a thread in a handler until it is let go, so that what is scheduled there meanwhile does not begin. */
typedef struct {
  Tally held, let_go;
} Hold;

#define HOLD {TALLY, TALLY}

static inline int
holds_its_thread(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  Hold *hold = (Hold *)TSContDataGet(contp);
  TSContDestroy(contp);
  tell(&hold->held);
  wait_for(&hold->let_go, 1);
  return 0;
}

/* `hold` is for one use, and static: the thread looks at it once more after it was let go with tell(&hold.let_go). */
static inline void
hold_thread(Hold *hold, TSEventThread thread)
{
  TSCont contp = TSContCreate(holds_its_thread, TSMutexCreate());
  TSContDataSet(contp, hold);
  TSContScheduleOnThread(contp, 0, thread);
  wait_for(&hold->held, 1);
}

static Tally turns_of_all UNUSED = TALLY;

static inline int
takes_a_turn_on_each(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  tell(&turns_of_all);
  return 0;
}

/* Until each thread of a pool has come to the end of the handler that it is in. */
static inline void
let_all_turn(TSThreadPool pool)
{
  TSAction actions[16];
  int before   = told(&turns_of_all);
  TSCont contp = TSContCreate(takes_a_turn_on_each, NULL);
  int threads  = TSContScheduleOnEntirePoolInto(contp, 0, pool, actions, 16);
  MUST(0 < threads && threads <= 16);
  wait_for(&turns_of_all, before + threads);
  TSContDestroy(contp);
}

/* What is there to be there. */

static inline int
nothing(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  return 0;
}

static inline void *
returns(void *data)
{
  return data;
}

/* One more field, with a value. */
static inline void
append_field(TSMBuffer bufp, TSMLoc hdr, const char *name, const char *value)
{
  TSMLoc field;
  MUST(TSMimeHdrFieldCreateNamed(bufp, hdr, name, -1, &field) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueStringSet(bufp, hdr, field, -1, value, -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, field) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, hdr, field) == TS_SUCCESS);
}
