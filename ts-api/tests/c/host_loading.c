/* What goes wrong as soon as it is loaded: HOW says what. */

#include <stdlib.h>

#include <ts/ts.h>

static int
never(TSCont contp, TSEvent event, void *edata)
{
  (void)contp;
  (void)event;
  (void)edata;
  return 0;
}

__attribute__((constructor)) static void
as_it_is_loaded(void)
{
  const char *how = getenv("TS_API_LOADING");
  if (how == NULL) {
    return;
  }
  switch (how[0]) {
  case 'c': { /* crash */
    volatile int *nowhere = NULL;
    *nowhere              = 1;
    break;
  }
  case 'e': /* exit */
    exit(0);
  case 's': /* schedule */
    TSContSchedule(TSContCreate(never, TSMutexCreate()), 0);
    break;
  }
}

void
TSPluginInit(int argc, const char *argv[])
{
  (void)argv;
  if (argc > 1) {
    exit(0);
  }
}
