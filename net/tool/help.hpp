#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tool/flags.hpp"

namespace weft::net {

/// One subcommand of `weft`, as its help describes it.
struct subcommand {
  std::string_view name;
  std::string_view arguments;  // behind the flags, such as `PROGRAM [ARG...]`
  std::string_view brief;      // one line
  std::string_view about;      // what it does: some lines, 80 columns at most
  std::string_view example;    // lines to type
  std::vector<flag> flags;     // in the order of the help
  after_first after = after_first::flags;
};

std::span<const subcommand> all_subcommands();
/// Null if there is none of the name.
const subcommand* find_subcommand(std::string_view name);

std::string help_of(const subcommand& s);
std::string help_of_all();

}  // namespace weft::net
