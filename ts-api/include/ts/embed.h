/* For programs in C or C++ that run the event system, a server and plugins themselves, linked with libts. A plugin needs none
 * of it.
 *
 * In this order:
 *
 *   TSRuntimePrepare()      there are pools of threads, and nothing runs;
 *   TSRuntimePluginLoad()   for each plugin: its TSPluginInit() is called on this thread;
 *   TSRuntimeStart()        the threads run;
 *   TSRuntimeServe()        requests are accepted, as often as wanted;
 *   TSRuntimeShutdown()     all of it ends.
 *
 * All of them on one thread, which is the program's main thread as far as plugins are concerned, and lives until the last one
 * has returned. On another thread they end the process with a line that says so, also in a handler.
 *
 * What may go wrong in a correct program is TS_ERROR, and TSRuntimeErrorGet() says what it was. Between TSRuntimePrepare() and
 * TSRuntimeShutdown() the thread may make all calls of <ts/ts.h> that a plugin may make in TSPluginInit().
 */

#ifndef TS_EMBED_H
#define TS_EMBED_H

#include <stddef.h>
#include <stdint.h>

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What TSRuntimePrepare() makes. Set all to zero first, which is good for a start. */
typedef struct TSRuntimeConfig {
  int32_t net_threads;  /**< Threads of TS_THREAD_POOL_NET; 0: as many as the process may use CPUs. */
  int32_t task_threads; /**< Threads of TS_THREAD_POOL_TASK; 0: two. */
  int32_t dns_threads;  /**< Threads of TS_THREAD_POOL_DNS; 0: no such pool. */
  int32_t udp_threads;  /**< Threads of TS_THREAD_POOL_UDP; 0: no such pool. */
  size_t  stack_size;   /**< Bytes of stack for each of them; 0: one MiB. */
  int32_t crash_report; /**< Not 0: a signal that kills the process is reported, as the host does it. */
} TSRuntimeConfig;

/**
 * Makes the pools, without threads yet. `config` may be null. There is one runtime in a process at a time; after
 * TSRuntimeShutdown() there may be another. TS_ERROR: there is one, or a number is below zero.
 */
TSReturnCode TSRuntimePrepare(const TSRuntimeConfig *config);

/**
 * Loads a plugin and calls its TSPluginInit(), with `argv[0]` the file as it is named here, and `argc` arguments from `argv`
 * after it. Only between TSRuntimePrepare() and TSRuntimeStart(). It is never unloaded. TS_ERROR: it cannot be loaded, or has not
 * registered.
 */
TSReturnCode TSRuntimePluginLoad(const char *file, int argc, const char *const *argv);

/** Starts the threads. TS_ERROR: they run, there is no runtime, or the system refuses a thread; then there is no runtime. */
TSReturnCode TSRuntimeStart(void);

/**
 * Accepts requests at `address`, such as "127.0.0.1:8080" (port 0 lets the system choose), and forwards them as `rules` say:
 * `count` pairs of texts, at least one, each which requests and where to, as in a line `map` of remap.config. The port that it
 * listens at goes to `port`, which may be null. TS_ERROR: the threads do not run, the address cannot be had, or a rule is none.
 */
TSReturnCode TSRuntimeServe(const char *address, const char *const *rules, int count, int *port);

/**
 * Lets requests that are under way finish, ends servers and threads, and says in `report`, at most `size` bytes with the NUL,
 * what became of them; `report` may be null. It takes at most `timeout` milliseconds. TS_ERROR: something did not end in time,
 * and the report names it; or there is no runtime.
 */
TSReturnCode TSRuntimeShutdown(int timeout, char *report, size_t size);

/** What went wrong in the last of these calls on this thread that was refused; it stays until the next one is. Never null. */
const char *TSRuntimeErrorGet(void);

#ifdef __cplusplus
}
#endif

#endif
