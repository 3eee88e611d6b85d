/* What C++ has in place of an array that it is given: a vector of actions. */
#include "bench.h"

static Tally runs;

static int
counts(TSCont, TSEvent, void *)
{
  tell(&runs);
  return 0;
}

ENTRY(entire_pools)
{
  (void)argc, (void)argv;
  TSCont contp                 = TSContCreate(counts, nullptr);
  std::vector<TSAction> once   = TSContScheduleOnEntirePool(contp, 0, TS_THREAD_POOL_TASK);
  std::vector<TSAction> always = TSContScheduleEveryOnEntirePool(contp, 1, TS_THREAD_POOL_NET);
  MUST(once.size() == 2 && always.size() == 2);
  wait_for(&runs, 8);
  for (TSAction action : always) {
    TSActionCancel(action);
  }
  TSContDestroy(contp);
  say("done");
}
