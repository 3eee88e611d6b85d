/* Has the names of entries, for variables. */

int TSPluginInit  = 1;
int TSRemapInit   = 2;
int TSRemapDoRemap = 3;
