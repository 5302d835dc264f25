#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft {

/// What awaiting a future throws when its task failed: which task, in which function, by what exception, and through
/// which tasks the failure came to the one that was awaited. `std::rethrow_exception(e.error())` throws the original.
class task_failed : public std::runtime_error {
 public:
  task_failed(const std::string& sentence, std::string function, std::vector<std::string> path,
              std::exception_ptr error)
      : std::runtime_error(sentence),
        function_(std::move(function)),
        path_(std::move(path)),
        error_(std::move(error)) {}

  /// The key of the task that threw.
  const std::string& key() const noexcept { return path_.front(); }
  /// The name of its function.
  const std::string& function() const noexcept { return function_; }
  /// The keys from the task that threw to the one that was awaited.
  const std::vector<std::string>& path() const noexcept { return path_; }
  /// What it threw.
  const std::exception_ptr& error() const noexcept { return error_; }

 private:
  std::string function_;
  std::vector<std::string> path_;
  std::exception_ptr error_;
};

}  // namespace weft
