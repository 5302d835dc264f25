#pragma once

#include <filesystem>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tool/settings.hpp"

namespace weft::net {

/// What the command starts: the functions of tool/programs.hpp, or what stands for them in tests.
struct programs {
  int (*scheduler)(const scheduler_settings&);
  int (*nanny)(const worker_settings&, const std::vector<std::string>& command);
  int (*program)(const client_settings&, const std::vector<std::string>& command);
  int (*info)(const client_settings&, bool json);
  int (*retire)(const client_settings&, const std::vector<std::string>& workers);
};

/// All that the command knows of the process around it.
struct surroundings {
  std::map<std::string, std::string> environment;  // process_environment()
  std::ostream* out;
  std::ostream* err;
  std::string version;
  std::filesystem::path system_file = "/etc/weft/weft.toml";
};

/// The command `weft`, without its own name. Gives the exit status: 0, 1 for a failure, which is said on `err`, 2 for
/// arguments or settings that cannot be, or what the program gives.
int command(std::span<const std::string> arguments, const surroundings& around, const programs& run);

}  // namespace weft::net
