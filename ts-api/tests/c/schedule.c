/* Scheduling: codes, order, times, threads, affinity. */
#include <limits.h>
#include <time.h>

#include "bench.h"

static Tally runs;

static int64_t
now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* What a handler is to see, and what it saw. */
typedef struct {
  TSMutex mutex;
  TSAction action;
  TSEvent event;
  void *edata;
  TSEventThread thread;
  int64_t at;
  int runs;
} Seen;

static int
sees(TSCont contp, TSEvent event, void *edata)
{
  Seen *seen = (Seen *)TSContDataGet(contp);
  seen->event  = event;
  seen->edata  = edata;
  seen->thread = TSEventThreadSelf();
  seen->at     = now();
  seen->runs++;
  tell(&runs);
  return 0;
}

static TSCont
seeing(Seen *seen)
{
  seen->mutex  = TSMutexCreate();
  TSCont contp = TSContCreate(sees, seen->mutex);
  TSContDataSet(contp, seen);
  return contp;
}

typedef TSAction (*Once)(TSCont, TSHRTime);

static TSAction
on_net(TSCont contp, TSHRTime timeout)
{
  return TSContScheduleOnPool(contp, timeout, TS_THREAD_POOL_NET);
}

static TSAction
on_task(TSCont contp, TSHRTime timeout)
{
  return TSContScheduleOnPool(contp, timeout, TS_THREAD_POOL_TASK);
}

static TSAction
on_thread(TSCont contp, TSHRTime timeout)
{
  return TSContScheduleOnThread(contp, timeout, thread_of(TS_THREAD_POOL_TASK));
}

static TSAction
every_on_net(TSCont contp, TSHRTime every)
{
  return TSContScheduleEveryOnPool(contp, every, TS_THREAD_POOL_NET);
}

static TSAction
every_on_thread(TSCont contp, TSHRTime every)
{
  return TSContScheduleEveryOnThread(contp, every, thread_of(TS_THREAD_POOL_NET));
}

static const Once ONCE[]  = {TSContSchedule, on_net, on_task, on_thread};
static const Once EVERY[] = {TSContScheduleEvery, every_on_net, every_on_thread};

/* The action is that of the event, and it ends with the continuation. */
static void
end(TSCont contp, Seen *seen, TSAction action)
{
  TSMutexLock(seen->mutex);
  MUST(((uintptr_t)seen->edata | 1) == (uintptr_t)action);
  int before = seen->runs;
  TSContDestroy(contp);
  MUST(seen->runs == before);
  TSMutexUnlock(seen->mutex);
}

ENTRY(codes_and_times)
{
  (void)argc, (void)argv;
  const TSHRTime timeouts[] = {0, 1, 7, -1, INT64_MIN};
  for (size_t i = 0; i < sizeof ONCE / sizeof *ONCE; i++) {
    for (size_t k = 0; k < sizeof timeouts / sizeof *timeouts; k++) {
      Seen seen       = {0};
      TSCont contp    = seeing(&seen);
      int before      = told(&runs);
      int64_t begin   = now();
      TSAction action = ONCE[i](contp, timeouts[k]);
      MUST(action != NULL);
      wait_for(&runs, before + 1);
      MUST(seen.event == (timeouts[k] == 0 ? TS_EVENT_IMMEDIATE : TS_EVENT_TIMEOUT));
      MUST(timeouts[k] < 0 || seen.at - begin >= timeouts[k] * 1000000);
      MUST(seen.thread != NULL);
      end(contp, &seen, action);
    }
  }
  say("%d", told(&runs));
}

ENTRY(periods)
{
  (void)argc, (void)argv;
  for (size_t i = 0; i < sizeof EVERY / sizeof *EVERY; i++) {
    Seen seen       = {0};
    TSCont contp    = seeing(&seen);
    int before      = told(&runs);
    int64_t begin   = now();
    TSAction action = EVERY[i](contp, 3);
    wait_for(&runs, before + 3);
    TSMutexLock(seen.mutex);
    MUST(seen.event == TS_EVENT_TIMEOUT);
    MUST(seen.at - begin >= 9 * 1000000);
    TSMutexUnlock(seen.mutex);
    end(contp, &seen, action);
  }
  say("done");
}

