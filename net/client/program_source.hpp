#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "transport/program_manifest.hpp"

namespace weft::net {

/// The program that this process runs, as it is sent to a cluster: its file, though it may have been replaced
/// meanwhile, and the shared libraries that it has loaded, but the system's: those in /lib, /lib64, /usr/lib and
/// /usr/lib64. All calls block for the disk.
class program_source {
 public:
  /// Reads all files, for their digests. Throws std::runtime_error when one cannot be read.
  program_source();
  const program_manifest& manifest() const noexcept { return manifest_; }
  /// Exactly so many bytes. Throws std::runtime_error when the file has changed, or protocol_error for what no file
  /// has.
  std::vector<std::byte> read(std::uint32_t file, std::uint64_t offset, std::uint32_t bytes);

 private:
  program_manifest manifest_;
  std::vector<std::string> paths_;
  std::ifstream open_;
  std::uint32_t opened_ = no_file;
};

}  // namespace weft::net
