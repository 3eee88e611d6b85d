/* What unwinds out of a plugin. */
#include <stdexcept>

#include "bench.h"

static Tally never = TALLY;

static int
throws(TSCont, TSEvent, void *)
{
  throw std::runtime_error("nobody catches this");
}

static int
exits(TSCont, TSEvent, void *)
{
  pthread_exit(nullptr);
}

static int
catches_its_own(TSCont, TSEvent, void *)
{
  try {
    throw std::runtime_error("caught");
  } catch (std::exception const &error) {
    say("%s", error.what());
  }
  return 7;
}

static void *
thread_throws(void *)
{
  throw 42;
}

ENTRY(caught_inside)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(catches_its_own, nullptr);
  say("%d", TSContCall(contp, TS_EVENT_CONTINUE, nullptr));
  TSContDestroy(contp);
}

ENTRY(out_of_a_handler)
{
  (void)argc, (void)argv;
  TSContScheduleOnPool(TSContCreate(throws, TSMutexCreate()), 1, TS_THREAD_POOL_NET);
  wait_for(&never, 1);
}

ENTRY(out_of_a_call)
{
  (void)argc, (void)argv;
  try {
    TSContCall(TSContCreate(throws, nullptr), TS_EVENT_CONTINUE, nullptr);
  } catch (...) {
    say("it came through the host");
  }
}

ENTRY(out_of_a_thread)
{
  (void)argc, (void)argv;
  TSThreadCreate(thread_throws, nullptr);
  wait_for(&never, 1);
}

ENTRY(out_of_the_initialisation)
{
  (void)argc, (void)argv;
  throw std::logic_error("too early");
}

ENTRY(a_handler_that_ends_its_thread)
{
  (void)argc, (void)argv;
  TSContScheduleOnPool(TSContCreate(exits, TSMutexCreate()), 0, TS_THREAD_POOL_TASK);
  wait_for(&never, 1);
}
