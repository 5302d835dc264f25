#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weft::detail {

/// Runs a program, found by PATH, with the given standard input, and gives its standard output; nothing when there is
/// no such program, or it did not end with status 0. What it says on standard error is dropped. Blocks until it ends.
std::optional<std::string> output_of(const std::vector<std::string>& command, const std::string& input);

/// Raises the nice value of this process to `value`, for the threads that it starts from then on: those with a lower
/// one go first. Never lowers it.
void be_nice(int value) noexcept;

/// Lets this process have as many files and sockets open as its hard limit says: the soft one, often 1,024, is for
/// programs that use select().
void raise_file_limit() noexcept;

/// As others know this machine.
std::string host_name();
/// A name that no other process has: this machine's, and the process's number.
std::string process_name();

}  // namespace weft::detail
