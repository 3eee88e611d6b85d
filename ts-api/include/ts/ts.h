/* The interface of plugins that are written in C or C++.
 *
 * A plugin is a shared object with a function TSPluginInit(). It includes this file, is compiled as C11 or as C++17 or newer,
 * and is linked with nothing: what it calls is in the program that loads it.
 *
 * Three kinds of answers:
 * - a result;
 * - TS_ERROR, or null: a refusal that a correct plugin has to expect. The comment of the call says what it stands for;
 * - a fault: something that no correct plugin does, such as passing on a handle that is null, that was destroyed, or that is
 *   of something else. It ends the process at once, with one line on the standard error stream that names call, plugin,
 *   argument and fault. Comments tell only of faults beyond these.
 *
 * "On any thread" means just that, threads that the host does not know too. A handler of a continuation with a mutex runs
 * under it. A plugin must not leave one of the host's calls, or its own handler, by an exception or longjmp().
 */

#ifndef TS_TS_H
#define TS_TS_H

#include <ts/apidefs.h>

#include <ts/parts/conts.h>
#include <ts/parts/http.h>
#include <ts/parts/header.h>
#include <ts/parts/iobuffer.h>
#include <ts/parts/log.h>
#include <ts/parts/mbuffer.h>
#include <ts/parts/memory.h>
#include <ts/parts/older.h>
#include <ts/parts/process.h>
#include <ts/parts/schedule.h>
#include <ts/parts/threads.h>

#include <tsutil/DbgCtl.h>

#endif
