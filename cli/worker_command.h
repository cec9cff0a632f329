// `tenon worker`: measures schedules for a process that tunes, which starts it. The lines that it
// reads from stdin and answers on stdout are those of tuner/search/worker.h.
#pragma once

namespace tenon::cli {

void serve_worker();

}  // namespace tenon::cli
