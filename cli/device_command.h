// `tenon device`: the table of the processor that schedules are picked by.
#pragma once

namespace tenon::cli {

void show_device();

}  // namespace tenon::cli
