/* Throws as it is loaded. */

#include <stdexcept>

#include <ts/ts.h>

namespace
{
struct Thrower {
  Thrower() { throw std::runtime_error("it does not work"); }
} thrower;
} // namespace

void
TSPluginInit(int, const char *[])
{
}
