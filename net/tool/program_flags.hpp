#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tool/config.hpp"

namespace weft::net {

/// What a program of a user's was told by weft's own flags:
///
///     program [ARG...] --cluster ADDRESS             a client of a cluster
///     program [ARG...] --local-cluster[=N]           a client of a cluster of N workers that it starts itself
///     program [ARG...] --worker ADDRESS [FLAG...]    a worker: behind it stand flags of `weft worker`, and no others
///     with --certificates DIRECTORY, --insecure and --threads N
///
/// They may stand anywhere before `--`, which is taken out too. All others stay, in their order, for the program: it
/// may have flags of its own, unknown to us, but of these names it has none, unless behind `--`.
struct program_flags {
  struct assignment {
    const setting* what;
    std::vector<std::string> values;
    std::string flag;
  };

  bool worker = false;                    // run as a worker; its scheduler is among the assignments
  std::optional<unsigned> local_cluster;  // workers to start; 0: the machine decides
  std::vector<assignment> assignments;
  std::vector<char*> rest;  // of `arguments`: the program's name first, as it was

  /// Over what files and the environment said. `--local-cluster` takes back a cluster that they name. Throws
  /// wrong_use.
  void apply(configuration& to) const;
};

/// `arguments` are those of main, with the program's name. Throws wrong_use.
program_flags parse_program_flags(std::span<char*> arguments);

/// The variables by which a program is a client as `s` says, whatever its own environment says of it. What is empty
/// in `s` may still come from a file.
std::vector<std::string> client_environment(const client_settings& s);

/// The command line of a worker process: `command` with `--worker` and all that `s` says, in front of a `--` if there
/// is one. What parse_program_flags makes of it is `s`, whatever files and the environment say there, without a
/// nanny.
std::vector<std::string> worker_command(std::span<const std::string> command, const worker_settings& s);

}  // namespace weft::net
