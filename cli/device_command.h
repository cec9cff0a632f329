// `tenon device`: prints the facts about the processor by which schedules are picked.
#pragma once

namespace tenon::cli {

void show_device();

}  // namespace tenon::cli
