// The same as C++.
#include "older.c"
