// Memory between pages that may not be touched. In code that is linked statically, and so for the
// buffers of devices, the linker replaces aligned_alloc and free by the functions of
// guard_pages.cpp (tests/meson.build).
#pragma once

namespace tenon::fuzz {

// From now on, blocks of less than a huge page end at such a page or begin after one, in turns, and
// are filled with NaNs.
void begin_guarding();

}  // namespace tenon::fuzz
