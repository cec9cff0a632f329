// The program `tenon`: parses the command line and hands each subcommand to its file (run.h,
// explain.h, tune.h, worker_command.h, cache_command.h, device_command.h). main.cpp calls it.
//
// Every mistake in what the user wrote (an option, a graph, an .npy file, moves) is one line on
// stderr with its place and remedy, and exit code 2; every other failure is one line and exit
// code 1.
#pragma once

namespace tenon::cli {

int run_program(int argc, const char* const* argv);

}  // namespace tenon::cli
