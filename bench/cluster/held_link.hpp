#pragma once

/// A link between two hosts, of one machine: a network namespace of its own, and 1 Gbit/s in between.
#include <cstddef>
#include <memory>
#include <span>

namespace bench {

/// Throws not_here where the system does not allow it (it takes root, ip and tc).
class held_link {
 public:
  explicit held_link(bool compresses);
  ~held_link();
  held_link(const held_link&) = delete;
  held_link& operator=(const held_link&) = delete;

  /// Seconds until a value of these bytes has come to the other host. Throws `wrong` when others have come.
  double send(std::span<const std::byte> value);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace bench
