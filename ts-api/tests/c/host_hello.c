/* Registers, and says what it was told; each time it is entered anew. */

#include "bench.h"

#include <unistd.h>

ENTRY(TSPluginInit)
{
  TSPluginRegistrationInfo registration = {"hello", "the tests", NULL};
  int option;
  say("[%s] %d", argv[0], argc);
  while ((option = getopt(argc, (char *const *)argv, "a:b")) != -1) {
    say("  -%c %s", option, option == 'a' ? optarg : "");
  }
  for (int at = optind; at < argc; ++at) {
    say("  rest [%s]", argv[at]);
  }
  MUST(argv[argc] == NULL);
  MUST(TSPluginRegister(&registration) == TS_SUCCESS);
}
