#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tool/settings.hpp"
#include "tool/values.hpp"

namespace weft::net {

enum class setting_kind : std::uint8_t {
  name,       // one word
  resources,  // `gpu=1 licence=0.5`
  path,       // `~/` is the home directory; in a file, relative to where the file is
  address,    // where another process listens: has a port
  listener,   // where we listen: port 0 lets the system choose
  listeners,  // several of them: an array in TOML, else commas between them
  yes_no,
  count,
  ratio,
  bytes,
  duration,
};

struct settings {
  scheduler_settings scheduler;
  worker_settings worker;
  client_settings client;
  security_settings security;
};
using setting_slot = std::variant<std::string*, std::vector<std::string>*, bool*, unsigned*, double*, std::uint64_t*,
                                  std::chrono::nanoseconds*>;

/// What can be set, and how it is called everywhere: `scheduler.idle_timeout` is `idle_timeout` in the table
/// [scheduler], the variable WEFT_SCHEDULER_IDLE_TIMEOUT, and the flag --idle-timeout of `weft scheduler`.
struct setting {
  std::string_view table, name;
  setting_kind kind;
  std::string_view says;  // a phrase for help and documents
  setting_slot (*slot)(settings&);
  std::string_view short_variable = {};  // WEFT_CLUSTER and the like
  std::string_view other_flag = {};      // where the flag is not called like the setting
  double least = 0, most = 1e18;         // of numbers; of durations in seconds

  std::string key() const;                 // scheduler.idle_timeout
  std::string variable() const;            // WEFT_SCHEDULER_IDLE_TIMEOUT
  std::string flag() const;                // --idle-timeout
  std::string_view unit() const noexcept;  // DURATION
};

/// All of them, table by table.
std::span<const setting> all_settings() noexcept;
/// Throws std::out_of_range.
const setting& setting_of(std::string_view key);
/// As TOML, such as `"10s"`.
std::string value_of(const setting& s, settings& of);
/// As a flag or a variable has it, such as `10s`.
std::string text_of(const setting& s, settings& of);

/// Where configuration is read from. Nothing else is looked at.
struct configuration_places {
  std::filesystem::path system_file = "/etc/weft/weft.toml";
  std::map<std::string, std::string> environment;  // a variable that is empty is not there
  std::string file;                                // --config; empty: WEFT_CONFIG
};
/// The environment of this process.
std::map<std::string, std::string> process_environment();

/// The effective settings, and where each came from.
class configuration {
 public:
  /// Defaults; then the system's file, the user's, the one that was named, and the environment, each over what came
  /// before. Flags are assigned by the caller, last. Throws wrong_use, with a line for each mistake of a place.
  static configuration load(const configuration_places& places);

  scheduler_settings scheduler() const;
  worker_settings worker() const;
  client_settings client() const;
  const security_settings& security() const noexcept { return values_.security; }

  /// Sets one. `from` says where `texts` stand, such as `flag --listen`; one text, but for listeners. Throws
  /// wrong_use.
  void assign(const setting& s, std::span<const std::string> texts, const std::string& from);
  /// `default`, or where it was set last.
  const std::string& source(const setting& s) const;
  /// Every setting with its source behind it. Reading this again gives the same settings.
  std::string to_toml() const;

 private:
  friend class configuration_file;
  void assign_in(const setting& s, std::span<const std::string> texts, const std::string& from,
                 const std::filesystem::path& directory);
  void read_file(const std::filesystem::path& file, bool must_exist);
  void read_environment();

  settings values_;
  std::vector<std::string> sources_ = std::vector<std::string>(all_settings().size(), "default");
  std::map<std::string, std::string> environment_;
};

}  // namespace weft::net
