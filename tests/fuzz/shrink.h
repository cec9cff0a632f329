// Makes a failing case smaller while it fails: fewer moves, fewer statements, smaller extents.
#pragma once

#include "check.h"

namespace tenon::fuzz {

Case shrink(Case failing);

}  // namespace tenon::fuzz
