#ifndef APUS_CISAL_SHIM_H
#define APUS_CISAL_SHIM_H
#include <isa-l/crc.h>
#endif
