// A plugin whose entry has a name of C++.

void TSPluginInit(int argc, const char *argv[]);

void
TSPluginInit(int, const char **)
{
}
