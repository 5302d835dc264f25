#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "transport/sha256.hpp"
#include "wire/batch.hpp"
#include "wire/messages.hpp"

namespace weft::net {

/// What a program may be, on its way through the cluster.
struct program_limits {
  std::uint64_t bytes = std::uint64_t{1} << 30;  // of all its files
  std::size_t files = 256;
  std::size_t name = 255;                    // of a file
  std::size_t chunk = std::size_t{1} << 20;  // that travels at a time
  std::size_t programs = 64;                 // that a scheduler knows
};

/// What a program consists of. The first file is the program itself.
struct program_manifest {
  struct file {
    std::string name;  // without directories
    std::uint64_t bytes = 0;
    digest content{};
  };
  std::vector<std::byte> build_id;
  std::vector<file> files;

  std::uint64_t bytes() const noexcept;
  /// Of names, sizes and digests: two programs of one digest are the same program.
  digest whole() const;

  /// From a peer that nobody vouches for: names are plain and different, sizes are within the limits. Throws
  /// protocol_error.
  static program_manifest from(const program_offer& m, const program_limits& limits);
  void write(batch_writer& to, std::uint64_t program) const;
};

/// Why a peer may not send programs, as a sentence without its end; empty: it may. `certificate` grants the right by
/// `programs`; without certificates it is given to processes of our own user on this machine.
struct link_peer;
std::string may_send_programs(const link_peer& peer);
/// The same of the scheduler that a nanny has connected to: it is believed if its certificate has the role, or if it
/// is our own user's.
std::string may_pass_programs(const link_peer& scheduler);

}  // namespace weft::net
