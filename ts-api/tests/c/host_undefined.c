/* Calls a function that no program has. */

#include "bench.h"

extern int TSNoSuchFunction(void);

ENTRY(TSPluginInit)
{
  (void)argc;
  (void)argv;
  TSNoSuchFunction();
}
