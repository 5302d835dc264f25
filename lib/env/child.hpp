#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft::detail {

/// A process that this one has started, and kills when nobody holds it any more.
class child_process {
 public:
  struct options {
    std::vector<std::string> command;      // a path, or a name that PATH has; then the arguments
    std::vector<std::string> environment;  // NAME=value, in place of or beside this process's
    std::string output;                    // a file that its output and errors are appended to; empty: this process's
    bool with_terminal = false;            // has this process's input, and the signals of its terminal
  };
  /// Throws std::system_error, and says what could not be started.
  static child_process start(const options& what);

  child_process() noexcept = default;
  child_process(child_process&& o) noexcept
      : id_(std::exchange(o.id_, 0)), descriptor_(std::exchange(o.descriptor_, -1)), status_(o.status_) {}
  child_process& operator=(child_process&& o) noexcept {
    std::swap(id_, o.id_);
    std::swap(descriptor_, o.descriptor_);
    std::swap(status_, o.status_);
    return *this;
  }
  ~child_process();

  int id() const noexcept { return id_; }
  /// Becomes readable when the process has ended (a pidfd); -1 where the kernel has none.
  int descriptor() const noexcept { return descriptor_; }
  void signal(int number) noexcept;
  /// Its exit status, or 128 and the number of the signal that ended it; nothing while it runs.
  std::optional<int> status() noexcept;
  /// Blocks until it ends.
  int wait() noexcept;

 private:
  int take(bool block) noexcept;

  int id_ = 0, descriptor_ = -1;
  std::optional<int> status_;
};

/// This process is the other program from here on: with its terminal, its signals, and what is not closed on exec.
/// `environment` as of child_process. Throws std::system_error, and says what could not be started.
[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<std::string>& environment);

/// The file of the program that runs, and what it was called with.
std::string own_program();

}  // namespace weft::detail