/* A period below zero: in every turn of the thread, with a code that has no name. */
ENTRY(every_turn)
{
  (void)argc, (void)argv;
  for (size_t i = 0; i < sizeof EVERY / sizeof *EVERY; i++) {
    Seen seen       = {0};
    TSCont contp    = seeing(&seen);
    int before      = told(&runs);
    TSAction action = EVERY[i](contp, i == 0 ? INT64_MIN : -1);
    wait_for(&runs, before + 5);
    MUST((int)seen.event == 5);
    end(contp, &seen, action);
  }
  say("done");
}

/* P-22: no time is too long, and none comes round to be over already. */
ENTRY(extreme_times)
{
  (void)argc, (void)argv;
  const TSHRTime times[] = {INT64_MAX, INT64_MAX / 2, INT64_MAX / 1000000, INT64_MAX / 1000000 + 1,
                            INT64_MAX / 1000, UINT32_MAX, INT64_C(1) << 53};
  Seen seen    = {0};
  TSCont contp = seeing(&seen);
  for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
    for (size_t i = 0; i < sizeof ONCE / sizeof *ONCE; i++) {
      TSAction action = ONCE[i](contp, times[k]);
      MUST(action != NULL && !TSActionDone(action));
    }
    for (size_t i = 0; i < sizeof EVERY / sizeof *EVERY; i++) {
      MUST(EVERY[i](contp, times[k]) != NULL);
    }
  }
  /* Something short has its time meanwhile. */
  Seen other      = {0};
  TSCont shorter  = seeing(&other);
  TSAction action = TSContScheduleOnThread(shorter, 20, TSContThreadAffinityGet(contp));
  wait_for(&runs, 1);
  end(shorter, &other, action);
  MUST(seen.runs == 0);
  TSContDestroy(contp);
  say("done");
}

/* For now means in the order of the calls, and never inside of a call. */
static int order[100];
static int so_far;

static int
writes_its_number(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  order[so_far++] = (int)(intptr_t)TSContDataGet(contp);
  TSContDestroy(contp);
  tell(&runs);
  return 0;
}

static void
schedules_many(void *mutex UNUSED)
{
  for (int i = 0; i < 100; i++) {
    TSCont contp = TSContCreate(writes_its_number, TSMutexCreate());
    TSContDataSet(contp, (void *)(intptr_t)i);
    if (i % 2 == 0) {
      TSContScheduleOnThread(contp, 0, TSEventThreadSelf());
    } else {
      TSContSchedule(contp, 0);
    }
    MUST(so_far == 0);
  }
}

ENTRY(order_on_one_thread)
{
  (void)argc, (void)argv;
  on_pool(TS_THREAD_POOL_TASK, schedules_many, NULL);
  wait_for(&runs, 100);
  for (int i = 0; i < 100; i++) {
    MUST(order[i] == i);
  }
  say("in order");
}

/* P-10: no call waits for the continuation's mutex. */
ENTRY(scheduled_while_its_mutex_is_held)
{
  (void)argc, (void)argv;
  Seen seen    = {0};
  TSCont contp = seeing(&seen);
  TSMutexLock(seen.mutex);
  TSEventThread thread = thread_of(TS_THREAD_POOL_TASK);
  TSAction action      = TSContScheduleOnThread(contp, 0, thread);
  TSContThreadAffinityClear(contp);
  TSContThreadAffinitySet(contp, thread);
  /* The thread goes on with others meanwhile. */
  Errand errand = {find_thread, &thread, TALLY};
  TSCont other  = TSContCreate(errand_handler, TSMutexCreate());
  TSContDataSet(other, &errand);
  TSContScheduleOnThread(other, 0, thread);
  wait_for(&errand.done, 1);
  MUST(seen.runs == 0);
  TSMutexUnlock(seen.mutex);
  wait_for(&runs, 1);
  end(contp, &seen, action);
  say("done");
}

/* The scenarios. Thread A is a task thread, and calls. */
typedef struct {
  const char *scenario;
  TSCont contp;
  Seen seen;
  TSEventThread a, affinity;
} Scene;

static void
schedules_on_net(void *argument)
{
  Scene *scene = (Scene *)argument;
  scene->a     = TSEventThreadSelf();
  TSContScheduleOnPool(scene->contp, 0, TS_THREAD_POOL_NET);
  scene->affinity = TSContThreadAffinityGet(scene->contp);
}

