/* How the host was built, as far as sources of plugins ask. */

#ifndef TSCORE_INK_CONFIG_H
#define TSCORE_INK_CONFIG_H

/** For how many numbers TSStatCreate() has room, of all plugins together. */
#ifndef TS_MAX_API_STATS
#define TS_MAX_API_STATS 16384
#endif

#endif
