#pragma once

#include <span>
#include <string>
#include <vector>

#include "tool/settings.hpp"

namespace weft::net {

// The programs of a cluster. Each runs until it is stopped, by Ctrl-C or SIGTERM, by the scheduler, or by what ends
// it in its settings, and gives the exit status. Errors are sentences on standard error.

int run_scheduler(const scheduler_settings& s);
/// A worker of the program that this process runs.
int run_worker(const worker_settings& s);
/// Watches over worker processes of a program: `command` and `--worker ...` behind it.
int run_nanny(const worker_settings& s, const std::vector<std::string>& command);
/// Becomes a program of the user's that is a client of a cluster; comes back only when there is no such program.
int run_program(const client_settings& s, const std::vector<std::string>& command);
/// Prints what the scheduler knows: its workers, their memory and tasks.
int show_info(const client_settings& s, bool json);
/// Lets workers go, of these names or addresses, and prints what becomes of each.
int retire_workers(const client_settings& s, const std::vector<std::string>& workers);

}  // namespace weft::net
