/* Dies in the way that its argument names. */

#include "bench.h"

#include <signal.h>

static volatile int depth;
static volatile int deepest = 1 << 30;

static int
overflow(int level)
{
  char room[4096];
  memset(room, level, sizeof(room));
  depth = room[level % 4096];
  return level < deepest ? overflow(level + 1) + room[0] : depth;
}

__attribute__((noinline)) static void
follow_null(void)
{
  volatile int *volatile nothing = NULL;
  *nothing = 1;
}

static const char *how;

static int
dies(TSCont contp, TSEvent event, void *edata)
{
  (void)edata;
  if (event != 4711) {
    return TSContCall(contp, 4711, NULL);
  }
  if (strcmp(how, "null") == 0) {
    follow_null();
  } else if (strcmp(how, "abort") == 0) {
    abort();
  } else if (strcmp(how, "overflow") == 0) {
    return overflow(0);
  } else if (strcmp(how, "fault") == 0) {
    TSContDestroy(NULL);
  } else if (strcmp(how, "sent") == 0) {
    raise(SIGFPE);
  }
  return 0;
}

ENTRY(TSPluginInit)
{
  TSPluginRegistrationInfo registration = {"crash", NULL, NULL};
  MUST(argc > 1 && TSPluginRegister(&registration) == TS_SUCCESS);
  how = argv[1];
  if (strcmp(how, "init") == 0) {
    follow_null();
  }
  TSContScheduleOnPool(TSContCreate(dies, TSMutexCreate()), 0, TS_THREAD_POOL_NET);
}
