#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace weft {

/// An exception that a task threw in another process, where its type exists: its text, and the type's name. What
/// weft::task_failed::error() throws of a cluster.
class remote_error : public std::runtime_error {
 public:
  remote_error(std::string type, const std::string& text) : std::runtime_error(text), type_(std::move(type)) {}
  /// As `std::out_of_range`.
  const std::string& type() const noexcept { return type_; }

 private:
  std::string type_;
};

}  // namespace weft
