/* Does not say who it is, as the samples of the documents do not. */

#include "bench.h"

ENTRY(TSPluginInit)
{
  say("entered with %d: %s", argc, argv[0]);
}
