#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weft/task.hpp"

/// What arrays are called while they are written: names with the number of the call that writes. A task that could
/// not be reached writes where nobody looks, and not to what the next call has made at the same place.
namespace weft::detail::arrays {

/// Sixteen digits: `00f1e2d3c4b5a697`.
std::string number_in_name(std::uint64_t number);

/// The file or folder of what is to come to `path`: `/tmp/x.npy.00f1e2d3c4b5a697.unfinished`, absolute.
std::string unfinished_beside(const std::filesystem::path& path, std::uint64_t number);

/// All that have such a name: what calls that were ended have left, and what others write just now. Reads the names
/// in the folder, and blocks; a folder that cannot be read has none.
std::vector<std::filesystem::path> all_unfinished_beside(const std::filesystem::path& path);

/// Awaits what writes the file `own` and gives it another name. Where that fails the file is removed, so that who
/// tries again has its room.
task<> written_or_removed(std::string own, task<> writing);

/// std::runtime_error for who finds that `unfinished` is not there any more: another call has removed it.
[[noreturn]] void throw_taken_away(const std::string& path, const std::string& unfinished);

}  // namespace weft::detail::arrays