static void
schedules_on_task(void *argument)
{
  Scene *scene = (Scene *)argument;
  scene->a     = TSEventThreadSelf();
  TSContScheduleOnPool(scene->contp, 0, TS_THREAD_POOL_TASK);
  scene->affinity = TSContThreadAffinityGet(scene->contp);
}

static void
schedules_anywhere(void *argument)
{
  Scene *scene = (Scene *)argument;
  scene->a     = TSEventThreadSelf();
  TSContSchedule(scene->contp, 0);
  scene->affinity = TSContThreadAffinityGet(scene->contp);
}

static void
play(Scene *scene, TSThreadPool caller, void (*f)(void *))
{
  int before = told(&runs);
  on_pool(caller, f, scene);
  wait_for(&runs, before + 1);
  TSMutexLock(scene->seen.mutex);
}

static void
next_scene(Scene *scene)
{
  TSMutexUnlock(scene->seen.mutex);
  TSContDestroy(scene->contp);
  memset(scene, 0, sizeof *scene);
  scene->contp = seeing(&scene->seen);
}

ENTRY(affinity)
{
  (void)argc, (void)argv;
  TSEventThread net  = thread_of(TS_THREAD_POOL_NET);
  TSEventThread task = thread_of(TS_THREAD_POOL_TASK);
  MUST(net != NULL && task != NULL && net != task);
  Scene scene = {0};
  scene.contp = seeing(&scene.seen);
  MUST(TSContThreadAffinityGet(scene.contp) == NULL);

  /* 1: no affinity, another pool: the next in turn, which becomes the affinity. */
  play(&scene, TS_THREAD_POOL_TASK, schedules_on_net);
  MUST(scene.seen.thread == scene.affinity && scene.affinity != scene.a);
  TSEventThread first = scene.affinity;
  next_scene(&scene);
  play(&scene, TS_THREAD_POOL_TASK, schedules_on_net);
  MUST(scene.affinity != first);
  next_scene(&scene);

  /* 2: no affinity, the caller's own pool: the caller, which becomes the affinity. */
  play(&scene, TS_THREAD_POOL_TASK, schedules_on_task);
  MUST(scene.seen.thread == scene.a && scene.affinity == scene.a);
  next_scene(&scene);

  /* 3: an affinity of another pool: the next in turn, whoever calls, and the affinity is kept. */
  MUST(TSContThreadAffinitySet(scene.contp, task) == TS_SUCCESS);
  play(&scene, TS_THREAD_POOL_TASK, schedules_on_net);
  MUST(scene.seen.thread != task && scene.seen.thread != NULL && scene.affinity == task);
  first = scene.seen.thread;
  TSMutexUnlock(scene.seen.mutex);
  play(&scene, TS_THREAD_POOL_NET, schedules_on_net);
  MUST(scene.seen.thread != scene.a && scene.affinity == task);
  next_scene(&scene);

  /* 4: an affinity of the wanted pool: that thread, whoever calls. */
  for (int i = 0; i < 4; i++) {
    TSContThreadAffinitySet(scene.contp, task);
    play(&scene, i % 2 ? TS_THREAD_POOL_NET : TS_THREAD_POOL_TASK, schedules_on_task);
    MUST(scene.seen.thread == task && scene.affinity == task);
    TSMutexUnlock(scene.seen.mutex);
  }
  TSMutexLock(scene.seen.mutex);
  next_scene(&scene);

  /* 5: no affinity and no pool: the caller, which becomes the affinity. */
  play(&scene, TS_THREAD_POOL_TASK, schedules_anywhere);
  MUST(scene.seen.thread == scene.a && scene.affinity == scene.a);
  TSMutexUnlock(scene.seen.mutex);
  /* From then on it is that one, whoever calls. */
  first = scene.affinity;
  play(&scene, TS_THREAD_POOL_NET, schedules_anywhere);
  MUST(scene.seen.thread == first && scene.a != first && scene.affinity == first);
  TSContThreadAffinityClear(scene.contp);
  MUST(TSContThreadAffinityGet(scene.contp) == NULL);
  next_scene(&scene);

  /* A thread that is named becomes the affinity, if there was none. */
  TSContScheduleOnThread(scene.contp, INT32_MAX, net);
  MUST(TSContThreadAffinityGet(scene.contp) == net);
  TSContScheduleOnThread(scene.contp, INT32_MAX, task);
  MUST(TSContThreadAffinityGet(scene.contp) == net);
  TSContDestroy(scene.contp);
  say("as documented");
}

