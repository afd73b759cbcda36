#ifndef APUS_CZSTD_SHIM_H
#define APUS_CZSTD_SHIM_H
#include <zstd.h>
#endif
