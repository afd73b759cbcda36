#ifndef APUS_CLZ4_SHIM_H
#define APUS_CLZ4_SHIM_H
#include <lz4frame.h>
#endif
