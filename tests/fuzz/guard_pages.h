// Memory between pages that may not be touched: the linker puts these in place of aligned_alloc and
// free for all that is linked statically (tests/meson.build), and so for the buffers of devices.
#pragma once

namespace tenon::fuzz {

// From now on, blocks of less than a huge page end at such a page or begin after one, by turns, and
// hold NaNs at first.
void begin_guarding();

}  // namespace tenon::fuzz
