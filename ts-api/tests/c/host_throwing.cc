/* Throws as it is loaded, or in the function that TS_API_LOADING names. */

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <ts/remap.h>
#include <ts/ts.h>

namespace
{
void
in(const char *function)
{
  const char *named = getenv("TS_API_LOADING");
  if (named != nullptr && strcmp(named, function) == 0) {
    throw std::runtime_error("it does not work");
  }
}

struct Thrower {
  Thrower() { in(""); }
} thrower;
} // namespace

void
TSPluginInit(int, const char *[])
{
  in("TSPluginInit");
}

TSReturnCode
TSRemapInit(TSRemapInterface *, char *, int)
{
  in("TSRemapInit");
  return TS_SUCCESS;
}

TSReturnCode
TSRemapNewInstance(int, char *[], void **, char *, int)
{
  in("TSRemapNewInstance");
  return TS_SUCCESS;
}

void
TSRemapDeleteInstance(void *)
{
  in("TSRemapDeleteInstance");
}

void
TSRemapPreConfigReload(void)
{
  in("TSRemapPreConfigReload");
}

void
TSRemapPostConfigReload(TSRemapReloadStatus)
{
  in("TSRemapPostConfigReload");
}

TSRemapStatus
TSRemapDoRemap(void *, TSHttpTxn, TSRemapRequestInfo *)
{
  in("TSRemapDoRemap");
  return TSREMAP_NO_REMAP;
}
