#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tool/config.hpp"

namespace weft::net {

// How flags are read, by the command `weft` and behind `--worker` by every program of a user's:
//
//     --name value    --name=value    --switch    --no-switch
//
// A value is never taken from what begins with `--`, a flag is never shortened, and the last of several counts (but
// all count of those that may be repeated). `--` ends the flags, and belongs to nobody.

struct flag {
  std::string name;               // --listen
  std::string value;              // what stands for it in help, such as ADDRESS; empty: a switch
  std::string says;               // a phrase for help
  const setting* sets = nullptr;  // the setting that it gives, if it is one
  bool repeated = false;
  std::string initial = {};  // for help, of flags that are no setting: what counts without it
};
/// The flag of a setting. One that is yes or no gives a switch, which `--no-` before its name turns off.
flag flag_of(const setting& s);

struct given_flag {
  const flag* what;
  std::string value;  // `true` or `false` of a switch
};
struct flags_read {
  std::vector<given_flag> given;
  std::vector<std::string> rest;  // what is no flag, in its order

  bool has(std::string_view name) const noexcept;
  /// The last value of a flag that is no setting, or `otherwise`.
  std::string value(std::string_view name, std::string otherwise) const;
  std::vector<std::string> values(std::string_view name) const;
};

enum class after_first : bool {
  flags,  // flags may follow what is none
  rest,   // the first that is no flag ends them: a program, and its arguments
};
/// Reads all arguments. Throws wrong_use for a flag that is unknown or has no value. `flags` must outlive the result.
flags_read read_flags(std::span<const flag> flags, std::span<const std::string> arguments, after_first after);
/// Assigns what settings were given. Throws wrong_use.
void assign(configuration& to, std::span<const given_flag> given);

/// The value of a flag at `arguments[at]`, or behind it: then `at` moves there. Throws wrong_use if there is none.
std::string take_value(const flag& f, std::span<const std::string> arguments, std::size_t& at);

}  // namespace weft::net
