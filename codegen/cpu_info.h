// What this machine's processor is, from CPUID and the system's files. Used by cpu_backend.cpp.
#pragma once

#include "codegen/backend.h"
#include "codegen/cpu_isa.h"

namespace tenon {

Machine this_machine();  // with all threads that the process may run on

// The widest instructions alone: CPUID, no file. Error where there is no FMA.
Isa widest_isa();

}  // namespace tenon