static Tally entire_runs, entire_written;
static TSEventThread entire_threads[2];
static TSAction entire_actions[3];
static int entire_event;

static int
on_each(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSAction own = (TSAction)((uintptr_t)edata | 1);
  /* The first ones may be here before their actions are written down. */
  wait_for(&entire_written, 1);
  entire_event = (int)event;
  for (int i = 0; i < 2; i++) {
    if (entire_actions[i] == own) {
      entire_threads[i] = TSEventThreadSelf();
      tell(&entire_runs);
    }
  }
  return 0;
}

ENTRY(entire_pools)
{
  (void)argc, (void)argv;
  const TSHRTime timeouts[] = {0, 5, -1};
  TSCont contp              = TSContCreate(on_each, NULL);
  TSEventThread others[2] = {0};
  for (int i = 0; i < 3; i++) {
    MUST(TSContScheduleOnEntirePoolInto(contp, timeouts[i], TS_THREAD_POOL_TASK, NULL, 0) == 2);
    MUST(TSContScheduleOnEntirePoolInto(contp, timeouts[i], TS_THREAD_POOL_TASK, entire_actions, 1) == 2);
    MUST(TSContScheduleEveryOnEntirePoolInto(contp, 1, TS_THREAD_POOL_TASK, entire_actions, 1) == 2);
  }
  TSAction spare = entire_actions[2];
  MUST(TSContScheduleOnEntirePoolInto(contp, 20, TS_THREAD_POOL_TASK, entire_actions, 3) == 2);
  MUST(entire_actions[2] == spare && entire_actions[0] != entire_actions[1]);
  tell(&entire_written);
  wait_for(&entire_runs, 2);
  MUST(entire_event == TS_EVENT_TIMEOUT && entire_threads[0] != entire_threads[1]);
  memcpy(others, entire_threads, sizeof others);
  MUST(TSContScheduleEveryOnEntirePoolInto(contp, 20, TS_THREAD_POOL_TASK, entire_actions, 2) == 2);
  wait_for(&entire_runs, 8);
  MUST(memcmp(others, entire_threads, sizeof others) == 0);
  for (int i = 0; i < 2; i++) {
    TSActionCancel(entire_actions[i]);
  }
  MUST(TSContScheduleEveryOnEntirePoolInto(contp, -1, TS_THREAD_POOL_TASK, entire_actions, 2) == 2);
  int before = told(&entire_runs);
  wait_for(&entire_runs, before + 8);
  MUST(entire_event == 5);
  TSContDestroy(contp);
  say("done");
}

/* P-20: what a plugin is told that did not hear of the end. */
static TSCont remaining, shared;
static TSEventThread old_thread;

ENTRY(after_the_shutdown)
{
  (void)argc, (void)argv;
  static Seen seen;
  remaining  = seeing(&seen);
  shared     = TSContCreate(on_each, NULL);
  old_thread = thread_of(TS_THREAD_POOL_NET);
}

ENTRY(after_the_shutdown_after)
{
  (void)argc, (void)argv;
  TSAction actions[2] = {0};
  MUST(TSContSchedule(remaining, 0) == NULL);
  MUST(TSContScheduleEvery(remaining, 1) == NULL);
  MUST(TSContScheduleOnPool(remaining, 0, TS_THREAD_POOL_NET) == NULL);
  MUST(TSContScheduleEveryOnPool(remaining, -1, TS_THREAD_POOL_NET) == NULL);
  MUST(TSContScheduleOnThread(remaining, 0, old_thread) == NULL);
  MUST(TSContScheduleEveryOnThread(remaining, 1, old_thread) == NULL);
  MUST(TSContThreadAffinityGet(remaining) == NULL);
  MUST(TSContScheduleOnEntirePoolInto(shared, 0, TS_THREAD_POOL_NET, actions, 2) == 0);
  MUST(TSContScheduleEveryOnEntirePoolInto(shared, 1, TS_THREAD_POOL_NET, actions, 2) == 0);
  MUST(actions[0] == NULL);
  TSActionCancel(NULL);
  MUST(TSActionDone(NULL) == 0);
  MUST(TSContCall(remaining, TS_EVENT_CONTINUE, NULL) == 0);
  TSContDestroy(remaining);
  TSContDestroy(shared);
  fprintf(stderr, "as expected\n");
}
