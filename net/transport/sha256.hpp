#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace weft::net {

using digest = std::array<std::byte, 32>;

/// SHA-256, by OpenSSL.
class sha256 {
 public:
  sha256();
  ~sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;

  void add(std::span<const std::byte> bytes);
  /// Of all that was added. Nothing can be added any more.
  digest finish();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

std::string hexadecimal(const digest& d);

}  // namespace weft::net
